"""Grades read off the outlines, so that no network has to guess what can be measured.

An extent is a calibre, a number or an area, in widths of the second lumbar body. Outlines are a little wider
than what they outline, and L2 is not the lumbar pitch that grades are defined in (`pedaxr_models.grades`), so
each finding has a scale, chosen on validation films by `pedaxr evaluate grades`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pedaxr_models.facts import Severity
from pedaxr_models.grades import severity_of
from pedaxr_models.labels import Finding, Structure, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pedaxr.reading.read_film import Reading

    Masks = Mapping[str, NDArray[np.bool_]]

_LEVELS = "air_fluid_levels"


def extents_of(reading: "Reading") -> dict[Finding, float]:
    """How much of each outlined finding there is; none without an outlined L2, none of a film in doubt."""
    from pedaxr_models.segmentation.measures import l2_width

    width = l2_width(reading.outlines.masks[Structure.L2_BODY])
    if width is None or reading.doubts:
        return {}
    outlined = {region.name for region in reading.findings}
    found = _extents(reading.outlines.masks, reading.cores, width)
    if count := reading.measures.get(_LEVELS):
        found[Finding.AIR_FLUID_LEVEL] = count
    return {finding: extent for finding, extent in found.items() if finding in outlined and extent}


def _extents(masks: "Masks", cores: "Masks", width: float) -> dict[Finding, float]:
    from pedaxr_models.segmentation.measures import widest_circle

    gas = cores[Structure.SMALL_BOWEL_GAS], cores[Structure.COLON] & ~cores[Structure.STOOL]
    return {
        Finding.PYLORIC_STENOSIS: (widest_circle(cores[Structure.STOMACH]) or 0.0) / width,
        Finding.ABDOMINAL_DISTENSION: max(widest_circle(mask) or 0.0 for mask in gas) / width,
        Finding.CONSTIPATION: float(masks[Structure.STOOL].sum()) / width**2,
        Finding.PNEUMOPERITONEUM: float(cores[Finding.PNEUMOPERITONEUM].sum()) / width**2,
    }


def grades_of(
    extents: Mapping[Finding, float], view: View | None, scale: Mapping[str, float]
) -> dict[Finding, Severity]:
    """The grade of each extent that has a scale; what has none is graded by the report writer.

    Args:
        extents: of `extents_of`.
        view: free air of a supine film is seen face on.
        scale: by finding, what a measured extent is of the true one.
    """
    return {
        finding: severity_of(finding, extent / scale[finding], view)
        for finding, extent in extents.items()
        if finding in scale
    }
