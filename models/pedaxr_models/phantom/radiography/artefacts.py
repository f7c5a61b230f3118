"""On the film but not of the child: tubes, leads, shield, clothes, shutters, grid. Blind to the label."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.chest import Chest
from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import (
    ROWS,
    XX,
    YY,
    Field,
    Mask,
    N,
    coverage,
    ellipse,
    rounded_box,
    smoothstep,
    spline,
    tube,
    window_of,
)
from pedaxr_models.phantom.noise import wander
from pedaxr_models.phantom.ranges import STANDARD, Ranges, draw, draw_either_way

_CORD_MONTHS = 0.5  # the clamped stump falls off in the second week


@dataclass(frozen=True)
class Hardware:
    """Attenuation of tubes and leads, and the silhouette of the gastric tube."""

    metal: Field
    gastric_tube: Mask


def build_hardware(a: Anatomy, trunk: Trunk, chest: Chest, rng: np.random.Generator) -> Hardware:
    """Tubes and leads are commoner in the young, fastenings in the older."""
    metal, silhouette = np.zeros((N, N), np.float32), np.zeros((N, N), bool)
    if rng.random() < 0.06 + 0.29 * a.infancy:
        _gastric_tube(a, trunk, chest, metal, silhouette, rng)
    if rng.random() < 0.05 + 0.25 * a.infancy:
        _leads(a, metal, rng)
    if a.age_months < _CORD_MONTHS:
        _cord(a, trunk, metal, rng)
    if rng.random() < 0.06 and not a.is_infant:
        _shield(a, metal, rng)
    if rng.random() < 0.10 + 0.35 * a.infancy:
        _waistband(a, trunk, metal, rng)
    if rng.random() < 0.05:
        _button(a, metal, rng)
    return Hardware(metal, silhouette)


def _gastric_tube(
    a: Anatomy, trunk: Trunk, chest: Chest, metal: Field, silhouette: Mask, rng: np.random.Generator
) -> None:
    """Down the oesophagus into the stomach; now and then it stops short or coils towards the pylorus."""
    cx, y = a.centre_x, chest.left_dome_y
    points = [
        (cx + rng.uniform(-6, 6), -20),
        (trunk.spine_at(150) + rng.uniform(-8, 8), y - a.pitch),
        (cx + 0.2 * a.half_width, y + a.pitch),
        (cx + rng.uniform(0.1, 0.45) * a.half_width, y + rng.uniform(1.8, 3.2) * a.pitch),
    ]
    if rng.random() < 0.2:
        points.append((cx + rng.uniform(-0.15, 0.15) * a.half_width, y + rng.uniform(3.2, 4.0) * a.pitch))
    t = tube(spline(points, 3.0), 4.0)
    if t is None:
        return
    size, opacity = rng.uniform(0.9, 1.7), rng.uniform(0.22, 0.5)
    if rng.random() < 0.5:  # two walls, or one opaque stripe
        line = np.exp(-(((t.distance - size) / 0.75) ** 2))
    else:
        line = np.exp(-((t.distance / (0.7 * size)) ** 2))
    metal[t.window] += opacity * line
    silhouette[t.window] |= t.distance < 2.2


def _leads(a: Anatomy, metal: Field, rng: np.random.Generator) -> None:
    """Electrodes, one make per child, with their wires."""
    ring, disc = rng.uniform(8, 13), rng.uniform(2.5, 5.5)
    faint, wire = rng.uniform(0.06, 0.3), rng.uniform(0.6, 1.1)
    for _ in range(int(rng.integers(1, 4))):
        x, y = a.centre_x + rng.uniform(-0.85, 0.85) * a.half_width, rng.uniform(8, 300)
        window = window_of(x - 16, x + 16, y - 16, y + 16)
        if window is not None:
            d = np.hypot(XX[window] - x, YY[window] - y)
            rim = coverage(np.abs(d - ring) - 1.2) if ring > 10.5 else 0.4 * coverage(d - ring)
            centre = coverage(d - disc) * (1 - 0.5 * coverage(d - 0.4 * disc))
            metal[window] += faint * rim + 0.6 * centre
        end = (a.centre_x + rng.uniform(-1.6, 1.6) * a.half_width, rng.uniform(-40, 20))
        knot = (x + rng.uniform(-60, 60), y - rng.uniform(20, 90))
        t = tube(spline([(x, y), knot, end], 4.0), 4.0)
        if t is not None:
            metal[t.window] += rng.uniform(0.15, 0.3) * np.exp(-((t.distance / wire) ** 2))


def _cord(a: Anatomy, trunk: Trunk, metal: Field, rng: np.random.Generator) -> None:
    """The newborn's cord clamp, and in a few a venous or an arterial line through the navel."""
    navel = (trunk.spine_at(a.level_y(0.6)) + rng.uniform(-6, 6), a.level_y(0.6 + rng.uniform(-0.4, 0.4)))
    if rng.random() < 0.55:
        _clamp(navel, a, metal, rng)
    if rng.random() < 0.2:
        spine = trunk.spine_at(a.level_y(5))
        vein = [navel, (spine - 0.12 * a.half_width, a.level_y(4)), (spine - 4, a.level_y(7.6))]
        artery = [
            navel,
            (navel[0] + 0.22 * a.half_width, a.level_y(-2.4)),
            (spine + 9, a.level_y(-0.6)),
            (spine + 7, a.level_y(5 + rng.uniform(0, 3))),
        ]
        t = tube(spline(vein if rng.random() < 0.5 else artery, 3.0), 3.0)
        if t is not None:
            metal[t.window] += 0.3 * np.exp(-((t.distance / 1.1) ** 2))


