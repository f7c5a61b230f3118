"""Loaders: every source of films ends as one `Film` record each.

Whoever reads a film needs no more than that record: the loaders are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedaxr_models.datasets.film import Film, FilmMetadata
    from pedaxr_models.datasets.read import read_dataset, read_films
    from pedaxr_models.datasets.read_report import DatasetError, ReadReport, Rejection

_HOMES = {
    "DatasetError": "read_report",
    "Film": "film",
    "FilmMetadata": "film",
    "ReadReport": "read_report",
    "Rejection": "read_report",
    "read_dataset": "read",
    "read_films": "read",
}
__all__ = [
    "DatasetError",
    "Film",
    "FilmMetadata",
    "ReadReport",
    "Rejection",
    "read_dataset",
    "read_films",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
