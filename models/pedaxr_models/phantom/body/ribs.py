"""Ribs 12 to 4: the lower ones slope down and end at the costochondral junction."""

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.bone import BoneMap
from pedaxr_models.phantom.body.spine import T12, Spine
from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import smoothstep, spline

# How far round the chest the bony rib reaches, share of half a turn, T12 up.
_REACH = (0.30, 0.42, 0.53, 0.58, 0.62, 0.67, 0.72, 0.76, 0.80)


def build_ribs(a: Anatomy, trunk: Trunk, spine: Spine, bones: BoneMap, rng: np.random.Generator) -> None:
    """Draw nine pairs of ribs; each rib differs a little from its fellow."""
    extra = rng.uniform(-0.03, 0.04)
    turn = rng.normal(0, 0.04)  # a slightly rotated child shows one side's ribs steeper
    for place, reach in enumerate(_REACH):
        level = place + T12
        jitter = rng.normal(0, 1, 2)
        for side in (-1, 1):
            own = jitter + rng.normal(0, 0.45, 2)
            theta_max = np.pi * (reach + extra + 0.02 * own[0])
            _rib(
                a,
                trunk,
                spine.rows[level] - 0.2 * a.pitch,
                level,
                side,
                theta_max,
                own,
                1 + side * turn,
                bones,
            )


def _rib(
    a: Anatomy,
    trunk: Trunk,
    y0: float,
    level: int,
    side: int,
    theta_max: float,
    jitter: np.ndarray[tuple[int], np.dtype[np.float64]],
    turn: float,
    bones: BoneMap,
) -> None:
    u, radius = a.pitch, a.rib_half_height_mm / a.mm_per_px
    theta = np.linspace(0.09, theta_max, 60)
    reach = trunk.half_width_at(y0) - a.fat_px - radius - (0.145 if level < 7 else 0.045) * a.half_width
    slope = a.rib_slope * 1.55 * (1 + 0.22 * (8 - min(level, 8))) * (1 + 0.05 * jitter[0]) * turn
    back = np.sin(np.minimum(theta, np.pi / 2)) ** 1.4 * (1.25 if level < 8 else 0.85)
    drop = slope * u * 1.55 * (1.35 * back + 1.1 * np.clip(theta - np.pi / 2, 0, None))
    drop -= 0.30 * u * np.sin(theta) * np.clip(1 - theta / 1.2, 0, 1)  # the neck rises before the rib falls
    drop += jitter[0] * 0.10 * u * np.sin(theta) + jitter[1] * 0.06 * u * np.sin(2 * theta)
    path = np.stack([a.centre_x + side * np.sin(theta) * reach, y0 + drop], 1)
    flat = np.hypot(*np.gradient(path, axis=0).T)
    solid = np.hypot(flat, np.gradient(-np.cos(theta) * reach * a.depth_ratio))
    oblique = np.clip(solid / np.maximum(flat, 1e-3), 1, 2.2)  # the lateral wall is seen along its length
    samples = spline(np.column_stack([path, oblique, theta]), 6.0)
    fade = np.clip(1 - (samples[:, 3] - 1.5) * 0.75, 0.18, 1)
    fade *= 0.35 + 0.65 * smoothstep(1.0, 0.72, np.linspace(0, 1, len(samples)))
    radii = radius * (1 + 0.06 * jitter[1]) * (0.85 + 0.25 * np.sin(np.clip(samples[:, 3], 0, 3.1)))
    strength = samples[:, 2] * fade * (0.72 if a.is_infant else 0.92)
    cortex = max(0.7, 0.85 / a.mm_per_px)
    bones.tube(samples[:, :2], radii, cortex, depth=0.60, fill=0.25, strength=strength, name="ribs")
