"""Long bones: femora with growth plates, and what of the arms and shoulders lies in the field."""

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.bone import BoneMap
from pedaxr_models.phantom.body.pelvis import HipSide
from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import XX, YY, Field, ellipse, polygon_distance, window_of

_HEAD_APPEARS_MONTHS = 5.0  # ossific nucleus of the femoral head: 3 to 7 months
_TROCHANTER_APPEARS_MONTHS = 48.0
# Upper femur below its growth plate, units of the pelvic half-width from the centre of the head, x lateral.
_FEMUR = (
    (0.05, -0.13), (0.16, -0.08), (0.26, -0.07), (0.37, -0.03), (0.44, 0.09), (0.425, 0.30), (0.40, 0.60),
    (0.385, 1.0), (0.37, 1.5), (0.22, 1.5), (0.225, 1.0), (0.22, 0.60), (0.205, 0.40), (0.165, 0.32),
    (0.165, 0.25), (0.10, 0.17), (0.00, 0.14), (-0.06, 0.05),
)  # fmt: skip
_TROCHANTER = ((0.33, -0.05), (0.35, -0.14), (0.41, -0.15), (0.46, -0.04), (0.455, 0.08), (0.42, 0.02))
_PLATE_NORMAL = (0.74, 0.67)  # from the head towards the neck


def build_femora(
    a: Anatomy, trunk: Trunk, sides: tuple[HipSide, HipSide], bones: BoneMap, rng: np.random.Generator
) -> None:
    """Both upper femora."""
    for number, s in enumerate(sides):
        if a.is_infant:
            _infant_femur(s, trunk.thighs[number], bones)
        else:
            _child_femur(s, a, bones, rng)
        if a.age_months >= _HEAD_APPEARS_MONTHS:
            _head(s, a, trunk, number, bones)


def _plate_depth(ossification: float) -> float:
    """Distance of the growth plate from the centre of the head, head radii: a flat cap when young."""
    return 0.25 + 0.3 * ossification


def _head_size(s: HipSide, age_months: float) -> float:
    radii = (0.03, 0.08, 0.13, 0.155, 0.17, 0.175)
    return s.unit * float(np.interp(age_months, (5, 14, 36, 72, 120, 192), radii))


def _head_centre(s: HipSide) -> tuple[float, float]:
    return s.x(0.835, 0.6), s.y(0.72) + 0.20 * s.unit


def _head(s: HipSide, a: Anatomy, trunk: Trunk, number: int, bones: BoneMap) -> None:
    """Round and small at first, later a cap upon the growth plate."""
    v, o = s.unit, a.ossification
    size = _head_size(s, a.age_months)
    cx, cy = _head_centre(s)
    if a.is_infant:  # the nucleus lies in the cartilage off the end of the turned-out shaft
        cx, cy = trunk.thighs[number][0] - np.array([s.side * 0.04 * v, 0.02 * v])
    window = window_of(cx - 60, cx + 60, cy - 60, cy + 60)
    if window is None:
        return
    x, y = (XX[window] - cx) * s.side, YY[window] - cy
    along = _PLATE_NORMAL[0] * x + _PLATE_NORMAL[1] * y
    across = -_PLATE_NORMAL[1] * x + _PLATE_NORMAL[0] * y
    distance = np.maximum(ellipse(across, along, size * 1.05, size), along - _plate_depth(o) * size)
    bones.plate(window, distance, size * 0.9, size * 1.6, 1.5, fill=0.55, rim=0.40)
    bones.cortical[window] += np.exp(-(((distance + 1.2) / 1.2) ** 2)) * 0.011 * v


def _child_femur(s: HipSide, a: Anatomy, bones: BoneMap, rng: np.random.Generator) -> None:
    """Neck, trochanters and shaft; its upper end is cut straight by the growth plate."""
    v, (cx, cy) = s.unit, _head_centre(s)
    lean = rng.uniform(-0.05, 0.05)  # legs a little apart or together
    k = v * (0.82 + 0.18 * a.ossification)  # the neck is slender in the young
    points = [(cx + s.side * (px + lean * py) * k, cy + py * k) for px, py in _FEMUR]
    found = polygon_distance(points)
    if found is None:
        return
    window, distance = found
    x, y = (XX[window] - cx) * s.side, YY[window] - cy
    plate = _plate_depth(a.ossification) * _head_size(s, a.age_months) + (0.022 - 0.010 * a.ossification) * v
    distance = np.maximum(distance, plate - (_PLATE_NORMAL[0] * x + _PLATE_NORMAL[1] * y))
    shaft = np.clip(y / (0.5 * v), 0, 1)
    bones.plate(
        window, distance, 0.085 * v, (0.20 - 0.04 * shaft) * v, 1.6 + 1.6 * shaft, fill=0.36, rim=0.55
    )
    dense = np.exp(-(((distance + 1.2) / 1.2) ** 2))
    bones.cortical[window] += dense * 0.010 * v
    if a.age_months > _TROCHANTER_APPEARS_MONTHS:
        apophysis = polygon_distance([(cx + s.side * px * v, cy + py * v) for px, py in _TROCHANTER])
        if apophysis is not None:
            bones.plate(*apophysis, 0.05 * v, 0.10 * v, 1.2, fill=0.4, rim=0.35)


