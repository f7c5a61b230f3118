"""Films without a gastric tube, in the 512 frame, with what a tube's course is laid out by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import Film, read_masks, unpack_masks
from pedaxr_models.datasets.partial_truth import PartialFilm
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS, Structure
from pedaxr_models.segmentation.mixed.known_planes import fill
from pedaxr_models.segmentation.transforms import FRAME, Letterbox, frame_film
from pedaxr_models.tubes.courses import Torso

Grey = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

_LEAST_PX = 200  # of an organ that is to be gone by


@dataclass(frozen=True)
class Background:
    """A film to draw on.

    Attributes:
        frame: (512, 512) uint8, bone bright.
        content: first row, last + 1, first column, last + 1 that hold film.
        torso: None where the film is only shown as it is, without a tube.
        is_real: taken of a child, not made by a program.
    """

    frame: Grey
    content: tuple[int, int, int, int]
    torso: Torso | None
    is_real: bool


def synthetic_backgrounds(
    films: Sequence[Film], progress: Callable[[int], None] | None = None
) -> list[Background]:
    """Of the films that show no tube and have masks."""
    found = []
    for film in films:
        if film.mask_path is not None and film.facts is not None and not film.facts.gastric_tube:
            frame, letterbox = frame_film(read_pixels(film.image_path))
            planes = dict(zip(CHANNELS, unpack_masks(read_masks(film.mask_path)), strict=True))
            shown = {name: _in_frame(planes[name], letterbox) for name in ("spine", "liver", "pelvis")}
            torso = torso_of(shown["spine"], shown[Structure.LIVER], shown[Structure.PELVIS])
            found.append(Background(_grey(frame), _content(letterbox), torso, is_real=False))
        if progress:
            progress(1)
    return found


def real_backgrounds(films: Sequence[PartialFilm]) -> list[Background]:
    """Of all films; those whose spine and cavity are not drawn have no tube drawn on them."""
    found = []
    for film in films:
        frame, letterbox = frame_film(read_pixels(film.image_path))
        drawn = {name: fill(pieces, letterbox) > 0 for name, pieces in film.outlines.items()}
        found.append(Background(_grey(frame), _content(letterbox), _drawn_torso(drawn), is_real=True))
    return found


def torso_of(spine: BoolArray, liver: BoolArray, pelvis: BoolArray) -> Torso | None:
    """From the masks (512, 512) of a film; None where they show too little of the child."""
    if min(np.count_nonzero(spine), np.count_nonzero(liver)) < _LEAST_PX:
        return None
    middle = _column_by_row(spine)
    rows, columns = np.nonzero(liver)
    dome = float(np.percentile(rows, 1))
    half_width = float(middle[int(dome)] - np.percentile(columns, 1)) * 1.1
    hips = np.flatnonzero(pelvis.any(axis=1))
    floor = float(np.percentile(hips, 60)) if len(hips) else dome + 2.4 * half_width
    return _torso(middle, dome, floor, half_width)


def _drawn_torso(drawn: Mapping[str, BoolArray]) -> Torso | None:
    if "spine" not in drawn or "abdominal_cavity" not in drawn or not drawn["spine"].any():
        return None
    rows, columns = np.nonzero(drawn["abdominal_cavity"])
    half_width = float(np.percentile(columns, 98) - np.percentile(columns, 2)) / 2
    return _torso(_column_by_row(drawn["spine"]), float(rows.min()), float(rows.max()), half_width)


def _torso(middle: NDArray[np.float32], dome: float, floor: float, half_width: float) -> Torso | None:
    is_usual = half_width > 30 and floor - dome > 60
    return Torso(middle, dome, floor, half_width) if is_usual else None


def _column_by_row(spine: BoolArray) -> NDArray[np.float32]:
    """(512,) the middle of the spine, straight on beyond its ends."""
    rows = np.flatnonzero(spine.any(axis=1))
    middles = [float(np.flatnonzero(spine[row]).mean()) for row in rows]
    slope, start = np.polyfit(rows, middles, 1)
    straight = np.arange(FRAME) * slope + start
    inside = (np.arange(FRAME) >= rows[0]) & (np.arange(FRAME) <= rows[-1])
    return np.where(inside, np.interp(np.arange(FRAME), rows, middles), straight).astype(np.float32)


def _in_frame(mask: BoolArray, letterbox: Letterbox) -> BoolArray:
    return letterbox.apply(mask.astype(np.float32)) >= 0.5


def _grey(frame: NDArray[np.float32]) -> Grey:
    return (frame * 255).round().clip(0, 255).astype(np.uint8)


def _content(letterbox: Letterbox) -> tuple[int, int, int, int]:
    rows, columns = letterbox.content
    return rows.start, rows.stop, columns.start, columns.stop
