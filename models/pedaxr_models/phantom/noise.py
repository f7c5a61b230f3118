"""Band-limited and fractal random textures, and smooth random curves.

Textures come from a small bank of fields made once per correlation length: a film takes a window of one of
them, mirrored at random, which costs a tenth of making a new one.
"""

from functools import cache

import cv2
import numpy as np

from pedaxr_models.phantom.geometry import Field, N

_BANK = 3  # fields per correlation length; each gives 16384 windows, mirrored eight ways
_SIZE = N + 128


def texture(rng: np.random.Generator, sigma: float) -> Field:
    """Gaussian noise of unit variance with a correlation length of `sigma` pixels, (N, N) float32.

    `sigma` is rounded to steps of an eighth, so that the bank stays small.
    """
    step = round(8 * float(np.log(sigma)))
    return _piece(rng, _gaussian_field(int(rng.integers(_BANK)), float(np.exp(step / 8))))


def fractal(rng: np.random.Generator, slope: float = 1.6) -> Field:
    """Noise whose amplitude falls with spatial frequency to the power `slope`, unit variance, (N, N) float32.

    Anatomical clutter behaves so: Burgess, Med Phys 28:419 (2001) finds 1.5 (half the power-law exponent 3)
    in mammograms; steeper is cloudier. Structure larger than a third of the film is left out.
    """
    return _piece(rng, _fractal_field(int(rng.integers(_BANK)), slope))


def wander(rng: np.random.Generator, length: int, sigma: float) -> Field:
    """A smooth random curve of unit variance, (length,) float32."""
    white = rng.standard_normal((1, length + int(6 * sigma) + 2)).astype(np.float32)
    curve = cv2.GaussianBlur(white, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)[0]
    curve = curve[: length + 1][:length]
    return np.asarray(curve / (curve.std() + 1e-6), np.float32)


def _piece(rng: np.random.Generator, field: Field) -> Field:
    """A random (N, N) window of a field, mirrored and transposed at random."""
    top, left, flips = (int(n) for n in rng.integers(0, (_SIZE - N, _SIZE - N, 8)))
    piece = field[top : top + N, left : left + N]
    mirror = {0: None, 1: 0, 2: 1, 3: -1}[flips & 3]  # as OpenCV names it
    piece = piece if mirror is None else cv2.flip(piece, mirror)
    return np.ascontiguousarray(cv2.transpose(piece) if flips & 4 else piece)


@cache
def _gaussian_field(number: int, sigma: float) -> Field:
    white = np.random.default_rng((number, round(sigma * 1000))).standard_normal((_SIZE, _SIZE))
    frequency = np.hypot(np.fft.fftfreq(_SIZE)[:, None], np.fft.rfftfreq(_SIZE)[None])
    return _filtered(white, np.exp(-2 * (np.pi * sigma * frequency) ** 2))


@cache
def _fractal_field(number: int, slope: float) -> Field:
    white = np.random.default_rng((number, round(slope * 1000), 1)).standard_normal((_SIZE, _SIZE))
    frequency = np.hypot(np.fft.fftfreq(_SIZE)[:, None], np.fft.rfftfreq(_SIZE)[None])
    return _filtered(white, np.maximum(frequency, 3 / N) ** -slope)


def _filtered(white: np.ndarray[tuple[int, int], np.dtype[np.float64]], response: Field) -> Field:
    """White noise with this amplitude response, zero mean, unit variance."""
    response = response.copy()
    response[0, 0] = 0
    field = np.fft.irfft2(np.fft.rfft2(white) * response, white.shape)
    return np.asarray(field / field.std(), np.float32)
