"""A film's grey curve, estimated from the film itself: how much tissue a grey value stands for."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Tissue in the beam as a share of the trunk's typical depth, by what the grey value shows.
_AIR, _LUNG, _SOFT, _BONE = 0.0, 0.42, 1.0, 1.55
_STEP = 3.0  # grey levels that two anchors differ at least


@dataclass(frozen=True)
class GreyCurve:
    """Monotone table between grey (0..255, bone bright) and tissue depth.

    Attributes:
        greys: (K,) float64, rising.
        depths: (K,) float64, rising; 1 is the depth of the abdomen's soft tissue, 0 is nothing in the beam.
    """

    greys: NDArray[np.float64]
    depths: NDArray[np.float64]

    def depth(self, film: FloatImage) -> FloatImage:
        """Tissue depth of each pixel; straight on beyond the ends."""
        return np.asarray(_table(film, self.greys, self.depths), np.float32)

    def grey(self, depth: FloatImage) -> FloatImage:
        """Grey value of each tissue depth, not cut to 0..255."""
        return np.asarray(_table(depth, self.depths, self.greys), np.float32)


def estimate_curve(film: FloatImage, structures: Mapping[str, Mask]) -> GreyCurve:
    """The curve through air, lung, soft tissue and bone as this film shows them.

    Display processing is not known and differs from film to film; a smooth monotone curve through what can
    be recognised keeps gas as dark, and the shadows it crosses as strong, as the film's own gas and shadows.

    Args:
        film: (H, W) grey 0..255.
        structures: any of `body`, `lungs`, `liver`, `abdominal_cavity`, each (H, W) bool.
    """
    everywhere = np.ones(film.shape, bool)
    body = structures.get("body", everywhere)
    cavity = structures.get("abdominal_cavity", body)
    soft = float(np.median(_sample(film, structures.get("liver", cavity), cavity)))
    inside = _sample(film, body, everywhere)
    anchors = [(float(np.percentile(inside, 99.7)), _BONE), (soft, _SOFT)]
    gas = float(np.percentile(_sample(film, cavity, body), 2))
    lungs = structures.get("lungs")
    lung = float(np.percentile(film[lungs], 25)) if lungs is not None and lungs.sum() > 200 else gas
    anchors.append((min(lung, soft - 12), _LUNG))
    darkest = float(np.percentile(inside, 0.3))
    outside = film[~body]
    if outside.size > 0.01 * film.size:
        darkest = min(darkest, float(np.percentile(outside, 10)))
    anchors.append((min(darkest, gas - 12), _AIR))
    return _through(anchors)


def _through(anchors: list[tuple[float, float]]) -> GreyCurve:
    """A monotone cubic through anchors given from bright to dark; greys out of order are moved down."""
    from scipy.interpolate import PchipInterpolator

    greys = [anchors[0][0]]
    for grey, _ in anchors[1:]:
        greys.append(min(grey, greys[-1] - _STEP))
    table = np.linspace(0.0, _BONE, 256)
    curve = PchipInterpolator([d for _, d in anchors][::-1], greys[::-1])
    return GreyCurve(np.asarray(curve(table), np.float64), table)


def _sample(film: FloatImage, mask: Mask, otherwise: Mask) -> FloatImage:
    """Grey values of every second pixel of a mask, or of another where it is nearly empty."""
    found = film[::2, ::2][mask[::2, ::2]]
    return found if found.size > 100 else film[::2, ::2][otherwise[::2, ::2]]


def _table(values: FloatImage, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear interpolation, extended straight beyond the ends, at the mean slope of the end's tenth."""
    out = np.interp(values, xs, ys)
    n = len(xs) // 10
    low, high = (ys[n] - ys[0]) / (xs[n] - xs[0]), (ys[-1] - ys[-n]) / (xs[-1] - xs[-n])
    out = np.where(values < xs[0], ys[0] + (values - xs[0]) * low, out)
    return np.asarray(np.where(values > xs[-1], ys[-1] + (values - xs[-1]) * high, out))
