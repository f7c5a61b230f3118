"""How large everything is at a given age: one table, interpolated over age in months.

Look values fitted by eye to a handful of published films, not anthropometry. Lengths are in pixels of the
canvas before zoom, or in units of `pitch` (one lumbar vertebra and one disc).
"""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.phantom.ranges import STANDARD, Ranges, draw

KNOTS_MONTHS = (0.0, 2.0, 12.0, 36.0, 120.0, 192.0)
_TABLE: dict[str, tuple[float, ...]] = {
    "mm_per_px": (0.34, 0.40, 0.47, 0.56, 0.76, 0.90),
    "pitch": (35, 36, 36.5, 37, 41, 42),
    "half_width": (150, 156, 148, 138, 146, 150),
    "l5_y": (322, 332, 340, 350, 385, 390),
    "depth_ratio": (0.80, 0.80, 0.77, 0.72, 0.62, 0.60),
    "ossification": (0.0, 0.15, 0.28, 0.55, 1.0, 1.0),
    "fat_ratio": (0.035, 0.06, 0.058, 0.045, 0.055, 0.06),
    "body_width": (0.92, 0.95, 0.98, 1.02, 1.08, 1.10),
    "body_height": (0.60, 0.64, 0.67, 0.72, 0.77, 0.79),
    "pelvis_half_width": (112, 115, 116, 116, 158, 164),
    "rib_slope": (0.36, 0.40, 0.39, 0.38, 0.40, 0.41),
    "rib_half_height_mm": (2.3, 2.8, 3.2, 3.9, 5.2, 5.8),
}
INFANT_OSSIFICATION = 0.30  # below: separate pelvic bones, oval vertebral bodies, bracket pedicles


@dataclass(frozen=True)
class Anatomy:
    """Sizes of one child. Lengths in canvas pixels unless named otherwise; ratios as their names say.

    Attributes:
        infancy: 1 in the first months, 0 from two years on: blends body shape.
        centre_x: column of the midline.
        widening: share by which a distended belly is wider.
        inspiration: diaphragm height above its usual place, in units of pitch.
    """

    age_months: float
    mm_per_px: float
    pitch: float
    half_width: float
    l5_y: float
    depth_ratio: float
    ossification: float
    fat_ratio: float
    body_width: float
    body_height: float
    pelvis_half_width: float
    rib_slope: float
    rib_half_height_mm: float
    infancy: float
    centre_x: float
    widening: float
    inspiration: float

    @property
    def is_infant(self) -> bool:
        """Skeleton of the first 14 months or so."""
        return self.ossification < INFANT_OSSIFICATION

    @property
    def fat_px(self) -> float:
        """Thickness of subcutaneous fat."""
        return self.fat_ratio * self.half_width

    @property
    def flank_px(self) -> float:
        """Skin to the inner side of the flank muscle."""
        return self.fat_px + 0.055 * self.half_width

    def level_y(self, pitches_above_l5: float) -> float:
        """Row that lies this many lumbar pitches above the centre of L5."""
        return self.l5_y - pitches_above_l5 * self.pitch


def sample_anatomy(
    age_months: float, rng: np.random.Generator, widening: float = 0.0, r: Ranges = STANDARD
) -> Anatomy:
    """Sizes of a child of this age with individual variation; build and inspiration vary in every class."""
    size = {name: float(np.interp(age_months, KNOTS_MONTHS, row)) for name, row in _TABLE.items()}
    for name in ("pitch", "half_width", "pelvis_half_width"):
        size[name] *= draw(rng, r.size)
    size["mm_per_px"] *= draw(rng, r.scale)
    build = draw(rng, r.build)  # thin to sturdy, so that a wide belly alone does not mean distension
    size["half_width"] *= 1 + 0.07 * build
    size["depth_ratio"] *= 1 + 0.07 * build + rng.uniform(-0.04, 0.04)
    size["fat_ratio"] *= draw(rng, r.fat) * (1.15 + 0.35 * build)
    size["body_width"] *= rng.uniform(1.0, 1.1)
    size["rib_slope"] *= draw(rng, r.rib_slope)
    size["l5_y"] += rng.uniform(-15, 15)
    return Anatomy(
        age_months=age_months,
        infancy=float(np.clip((24 - age_months) / 15, 0, 1)),
        centre_x=256 + rng.uniform(-8, 8),
        widening=widening,
        inspiration=draw(rng, r.inspiration),
        **size,
    )
