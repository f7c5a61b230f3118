"""Contact sheets: every label at several ages, with or without outlines."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, LABELS, NORMAL, STRUCTURES, TERMS, Finding, View
from pedaxr_models.phantom.film import PhantomFilm, make_film
from pedaxr_models.phantom.spec import FilmSpec, sample_severity

SHEET_AGES_MONTHS = (0.1, 2.0, 36.0, 120.0)
_COLOURS = 255


def draw_outlines(film: PhantomFilm, *, structures: bool = False) -> NDArray[np.uint8]:
    """The film in colour with its findings outlined, and on demand its structures, (H, W, 3) RGB."""
    picture = in_colour(film)
    if structures:
        for structure in STRUCTURES:
            mask = film.masks[structure].astype(np.uint8)
            found, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
            cv2.polylines(picture, found, True, TERMS[structure].colour, 1)
    for finding, pieces in film.polygons.items():
        outlines = [np.round(p).astype(np.int32)[:, None] for p in pieces]
        cv2.polylines(picture, outlines, True, TERMS[finding].colour, 2 if structures else 1)
    return picture


def in_colour(film: PhantomFilm) -> NDArray[np.uint8]:
    """The film as (H, W, 3)."""
    return np.ascontiguousarray(np.repeat(film.pixels[:, :, None], 3, 2))


def sheet_spec(
    label: str, age_months: float, seed: int, index: int = 0, *, view: View | None = None
) -> FilmSpec:
    """A film of a given label and age, whatever is usual at that age.

    Air-fluid levels need a horizontal beam, so they come erect where `view` is supine.
    """
    rng = FilmSpec(seed, index, View.SUPINE, age_months).rng("sheet")
    drawn = View.ERECT if rng.random() < 0.5 else View.SUPINE
    severity = () if label == NORMAL else ((Finding(label), sample_severity(rng)),)
    shown = view or drawn
    if label == Finding.AIR_FLUID_LEVEL and shown not in HORIZONTAL_BEAM_VIEWS:
        shown = View.ERECT
    return FilmSpec(seed, index, shown, age_months, severity)


def write_sheet(
    path: Path,
    *,
    seed: int = 0,
    ages_months: Sequence[float] = SHEET_AGES_MONTHS,
    labels: Sequence[str] = LABELS,
    outlines: bool = False,
    structures: bool = False,
    view: View | None = None,
    width: int | None = None,
) -> None:
    """Write a PNG with a row per age and a column per label, `width` pixels wide (None: films in full).

    A picture of a given width is for a document, and is kept small with a palette.
    """
    rows = []
    for r, age in enumerate(ages_months):
        specs = [sheet_spec(label, age, seed, r * 100 + c, view=view) for c, label in enumerate(labels)]
        films = [make_film(spec) for spec in specs]
        drawn = [
            draw_outlines(f, structures=structures) if outlines or structures else in_colour(f) for f in films
        ]
        rows.append(np.concatenate(drawn, 1))
    picture = np.concatenate(rows, 0)
    sheet = Image.fromarray(picture)
    if width is not None:
        sheet = sheet.resize((width, width * sheet.height // sheet.width), Image.Resampling.BOX)
        sheet = sheet.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG", optimize=width is not None)
