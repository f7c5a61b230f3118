"""What lies round a film: grey and white margins, plates within plates, scatter behind the shutters."""

import cv2
import numpy as np

from pedaxr_models.phantom.geometry import XX, YY, Field, N
from pedaxr_models.phantom.noise import texture
from pedaxr_models.phantom.ranges import Ranges, draw


def surround(rng: np.random.Generator, r: Ranges) -> Field:
    """Grey 0..1 under the shutters, (N, N); black, or on a share of films grey, white or uneven."""
    base = np.full((N, N), draw(rng, r.shutter_floor), np.float32)
    if rng.random() >= r.surround_share:
        return base
    base += float(
        rng.choice(
            [rng.uniform(0.02, 0.12), rng.uniform(0.12, 0.5), rng.uniform(0.85, 1.0)], p=[0.4, 0.35, 0.25]
        )
    )
    lean = rng.normal(0, 0.12, 2)
    base += (lean[0] * (XX - N / 2) + lean[1] * (YY - N / 2)) / N * min(1.0, 4 * float(base[0, 0]))
    base += 0.02 * rng.random() * texture(rng, 40) + 0.008 * rng.standard_normal((N, N), np.float32)
    return np.asarray(np.clip(base, 0, 1), np.float32)


def lay_on_plate(film: Field, rng: np.random.Generator, r: Ranges) -> Field:
    """On some films the plate ends inside the picture: a margin along its sides, a line where it begins."""
    if rng.random() >= 0.4 * r.surround_share:
        return film
    out = film.copy()
    margin = float(
        rng.choice(
            [rng.uniform(0.0, 0.06), rng.uniform(0.15, 0.4), rng.uniform(0.9, 1.0)], p=[0.5, 0.25, 0.25]
        )
    )
    inner = np.zeros((N, N), np.float32)
    left, right, top, bottom = (int(rng.integers(3, 26)) if rng.random() < 0.6 else 0 for _ in range(4))
    inner[top : N - bottom, left : N - right] = 1
    inner = cv2.GaussianBlur(inner, (0, 0), rng.uniform(0.4, 1.2))
    out = out * inner + margin * (1 - inner)
    if rng.random() < 0.5:  # the plate's edge is printed as a bright or dark line
        line = 4 * inner * (1 - inner) * rng.uniform(0.2, 0.6)
        out = out + line * (1 if rng.random() < 0.6 else -1)
    return np.asarray(np.clip(out, 0, 1), np.float32)
