"""Several films of an archive looked at in one batch, before each is read as it always is.

Only the first look of the segmentation is taken together: second looks, and a report's words, follow from
what was seen of a film. Whatever is wrong with a film here is met again, and told, when it is read.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedaxr.radiograph.read import Radiograph
    from pedaxr_models.segmentation.transforms import FloatArray


def look_ahead(root: Path, files: Sequence[str]) -> dict[str, "Radiograph"]:
    """Decode films and have the segmentation look at them; those that were decoded, by file.

    Raises:
        ModelUnavailable: no film can be read.
    """
    from pedaxr.radiograph.read import read_radiograph
    from pedaxr.reading import networks

    decoded: dict[str, Radiograph] = {}
    framed: list[tuple[FloatArray, bool]] = []
    for file in files:
        with suppress(Exception):
            radiograph = read_radiograph(root / file)
            framed.append(_framed(radiograph))
            decoded[file] = radiograph
    networks.segmenter().look_ahead(framed)
    return decoded


def _framed(radiograph: "Radiograph") -> "tuple[FloatArray, bool]":
    """The film as `read_film` lays it out first, and whether that is its exposed field."""
    from pedaxr.reading.measurements import resolve_spacing
    from pedaxr.reading.outlines import exposed_framing

    spacing, _ = resolve_spacing(radiograph, None)
    framing = exposed_framing(radiograph, spacing[:2] if spacing else None)
    return framing.apply(radiograph.pixels), framing.is_framed
