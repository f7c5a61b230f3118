"""Tissue taken out of a finished film along the beam, with the film's own blur and grain."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.pasting.grey_curve import FloatImage, GreyCurve, Mask

_LEAST = 0.12  # of the trunk's depth: skin and walls that always stay in the beam


@dataclass(frozen=True)
class Grain:
    """High-pass noise of a film by grey value.

    Attributes:
        greys: (K,) rising grey values.
        sigmas: (K,) standard deviation of the noise at each.
        correlation: sigma in pixels of the blur that makes white noise look like it.
    """

    greys: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    correlation: float

    def sigma(self, film: FloatImage) -> FloatImage:
        """Standard deviation expected at each pixel's grey value."""
        return np.asarray(np.interp(film, self.greys, self.sigmas), np.float32)


def measure_grain(film: FloatImage) -> Grain:
    """Noise of a film (H, W) by grey value: the lower fifth of the local spread, where nothing is drawn."""
    rest = film - cv2.GaussianBlur(film, (0, 0), 2.0)
    near = rest[:, 1:] * rest[:, :-1]
    variance = np.maximum(cv2.blur(rest * rest, (9, 9))[4::8, 4::8].ravel(), 0)  # running sums round below 0
    level = cv2.blur(film, (9, 9))[4::8, 4::8].ravel()
    quiet = variance < np.percentile(variance, 40)
    ratio = float(near.mean() / max(float((rest * rest).mean()), 1e-6))
    greys, sigmas = [], []
    for low in range(0, 256, 32):
        here = variance[(level >= low) & (level < low + 32)]
        if here.size >= 12:
            greys.append(low + 16.0)
            sigmas.append(float(np.sqrt(np.percentile(here, 20))))
    if not greys:
        greys, sigmas = [128.0], [float(np.sqrt(variance[quiet].mean())) if quiet.any() else 0.5]
    return Grain(np.array(greys), np.array(sigmas), float(np.clip(0.35 + 0.9 * ratio, 0.3, 1.3)))


def take_out(
    film: FloatImage, gas: FloatImage, curve: GreyCurve, grain: Grain, rng: np.random.Generator
) -> FloatImage:
    """The film with `gas` (H, W; in trunk depths) where tissue was; denser where `gas` is negative.

    Shadows in front of and behind the gas stay, as strong as the film's curve shows them at the new grey.
    Grain that the darker part of the curve flattens is made up, so that the gas is as noisy as the film's
    own.
    """
    smooth = cv2.GaussianBlur(film, (0, 0), 1.5)
    depth = curve.depth(smooth)
    room = np.maximum(cv2.GaussianBlur(depth, (0, 0), 3.0) - _LEAST, 0)
    taken = room * (1 - np.exp(-np.maximum(gas, 0) / np.maximum(room, 1e-3)))  # never more than there is
    taken = np.where(gas < 0, gas, taken)
    gain = _slope(curve, depth - taken) / np.maximum(_slope(curve, depth), 1e-3)
    gain = np.clip(gain, 0.25, 1.3)  # more would lift the grain of a film that is nearly white there
    base = curve.grey(depth - taken) + smooth - curve.grey(depth)
    kept = grain.sigma(smooth) * gain
    lacking = np.sqrt(np.clip(grain.sigma(base) ** 2 - kept**2, 0, None))
    new = base + gain * (film - smooth)
    noise = cv2.GaussianBlur(rng.standard_normal(film.shape, np.float32), (0, 0), grain.correlation)
    noise -= cv2.GaussianBlur(noise, (0, 0), 2.0)
    new = new + lacking * noise / (float(noise.std()) + 1e-6)
    touched = np.abs(gas) > 1e-3
    return np.asarray(np.where(touched, np.clip(new, 0, 255), film), np.float32)


def _slope(curve: GreyCurve, depth: FloatImage) -> FloatImage:
    """Grey levels per hundredth of a trunk depth."""
    return np.asarray(curve.grey(depth + 0.005) - curve.grey(depth - 0.005), np.float32)


def bounding(mask: Mask, margin: int) -> tuple[slice, slice]:
    """Rows and columns that hold a mask, with a margin, inside the film."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    return (
        slice(max(0, int(rows[0]) - margin), min(height, int(rows[-1]) + margin + 1)),
        slice(max(0, int(columns[0]) - margin), min(width, int(columns[-1]) + margin + 1)),
    )