def _infant_femur(s: HipSide, thigh: Field, bones: BoneMap) -> None:
    """Along the turned-out thigh: a flared metaphysis that ends straight, with a dense rim."""
    v, place = s.unit, np.arange(len(thigh)) * 3.0
    radius = v * (0.060 + 0.042 * np.exp(-((place / (0.15 * v)) ** 1.3)))
    shift = s.x(0.92, 0.9) - float(thigh[0, 0])  # to the socket, whatever the build of the trunk
    shifted = thigh + np.stack([shift * np.exp(-place / (0.6 * v)), 0 * place], 1)
    long_bone(bones, shifted.astype(np.float32), radius)


def long_bone(bones: BoneMap, curve: Field, radius: Field, strength: float = 1.0) -> None:
    """A shaft with straight ends. `curve` (n, 2) and `radius` (n,) in pixels."""
    step = max(1, len(curve) // 10)
    at = np.unique(np.r_[0, 1, 2, np.arange(step, len(curve) - 3, step), len(curve) - 2, len(curve) - 1])
    tangent = np.gradient(curve, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / np.hypot(*tangent.T)[:, None]
    sides = [(curve + sign * normal * radius[:, None])[at] for sign in (1, -1)]
    found = polygon_distance(np.concatenate([sides[0], sides[1][::-1]]))
    if found is None:
        return
    window, distance = found
    typical = float(np.median(radius))
    cortex = max(1.2, 0.26 * typical)
    bones.plate(window, distance, typical, 1.7 * typical * strength, cortex, fill=0.36, rim=0.55)
    bones.cortical[window] += np.exp(-(((distance + 1.0) / 1.0) ** 2)) * 0.06 * typical * strength


def build_arms(a: Anatomy, trunk: Trunk, bones: BoneMap, rng: np.random.Generator) -> None:
    """Humerus, and from the elbow radius and ulna, along each arm in the field; the tips of the scapulae."""
    for line in trunk.arms:
        elbow = a.level_y(1.8 + rng.uniform(-1.0, 1.2))
        upper, lower = line[line[:, 1] < elbow - 0.15 * a.pitch], line[line[:, 1] > elbow + 0.15 * a.pitch]
        if len(upper) > 8:
            long_bone(bones, upper, 0.20 * a.pitch * _flared(upper, 0.5), 0.8)
        if len(lower) > 8:
            apart = 0.20 * a.pitch * np.sin(np.linspace(0.4, 2.8, len(lower)))
            for side, size in ((-1, 0.105), (1, 0.12)):
                bone = lower + np.stack([side * apart, np.zeros(len(lower))], 1)
                long_bone(bones, bone.astype(np.float32), size * a.pitch * _flared(lower, 0.35), 0.8)
    for side in (-1, 1):
        _scapula(a, side, bones, rng)


def _flared(curve: Field, amount: float) -> Field:
    """Shaft radius, wider over the metaphysis at each end."""
    place = np.arange(len(curve)) * 3.0
    ends = np.exp(-place / 8.0) + np.exp(-(place[-1] - place) / 8.0)
    return np.asarray(1 + amount * ends, np.float32)


def _scapula(a: Anatomy, side: int, bones: BoneMap, rng: np.random.Generator) -> None:
    """A thin plate with a dense lateral border; only its lower angle reaches down into most films."""
    h, u, tip = a.half_width, a.pitch, a.level_y(8.4 + rng.uniform(-0.6, 0.7))
    spread = rng.uniform(-0.06, 0.10)
    outline = ((0.50, -3.6), (0.56, -1.6), (0.66, -0.2), (0.74, 0.0), (0.80, -0.5), (0.90, -1.8), (1.0, -3.6))
    found = polygon_distance([(a.centre_x + side * (px + spread) * h, tip + py * u) for px, py in outline])
    if found is None:
        return
    window, distance = found
    lateral = np.abs(XX[window] - a.centre_x) / h
    border = np.clip((lateral - 0.72 - spread) * 8, 0, 1)
    bones.plate(window, distance, 4.0, (0.05 + 0.06 * border) * u, 1.2, fill=0.5, rim=0.5)
