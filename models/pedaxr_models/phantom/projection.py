"""X-ray physics: three energies, attenuation along the beam, scatter, blur and quantum noise."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.phantom.geometry import Field, blur

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


def expose(m: Materials, mm_per_px: float, rng: np.random.Generator) -> Field:
    """Log exposure -log(I) of one film, bone bright, before processing."""
    cm = mm_per_px / 10
    soft = np.clip(m.body - m.fat - m.cortical - m.trabecular - m.gas - m.lung_air, 0, None)
    primary = np.zeros_like(m.body)
    for _, weight, mu_soft, mu_fat, mu_bone in _SPECTRUM:
        mu_trabecular = mu_soft * 1.12 + (mu_bone - mu_soft) * 0.18
        depth = mu_soft * (soft + 0.06 * np.minimum(m.stool, 14)) + mu_fat * m.fat
        depth = depth + mu_bone * m.cortical + mu_trabecular * m.trabecular
        primary += weight * np.exp(-cm * depth)
    primary *= np.exp(-1.2 * m.metal)
    scatter = 0.23 * blur(primary, 56) + 0.14 * blur(np.clip(primary, 0, 0.5), 24)
    intensity = blur(primary + rng.uniform(0.25, 0.7) * scatter, rng.uniform(0.45, 0.8))
    typical = float(np.median(intensity[m.body > 0.5 * np.percentile(m.body, 90)]))
    quanta = float(np.exp(rng.uniform(np.log(4e3), np.log(4e4)))) / typical
    counts = intensity * quanta
    counts += np.sqrt(np.maximum(counts, 1)) * rng.standard_normal(counts.shape, np.float32)
    counts = blur(np.maximum(counts, 1).astype(np.float32), 0.35)
    return np.asarray(-np.log(np.maximum(counts / quanta, 1e-5)), np.float32)
