"""What is measured on the segmentation, as tokens that tell a value on either side of a limit apart.

Grades of severity, the burden of stool and the quadrants are limits on lengths, areas and shares. A
plain number goes through a linear layer as a slope, from which a limit is hard to learn; here a number
becomes a row of soft steps (a thermometer code), each at its own limit, evenly spaced over the range
that occurs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import FINDINGS, Finding, Structure
from pedaxr_models.segmentation.landmarks import Landmarks, locate_shares
from pedaxr_models.segmentation.measures import colon_parts, find_levels, widest_circle

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]

STEPS = 14


@dataclass(frozen=True)
class Scale:
    """Where the steps of a measure lie: from `low` to `high`, evenly in its logarithm or in itself."""

    low: float
    high: float
    is_linear: bool = False

    def code(self, value: float) -> FloatArray:
        """(1 + STEPS,): 1 for measured, then how far the value is beyond each step, 0 to 1."""
        place = value if self.is_linear else np.log(max(value, self.low / 4))
        return np.asarray(np.r_[1.0, self._steps(np.array([place]))[0]], np.float32)

    def value(self, code: FloatArray) -> float | None:
        """The value behind a code, to a hundredth of the range; None where nothing was measured.

        Far beyond either end of the range, where a code tells values hardly apart, the end that it can tell.
        """
        if not code[0]:
            return None
        low, high = self._range
        step = (high - low) / (STEPS - 1)
        places = np.linspace(low - 3 * step, high + 3 * step, 40 * STEPS)
        place = np.interp(float(code[1:].sum()), self._steps(places).sum(1), places)
        return float(place if self.is_linear else np.exp(place))

    @property
    def _range(self) -> tuple[float, float]:
        return (
            (self.low, self.high) if self.is_linear else (float(np.log(self.low)), float(np.log(self.high)))
        )

    def _steps(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, STEPS): how far each place is beyond each step."""
        limits = np.linspace(*self._range, STEPS)
        width = (limits[1] - limits[0]) / 2
        return np.asarray(1 / (1 + np.exp(-(places[:, None] - limits) / width)), np.float64)


# Lengths in lumbar pitches, areas in square pitches.
SCALES: Mapping[str, Scale] = {
    "stomach calibre": Scale(1.8, 4.2),
    "widest loop": Scale(1.0, 3.0),
    "stool": Scale(1.5, 45.0),
    "free air": Scale(0.25, 30.0),
    "stool on the right": Scale(0.12, 14.0),
    "stool on the left": Scale(0.12, 14.0),
    "stool below": Scale(0.12, 14.0),
    "gas beyond the stomach": Scale(0.08, 12.0),
    "levels, upright": Scale(0.5, 13.5, is_linear=True),
    "levels, on the side": Scale(0.5, 13.5, is_linear=True),
    "longest level": Scale(0.5, 6.0),
}
_SHARE = Scale(0.02, 0.98, is_linear=True)
# Where a finding lies: a token for each quadrant and one for the side.
_PLACES = 5
MEASURED_TOKENS = len(SCALES) + len(FINDINGS) * _PLACES


def measured_features(masks: Mapping[str, BoolArray], pitch: float, landmarks: Landmarks) -> FloatArray:
    """Masks (S, S) by channel to (MEASURED_TOKENS, 1 + STEPS) float32; what is not there is all zeros."""
    values = _measures(masks, pitch)
    rows = [_row(SCALES[name], values.get(name)) for name in SCALES]
    for finding in FINDINGS:
        rows.extend(_places(masks[finding], landmarks))
    return np.stack(rows)


def _row(scale: Scale, value: float | None) -> FloatArray:
    return scale.code(value) if value else np.zeros(1 + STEPS, np.float32)


def _places(mask: BoolArray, landmarks: Landmarks) -> list[FloatArray]:
    if not mask.any():
        return [np.zeros(1 + STEPS, np.float32)] * _PLACES
    quadrants, left = locate_shares(mask, landmarks)
    return [_SHARE.code(share) for share in (*quadrants.values(), left)]


def _measures(masks: Mapping[str, BoolArray], pitch: float) -> dict[str, float | None]:
    stool, stomach = masks[Structure.STOOL], masks[Structure.STOMACH]
    colon_gas = masks[Structure.COLON] & ~stool
    gas = masks[Structure.SMALL_BOWEL_GAS] | colon_gas
    levels = masks[Finding.AIR_FLUID_LEVEL]
    upright, turned = (find_levels(levels, pitch, turned=on_side) for on_side in (False, True))
    loops = [widest_circle(mask) or 0.0 for mask in (masks[Structure.SMALL_BOWEL_GAS], colon_gas)]
    calibre = widest_circle(stomach)
    measures: dict[str, float | None] = {
        "stomach calibre": calibre and calibre / pitch,
        "widest loop": max(loops) / pitch,
        "stool": _area(stool, pitch),
        "free air": _area(masks[Finding.PNEUMOPERITONEUM], pitch),
        "gas beyond the stomach": _area(gas & ~stomach, pitch),
        "levels, upright": len(upright),
        "levels, on the side": len(turned),
        "longest level": upright[0].length / pitch if upright else None,
    }
    return measures | _stool_by_part(masks, pitch)


def _stool_by_part(masks: Mapping[str, BoolArray], pitch: float) -> dict[str, float | None]:
    parts = colon_parts(masks[Structure.STOOL], masks[Structure.SPINE], masks[Structure.L2_BODY])
    names = ("stool on the right", "stool on the left", "stool below")
    return {name: _area(part, pitch) for name, part in zip(names, parts, strict=True)} if parts else {}


def _area(mask: BoolArray, pitch: float) -> float:
    return float(np.count_nonzero(mask)) / pitch**2
