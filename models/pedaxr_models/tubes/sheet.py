"""A contact sheet of films with the tube that is seen on each, for an eye to look over."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.segmentation.transforms import frame_film
from pedaxr_models.tubes.finder import TubeFinder

_COLUMNS = 4
_SIDE = 256
_TUBE = (255, 165, 190)  # blue, green, red


def draw_sheet(finder: TubeFinder, films: Sequence[tuple[str, Path]]) -> bytes:
    """PNG: a tile a film, as it is on the left and with the course of its tube on the right.

    Args:
        finder: what looks.
        films: what is written below each, and its picture.
    """
    tiles = [_tile(finder, name, path) for name, path in films]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % _COLUMNS)
    rows = [np.hstack(tiles[first : first + _COLUMNS]) for first in range(0, len(tiles), _COLUMNS)]
    return bytes(cv2.imencode(".png", np.vstack(rows))[1])


def _tile(finder: TubeFinder, name: str, path: Path) -> NDArray[np.uint8]:
    frame, letterbox = frame_film(read_pixels(path))
    plain = cv2.cvtColor((np.clip(frame, 0, 1) * 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    drawn = plain.copy()
    if (tube := finder.find(frame, letterbox)) is not None:
        cv2.polylines(drawn, [tube.course.round().astype(np.int32)], False, _TUBE, 3, cv2.LINE_AA)
        cv2.circle(drawn, (round(tube.tip[0]), round(tube.tip[1])), 7, _TUBE, 2, cv2.LINE_AA)
    both = cv2.resize(np.hstack([plain, drawn]), (2 * _SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    cv2.putText(both, name, (6, _SIDE - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255,) * 3, 1, cv2.LINE_AA)
    return np.asarray(both, np.uint8)
