"""Out-of-distribution pictures: blank, noise, inverted and cropped films, photographs, ultrasound, text."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import Finding, View
from pedaxr_models.phantom.film import make_film
from pedaxr_models.phantom.geometry import XX, YY, Field, N, blur, coverage, ellipse, smoothstep
from pedaxr_models.phantom.noise import fractal, texture, wander
from pedaxr_models.phantom.spec import FilmSpec, sample_severity

Picture = NDArray[np.uint8]

_INVERTED = (Finding.CONSTIPATION, Finding.ABDOMINAL_DISTENSION)
_LINES = (
    "DEPARTMENT OF RADIOLOGY", "Request form", "Examination: chest, ultrasound, other", "Requested by",
    "Please complete in block capitals.", "Previous imaging: none available", "Clinical question",
    "Allergies: none known", "The patient was informed.", "Date and signature", "Ward        Telephone",
    "This page carries no image.", "Return to the front desk.", "Appointment confirmed", "Page 1 of 2",
)  # fmt: skip


def to_picture(grey: Field) -> Picture:
    """Grey values 0..1 as bytes."""
    return np.asarray(np.clip(grey, 0, 1) * 255, np.uint8)


def blank(rng: np.random.Generator) -> Picture:
    """A film that was not exposed, or burnt out: one grey, a slow gradient, hardly any grain."""
    level, grain = rng.uniform(0.02, 0.97), rng.choice([0.0, 0.004, 0.012])
    slope = rng.uniform(-0.08, 0.08, 2)
    grey = level + slope[0] * (XX / N - 0.5) + slope[1] * (YY / N - 0.5)
    return to_picture(grey + grain * texture(rng, 0.7))


def noise(rng: np.random.Generator) -> Picture:
    """White, band-limited or cloudy noise."""
    kind, level = rng.integers(3), rng.uniform(0.3, 0.6)
    if kind == 0:
        field = rng.standard_normal((N, N)).astype(np.float32)
    else:
        field = texture(rng, rng.uniform(2, 12)) if kind == 1 else fractal(rng, rng.uniform(1.0, 1.6))
    return to_picture(level + rng.uniform(0.06, 0.25) * field)


def _film(rng: np.random.Generator, ages: tuple[float, float], findings: tuple[Finding, ...] = ()) -> Picture:
    """A normal film, or one with one of `findings`."""
    number = int(rng.integers(len(findings) + 1))
    severity = ((findings[number], sample_severity(rng)),) if number < len(findings) else ()
    view = View.ERECT if rng.random() < 0.5 else View.SUPINE
    seed = int(rng.integers(2**31))
    return make_film(FilmSpec(seed, 0, view, float(rng.uniform(*ages)), severity)).pixels


def inverted_film(rng: np.random.Generator) -> Picture:
    """An abdominal film printed with bone dark."""
    return np.asarray(255 - _film(rng, (0.5, 190), _INVERTED), np.uint8)


def pelvis_crop(rng: np.random.Generator) -> Picture:
    """The hips of a big child, enlarged: bones, but hardly any abdomen."""
    film = _film(rng, (120, 190))
    side = int(rng.uniform(180, 230))
    left, top = int(256 - side / 2 + rng.uniform(-30, 30)), N - side
    part = film[top : top + side, left : left + side]
    return np.asarray(cv2.resize(part, (N, N), interpolation=cv2.INTER_CUBIC), np.uint8)


def text_page(rng: np.random.Generator) -> Picture:
    """A printed form, photographed or scanned."""
    page = np.full((N, N), 245, np.uint8)
    y, left = int(rng.uniform(28, 60)), int(rng.uniform(20, 60))
    scale = float(rng.uniform(0.42, 0.62))
    while y < N - 24:
        if rng.random() < 0.82:
            line = str(rng.choice(_LINES))
            cv2.putText(
                page, line, (left, y), cv2.FONT_HERSHEY_COMPLEX_SMALL, scale * 1.3, 30, 1, cv2.LINE_AA
            )
        else:
            cv2.line(page, (left, y), (N - left, y), 120, 1)
        y += int(34 * scale * rng.uniform(1.0, 1.7))
    turn = cv2.getRotationMatrix2D((N / 2, N / 2), float(rng.uniform(-4, 4)), 1.0)
    page = np.asarray(cv2.warpAffine(page, turn, (N, N), borderValue=210), np.uint8)
    light = 1 - 0.25 * smoothstep(0, N, XX * rng.uniform(0, 1) + YY * rng.uniform(0, 1))
    return to_picture(blur(page / np.float32(255), 0.6) * light + 0.01 * texture(rng, 0.7))


def photograph(rng: np.random.Generator) -> Picture:
    """A colour picture of hills, trees and a sky, (512, 512, 3)."""
    horizon = rng.uniform(200, 330)
    share = np.clip(YY / horizon, 0, 1)[:, :, None]
    high, low = (
        rng.uniform([0.15, 0.3, 0.6], [0.4, 0.6, 0.95]),
        rng.uniform([0.7, 0.7, 0.7], [1.0, 0.9, 0.95]),
    )
    clouds = smoothstep(0.3, 1.8, blur(fractal(rng, 1.6), 1.5))[:, :, None]
    scene = (high * (1 - share) + low * share) * (1 - 0.7 * clouds) + 0.7 * clouds
    sun = np.exp(-((np.hypot(XX - rng.uniform(60, 450), YY - rng.uniform(40, 150)) / 26) ** 4))[:, :, None]
    scene = scene * (1 - sun) + sun * np.array([1.0, 0.95, 0.8])
    for depth in np.linspace(0, 1, 4):
        ridge = horizon + 45 * depth * 3 + (34 - 12 * depth) * wander(rng, N, 60)[None]
        ground = (
            np.array([0.36, 0.46, 0.50]) * (1 - depth)
            + rng.uniform([0.1, 0.25, 0.05], [0.35, 0.45, 0.2]) * depth
        )
        rough = (1 + (0.08 + 0.22 * depth) * fractal(rng, 1.2))[:, :, None]
        cover = coverage(ridge - YY, 1.5)[:, :, None]
        scene = scene * (1 - cover) + cover * ground * rough
    for _ in range(int(rng.integers(2, 6))):
        _tree(scene, horizon, rng)
    return np.asarray(np.clip(scene + 0.012 * texture(rng, 0.8)[:, :, None], 0, 1) * 255, np.uint8)


def _tree(scene: NDArray[np.floating], horizon: float, rng: np.random.Generator) -> None:
    """A trunk and a crown, in place."""
    x, foot = rng.uniform(20, 490), horizon + rng.uniform(60, 170)
    size = (foot - horizon) * rng.uniform(0.35, 0.55)
    trunk = coverage(
        np.maximum(np.abs(XX - x) - 0.09 * size, np.maximum(foot - 1.6 * size - YY, YY - foot)), 1.0
    )
    crown = coverage(
        ellipse(XX - x, YY - (foot - 1.9 * size), 0.75 * size, size) + 5 * fractal(rng, 1.0), 1.5
    )
    for cover, colour in (
        (trunk, (0.30, 0.20, 0.12)),
        (crown, rng.uniform([0.1, 0.25, 0.05], [0.4, 0.5, 0.2])),
    ):
        shade = (1 - 0.3 * smoothstep(-size, size, XX - x))[:, :, None]
        scene += cover[:, :, None] * (np.asarray(colour) * shade - scene)


def ultrasound(rng: np.random.Generator) -> Picture:
    """A sector scan: speckle, cysts, bright tissue or shadow behind them, a scale of depth."""
    apex_x, apex_y = 256.0, rng.uniform(-40, 20)
    angle, depth = np.arctan2(XX - apex_x, YY - apex_y), np.hypot(XX - apex_x, YY - apex_y)
    half, reach = rng.uniform(0.45, 0.75), rng.uniform(430, 480)
    echo = 0.34 + 0.10 * fractal(rng, 1.5)
    for _ in range(int(rng.integers(2, 5))):
        at, far, size = rng.uniform(-half, half) * 0.7, rng.uniform(0.3, 0.75) * reach, rng.uniform(14, 52)
        inside = ellipse((angle - at) * far, depth - far, size * rng.uniform(0.8, 1.6), size)
        echo = echo * (1 - 0.92 * coverage(inside, 2)) + 0.35 * np.exp(-((inside / 3) ** 2))
        behind = coverage(np.abs(angle - at) - size / far, 0.02) * (depth > far + size)
        echo = echo * (1 + rng.choice([-0.6, 0.35]) * behind)
    speckle = np.hypot(texture(rng, 1.3), texture(rng, 1.3))
    fan = (
        coverage((np.abs(angle) - half) * depth, 1.0)
        * coverage(depth - reach, 1.0)
        * smoothstep(30, 60, depth)
    )
    grey = np.clip(echo * (0.45 + 0.5 * speckle) * (1.15 - 0.5 * depth / reach), 0, 1) * fan
    picture = to_picture(grey)
    for tick in range(40, N, 40):
        cv2.line(picture, (500, tick), (508, tick), 200, 1)
    frequency = f"{rng.uniform(3, 12):.1f}MHz"
    cv2.putText(picture, frequency, (8, 500), cv2.FONT_HERSHEY_PLAIN, 1.0, 200, 1, cv2.LINE_AA)
    return picture
