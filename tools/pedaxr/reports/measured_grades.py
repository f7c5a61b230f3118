"""Grades read off the outlines, so that no network has to guess what can be measured.

An extent is a calibre, a number or an area, in lumbar pitches, read where the segmentation is sure: a
doubtful rim makes a loop a tenth too wide. What is left of that is a scale for each, chosen on validation
films by `pedaxr evaluate grades`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pedaxr_models.facts import DistalGas, Severity
from pedaxr_models.grades import distal_gas_of, severity_of
from pedaxr_models.labels import CHANNELS, Finding, Structure, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pedaxr.reading.read_film import Reading

    Masks = Mapping[str, NDArray[np.bool_]]

DISTAL_GAS = "distal_gas"  # beside the findings, in `OperatingPoints.grade_scale`
_LEVELS = "air_fluid_levels"
_SURE = 0.8  # probability


def extents_of(reading: "Reading") -> dict[Finding, float]:
    """How much of each outlined finding there is; none without an outlined L2, none of a film in doubt."""
    pitch = _pitch(reading)
    if pitch is None:
        return {}
    outlined = {region.name for region in reading.findings}
    found = _extents(_sure(reading), pitch)
    if count := reading.measures.get(_LEVELS):
        found[Finding.AIR_FLUID_LEVEL] = count
    return {finding: extent for finding, extent in found.items() if finding in outlined and extent}


def distal_gas_extent(reading: "Reading") -> float | None:
    """Area of gas beyond the stomach, in square pitches; None where `extents_of` gives nothing."""
    pitch, masks = _pitch(reading), reading.outlines.masks
    if pitch is None:
        return None
    gas = masks[Structure.SMALL_BOWEL_GAS] | (masks[Structure.COLON] & ~masks[Structure.STOOL])
    return float((gas & ~masks[Structure.STOMACH]).sum()) / pitch**2


def _pitch(reading: "Reading") -> float | None:
    from pedaxr_models.segmentation.measures import lumbar_pitch

    masks = reading.outlines.masks
    return None if reading.doubts else lumbar_pitch(masks[Structure.L2_BODY], masks[Structure.SPINE])


def _sure(reading: "Reading") -> "Masks":
    """What is graded, where the segmentation is sure; an outline that it is nowhere sure of stays whole."""
    masks = {**reading.outlines.masks, **reading.counted.masks}
    graded = (
        *(Structure.STOMACH, Structure.SMALL_BOWEL_GAS, Structure.COLON, Structure.STOOL),
        Finding.PNEUMOPERITONEUM,
    )
    cut = {}
    for channel in graded:
        mask = masks.get(channel, reading.outlines.masks[channel])
        core = mask & (reading.segmentation.probabilities[CHANNELS.index(channel)] >= _SURE)
        cut[channel.value] = core if core.any() else mask
    return cut


def _extents(masks: "Masks", pitch: float) -> dict[Finding, float]:
    from pedaxr_models.segmentation.measures import widest_circle

    gas = masks[Structure.SMALL_BOWEL_GAS], masks[Structure.COLON] & ~masks[Structure.STOOL]
    return {
        Finding.PYLORIC_STENOSIS: (widest_circle(masks[Structure.STOMACH]) or 0.0) / pitch,
        Finding.ABDOMINAL_DISTENSION: max(widest_circle(mask) or 0.0 for mask in gas) / pitch,
        Finding.CONSTIPATION: float(masks[Structure.STOOL].sum()) / pitch**2,
        Finding.PNEUMOPERITONEUM: float(masks[Finding.PNEUMOPERITONEUM].sum()) / pitch**2,
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


def measured_distal_gas(extent: float | None, scale: Mapping[str, float]) -> DistalGas | None:
    """The amount of an extent of `distal_gas_extent`; None where it is not measured or has no scale."""
    if extent is None or DISTAL_GAS not in scale:
        return None
    return distal_gas_of(extent / scale[DISTAL_GAS])
