"""How large the outlines of each finding are, compared with public label tables of real films."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pedaxr_models.datasets.film import Film, FloatArray
from pedaxr_models.datasets.label_files import picture_size
from pedaxr_models.labels import FINDINGS, Finding

_FRAME = 512.0
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class FindingAreas:
    """Outlines of one finding.

    Attributes:
        films: that show it; None where not known.
        mean, median, least, most: area, percent of the picture.
        vertices: median number of a film's outline points.
        box: median left, top, right, bottom on 512 pixels; each edge by itself.
    """

    films: int | None
    mean: float
    median: float
    least: float
    most: float
    vertices: int
    box: Box


# Public label tables of AI-Hub's composite set, 8,000 training rows. No figure is known for distension.
PUBLIC: dict[Finding, FindingAreas] = {
    Finding.PYLORIC_STENOSIS: FindingAreas(None, 11.1, 10.6, 3.7, 29.1, 43, (164, 126, 408, 300)),
    Finding.PNEUMOPERITONEUM: FindingAreas(None, 0.94, 0.79, 0.02, 5.6, 25, (109, 74, 228, 135)),
    Finding.AIR_FLUID_LEVEL: FindingAreas(None, 6.8, 4.5, 0.1, 33.0, 61, (144, 161, 386, 347)),
    Finding.CONSTIPATION: FindingAreas(None, 32.0, 31.4, 19.8, 57.9, 52, (119, 43, 415, 461)),
}


def measure_areas(
    films: Sequence[Film], *, progress: Callable[[int, int], None] | None = None
) -> dict[Finding, FindingAreas]:
    """Areas of every finding that is outlined at least once; overlapping pieces count once."""
    found: dict[Finding, list[tuple[float, int, FloatArray]]] = {finding: [] for finding in FINDINGS}
    for number, film in enumerate(films, start=1):
        if film.polygons:
            size = picture_size(film.image_path) or (_FRAME, _FRAME)
            for finding, pieces in film.polygons.items():
                found[finding].append(_measured(pieces, size))
        if progress is not None:
            progress(number, len(films))
    return {finding: _summary(rows) for finding, rows in found.items() if rows}


def _measured(pieces: list[FloatArray], size: tuple[float, float]) -> tuple[float, int, FloatArray]:
    """Percent of the picture, vertices, and the box on 512 pixels."""
    canvas = np.zeros((int(_FRAME), int(_FRAME)), np.uint8)
    fitted = [piece * (_FRAME / np.array(size, np.float32)) for piece in pieces]
    for piece in fitted:
        cv2.fillPoly(canvas, [np.round(piece * 16).astype(np.int32)], 1, shift=4)
    points = np.concatenate(fitted)
    box = np.concatenate([points.min(0), points.max(0)]).astype(np.float32)
    return float(canvas.mean()) * 100, sum(map(len, pieces)), box


def _summary(rows: list[tuple[float, int, FloatArray]]) -> FindingAreas:
    areas = np.array([row[0] for row in rows])
    box = np.median([row[2] for row in rows], axis=0).round().astype(int).tolist()
    return FindingAreas(
        films=len(rows),
        mean=round(float(areas.mean()), 2),
        median=round(float(np.median(areas)), 2),
        least=round(float(areas.min()), 3),
        most=round(float(areas.max()), 1),
        vertices=int(np.median([row[1] for row in rows])),
        box=(box[0], box[1], box[2], box[3]),
    )
