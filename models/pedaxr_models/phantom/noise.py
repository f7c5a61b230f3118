"""Band-limited random textures and smooth random curves."""

import cv2
import numpy as np

from pedaxr_models.phantom.geometry import Field, N


def texture(rng: np.random.Generator, sigma: float) -> Field:
    """Gaussian noise of unit variance with a correlation length of `sigma` pixels, (N, N) float32."""
    coarse = max(1, int(sigma // 2.5))  # long waves need no fine grid
    size = N // coarse + 4
    white = rng.standard_normal((size, size), np.float32)
    field = cv2.GaussianBlur(white, (0, 0), sigma / coarse, borderType=cv2.BORDER_REFLECT)
    field /= field.std()
    if coarse > 1:
        field = cv2.resize(field, (size * coarse, size * coarse), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(field[:N, :N])


def wander(rng: np.random.Generator, length: int, sigma: float) -> Field:
    """A smooth random curve of unit variance, (length,) float32."""
    white = rng.standard_normal((1, length + int(6 * sigma) + 2)).astype(np.float32)
    curve = cv2.GaussianBlur(white, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)[0]
    curve = curve[: length + 1][:length]
    return np.asarray(curve / (curve.std() + 1e-6), np.float32)
