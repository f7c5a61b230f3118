"""Loaders: every source of films ends as one `Film` record each."""

from pedaxr_models.datasets.film import Film, FilmMetadata
from pedaxr_models.datasets.read import read_dataset, read_films
from pedaxr_models.datasets.read_report import DatasetError, ReadReport, Rejection
from pedaxr_models.datasets.seed_csv import read_csv

__all__ = [
    "DatasetError",
    "Film",
    "FilmMetadata",
    "ReadReport",
    "Rejection",
    "read_csv",
    "read_dataset",
    "read_films",
]
