"""Bowel findings put into a film: the gut of a synthetic child, fitted to the belly of the film's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import Finding, View
from pedaxr_models.pasting.free_air import Gas, Pasted, Scene, develop, is_visible, read_scene
from pedaxr_models.pasting.grey_curve import FloatImage, Mask
from pedaxr_models.phantom.child import Child, build_child
from pedaxr_models.phantom.framing import cavity_of, finding_silhouettes
from pedaxr_models.phantom.geometry import Field
from pedaxr_models.phantom.measure import outline_round
from pedaxr_models.phantom.spec import FilmSpec, sample_severity

_ATTEMPTS = 5
_SEEN = 0.03  # trunk depths of gas
_FLUID = 0.05  # trunk depths that fluid adds where it has pushed fat aside
_CUT, _OVER_LIVER = 0.25, 0.5  # share of a piece of gas outside the belly, or in front of the liver
_CREST = -0.4  # of the iliac crest, lumbar pitches below L5
_FLOOR = 3.3  # of the pelvic floor, lumbar pitches below L5


@dataclass(frozen=True)
class Content:
    """What a synthetic child's gut holds, on its canvas: gas less fluid in trunk depths, and the finding."""

    depth: Field
    mask: Mask


def put_bowel_finding(
    film: NDArray[np.uint8] | FloatImage,
    structures: Mapping[str, Mask],
    finding: Finding,
    rng: np.random.Generator,
    *,
    age_months: float = 24.0,
    view: View = View.SUPINE,
) -> Pasted | None:
    """Put levels, distended loops, stool or a full stomach into a film that shows none.

    Args:
        film: (H, W) grey 0..255, bone bright.
        structures: `abdominal_cavity` is needed; `spine` and `pelvis` place the gut better.
        finding: any but free air, which `pasting.free_air` makes.
        rng: equal states give equal films.
        age_months: of the child whose gut is borrowed.
        view: how the child lay or stood; levels stand in erect films and on the side.

    Returns:
        None when nothing would be seen of it.

    Raises:
        ValueError: free air is asked for, or no `abdominal_cavity` is given.
    """
    if finding is Finding.PNEUMOPERITONEUM:
        raise ValueError("Free air is put in by pasting.free_air.put_free_air.")
    scene = read_scene(film, structures)
    for attempt in range(_ATTEMPTS):
        spec = FilmSpec(
            seed=int(rng.integers(2**31)),
            index=0,
            view=view,
            age_months=age_months,
            severity=((finding, max(0.4, sample_severity(rng))),),
        )
        child = build_child(spec)
        gas = _fitted(_content(spec, child), child, scene)
        lumen = gas.depth > _SEEN
        if (lumen & gas.mask).sum() < 30:
            continue
        gas = Gas(
            gas.depth * (1 + 0.4 * attempt), lumen
        )  # its contrast is that of the gas, not of the outline
        made = develop(scene, gas, finding.value, rng)
        if is_visible(made, scene):
            return replace(made, mask=_outline(lumen, finding, scene))
    return None


def _outline(lumen: Mask, finding: Finding, scene: Scene) -> Mask:
    """The finding as it is outlined: dilated or loaded bowel together, other gas by itself."""
    if finding in (Finding.ABDOMINAL_DISTENSION, Finding.CONSTIPATION):
        reach = 0.06 if finding is Finding.ABDOMINAL_DISTENSION else 0.12
        return outline_round(lumen, reach * scene.width) & scene.cavity
    return lumen


def _content(spec: FilmSpec, child: Child) -> Content:
    """The gas and fluid that make the finding, and nothing else of the synthetic child."""
    (finding, _), c = spec.severity[0], child.contents
    cavity = cavity_of(child)
    mask = finding_silhouettes(spec, child)[finding.value]
    gas, fluid = c.gas, c.fluid
    if finding is Finding.AIR_FLUID_LEVEL:
        loops = _loops_of(child, c.level_loops)
        gas, fluid = gas * _soft(c.level_loops), fluid * loops * ~c.level_loops
    elif finding is Finding.PYLORIC_STENOSIS:
        gas, fluid = gas * _soft(c.stomach), fluid * c.stomach
    elif finding is Finding.ABDOMINAL_DISTENSION:
        gas, fluid = gas * _soft(c.dilated), np.zeros_like(fluid)
    else:
        gas, fluid = gas * _soft(c.stool_mask), np.asarray(0.7 * np.clip(c.stool / 8, 0, 1), np.float32)
    depth = gas / np.maximum(child.trunk.thickness, 8) - _FLUID * fluid
    return Content(np.asarray(depth * cavity, np.float32), np.asarray(mask & cavity))


