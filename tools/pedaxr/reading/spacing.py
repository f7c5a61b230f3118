"""The one pixel spacing of a film, and where it comes from: in the registry, the measures and the picture."""

import math
from typing import TYPE_CHECKING

from pedaxr.radiograph.raster import Spacing, SpacingOrigin
from pedaxr.radiograph.read import Radiograph
from pedaxr.reading.notes import Note, NoteKind

if TYPE_CHECKING:
    from pedaxr.registry import Study

_SAME = 0.01
_NONE = Note(NoteKind.SPACING, "The film gives no usable pixel spacing: sizes are in pixels.")
_OF_TABLE = Note(
    NoteKind.FILE,
    "The film was registered with another pixel spacing than its file states: the registered one is used.",
)


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
