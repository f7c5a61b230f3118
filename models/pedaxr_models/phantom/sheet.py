"""Contact sheets: every label at several ages, with or without outlines."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import LABELS, NORMAL, TERMS, Finding, View
from pedaxr_models.phantom.film import PhantomFilm, make_film
from pedaxr_models.phantom.spec import FilmSpec, sample_severity

SHEET_AGES_MONTHS = (0.1, 2.0, 36.0, 120.0)


def draw_outlines(film: PhantomFilm) -> NDArray[np.uint8]:
    """The film in colour with its findings outlined, (H, W, 3) RGB."""
    picture = np.repeat(film.pixels[:, :, None], 3, 2)
    for finding, pieces in film.polygons.items():
        outlines = [np.round(p).astype(np.int32)[:, None] for p in pieces]
        cv2.polylines(picture, outlines, True, TERMS[finding].colour, 1)
    return np.ascontiguousarray(picture)


def sheet_spec(label: str, age_months: float, seed: int, index: int = 0) -> FilmSpec:
    """A film of a given label and age, whatever is usual at that age."""
    spec = FilmSpec(seed, index, View.SUPINE, age_months)
    rng = spec.rng("sheet")
    erect = label == Finding.AIR_FLUID_LEVEL or rng.random() < 0.5
    severity = () if label == NORMAL else ((Finding(label), sample_severity(rng)),)
    return FilmSpec(seed, index, View.ERECT if erect else View.SUPINE, age_months, severity)


def write_sheet(
    path: Path,
    *,
    seed: int = 0,
    ages_months: Sequence[float] = SHEET_AGES_MONTHS,
    labels: Sequence[str] = LABELS,
    outlines: bool = False,
    width: int | None = None,
) -> None:
    """Write a PNG with a row per age and a column per label, `width` pixels wide (None: films in full)."""
    rows = []
    for r, age in enumerate(ages_months):
        films = [make_film(sheet_spec(label, age, seed, r * 100 + c)) for c, label in enumerate(labels)]
        pictures = [draw_outlines(f) if outlines else np.repeat(f.pixels[:, :, None], 3, 2) for f in films]
        rows.append(np.concatenate(pictures, 1))
    picture = np.concatenate(rows, 0)
    if width is not None:
        size = (width, width * picture.shape[0] // picture.shape[1])
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    _, encoded = cv2.imencode(".png", picture[:, :, ::-1])
    path.write_bytes(encoded.tobytes())
