"""Gas and stool of loops that no channel outlines: the mottled grey in the middle of most real bellies."""

import numpy as np

from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import Field, smoothstep
from pedaxr_models.phantom.noise import fractal, texture
from pedaxr_models.phantom.ranges import Ranges, draw


def build_clutter(trunk: Trunk, rng: np.random.Generator, r: Ranges) -> Field:
    """Path length of gas (pixels, (N, N)) in small, soft, overlapping pockets, patchy; class-independent."""
    share = draw(rng, r.clutter)
    if share <= 0:
        return np.zeros_like(trunk.thickness)
    size = rng.uniform(3.0, 8.0)
    first = smoothstep(0.0, 2.2, texture(rng, size) + 0.4 * texture(rng, 2.2 * size))
    second = smoothstep(0.1, 2.2, texture(rng, 1.6 * size) + 0.3 * fractal(rng, 1.5))
    patchy = smoothstep(-0.8, 0.9, texture(rng, 34))
    middle = np.exp(-((np.abs(trunk.x) / (0.85 * trunk.half_width)) ** 4))
    gas = (0.55 * first + 0.45 * second) * patchy * middle * trunk.belly
    return np.asarray(share * gas * trunk.thickness, np.float32)
