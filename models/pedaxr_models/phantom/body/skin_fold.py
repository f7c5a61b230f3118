"""A fold of skin pressed between child and detector: an edge under a dome that imitates free air."""

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.chest import Chest
from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import YY, Field, N, smoothstep

_SHARE = 0.10  # of films, whatever they show


def build_skin_fold(a: Anatomy, trunk: Trunk, chest: Chest, rng: np.random.Generator) -> Field:
    """Soft tissue of the fold along the beam, (N, N) pixels; nil on most films.

    Sharp above, where the skin ends, and fading below; unlike gas it is brighter than what lies round it.
    """
    if rng.random() >= _SHARE:
        return np.zeros((N, N), np.float32)
    h, u = a.half_width, a.pitch
    side = 1 if rng.random() < 0.5 else -1
    apex = (chest.left_dome_y if side > 0 else chest.right_dome_y) + rng.uniform(-0.6, 1.6) * u
    out = trunk.x * side / h  # half-widths towards the flank
    line = apex + u * (rng.uniform(0.2, 0.9) * (out - 0.5) + rng.uniform(0.3, 1.6) * (out - 0.5) ** 2)
    below = YY - line
    ends = smoothstep(0.05, 0.2, out) * smoothstep(1.0, 0.9, out)
    depth = rng.uniform(3, 8) * smoothstep(-0.8, 0.8, below) * np.exp(-np.clip(below, 0, None) / (0.5 * u))
    return np.asarray(depth * ends, np.float32)
