"""Figures of merit: overlap of masks, image-level calls, and their uncertainty. NaN where undefined."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Overlap:
    """Counts of pixels (or of films) from which every rate follows. Overlaps of several films add up."""

    hit: int
    false: int
    missed: int

    @classmethod
    def of(cls, predicted: BoolArray, true: BoolArray) -> "Overlap":
        """Compare two masks of one shape."""
        hit = int(np.count_nonzero(predicted & true))
        return cls(hit, int(np.count_nonzero(predicted)) - hit, int(np.count_nonzero(true)) - hit)

    def __add__(self, other: "Overlap") -> "Overlap":
        return Overlap(self.hit + other.hit, self.false + other.false, self.missed + other.missed)

    @property
    def dice(self) -> float:
        """2 |A and B| / (|A| + |B|); NaN when both are empty."""
        return ratio(2 * self.hit, 2 * self.hit + self.false + self.missed)

    @property
    def iou(self) -> float:
        """|A and B| / |A or B|; NaN when both are empty."""
        return ratio(self.hit, self.hit + self.false + self.missed)

    @property
    def precision(self) -> float:
        """Share of the predicted that is true; NaN when nothing was predicted."""
        return ratio(self.hit, self.hit + self.false)

    @property
    def recall(self) -> float:
        """Share of the true that was predicted; NaN when nothing is true."""
        return ratio(self.hit, self.hit + self.missed)


def ratio(part: float, whole: float) -> float:
    """Part / whole, NaN when there is no whole."""
    return part / whole if whole else float("nan")


def sensitivity(called: BoolArray, true: BoolArray) -> float:
    """Share of the films that show the finding on which it was called."""
    return ratio(float(np.count_nonzero(called & true)), float(np.count_nonzero(true)))


def specificity(called: BoolArray, true: BoolArray) -> float:
    """Share of the films without the finding on which it was not called."""
    return ratio(float(np.count_nonzero(~called & ~true)), float(np.count_nonzero(~true)))


def auroc(scores: NDArray[np.floating], true: BoolArray) -> float:
    """Probability that a film with the finding scores above one without; ties count half."""
    positives, negatives = int(np.count_nonzero(true)), int(np.count_nonzero(~true))
    if not positives or not negatives:
        return float("nan")
    ranks = float(rankdata(scores)[true].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], float], films: int, *, seed: int = 0, resamples: int = 1000
) -> tuple[float, float]:
    """95 % percentile interval of `statistic(indices)` over films drawn with replacement (Efron, 1979)."""
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng.integers(films, size=films)) for _ in range(resamples if films else 0)])
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
