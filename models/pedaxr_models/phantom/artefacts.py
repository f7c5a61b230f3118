"""What is on the film but not of the child: tubes, leads, shield, marker, collimator. Blind to the label."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pedaxr_models.phantom.anatomy import Anatomy
from pedaxr_models.phantom.chest import Chest
from pedaxr_models.phantom.geometry import XX, YY, Field, Mask, N, coverage, ellipse, spline, tube
from pedaxr_models.phantom.trunk import Trunk


@dataclass(frozen=True)
class Hardware:
    """Attenuation of tubes and leads, and the silhouette of the gastric tube."""

    metal: Field
    gastric_tube: Mask


def build_hardware(a: Anatomy, trunk: Trunk, chest: Chest, rng: np.random.Generator) -> Hardware:
    """Commoner in the young."""
    metal, silhouette = np.zeros((N, N), np.float32), np.zeros((N, N), bool)
    if rng.random() < 0.06 + 0.29 * a.infancy:
        _gastric_tube(a, trunk, chest, metal, silhouette, rng)
    if rng.random() < 0.05 + 0.25 * a.infancy:
        for _ in range(int(rng.integers(1, 4))):
            _lead(a, metal, rng)
    if rng.random() < 0.06 and not a.is_infant:
        y = YY - a.level_y(-4.6 - rng.uniform(-0.4, 0.4))
        metal += 1.8 * coverage(ellipse(XX - a.centre_x, y, 0.33 * a.half_width, 1.1 * a.pitch))
    return Hardware(metal, silhouette)


def _gastric_tube(
    a: Anatomy, trunk: Trunk, chest: Chest, metal: Field, silhouette: Mask, rng: np.random.Generator
) -> None:
    """Down the oesophagus into the stomach."""
    cx, y = a.centre_x, chest.left_dome_y
    points = [
        (cx + rng.uniform(-6, 6), -20),
        (trunk.spine_at(150) + rng.uniform(-8, 8), y - a.pitch),
        (cx + 0.2 * a.half_width, y + a.pitch),
        (cx + rng.uniform(0.1, 0.45) * a.half_width, y + rng.uniform(1.8, 3.2) * a.pitch),
    ]
    t = tube(spline(points, 3.0), 4.0)
    if t is not None:
        metal[t.window] += 0.5 * np.exp(-(((t.distance - 1.2) / 0.8) ** 2))
        silhouette[t.window] |= t.distance < 2.2


def _lead(a: Anatomy, metal: Field, rng: np.random.Generator) -> None:
    """An electrode and its wire."""
    x, y = a.centre_x + rng.uniform(-0.8, 0.8) * a.half_width, rng.uniform(10, 300)
    d = np.hypot(XX - x, YY - y)
    metal += 0.6 * coverage(d - rng.uniform(3, 6)) + 0.25 * coverage(np.abs(d - rng.uniform(9, 13)) - 1.2)
    end = (a.centre_x + rng.uniform(-1.6, 1.6) * a.half_width, rng.uniform(-40, 20))
    t = tube(spline([(x, y), (x + rng.uniform(-60, 60), y - rng.uniform(20, 90)), end], 4.0), 4.0)
    if t is not None:
        metal[t.window] += 0.25 * np.exp(-((t.distance / 0.9) ** 2))


def collimator(half_width: float, centre_x: float, rng: np.random.Generator) -> Field:
    """Exposed field on the finished film, 0..1 (N, N); all ones when the shutters are wide open."""
    if rng.random() > 0.55:
        return np.ones((N, N), np.float32)
    angle = rng.uniform(-0.06, 0.06)
    dx, dy = XX - 256, YY - 256
    x, y = dx * np.cos(angle) + dy * np.sin(angle), -dx * np.sin(angle) + dy * np.cos(angle)
    left = centre_x - 256 - half_width * rng.uniform(1.12, 1.6)
    right = centre_x - 256 + half_width * rng.uniform(1.12, 1.6)
    top, bottom = -rng.uniform(236, 262), rng.uniform(236, 262)
    return coverage(np.maximum(np.maximum(left - x, x - right), np.maximum(top - y, y - bottom)), 1.0)


def draw_marker(film: Field, half_width: float, centre_x: float, rng: np.random.Generator) -> Field:
    """A lead letter beside the child, three films in four."""
    if rng.random() > 0.75:
        return film
    letter = "L" if rng.random() < 0.8 else "R"
    size = int(rng.uniform(16, 34))
    x = (
        centre_x + half_width * rng.uniform(1.0, 1.25)
        if letter == "L"
        else centre_x - half_width * rng.uniform(1.1, 1.35)
    )
    plate = Image.new("L", (N, N))
    place = (float(np.clip(x, 10, N - 36)), rng.uniform(20, 470))
    ImageDraw.Draw(plate).text(place, letter, fill=255, font=ImageFont.load_default(size=size))
    if rng.random() < 0.4:  # tape or a tilted marker
        plate = plate.rotate(rng.uniform(-25, 25), center=(place[0] + size / 3, place[1] + size / 2))
    glyph = np.asarray(plate, np.float32) / 255
    return np.asarray(np.maximum(film, glyph * rng.uniform(0.75, 1.0)), np.float32)
