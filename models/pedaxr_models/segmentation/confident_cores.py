"""The sure part of an outline, from which lengths are read.

An outline is drawn where it overlaps the truth best, free air's where none is missed. Both take in a doubtful
rim that hardly counts as area and makes a stomach a tenth too wide. So lengths are measured where the network
is surer, from a probability that is chosen per channel on validation films.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import CHANNELS, Finding, Structure

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]

# Channel whose core is measured, and its length in `FilmMeasures`.
CORE_LENGTHS: Mapping[str, str] = {
    Structure.STOMACH: "stomach",
    Structure.SMALL_BOWEL_GAS: "widest_loop",
    Structure.COLON: "widest_colon",
    Finding.PNEUMOPERITONEUM: "free_air_gap",
}
CORE_STEPS = (0.5, 0.6, 0.7, 0.8, 0.9)


def with_cores(
    masks: Mapping[str, BoolArray], probabilities: FloatArray, core_thresholds: Mapping[str, float]
) -> dict[str, BoolArray]:
    """Masks (S, S) by channel, those of `core_thresholds` cut back to where the probability reaches them.

    Args:
        masks: the outlines.
        probabilities: (len(CHANNELS), S, S) of the same frame.
        core_thresholds: probability by channel; an outline that never reaches it stays whole.
    """
    cores = {
        channel: masks[channel] & (probabilities[CHANNELS.index(channel)] >= threshold)
        for channel, threshold in core_thresholds.items()
    }
    return {**masks, **{channel: core for channel, core in cores.items() if core.any()}}


def best_core_threshold(lengths: Sequence[Sequence[float]], true: Sequence[float]) -> float | None:
    """Of `CORE_STEPS` the one with the smallest median relative error; None where nothing was measured.

    Args:
        lengths: per film, the length at each step; NaN where nothing is outlined.
        true: of the same films, in the same unit.
    """
    table = np.array(lengths, float).reshape(-1, len(CORE_STEPS))
    errors = np.abs(table / np.array(true, float)[:, None] - 1)
    errors = errors[~np.isnan(errors).any(axis=1)]
    return CORE_STEPS[int(np.median(errors, axis=0).argmin())] if len(errors) else None
