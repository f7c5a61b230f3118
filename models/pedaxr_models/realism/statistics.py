"""Simple image statistics with names, each a way in which synthetic films may differ from real ones."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
SIDE = 512  # films are compared at this size
_RADII = np.geomspace(4, 60, 12)  # cycles a film, between which the power spectrum is averaged


def frame_of(pixels: FloatArray) -> FloatArray:
    """A film (H, W) in 0..1 with its longer side 512: how large it is stored tells nothing."""
    scale = SIDE / max(pixels.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how), np.float32)


class _Frame:
    """A film in its frame, and what several statistics are read from, made once."""

    def __init__(self, pixels: FloatArray) -> None:
        self.pixels = pixels
        self._blurred: dict[float, FloatArray] = {0: pixels}

    @cached_property
    def percentiles(self) -> dict[int, np.floating]:
        """Of grey."""
        shares = (2, 5, 10, 50, 90, 95, 98)
        return dict(zip(shares, np.percentile(self.pixels, shares), strict=True))

    @cached_property
    def tissue(self) -> NDArray[np.bool_]:
        """What is well above the darkest."""
        low, high = self.percentiles[5], self.percentiles[95]
        return np.asarray(self.pixels >= low + 0.15 * (high - low))

    def blurred(self, sigma: float) -> FloatArray:
        """By a Gaussian of so many pixels."""
        if sigma not in self._blurred:
            self._blurred[sigma] = np.asarray(cv2.GaussianBlur(self.pixels, (0, 0), sigma), np.float32)
        return self._blurred[sigma]


def measure_film(pixels: FloatArray) -> dict[str, float]:
    """Every statistic of a film (H, W) in 0..1."""
    frame = _Frame(frame_of(pixels))
    return {name: float(measure(frame)) for name, measure in STATISTICS.items()}


def _percentile(share: int) -> Callable[[_Frame], float]:
    return lambda frame: float(frame.percentiles[share])


def _black(frame: _Frame) -> float:
    return float((frame.pixels < 0.03).mean())


def _white(frame: _Frame) -> float:
    return float((frame.pixels > 0.98).mean())


def _border_spread(frame: _Frame) -> float:
    grey = frame.pixels
    edge = np.concatenate([grey[:4].ravel(), grey[-4:].ravel(), grey[:, :4].ravel(), grey[:, -4:].ravel()])
    return float(edge.std())


def _band(low: float, high: float) -> Callable[[_Frame], float]:
    """Log10 of the spread of tissue between two blurs (sigma in pixels)."""

    def measure(frame: _Frame) -> float:
        rest = frame.blurred(low) - frame.blurred(high)
        return float(np.log10(rest[frame.tissue].std() + 1e-5))

    return measure


def _grain(frame: _Frame) -> float:
    """Log10 of the finest noise where the film is quietest."""
    rest = frame.pixels - frame.blurred(1)
    spread = np.sqrt(np.maximum(cv2.blur(rest * rest, (9, 9)), 0))[frame.tissue]
    return float(np.log10(np.percentile(spread, 20) + 1e-5))


def _slope(frame: _Frame) -> float:
    """Exponent of the power spectrum from 4 to 60 cycles a film."""
    grey = frame.pixels
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    means = [power.ravel()[ring].mean() for ring in _rings(*grey.shape)]
    middles = np.log(np.sqrt(_RADII[1:] * _RADII[:-1]))
    return float(np.polyfit(middles, np.log(np.array(means) + 1e-12), 1)[0])


@lru_cache(maxsize=8)
def _rings(height: int, width: int) -> list[NDArray[np.intp]]:
    """Where in the flat spectrum of a film the frequencies between two radii lie, by radius."""
    fy, fx = np.fft.fftfreq(height) * SIDE, np.fft.fftfreq(width) * SIDE
    radius = np.hypot(fy[:, None], fx[None]).ravel()
    return [np.flatnonzero((radius >= a) & (radius < b)) for a, b in pairwise(_RADII)]


def _symmetry(frame: _Frame) -> float:
    """Correlation with the mirror image, best over small shifts of the middle."""
    small = frame.blurred(4)[::4, ::4]
    if small.std() < 1e-6:
        return 1.0
    best = -1.0
    for shift in range(-10, 11, 2):
        mirrored = np.roll(small[:, ::-1], shift, axis=1)
        best = max(best, float(np.corrcoef(small.ravel(), mirrored.ravel())[0, 1]))
    return best


def _edges(frame: _Frame) -> float:
    """The steepest hundredth of edges over the range of grey: how sharp they are."""
    gx, gy = (cv2.Sobel(frame.pixels, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
    steep = np.hypot(gx, gy)[frame.tissue]
    return float(np.percentile(steep, 99) / (frame.percentiles[98] - frame.percentiles[2] + 1e-6))


def _level_lines(frame: _Frame) -> float:
    """Share of strong edges that are upright or flat to within two degrees."""
    gx, gy = (cv2.Sobel(frame.pixels, cv2.CV_32F, *way) for way in ((1, 0), (0, 1)))
    size = np.hypot(gx, gy)
    strong = size >= max(float(np.percentile(size, 97)), 1e-6)
    if not strong.any():
        return 0.0
    angle = np.degrees(np.arctan2(gy[strong], gx[strong])) % 90
    return float(((angle < 2) | (angle > 88)).mean())


STATISTICS: dict[str, Callable[[_Frame], float]] = {
    "share of black": _black,
    "share of white": _white,
    "spread of grey at the border": _border_spread,
    "grey, 10th percentile": _percentile(10),
    "grey, median": _percentile(50),
    "grey, 90th percentile": _percentile(90),
    "grain": _grain,
    "detail below 1 pixel": _band(0, 1),
    "detail of 1 to 2 pixels": _band(1, 2),
    "detail of 2 to 5 pixels": _band(2, 5),
    "detail of 5 to 12 pixels": _band(5, 12),
    "detail of 12 to 30 pixels": _band(12, 30),
    "slope of the spectrum": _slope,
    "sharpness of edges": _edges,
    "likeness of left and right": _symmetry,
    "edges along rows and columns": _level_lines,
}
