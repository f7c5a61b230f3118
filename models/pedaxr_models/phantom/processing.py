"""From log exposure to grey: multi-scale contrast and a curve anchored on the body, blind to the label."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from pedaxr_models.phantom.geometry import Field, Mask, blur


@dataclass(frozen=True)
class _Style:
    """Weights of slow, middle and fine detail; the slow weight is drawn from a range."""

    slow: tuple[float, float]
    middle: float
    fine: float


_STYLES = (_Style((0.62, 0.85), 1.1, 1.35), _Style((0.42, 0.60), 1.15, 1.6), _Style((0.55, 0.80), 1.0, 1.1))
_STYLE_SHARES = (0.40, 0.35, 0.25)


def process(log_exposure: Field, anchor: Mask, rng: np.random.Generator) -> Field:
    """Grey values 0..1. `anchor` marks body pixels free of gut gas, so that gas shifts no grey scale."""
    style = _STYLES[int(rng.choice(len(_STYLES), p=_STYLE_SHARES))]
    slow, middle = blur(log_exposure, 36), blur(log_exposure, 3)
    p = (
        slow * rng.uniform(*style.slow)
        + (middle - slow) * style.middle
        + (log_exposure - middle) * style.fine
    )
    values = p[anchor] if anchor.sum() > 2000 else p.ravel()
    median, high = np.percentile(values[::3], [50, 99.5])
    spread = float(high - median)
    low = float(median) - rng.uniform(1.5, 2.2) * spread  # where gas turns nearly black
    grey = rng.uniform(0.40, 0.62)
    dark, bright = rng.uniform(0.04, 0.12), rng.uniform(0.90, 1.0)
    outside = min(float(p.min()), low - 0.5 * spread) - 1e-3
    xs = [outside, low, float(median), float(high), float(high) + 0.4 * spread]
    table_x = np.linspace(xs[0], max(xs[-1], float(p.max())), 1024)
    table_y = PchipInterpolator([*xs[:-1], table_x[-1] + 1e-3], [0, dark, grey, bright, 1.0])(table_x)
    table_y = cv2.GaussianBlur(table_y[None], (0, 0), 12, borderType=cv2.BORDER_REPLICATE)[0]
    y = np.interp(p, table_x, table_y).astype(np.float32)
    floor = rng.uniform(0, 0.015) if rng.random() < 0.65 else rng.uniform(0.03, 0.11)
    return np.asarray(np.clip(floor + y * (rng.uniform(0.86, 1.0) - floor), 0, 1), np.float32)
