"""What the gut of one child holds: the only place where a finding changes the anatomy.

Ranges of the findings and of normal overlap by 20 to 30 %, so that no single size gives a label away.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, Finding
from pedaxr_models.phantom.spec import FilmSpec

SEGMENTS = ("ascending", "transverse", "descending", "sigmoid", "rectum")


class Content(StrEnum):
    """What fills a stretch of colon."""

    GAS = "gas"
    STOOL = "stool"
    EMPTY = "empty"


@dataclass(frozen=True)
class GutPlan:
    """Sizes are in lumbar pitches unless named otherwise.

    Attributes:
        stomach_scale: 0.45 (collapsed) to 1.4 (obstructed).
        stomach_level: share of the stomach's height above its fluid, erect films.
        colon_content: per segment, probabilities of gas, stool and nothing in a haustrum.
        loop_count, loop_radius: small bowel; `is_packed` loops fill the belly side by side.
        level_loops: small-bowel loops that hold a gas-fluid level long enough to count.
        widening: share by which the belly is wider.
    """

    stomach_scale: float
    is_obstructed: bool
    stomach_level: float
    stomach_gas: float
    colon_radius: float
    rectum_ratio: float
    colon_content: dict[str, tuple[float, float, float]]
    loop_count: int
    loop_radius: float
    is_packed: bool
    level_loops: int
    widening: float


def plan_gut(spec: FilmSpec) -> GutPlan:
    """Draw the gut of this film from its findings and their severities."""
    rng = spec.rng("gut plan")
    severity = dict(spec.severity)
    values = _quiet_gut(spec, rng)
    for finding, change in _CHANGES.items():
        if finding in severity:
            values.update(change(severity[finding], rng, spec))
    if Finding.AIR_FLUID_LEVEL in severity and Finding.ABDOMINAL_DISTENSION in severity:
        values.update(
            _distended(severity[Finding.ABDOMINAL_DISTENSION], rng, spec), level_loops=int(rng.integers(4, 9))
        )
    return GutPlan(**values)  # type: ignore[arg-type]


def _quiet_gut(spec: FilmSpec, rng: np.random.Generator) -> dict[str, object]:
    """A normal gut; infants swallow air and have much small-bowel gas."""
    infancy = float(np.clip((24 - spec.age_months) / 18, 0, 1))
    dominant = rng.dirichlet((4.0, 2.2, 3.0))
    content = {name: _tilted(dominant, rng) for name in SEGMENTS}
    return {
        "stomach_scale": rng.uniform(0.9, 1.1) if rng.random() < 0.10 else rng.uniform(0.45, 0.82),
        "is_obstructed": False,
        "stomach_level": rng.uniform(0.16, 0.45),
        "stomach_gas": 0.0 if rng.random() < 0.12 else 1.0,
        "colon_radius": rng.uniform(0.30, 0.52),
        "rectum_ratio": rng.uniform(0.95, 1.35),
        "colon_content": content,
        "loop_count": int(rng.integers(3, 9) + round(9 * infancy)),
        "loop_radius": rng.uniform(0.22, 0.36) * (1 + infancy * rng.uniform(0.15, 0.65)),
        "is_packed": False,
        "level_loops": int(rng.integers(0, 3)) if spec.view in HORIZONTAL_BEAM_VIEWS else 0,
        "widening": max(0.0, rng.normal(0, 0.025)),
    }


def _tilted(
    base: np.ndarray[tuple[int], np.dtype[np.float64]], rng: np.random.Generator
) -> tuple[float, float, float]:
    p = base * rng.gamma(2.0, 1.0, 3)
    p /= p.sum()
    return float(p[0]), float(p[1]), float(p[2])


def _obstructed_stomach(s: float, rng: np.random.Generator, spec: FilmSpec) -> dict[str, object]:
    content = {name: _tilted(np.array([0.15, 0.35, 0.5]), rng) for name in SEGMENTS}
    return {
        "stomach_scale": 0.88 + 0.56 * s + rng.uniform(-0.03, 0.03),
        "is_obstructed": True,
        "stomach_level": rng.uniform(0.25, 0.80),
        "stomach_gas": 1.0,
        "colon_radius": rng.uniform(0.22, 0.36),
        "colon_content": content,
        "loop_count": int(rng.integers(0, 9 if s < 0.4 else 5)),
        "loop_radius": rng.uniform(0.22, 0.34),
        "level_loops": 0,
        "widening": rng.uniform(0, 0.08),
    }


def _levels(s: float, rng: np.random.Generator, spec: FilmSpec) -> dict[str, object]:
    count = 3 + round(5 * s + rng.uniform(-0.4, 0.4))
    content = {name: _tilted(np.array([0.25, 0.15, 0.6]), rng) for name in SEGMENTS}
    return {
        "stomach_scale": rng.uniform(0.5, 0.95),
        "stomach_level": rng.uniform(0.25, 0.55),
        "colon_radius": rng.uniform(0.3, 0.5),
        "colon_content": content,
        "loop_count": count + int(rng.integers(1, 4)),
        "loop_radius": 0.50 + 0.28 * s + rng.uniform(-0.05, 0.08),
        "level_loops": count,
        "widening": rng.uniform(0, 0.10),
    }


def _distended(s: float, rng: np.random.Generator, spec: FilmSpec) -> dict[str, object]:
    content = {name: _tilted(np.array([0.65, 0.08, 0.27]), rng) for name in SEGMENTS}
    return {
        "stomach_scale": rng.uniform(0.5, 0.98),
        "stomach_gas": 1.0,
        "colon_radius": rng.uniform(0.42, 0.52) + 0.22 * s,
        "colon_content": content,
        "loop_count": int(12 + 10 * s + rng.integers(0, 3)),
        "loop_radius": 0.52 + 0.36 * s + rng.uniform(-0.04, 0.06),
        "is_packed": True,
        "level_loops": int(rng.integers(0, 3)) if spec.view in HORIZONTAL_BEAM_VIEWS else 0,
        "widening": 0.05 + 0.14 * s + rng.uniform(-0.02, 0.02),
    }


def _loaded_colon(s: float, rng: np.random.Generator, spec: FilmSpec) -> dict[str, object]:
    stool = 0.80 + 0.17 * s
    gas = (1 - stool) * rng.uniform(0.3, 0.8)
    content = dict.fromkeys(SEGMENTS, (gas, stool, 1 - stool - gas))
    changed: dict[str, object] = {
        "colon_radius": 0.46 + 0.26 * s + rng.uniform(-0.03, 0.05),
        "rectum_ratio": 1.15 + 0.65 * s + rng.uniform(-0.1, 0.15),
        "colon_content": content,
    }
    if Finding.ABDOMINAL_DISTENSION not in dict(spec.severity):
        changed["loop_count"] = int(rng.integers(1, 6) + (4 if spec.age_months < 12 else 0))
    return changed


_CHANGES = {
    Finding.PYLORIC_STENOSIS: _obstructed_stomach,
    Finding.AIR_FLUID_LEVEL: _levels,
    Finding.ABDOMINAL_DISTENSION: _distended,
    Finding.CONSTIPATION: _loaded_colon,
}
