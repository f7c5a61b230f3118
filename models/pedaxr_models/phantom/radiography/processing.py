"""From log exposure to grey: multi-scale contrast and a curve anchored on the body, blind to the label."""

import cv2
import numpy as np

from pedaxr_models.phantom.geometry import Field, Mask, blur
from pedaxr_models.phantom.interpolation import monotone_curve
from pedaxr_models.phantom.ranges import STANDARD, ProcessingStyle, Ranges, draw


def process(
    log_exposure: Field, tissue: Field, anchor: Mask, rng: np.random.Generator, r: Ranges = STANDARD
) -> Field:
    """Grey values 0..1.

    `tissue` is the log exposure of the same child without gas. Its grey scale is laid on the film, so that
    gas turns dark and shifts nothing else. `anchor` marks body outside the lungs, inside the exposed field.
    """
    style = r.styles[int(rng.integers(len(r.styles)))]
    slow_weight = rng.uniform(*style.slow)
    p = _weighted(log_exposure, style, slow_weight)
    reference = _weighted(tissue, style, slow_weight)[::2, ::2]
    anchor = anchor[::2, ::2]
    values = reference[anchor] if anchor.sum() > 500 else reference.ravel()
    median, high = np.percentile(values, [50, 99.5])
    spread = max(float(high - median), 0.25)  # less would amplify grain where an infant's bones are faint
    high = median + spread
    low = float(median) - draw(rng, r.latitude) * spread  # where gas turns nearly black
    grey = draw(rng, r.median_grey)
    dark, bright = draw(rng, r.dark), draw(rng, r.bright)
    outside = min(float(p.min()), low - 0.5 * spread) - 1e-3
    xs = [outside, low, float(median), float(high), float(high) + 0.4 * spread]
    table_x = np.linspace(xs[0], max(xs[-1], float(p.max())), 1024)
    table_y = monotone_curve([*xs[:-1], table_x[-1] + 1e-3], [0, dark, grey, bright, 1.0])(table_x)
    table_y = cv2.GaussianBlur(table_y[None], (0, 0), 12, borderType=cv2.BORDER_REPLICATE)[0]
    y = np.interp(p, table_x, table_y).astype(np.float32)
    floor = draw(rng, r.floor)
    if rng.random() < 0.65:
        floor = r.floor[0][0] + 0.12 * (floor - r.floor[0][0])  # most films print black as black
    return np.asarray(np.clip(floor + y * (draw(rng, r.ceiling) - floor), 0, 1), np.float32)


def _weighted(log_exposure: Field, style: ProcessingStyle, slow_weight: float) -> Field:
    """Slow waves damped, fine detail raised."""
    slow, middle = blur(log_exposure, 36), blur(log_exposure, 3)
    p = slow * slow_weight + (middle - slow) * style.middle + (log_exposure - middle) * style.fine
    return np.asarray(p, np.float32)
