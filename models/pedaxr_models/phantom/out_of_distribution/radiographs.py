"""Out-of-distribution radiographs: chest, hand, knee, lateral abdomen, test objects, same physics."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.phantom.body.anatomy import Anatomy, sample_anatomy
from pedaxr_models.phantom.body.bone import BoneMap
from pedaxr_models.phantom.body.chest import build_chest
from pedaxr_models.phantom.body.limbs import long_bone
from pedaxr_models.phantom.body.trunk import build_trunk
from pedaxr_models.phantom.geometry import (
    XX,
    YY,
    Field,
    N,
    blur,
    coverage,
    ellipse,
    half_chord,
    polygon_distance,
    rounded_box,
    smoothstep,
    spline,
    tube,
)
from pedaxr_models.phantom.noise import fractal, texture
from pedaxr_models.phantom.radiography.processing import process
from pedaxr_models.phantom.radiography.projection import Materials, expose

Picture = NDArray[np.uint8]
Point = tuple[float, float]

# Metacarpal base, knuckle, two joints and tip of each finger of a left hand, share of the hand's length.
_FINGERS: tuple[tuple[Point, ...], ...] = (
    ((0.13, 0.66), (0.26, 0.52), (0.33, 0.42), (0.38, 0.34)),
    ((0.06, 0.60), (0.12, 0.36), (0.16, 0.19), (0.18, 0.09), (0.19, 0.02)),
    ((0.00, 0.60), (0.01, 0.34), (0.02, 0.14), (0.02, 0.03), (0.02, -0.05)),
    ((-0.06, 0.61), (-0.09, 0.37), (-0.12, 0.19), (-0.14, 0.08), (-0.15, 0.01)),
    ((-0.11, 0.63), (-0.18, 0.42), (-0.24, 0.28), (-0.27, 0.20), (-0.30, 0.13)),
)
_CARPALS = (
    (0.07, 0.66),
    (0.03, 0.67),
    (-0.02, 0.67),
    (-0.07, 0.68),
    (-0.06, 0.72),
    (0.0, 0.73),
    (0.06, 0.73),
)


def _developed(
    body: Field,
    bones: BoneMap,
    mm_per_px: float,
    rng: np.random.Generator,
    *,
    fat: Field | float = 0.0,
    air: Field | float = 0.0,
    metal: Field | float = 0.0,
    mineral: float = 0.9,
) -> Picture:
    """Path lengths in pixels to a printed picture, as the films are."""
    nothing = np.zeros((N, N), np.float32)
    cortical, trabecular = bones.finished(mineral, 1.0, rng)
    cortical, trabecular = np.minimum(cortical, body), np.minimum(trabecular, body)
    materials = Materials(
        body=np.asarray(body, np.float32),
        fat=np.asarray(nothing + fat, np.float32),
        cortical=cortical,
        trabecular=trabecular,
        gas=nothing,
        lung_air=np.asarray(nothing + air, np.float32),
        stool=nothing,
        metal=np.asarray(nothing + metal, np.float32),
    )
    exposure = expose(materials, mm_per_px, rng)
    anchor = (body > 0.3 * np.percentile(body, 90)) & (materials.lung_air < 1) & (materials.metal < 0.1)
    grey = process(exposure.film, exposure.tissue, anchor, rng)
    return np.asarray(np.clip(grey, 0, 1) * 255, np.uint8)


def _turned(picture: Picture, rng: np.random.Generator, degrees: float, zoom: tuple[float, float]) -> Picture:
    """Laid down a little askew."""
    angle, size = float(rng.uniform(-degrees, degrees)), float(rng.uniform(*zoom))
    matrix = cv2.getRotationMatrix2D((N / 2, N / 2), angle, size)
    turned = cv2.warpAffine(picture, matrix, (N, N), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    if rng.random() < 0.5:
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned, np.uint8)


def _child(rng: np.random.Generator, youngest: float, oldest: float) -> Anatomy:
    return sample_anatomy(float(rng.uniform(youngest, oldest)), rng)


def chest(rng: np.random.Generator) -> Picture:
    """A chest from the neck to just below the diaphragm."""
    a = _child(rng, 1, 150)
    dome = float(rng.uniform(395, 440))
    a = replace(a, pitch=min(a.pitch, 38.0))  # the trunk's profile ends below the canvas
    a = replace(a, l5_y=dome + 7.6 * a.pitch, widening=0.0, fat_ratio=0.8 * a.fat_ratio)
    trunk = build_trunk(a, rng, rng)
    parts = build_chest(a, trunk, rng)
    apex, h = float(rng.uniform(62, 86)), a.half_width
    tips = [ellipse(trunk.x - side * 0.42 * h, YY - apex - 180, 0.52 * h, 180) for side in (-1, 1)]
    cap = coverage(np.where(apex + 180 > YY, np.minimum(*tips), -99), 2.0)
    neck = np.clip(np.abs(trunk.x) - (0.32 * h + 2.2 * np.clip(YY - 6, 0, None)), 0, None)
    body = trunk.thickness * np.exp(-((neck / 30) ** 2))
    bones = BoneMap()
    _thoracic_cage(a, trunk.spine_x, apex, dome, bones, rng)
    return _turned(
        _developed(body, bones, a.mm_per_px, rng, fat=trunk.fat, air=parts.air * cap), rng, 2.5, (1.02, 1.12)
    )


def _thoracic_cage(
    a: Anatomy, spine_x: Field, apex: float, dome: float, bones: BoneMap, rng: np.random.Generator
) -> None:
    """Vertebrae, twelve pairs of ribs and the clavicles."""
    h, pitch = a.half_width, (dome - apex) / 9.2
    for k in range(-1, 13):
        y = apex + (k - 0.4) * pitch
        x = float(spine_x[int(np.clip(y, 0, N - 1))])
        distance = rounded_box(XX - x, YY - y, 0.115 * h, 0.36 * pitch, 4)
        bones.plate((slice(0, N), slice(0, N)), distance, 7, 0.2 * h, 1.2, fill=0.3, rim=0.3)
    slope = float(rng.uniform(0.8, 1.25))
    for k in range(12):
        for side in (-1, 1):
            _chest_rib(a, side, apex + (k - 0.25) * pitch, k, pitch * slope, bones, rng)
    for side in (-1, 1):
        inner = (a.centre_x + side * 0.10 * h, apex + 0.75 * pitch + rng.uniform(-4, 4))
        outer = (a.centre_x + side * 0.95 * h, apex - 0.1 * pitch + rng.uniform(-8, 8))
        bend = ((inner[0] + outer[0]) / 2, (inner[1] + outer[1]) / 2 - 0.15 * pitch)
        bones.tube(spline([inner, bend, outer], 3.0), 0.06 * h, 1.6, strength=0.9)


def _chest_rib(
    a: Anatomy, side: int, y0: float, number: int, drop: float, bones: BoneMap, rng: np.random.Generator
) -> None:
    """From the spine round to the front; the upper ribs turn in a narrow ring."""
    theta = np.linspace(0.1, np.pi * (0.78 if number < 9 else 0.78 - 0.14 * (number - 8)), 40)
    reach = (0.86 * a.half_width) * float(np.interp(number, (0, 1, 3, 6, 11), (0.42, 0.60, 0.84, 0.97, 1.0)))
    fall = drop * (
        0.3 + 1.15 * np.sin(np.minimum(theta, np.pi / 2)) ** 1.5 + 1.2 * np.clip(theta - np.pi / 2, 0, None)
    )
    path = np.stack([a.centre_x + side * np.sin(theta) * reach, y0 + fall + rng.normal(0, 0.04) * drop], 1)
    strength = np.clip(1.25 - 0.45 * np.clip(theta - np.pi / 2, 0, None), 0.3, None)
    bones.tube(
        path.astype(np.float32),
        a.rib_half_height_mm / a.mm_per_px,
        1.2,
        depth=0.6,
        strength=strength.astype(np.float32),
    )


def hand(rng: np.random.Generator) -> Picture:
    """A left or right hand with the wrist."""
    length = float(rng.uniform(440, 520))
    jitter = rng.normal(0, 0.008, 5)

    def place(points: tuple[Point, ...], own: float = 0.0) -> list[Point]:
        return [(256 + (x + own * (0.7 - y)) * length, 60 + y * length) for x, y in points]

    body, bones = np.zeros((N, N), np.float32), BoneMap()
    fingers = [place(points, own) for points, own in zip(_FINGERS, jitter, strict=True)]
    for points in fingers:
        _flesh(body, points, 0.043 * length)
        for number, (low, high) in enumerate(pairwise(points)):
            _phalanx(bones, low, high, (0.021 - 0.0028 * number) * length)
    palm = polygon_distance(
        place(((0.2, 0.56), (0.14, 0.34), (-0.2, 0.42), (-0.17, 0.7), (0.0, 0.74), (0.12, 0.72)))
    )
    if palm is not None:
        window, distance = palm
        body[window] = np.maximum(body[window], 2 * half_chord(distance, 0.06 * length))
    _flesh(body, place(((0.0, 0.6), (0.0, 1.1))), 0.125 * length)
    for x, y in place(_CARPALS):
        bones.plate(
            (slice(0, N), slice(0, N)), ellipse(XX - x, YY - y, 0.026 * length, 0.024 * length), 6, 12, 1.2
        )
    for x, width in ((0.045, 0.033), (-0.07, 0.024)):
        _phalanx(
            bones,
            (256 + x * length, 60 + 0.775 * length),
            (256 + x * length, 62 + 1.2 * length),
            width * length,
        )
    return _turned(_developed(blur(body, 2.0), bones, 0.30, rng, fat=0.15 * body), rng, 14, (0.82, 1.0))


def _phalanx(bones: BoneMap, low: Point, high: Point, radius: float) -> None:
    """A short tube, wider at both ends, with room for the joints."""
    start, end = np.asarray(low), np.asarray(high)
    line = spline([start + 0.06 * (end - start), end - 0.05 * (end - start)], 3.0)
    place = np.linspace(0, 1, len(line))
    flare = 0.78 + 0.42 * np.exp(-place / 0.14) + 0.3 * np.exp(-(1 - place) / 0.12)
    long_bone(bones, line, np.asarray(radius * flare, np.float32))


def _flesh(body: Field, points: list[Point], radius: float) -> None:
    """Soft tissue round a line, in place."""
    t = tube(spline(points, 4.0), radius)
    if t is not None:
        thickness = 2 * np.sqrt(np.maximum(radius**2 - t.distance**2, 0))
        body[t.window] = np.maximum(body[t.window], thickness)


def knee(rng: np.random.Generator) -> Picture:
    """A knee from the front: thigh and shin bones, growth plates, kneecap."""
    x, joint, size = 256 + rng.uniform(-15, 15), 256 + rng.uniform(-25, 25), float(rng.uniform(0.9, 1.15))
    body, bones = np.zeros((N, N), np.float32), BoneMap()
    _flesh(body, [(x + 8, -80.0), (x, joint - 60)], 122 * size)
    _flesh(body, [(x, joint - 60), (x - 4, joint + 90)], 100 * size)
    _flesh(body, [(x - 4, joint + 90), (x - 6, 600.0)], 104 * size)
    body = blur(body, 9)
    for end, far, side in ((joint - 48 * size, -60.0, -1), (joint + 44 * size, 580.0, 1)):
        line = spline([(x, end), (x + 4, far)], 4.0)
        place = np.arange(len(line)) * 4.0
        long_bone(bones, line, np.asarray(size * (26 + 38 * np.exp(-place / 42)), np.float32))
        epiphysis = rounded_box(XX - x, YY - (end - side * 22 * size), 66 * size, 14 * size, 13 * size)
        bones.plate((slice(0, N), slice(0, N)), epiphysis, 14, 34 * size, 1.6, fill=0.45, rim=0.4)
    fibula = spline([(x - 62 * size, joint + 82 * size), (x - 66 * size, 580.0)], 4.0)
    head = 6 * np.exp(-np.arange(len(fibula)) / 5)
    long_bone(bones, fibula, np.asarray(size * (10 + head), np.float32))
    patella = ellipse(XX - x - 4, YY - (joint - 52 * size), 30 * size, 28 * size)
    bones.plate((slice(0, N), slice(0, N)), patella, 16, 9, 1.2, fill=0.4, rim=0.25)
    return _turned(_developed(body, bones, 0.28, rng, fat=0.2 * body), rng, 7, (0.9, 1.15))


def lateral_abdomen(rng: np.random.Generator) -> Picture:
    """A trunk from the side: spine behind, dome above, gas in front, hip bones overlapping below."""
    a = _child(rng, 2, 150)
    half = 0.78 * a.half_width * (1 + 0.12 * np.sin((YY[:, :1] - 60) / 150))
    x = XX - 256 + 0.06 * (YY - 256) * rng.uniform(-1, 1)
    belly = 1 + 0.16 * np.exp(-(((YY - 280) / 120) ** 2)) * (x < 0)
    body = 1.7 * a.half_width * np.maximum(1 - (np.abs(x) / (half * belly)) ** 3, 0) ** 0.4
    bones, hip = BoneMap(), 330 + rng.uniform(-20, 20)
    _lateral_spine(a, half, bones, hip)
    _lateral_hips(a, bones, hip)
    dome = 105 + rng.uniform(-20, 20) + 120 * np.clip(x / half, -1, 1) ** 2 + 40 * (x / half)
    air = body * 0.55 * smoothstep(0, 40, dome - YY) * (0.9 + 0.06 * fractal(rng, 1.3))
    gas = np.zeros((N, N), np.float32)
    for _ in range(int(rng.integers(10, 18))):
        gx, gy, r = (
            256 + rng.uniform(-0.85, 0.1) * float(half.mean()),
            rng.uniform(170, 420),
            rng.uniform(9, 24),
        )
        round_ = ellipse(XX - gx, YY - gy, r * rng.uniform(0.9, 1.8), r)
        gas = np.maximum(gas, rng.uniform(0.8, 1.8) * half_chord(round_, r))
    fat = 0.12 * body * (1 + 0.1 * texture(rng, 2.2))
    return _turned(_developed(body, bones, a.mm_per_px, rng, fat=fat, air=air + gas), rng, 4, (1.02, 1.15))


def _lateral_spine(a: Anatomy, half: Field, bones: BoneMap, hip: float) -> None:
    """Bodies in front, the arches and spines behind them."""
    everywhere = (slice(0, N), slice(0, N))
    for k in range(-2, 12):
        y = hip - 10 - k * a.pitch
        if not -40 < y < N + 40:
            continue
        row = float(half[int(np.clip(y, 0, N - 1)), 0])
        x = 256 + 0.60 * row - 9 * np.sin((y - hip) / 70) + (20 if k < 0 else 0)
        size = a.body_width * a.pitch / 2 * 0.86
        box = rounded_box(XX - x, YY - y, size, 0.36 * a.pitch, 5)
        bones.plate(everywhere, box, 6, 2.0 * a.pitch, 1.4, fill=0.34, rim=0.3)
        spine = [(x + size, y - 2), (x + 1.7 * size, y + 8), (x + 2.3 * size, y + 0.5 * a.pitch)]
        bones.tube(spline(spine, 3.0), 0.13 * a.pitch, 1.2, strength=2.0)


def _lateral_hips(a: Anatomy, bones: BoneMap, hip: float) -> None:
    """Both iliac wings one over the other, and the upper femora."""
    v = 0.8 * a.pelvis_half_width
    for shift in (-5, 6):
        wing = [
            (0.55, -0.35),
            (0.1, -0.5),
            (-0.35, -0.25),
            (-0.30, 0.15),
            (0.0, 0.45),
            (0.35, 0.4),
            (0.5, 0.1),
        ]
        found = polygon_distance(
            [(256 + 0.2 * v + shift + px * v, hip + 35 + shift + py * v) for px, py in wing]
        )
        if found is not None:
            bones.plate(*found, 6, 0.22 * v, 1.4, fill=0.5, rim=0.4)
        line = spline([(256 + shift, hip + 0.55 * v), (256 - 0.15 * v + shift, 600.0)], 4.0)
        long_bone(bones, line, np.full(len(line), 0.13 * v, np.float32))


def water_phantom(rng: np.random.Generator) -> Picture:
    """A water-filled body shape with rods and a spine-like bar: no gut at all."""
    half, tall = rng.uniform(150, 200), rng.uniform(200, 250)
    distance = rounded_box(XX - 256, YY - 256, half, tall, rng.uniform(30, half * 0.9))
    body = 2 * half_chord(distance, 0.5 * half)
    bones = BoneMap()
    for offset, radius in ((0.0, rng.uniform(16, 24)), (0.55, 9.0), (-0.55, 9.0)):
        line = spline([(256 + offset * half, 256 - 0.9 * tall), (256 + offset * half, 256 + 0.9 * tall)], 4.0)
        bones.tube(line, radius, 2.0, strength=0.7)
    fat = np.zeros((N, N), np.float32)
    for x in (-0.3, 0.3):
        for y in np.linspace(-0.7, 0.7, int(rng.integers(3, 6))):
            insert = ellipse(XX - 256 - x * half, YY - 256 - y * tall, 17, 17)
            fat += rng.uniform(-30, 45) * coverage(insert, 1)
    return _turned(_developed(body, bones, 0.5, rng, fat=np.clip(fat, 0, None)), rng, 3, (0.9, 1.1))


def step_wedge(rng: np.random.Generator) -> Picture:
    """A stair of plastic with a line-pair grille and a lead ruler, on nothing."""
    steps, left, right = int(rng.integers(7, 14)), 256 - rng.uniform(60, 110), 256 + rng.uniform(60, 110)
    top, bottom = rng.uniform(25, 60), rng.uniform(450, 488)
    stair = np.ceil(np.clip((YY - top) / (bottom - top), 0, 1) * steps) / steps
    inside = coverage(np.maximum(np.maximum(left - XX, XX - right), np.maximum(top - YY, YY - bottom)), 0.8)
    metal = np.zeros((N, N), np.float32)
    grille = int(right + rng.uniform(25, 50))
    for k in range(6):
        rows = slice(60 + 60 * k, 100 + 60 * k)
        bars = np.sin(2 * np.pi * (XX[rows] - grille) / (14 - 2 * k)) > 0
        metal[rows, grille : grille + 70] += bars[:, grille : grille + 70]
    ruler = max(2, int(left) - 60)
    for y in range(10, N - 10, 20):
        metal[y : y + 2, ruler : ruler + (34 if y % 100 == 10 else 20)] += 1.5
    body = 12 + 260 * stair * inside
    return _turned(_developed(body, BoneMap(), 0.5, rng, metal=metal), rng, 3, (0.95, 1.1))
