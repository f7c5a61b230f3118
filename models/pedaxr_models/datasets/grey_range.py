"""Which stored values a film takes up, whatever its file declares and whatever is written on it.

Used by those who train and those who serve, so that a film has one contrast. Values are sampled: a film has
millions of pixels and its range does not hang on single ones.
"""

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[np.generic]
FloatArray = NDArray[np.float32]

_SAMPLE = 2**18
_LEAST_FILM = 0.05  # share of the pixels
_GAP = 0.5  # of the range that is empty between the film and what is written on it
_FAR = 4.0  # how many times brighter the brightest percent may be than the rest of the film


def film_range(values: AnyArray) -> tuple[float, float]:
    """Lowest and highest value of the film among the values (n,) or (H, W) of its file.

    The central 99.8 %, without what stands far apart from the film: a marker, a painted frame or undeclared
    padding, whose values belong to other bits than the film's.
    """
    film = _without_gaps(_ordered_sample(values))
    low, middle_low, middle_high, high = _percentiles(film, 0.1, 1, 99, 99.9)
    furthest = _FAR * (middle_high - middle_low)
    if furthest > 0:  # letters have smooth edges and leave no gap
        low = middle_low if low < middle_low - furthest else low
        high = middle_high if high > middle_high + furthest else high
    return low, high


def unit_range(values: AnyArray) -> FloatArray:
    """Samples of more than 8 bits to [0, 1] by the fewest bits, 8 or more, that hold the film."""
    _, high = film_range(values)
    bits = max(8, int(max(high, 1)).bit_length())
    if np.max(values) < 2**bits * _FAR:  # brightest pixels of the film itself, not of another depth
        bits = max(bits, int(np.max(values)).bit_length())
    return np.asarray(np.clip(np.asarray(values, np.float32) / np.float32(2**bits - 1), 0, 1), np.float32)


def _ordered_sample(values: AnyArray) -> NDArray[np.float64]:
    flat = np.asarray(values).ravel()
    return np.sort(flat[:: max(1, flat.size // _SAMPLE)]).astype(np.float64)  # the narrower, the quicker


def _percentiles(ordered: NDArray[np.float64], *shares: float) -> list[float]:
    """As `np.percentile`, of values that are in order already."""
    places = np.array(shares) / 100 * (len(ordered) - 1)
    return list(np.interp(places, np.arange(len(ordered)), ordered).tolist())


def _without_gaps(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ordered values without the part of little variety on the other side of an empty half of their range."""
    least = _LEAST_FILM * len(ordered)
    while len(ordered) > 1 and ordered[-1] > ordered[0]:
        steps = np.diff(ordered)
        at = int(steps.argmax())
        if steps[at] <= _GAP * (ordered[-1] - ordered[0]):
            break
        parts = [part for part in (ordered[: at + 1], ordered[at + 1 :]) if len(part) >= least]
        film = max(parts, key=_variety, default=ordered)
        if _variety(film) == 0 or len(film) == len(ordered):
            break
        ordered = film
    return ordered


def _variety(ordered: NDArray[np.float64]) -> float:
    """How far the middle of these values reaches, in their own unit."""
    low, high = _percentiles(ordered, 10, 90)
    return high - low