def _clamp(navel: tuple[float, float], a: Anatomy, metal: Field, rng: np.random.Generator) -> None:
    turn, length, thick = rng.uniform(-1.2, 1.2), 22 / a.mm_per_px, 2.6 / a.mm_per_px
    shift = rng.uniform(-12, 12)
    dx, dy = XX - navel[0] - shift, YY - navel[1]
    x, y = np.cos(turn) * dx + np.sin(turn) * dy, -np.sin(turn) * dx + np.cos(turn) * dy
    for arm in (-1, 1):
        body = coverage(rounded_box(x, y - arm * 1.25 * thick, length, thick, 2.0), 0.8)
        teeth = 0.75 + 0.25 * np.sign(np.sin(x * 1.3)) * (np.abs(x) < 0.75 * length)
        metal += 0.20 * body * teeth
    metal += 0.26 * coverage(np.abs(np.hypot(x + length, y) - 1.6 * thick) - 0.6 * thick, 0.8)


def _shield(a: Anatomy, metal: Field, rng: np.random.Generator) -> None:
    """Lead over the gonads: an apron, or a heart-shaped plate."""
    x, y = XX - a.centre_x - rng.uniform(-8, 8), YY - a.level_y(-4.6 - rng.uniform(-0.4, 0.4))
    width, height = 0.33 * a.half_width, 1.1 * a.pitch
    if rng.random() < 0.5:
        distance = ellipse(x, y, width, height)
    else:
        distance = ellipse(x, y + 0.55 * np.abs(x) + 0.1 * height, width * 1.1, height * 0.85)
    metal += 1.8 * coverage(distance)


def _waistband(a: Anatomy, trunk: Trunk, metal: Field, rng: np.random.Generator) -> None:
    """The edge of a nappy or an elastic waistband: faint lines that sag and ripple across the belly."""
    row = a.level_y(rng.uniform(-2.0, -0.3) if a.is_infant else rng.uniform(-1.0, 1.2))
    sag = rng.uniform(-0.5, 0.7) * a.pitch * (1 - (trunk.x / a.half_width) ** 2)
    edge = row + sag + 2.5 * wander(rng, N, 18)[None]
    inside = coverage(np.abs(trunk.x) - trunk.half_width, 2.0)
    strength = rng.uniform(0.012, 0.035)
    for k in range(int(rng.integers(1, 4))):
        metal += strength * np.exp(-(((YY - edge - 3.5 * k) / 1.0) ** 2)) * inside
    if a.is_infant:  # padding below the edge
        folds = 0.6 + 0.4 * np.sin((YY - edge) / 5 + 3 * wander(rng, N, 30)[None])
        metal += 0.4 * strength * folds * smoothstep(0, 3, YY - edge) * inside


def _button(a: Anatomy, metal: Field, rng: np.random.Generator) -> None:
    """A button or press stud left on."""
    radius = rng.uniform(3.2, 5.0) / a.mm_per_px
    cx, cy = a.centre_x + rng.normal(0, 0.12) * a.half_width, a.level_y(rng.uniform(-2.5, 8.0))
    window = window_of(cx - 2 * radius, cx + 2 * radius, cy - 2 * radius, cy + 2 * radius)
    if window is None:
        return
    d = np.hypot(XX[window] - cx, YY[window] - cy)
    face = coverage(d - radius) * rng.uniform(0.08, 0.5)
    face += 0.15 * coverage(np.abs(d - 0.85 * radius) - 0.8)
    for angle in np.arange(4) * np.pi / 2 + rng.uniform(0, 1.5):
        x, y = cx + 0.32 * radius * np.cos(angle), cy + 0.32 * radius * np.sin(angle)
        face *= 1 - coverage(np.hypot(XX[window] - x, YY[window] - y) - 0.14 * radius)
    metal[window] += face


def collimator(
    half_width: float,
    centre_x: float,
    rng: np.random.Generator,
    r: Ranges = STANDARD,
    reach: float = N,
) -> Field:
    """Exposed field on the finished film, 0..1 (N, N); all ones when the shutters are wide open.

    `reach` limits, in rows from the middle, how far they open.
    """
    if rng.random() > r.shutter_share and reach > N / 2:
        return np.ones((N, N), np.float32)
    angle = draw_either_way(rng, r.shutter_angle)
    dx, dy = XX[:1] - 256, ROWS - 256
    x, y = dx * np.cos(angle) + dy * np.sin(angle), -dx * np.sin(angle) + dy * np.cos(angle)
    left = centre_x - 256 - half_width * draw(rng, r.side_margin)
    right = centre_x - 256 + half_width * draw(rng, r.side_margin)
    top, bottom = -min(draw(rng, r.end_margin), reach), min(draw(rng, r.end_margin), reach)
    outside = np.maximum(np.maximum(left - x, x - right), np.maximum(top - y, y - bottom))
    return coverage(outside, draw(rng, r.penumbra_px))


def add_grid(log_exposure: Field, rng: np.random.Generator) -> Field:
    """On one film in eight the lines of an anti-scatter grid, beating faintly with the pixels."""
    if rng.random() > 0.12:
        return log_exposure
    period, angle = rng.uniform(2.3, 5.0), rng.normal(0, 0.01) + (np.pi / 2 if rng.random() < 0.3 else 0.0)
    phase = (XX * np.cos(angle) + YY * np.sin(angle)) * 2 * np.pi / period
    return np.asarray(log_exposure + rng.uniform(0.003, 0.008) * np.sin(phase), np.float32)
