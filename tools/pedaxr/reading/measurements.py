"""Calibres, levels and stool shares of one film, as numbers with their unit in the name.

Lengths are ratios to the width of the second lumbar body: calibres in absolute figures would mean something
else at every age. Millimetres stand next to them only where the film has a pixel spacing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pedaxr.radiograph.raster import Spacing, SpacingOrigin
from pedaxr.radiograph.read import Radiograph
from pedaxr.reading.framing import Framing
from pedaxr.reading.notes import Note, NoteKind
from pedaxr_models.labels import Finding, View
from pedaxr_models.plausibility import cannot_show

if TYPE_CHECKING:
    from pedaxr.registry import Study
    from pedaxr_models.segmentation.measures import FilmMeasures
    from pedaxr_models.segmentation.transforms import Letterbox

BoolArray = NDArray[np.bool_]

CALIBRES = ("widest_loop", "stomach", "widest_colon", "rectum")
_GAP = "free_air_gap"  # a figure only: in words it would affirm a finding that may be in doubt
LEVELS = "air_fluid_levels"
STOOL_PARTS = ("right_colon", "left_colon", "rectosigmoid")
_SAME = 0.01
_NONE = Note(NoteKind.SPACING, "The film gives no usable pixel spacing: sizes are in pixels.")
_OF_TABLE = Note(
    NoteKind.FILE,
    "The film was registered with another pixel spacing than its file states: the registered one is used.",
)


def measure(
    masks: Mapping[str, BoolArray],
    letterbox: "Letterbox",
    *,
    pixel_spacing_mm: tuple[float, float] | None,
    view: View | None,
    degrees: float = 0.0,
    surer_levels: Sequence[BoolArray] = (),
) -> dict[str, float]:
    """What can be measured on the masks (S, S) of one frame; what is not known is absent.

    Keys: `<calibre>_to_l2` and `free_air_gap_to_l2` (ratio to the width of L2); with a pixel spacing the same
    in `_mm`, and `l2_width_mm`; `air_fluid_levels` (count, not by a vertical beam); `longest_level_to_l2`;
    `stool_share_<part>` (stool in the outlined part of the colon, 0 to 1).

    Args:
        masks: by channel.
        letterbox: of the frame.
        pixel_spacing_mm: row, column of the film.
        view: decides along which axis gravity points, and whether levels can be counted.
        degrees: by which the film was turned clockwise for reading.
        surer_levels: see `pedaxr_models.segmentation.measures.measure_film`.
    """
    from pedaxr_models.segmentation.measures import measure_film

    found = measure_film(masks, view, degrees=degrees, surer_levels=surer_levels)
    mm = _mm_per_frame_px(letterbox, pixel_spacing_mm)
    return {**_lengths(found, mm), **_levels(found, view), **_stool(found)}


def _mm_per_frame_px(letterbox: "Letterbox", spacing: tuple[float, float] | None) -> float | None:
    """Of unequal spacings the geometric mean, as a circle of equal area has."""
    return float(np.sqrt(spacing[0] * spacing[1])) / letterbox.scale if spacing else None


def _lengths(found: "FilmMeasures", mm: float | None) -> dict[str, float]:
    lengths = {name: getattr(found, name) for name in (*CALIBRES, _GAP)}
    known = {name: length for name, length in lengths.items() if length is not None}
    measures: dict[str, float] = {}
    if found.l2_width:
        measures |= {f"{name}_to_l2": round(length / found.l2_width, 2) for name, length in known.items()}
    if mm is not None:
        measures |= {f"{name}_mm": round(length * mm, 1) for name, length in known.items()}
        measures |= {"l2_width_mm": round(found.l2_width * mm, 1)} if found.l2_width else {}
    return measures


def _levels(found: "FilmMeasures", view: View | None) -> dict[str, float]:
    if view is None or cannot_show(Finding.AIR_FLUID_LEVEL, view):
        return {}
    counted = {LEVELS: float(len(found.levels))}
    if found.levels and found.l2_width:
        counted["longest_level_to_l2"] = round(found.levels[0].length / found.l2_width, 2)
    return counted


def _stool(found: "FilmMeasures") -> dict[str, float]:
    shares = zip(STOOL_PARTS, found.stool_share, strict=True)
    return {f"stool_share_{part}": round(share, 3) for part, share in shares if share is not None}


@dataclass(frozen=True)
class Caliper:
    """Where a length was read: two points of the stored film, x, y, whole numbers at pixel centres."""

    start: tuple[float, float]
    end: tuple[float, float]


def place_calipers(
    masks: Mapping[str, BoolArray],
    letterbox: "Letterbox",
    framing: Framing,
    view: View | None,
    surer_levels: Sequence[BoolArray] = (),
) -> dict[str, Caliper]:
    """Where the lengths of `measure` were read, by what they are of: l2_width, stomach, free_air_gap, ...

    Args:
        masks: by channel, (S, S) of the frame, as for `measure`.
        letterbox: of the frame.
        framing: the way back to the stored film.
        view: as for `measure`.
        surer_levels: likewise.
    """
    from pedaxr_models.segmentation.measures import find_calipers

    placed = {}
    lines = find_calipers(masks, view, degrees=framing.degrees, surer_levels=surer_levels)
    for name, line in lines.items():
        read = letterbox.to_film(np.array([line.start, line.end], np.float32))
        (x0, y0), (x1, y1) = framing.to_stored(read).tolist()
        placed[name] = Caliper((x0, y0), (x1, y1))
    return placed


def resolve_spacing(radiograph: Radiograph, study: "Study | None") -> tuple[Spacing | None, list[Note]]:
    """What was registered with its origin; else the file's own; else what was registered without one."""
    own, registered = radiograph.spacing, _registered(study)
    chosen = registered if registered and study and study.pixel_spacing_origin else own or registered
    if chosen is None:
        return None, [_NONE]
    return chosen, [] if own is None or _is_same(own, chosen) else [_OF_TABLE]


def _registered(study: "Study | None") -> Spacing | None:
    if study is None or study.pixel_spacing_mm is None:
        return None
    return Spacing(*study.pixel_spacing_mm, SpacingOrigin(study.pixel_spacing_origin or SpacingOrigin.TABLE))


def _is_same(one: Spacing, other: Spacing) -> bool:
    pairs = zip(one[:2], other[:2], strict=True)
    return all(math.isclose(a, b, rel_tol=_SAME) for a, b in pairs)
