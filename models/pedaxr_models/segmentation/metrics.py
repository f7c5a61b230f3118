"""Figures of merit: overlap of masks, image-level calls, and their uncertainty. NaN where undefined."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

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
    if not positives or not negatives or np.isnan(scores).any():
        return float("nan")
    ordered, shown = np.sort(scores), scores[true]
    # Ranks of the films with the finding, from 1; of equal scores the mean. SciPy's take ten times as long.
    ranks = float((np.searchsorted(ordered, shown) + np.searchsorted(ordered, shown, "right") + 1).sum()) / 2
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], float], films: int, *, seed: int = 0, resamples: int = 1000
) -> tuple[float, float]:
    """95 % percentile interval of `statistic(indices)` over films drawn with replacement (Efron, 1979).

    Few films are often drawn alike: each draw is computed once.
    """
    drawn = np.random.default_rng(seed).integers(films or 1, size=(resamples if films else 0, films))
    keys = [one.tobytes() for one in drawn]
    found = {key: statistic(one) for key, one in dict(zip(keys, drawn, strict=True)).items()}
    values = np.array([found[key] for key in keys])
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def surface_distance_95(predicted: BoolArray, true: BoolArray) -> float:
    """95th percentile of the distances between two outlines, both ways, in pixels; NaN if one is empty.

    The robust Hausdorff distance of Huttenlocher et al. (1993) as segmentation challenges compute it.
    """
    if not predicted.any() or not true.any():
        return float("nan")
    edges = [_outline(predicted), _outline(true)]
    away = [cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) for edge in edges]
    return float(max(np.percentile(away[1][edges[0]], 95), np.percentile(away[0][edges[1]], 95)))


def _outline(mask: BoolArray) -> BoolArray:
    """Pixels of a mask that touch what is not of it; the border of the picture counts as outside."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(mask & (inner == 0))


def calibration_error(
    probability: NDArray[np.floating], hits: NDArray[np.floating], counts: NDArray[np.int64]
) -> float:
    """Expected calibration error over bins (Guo et al. 2017): mean |share that is true - probability|.

    Args:
        probability: (B,) mean probability of each bin.
        hits: (B,) how many of the bin are true.
        counts: (B,) how many are in the bin.
    """
    used = counts > 0
    if not used.any():
        return float("nan")
    gaps = np.abs(hits[used] / counts[used] - probability[used])
    return float((gaps * counts[used]).sum() / counts[used].sum())


def sensitivity_at(scores: NDArray[np.floating], true: BoolArray, least_specificity: float) -> float:
    """Best sensitivity among the limits on `scores` that keep at least that specificity."""
    negatives = np.sort(scores[~true])
    if not len(negatives) or not true.any():
        return float("nan")
    allowed = int((1 - least_specificity) * len(negatives) + 1e-9)  # films that may be called wrongly
    limit = negatives[len(negatives) - 1 - allowed]
    return float(np.mean(scores[true] > limit))