def _loops_of(child: Child, gas: Mask) -> Mask:
    """Whole loops, gas and fluid, that hold some of the gas given."""
    layer = child.contents.layers[1]
    owners = np.unique(layer.owner[gas & (layer.first < 0)])
    return np.asarray(np.isin(layer.owner, owners[owners >= 0]) & (layer.first < 0))


def _soft(mask: Mask) -> Field:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7))


def _fitted(content: Content, child: Child, scene: Scene) -> Gas:
    """The content moved and scaled into the film's belly."""
    matrix = _placing(child, scene)
    size = scene.film.shape[::-1]
    depth = cv2.warpAffine(content.depth, matrix, size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(content.mask.astype(np.uint8), matrix, size, flags=cv2.INTER_NEAREST) > 0
    depth, mask = _whole_loops(depth, mask, scene)
    inside = cv2.distanceTransform(scene.cavity.astype(np.uint8), cv2.DIST_L2, 3)
    inner = np.clip(inside / (0.015 * scene.width) - 0.5, 0, 1).astype(np.float32)
    return Gas(np.asarray(depth * inner, np.float32), np.asarray(mask & (inner > 0.5)))


def _whole_loops(depth: FloatImage, mask: Mask, scene: Scene) -> tuple[FloatImage, Mask]:
    """Without the pieces that would lie over the liver or be cut off by the belly's wall."""
    liver = scene.structures.get("liver", np.zeros_like(scene.cavity))
    count, label = cv2.connectedComponents((np.abs(depth) > 0.01).astype(np.uint8))
    size = np.bincount(label.ravel(), minlength=count).astype(np.float64)
    out = np.bincount(label[~scene.cavity], minlength=count) / size
    over = np.bincount(label[liver], minlength=count) / size
    drop = (out > _CUT) | (over > _OVER_LIVER)
    drop[0] = False
    gone = drop[label]
    return np.where(gone, 0, depth).astype(np.float32), mask & ~gone


def _placing(child: Child, scene: Scene) -> NDArray[np.float64]:
    """Affine map (2, 3) from the synthetic canvas to the film: flank to flank, dome and crest to its."""
    a = child.anatomy
    rows = np.flatnonzero(scene.cavity.any(1))
    middle = scene.cavity[rows[len(rows) // 4] : rows[-len(rows) // 4]]
    columns = np.flatnonzero(middle.mean(0) > 0.5)
    half = child.trunk.half_width_at(a.level_y(3)) - a.flank_px
    across = (columns[-1] - columns[0]) / (2 * half)
    centre = (columns[0] + columns[-1]) / 2
    top, low, down = min(child.chest.right_dome_y, child.chest.left_dome_y), a.l5_y, across
    film_top, film_low, known = float(rows[0]), *_lower_mark(scene, rows)
    low += (_CREST if known else _FLOOR) * a.pitch
    if scene.domes:
        down = float(np.clip((film_low - film_top) / (low - top), 0.75 * across, 1.3 * across))
    return np.array([[across, 0, centre - across * a.centre_x], [0, down, film_low - down * low]])


def _lower_mark(scene: Scene, rows: NDArray[np.int64]) -> tuple[float, bool]:
    """Row of the iliac crests and True, or of the cavity's floor and False where no pelvis is known."""
    pelvis = scene.structures.get("pelvis")
    if pelvis is None or pelvis.sum() < 0.01 * scene.cavity.sum():
        return float(rows[-1]), False
    return float(np.flatnonzero(pelvis.sum(1) > 3)[0]), True
