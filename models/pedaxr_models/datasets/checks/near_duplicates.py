"""Films that are the same picture, or nearly, on two sides of a split."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import FloatArray

NEAR_BITS = 24  # of 256: copies re-encoded, shifted in grey or slightly scaled differ by less
_ALIKE = 0.97  # correlation of fine thumbnails that confirms a near duplicate
_SIDE = 16
_ONE_PICTURE, _CLASSES = 0.985, 64


@dataclass(frozen=True)
class Duplicate:
    """Two films, by their places in the list.

    Attributes:
        bits: that differ between their hashes, of 256; 0 for equal pixels.
        is_exact: every pixel is equal.
    """

    first: int
    second: int
    bits: int
    is_exact: bool


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a film: a digest of its pixels, a difference hash (256,) and a thumbnail (64, 64)."""

    digest: str
    bits: NDArray[np.bool_]
    thumbnail: FloatArray


def fingerprint(pixels: FloatArray) -> Fingerprint:
    """Fingerprint of (H, W) grey values in [0, 1]: signs of differences between neighbours, 16 x 16.

    After N. Krawetz, "Kind of Like That" (2013), with more bits: abdominal films look alike at 8 x 8.
    """
    small = cv2.resize(pixels, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA)
    thumbnail = cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA)
    fine = thumbnail - cv2.GaussianBlur(thumbnail, (0, 0), 4)
    digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
    spread = float(fine.std())
    fine = fine / spread if spread > 1e-6 else np.zeros_like(fine)
    return Fingerprint(digest, (np.diff(small, axis=1) > 0).ravel(), np.asarray(fine, np.float32))


def across_splits(prints: Sequence[Fingerprint], splits: Sequence[str | None]) -> list[Duplicate]:
    """Pairs of films of different splits that are equal, or near by hash and alike in detail."""
    bits = np.array([p.bits for p in prints], np.float32).reshape(len(prints), -1) * 2 - 1
    sides = np.array([split or "" for split in splits])
    found = []
    for first in range(len(prints)):
        distance = np.rint((bits.shape[1] - bits[first + 1 :] @ bits[first]) / 2).astype(int)
        near = np.flatnonzero((distance <= NEAR_BITS) & (sides[first + 1 :] != sides[first]))
        for offset in near.tolist():
            second = first + 1 + offset
            is_exact = prints[first].digest == prints[second].digest
            if is_exact or _alike(prints[first], prints[second]):
                found.append(Duplicate(first, second, int(distance[offset]), is_exact))
    return found


def is_in_other_greys(one: FloatArray, other: FloatArray) -> bool:
    """Whether one of two pictures (H, W) is the other by another window, curve, compression or size.

    By the correlation ratio of their thumbnails: how far the grey of one tells that of the other, whatever
    the curve between them. Of 60 synthetic films it was .985 and more (half of the greys clipped, JPEG of
    quality 20, half the size), at most .90 between two films, and mostly less for one moved by a hundredth.
    """
    a, b = (_thumbnail(pixels) for pixels in (one, other))
    return max(_told_by(a, b), _told_by(b, a)) >= _ONE_PICTURE


def _thumbnail(pixels: FloatArray) -> FloatArray:
    return np.asarray(cv2.resize(pixels, (128, 128), interpolation=cv2.INTER_AREA).ravel(), np.float32)


def _told_by(grey: FloatArray, other: FloatArray) -> float:
    """Share of the variance of `other` that `grey` explains, in classes of equal size."""
    limits = np.quantile(grey, np.linspace(0, 1, _CLASSES + 1)[1:-1])
    which = np.searchsorted(limits, grey, side="right")
    sums, counts = np.bincount(which, other, _CLASSES), np.bincount(which, minlength=_CLASSES)
    left = other - (sums / np.maximum(counts, 1))[which]
    return float(1 - (left**2).mean() / max(float(other.var()), 1e-9))


def _alike(a: Fingerprint, b: Fingerprint) -> bool:
    return float((a.thumbnail * b.thumbnail).mean()) > _ALIKE
