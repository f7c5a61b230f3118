"""X-ray physics: three energies, attenuation along the beam, scatter, blur and quantum noise."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import cv2
import numpy as np

from pedaxr_models.phantom.geometry import Field, N, blur
from pedaxr_models.phantom.ranges import STANDARD, Bands, Ranges, draw

# keV, weight, soft tissue, adipose, cortical bone (1/cm): ICRU-44 mass attenuation x density 1.06 / 0.95 /
# 1.92, from memory and interpolated.
_SPECTRUM = (
    (40, 0.30, 0.2849, 0.2276, 1.278),
    (55, 0.42, 0.2285, 0.1850, 0.690),
    (75, 0.28, 0.1985, 0.1740, 0.455),
)


@dataclass(frozen=True)
class Materials:
    """Path lengths in pixels along the beam, (N, N) each; `metal` is an attenuation in nepers / 1.2."""

    body: Field
    fat: Field
    cortical: Field
    trabecular: Field
    gas: Field
    lung_air: Field
    stool: Field
    metal: Field


class Exposure(NamedTuple):
    """Log exposures -log(I), (N, N), bone bright: of the film, and of the child's tissue alone.

    `tissue` leaves out gut gas, stool, metal and noise: what is read off it depends on no finding.
    """

    film: Field
    tissue: Field


def expose(m: Materials, mm_per_px: float, rng: np.random.Generator, r: Ranges = STANDARD) -> Exposure:
    """One film before processing; its dose is set for the tissue, as if no gas lay in the way."""
    cm = mm_per_px / 10
    primary = _primary(m, cm) * np.exp(-1.2 * m.metal)
    share = draw(rng, r.scatter)
    scatter = 0.23 * blur(primary, 56) + 0.14 * blur(np.clip(primary, 0, 0.5), 24)
    intensity = blur(primary + share * scatter, draw(rng, r.blur_px))
    tissue = _tissue_intensity(m, cm, share)
    typical = float(np.median(tissue[m.body > 0.5 * np.percentile(m.body[::4, ::4], 90)]))
    if rng.random() < 0.12:
        intensity = _moved(intensity, draw(rng, r.motion_px), rng)
    quanta = _log_uniform(rng, r.quanta) / typical
    counts = intensity * quanta
    counts += np.sqrt(np.maximum(counts, 1)) * rng.standard_normal(counts.shape, np.float32)
    counts = blur(np.maximum(counts, 1).astype(np.float32), 0.35)
    film = -np.log(np.maximum(counts / quanta, 1e-5))
    return Exposure(np.asarray(film, np.float32), np.asarray(-np.log(np.maximum(tissue, 1e-5)), np.float32))


def _primary(m: Materials, cm: float) -> Field:
    """Unscattered share of the beam behind the tissue; `cm` per pixel."""
    soft = np.clip(m.body - m.fat - m.cortical - m.trabecular - m.gas - m.lung_air, 0, None)
    primary = np.zeros_like(m.body)
    for _, weight, mu_soft, mu_fat, mu_bone in _SPECTRUM:
        mu_trabecular = mu_soft * 1.12 + (mu_bone - mu_soft) * 0.18
        depth = mu_soft * (soft + 0.07 * np.minimum(m.stool, 24)) + mu_fat * m.fat
        depth = depth + mu_bone * m.cortical + mu_trabecular * m.trabecular
        primary += weight * np.exp(-cm * depth)
    return primary


def _tissue_intensity(m: Materials, cm: float, share: float) -> Field:
    """Intensity with scatter behind the child without gut gas, stool and metal; made at quarter size."""
    none = np.zeros((N // 4, N // 4), np.float32)
    small = {f.name: getattr(m, f.name)[2::4, 2::4] for f in fields(m)}
    primary = _primary(Materials(**(small | {"gas": none, "stool": none, "metal": none})), cm)
    scatter = 0.23 * cv2.GaussianBlur(primary, (0, 0), 14) + 0.14 * cv2.GaussianBlur(
        np.clip(primary, 0, 0.5), (0, 0), 6
    )
    return np.asarray(
        cv2.resize(primary + share * scatter, (N, N), interpolation=cv2.INTER_LINEAR), np.float32
    )


def _log_uniform(rng: np.random.Generator, bands: Bands) -> float:
    logs = tuple((float(np.log(low)), float(np.log(high))) for low, high in bands)
    return float(np.exp(draw(rng, logs)))


def _moved(intensity: Field, length: float, rng: np.random.Generator) -> Field:
    """The child breathed or kicked: a short smear, mostly along the body."""
    sway = rng.normal(0, 0.4)
    steps = np.linspace(-0.5, 0.5, 3) * length
    shifts = [np.array([[1, 0, sway * s], [0, 1, s]]) for s in steps]
    copies = [cv2.warpAffine(intensity, m, (N, N), borderMode=cv2.BORDER_REPLICATE) for m in shifts]
    return np.asarray(np.mean(copies, 0), np.float32)
