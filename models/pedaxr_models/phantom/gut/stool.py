"""The look of stool: lumps of soft tissue with bubbles in them and gas in the clefts between them."""

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.geometry import Field, smoothstep
from pedaxr_models.phantom.noise import texture


class StoolTexture:
    """Share of gas along the beam in stool, (N, N) 0..1, one for a film, and where gas lines the wall, 0..1.

    Bubbles are two decorrelated, softly thresholded layers (a hard threshold looks like torn paper); clefts
    follow the zero lines of a coarser field and so close round lumps.
    """

    def __init__(self, a: Anatomy, rng: np.random.Generator) -> None:
        grow = 0.9 + 0.5 * a.ossification
        n = [texture(rng, s * grow) for s in (1.3, 2.4, 5.5)]
        m = [np.roll(v, (137, 211), (0, 1))[::-1] for v in n]
        low = rng.uniform(-0.25, 0.25)
        first = smoothstep(low - 0.5, low + 1.2, n[0] * 0.35 + n[1] * 0.65 + n[2] * 0.65)
        second = smoothstep(low - 0.2, low + 1.0, m[0] * 0.4 + m[1] * 0.7 + m[2] * 0.4)
        lumps = texture(rng, rng.uniform(4.0, 6.5) * grow)
        clefts = np.exp(-((lumps / rng.uniform(0.12, 0.22)) ** 2)) * np.clip(0.6 + 0.5 * m[2], 0, 1)
        share = 0.55 * first + 0.45 * second + rng.uniform(0.25, 0.5) * clefts
        self.field: Field = np.asarray(np.clip(share, 0, 1), np.float32)
        self.lining: Field = smoothstep(-0.7, 0.6, n[2] + 0.4 * m[1])
