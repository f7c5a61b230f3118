"""One film from a CT: drawn pose, size and exposure; pixels, outlines and what is known of findings."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import Finding, Structure, View
from pedaxr_models.phantom.body.anatomy import sample_anatomy
from pedaxr_models.phantom.from_ct.project import Beam, Projection, project
from pedaxr_models.phantom.from_ct.volume import Volume
from pedaxr_models.phantom.geometry import Field, Mask, N
from pedaxr_models.phantom.radiography.artefacts import add_grid, collimator
from pedaxr_models.phantom.radiography.markers import draw_markers
from pedaxr_models.phantom.radiography.processing import process
from pedaxr_models.phantom.radiography.projection import expose
from pedaxr_models.phantom.ranges import STANDARD, draw

_STRAY_PX = 60  # of gas outside lungs and gut on a film: more may be free air


@dataclass(frozen=True)
class CtFilm:
    """A film projected from a CT.

    Attributes:
        pixels: (512, 512) uint8, bone bright.
        pixel_spacing_mm: row, column, at the middle of the body.
        masks: channels that are known, (512, 512) bool.
        regions: `body`, `abdominal_cavity`, `bowel_gas`, (512, 512) bool.
        findings: per finding absent or uncertain: masks of organs tell no more.
        age_months: of the child whose size the trunk was given; None for the size that it has.
    """

    pixels: NDArray[np.uint8]
    pixel_spacing_mm: tuple[float, float]
    masks: dict[Structure, Mask]
    regions: dict[str, Mask]
    findings: dict[Finding, str]
    view: View
    age_months: float | None


def film_from_ct(
    ct: Volume, labels: Volume, rng: np.random.Generator, *, age_months: float | None = None
) -> CtFilm:
    """A supine film, as a CT is taken lying.

    Args:
        ct: Hounsfield units.
        labels: class numbers of `anatomy.CLASSES`, same size.
        rng: equal states give equal films.
        age_months: give the trunk the width of a child of this age, and bone its mineral; None keeps both.

    Raises:
        ValueError: CT and labels differ in size, or the CT shows no body.
    """
    beam = _beam(ct, rng)
    seen = project(ct, labels, beam)
    if seen.regions["body"].sum() < 0.05 * N * N:
        raise ValueError("The CT shows no body. Is it in Hounsfield units, and a CT of a trunk?")
    mm, mineral = beam.mm_per_px, 1.0
    if age_months is not None:
        child = sample_anatomy(age_months, rng)
        width = float(np.median(np.sort(seen.regions["body"].sum(1))[-200:]))
        mm = child.mm_per_px * 2 * child.half_width / width
        # A child's bones are less dense than a shrunken adult's, and broader for their length.
        mineral = (0.62 + 0.38 * child.ossification) * (beam.mm_per_px / mm) ** 0.6
    field = _field(seen, rng)
    exposed = (field > 0.5) & seen.covered
    stray = int((seen.regions["stray_gas"] & exposed).sum())
    return CtFilm(
        pixels=_pixels(seen, field, mm, mineral, rng),
        pixel_spacing_mm=(mm, mm),
        masks={channel: mask & exposed for channel, mask in seen.masks.items()},
        regions={name: seen.regions[name] & exposed for name in ("body", "abdominal_cavity", "bowel_gas")},
        findings=_findings(stray),
        view=View.SUPINE,
        age_months=age_months,
    )


def _findings(stray_px: int) -> dict[Finding, str]:
    """Levels need a horizontal beam; free air is absent where all gas lies in lungs or gut."""
    said = dict.fromkeys(Finding, "uncertain")
    said[Finding.AIR_FLUID_LEVEL] = "absent"
    said[Finding.PNEUMOPERITONEUM] = "absent" if stray_px < _STRAY_PX else "uncertain"
    return said


def _beam(ct: Volume, rng: np.random.Generator) -> Beam:
    """The volume fills the film, a little more or less; nobody lies quite straight."""
    (nx, _, nz), (dx, _, dz) = ct.voxels.shape, ct.spacing_mm
    largest = max(nx * dx, nz * dz)
    return Beam(
        mm_per_px=largest / N * rng.uniform(0.86, 1.02),
        angle=float(np.radians(rng.normal(0, 2.0))),
        turn=float(np.radians(rng.normal(0, 3.0))),
        tilt=float(np.radians(rng.normal(0, 2.5))),
        shift=(float(rng.normal(0, 8)), float(rng.normal(0, 6))),
    )


def _field(seen: Projection, rng: np.random.Generator) -> Field:
    """Shutters, never wider than what the CT covers."""
    columns = np.flatnonzero(seen.regions["body"].any(0))
    half, centre = np.ptp(columns) / 2, float(columns.mean())
    shutters = collimator(float(half), centre, rng)
    inside = cv2.erode(seen.covered.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
    return np.asarray(shutters * cv2.GaussianBlur(inside, (0, 0), 1.0), np.float32)


def _pixels(
    seen: Projection, field: Field, mm: float, mineral: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Expose, develop and finish, as a synthetic film is."""
    materials = replace(seen.materials, cortical=seen.materials.cortical * mineral)
    exposure = expose(materials, mm, rng)
    film = add_grid(exposure.film, rng)
    anchor = (materials.body > 0.5 * np.percentile(materials.body, 90)) & (materials.lung_air < 10 / mm)
    anchor = anchor & (field > 0.9)
    grey = process(film, exposure.tissue, anchor, rng)
    grey = grey * field + (1 - field) * draw(rng, STANDARD.shutter_floor)
    columns = np.flatnonzero(seen.regions["body"].any(0))
    grey = draw_markers(grey, View.SUPINE, float(np.ptp(columns) / 2), float(columns.mean()), rng)
    return np.asarray(np.clip(grey, 0, 1) * 255, np.uint8)
