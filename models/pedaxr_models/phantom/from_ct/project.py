"""A CT and its labels to path lengths and silhouettes on the film grid, seen from a point source."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import Structure
from pedaxr_models.phantom.from_ct import anatomy
from pedaxr_models.phantom.from_ct.volume import Volume
from pedaxr_models.phantom.geometry import Field, Mask, N
from pedaxr_models.phantom.radiography.projection import Materials

_SOURCE_MM = 1150.0  # from the detector
_TABLE_MM = 50.0  # from the back to the detector
_GAS_HU, _FAT_HU, _BONE_HU, _CORTICAL_HU = -350.0, -100.0, 120.0, 1500.0
_METAL_HU = 2500
_SEEN_MM = 2.0  # of gas along the beam
_STEP_MM = 1.2  # between slices
_MARGIN_MM = 6.0  # by which masks of gut and lung may be too small
_L2_BODY, _NEAR = 200, 201  # numbers that no class has
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Beam:
    """How the child lies between source and detector.

    Attributes:
        mm_per_px: on the film, at the middle of the body.
        angle: of the child on the film, radians.
        turn, tilt: of the child about its long axis, and of the tube along it, radians.
        shift: of the middle of the volume on the film, pixels x, y.
    """

    mm_per_px: float
    angle: float = 0.0
    turn: float = 0.0
    tilt: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Projection:
    """Path lengths, silhouettes and what the volume covers, (N, N).

    Attributes:
        masks: channels that follow from the labels.
        regions: `body`, `abdominal_cavity`, `bowel_gas` and `stray_gas` (outside lungs and gut).
        covered: where every ray crosses the volume from front to back.
    """

    materials: Materials
    masks: dict[Structure, Mask]
    regions: dict[str, Mask]
    covered: Mask


def project(ct: Volume, labels: Volume, beam: Beam) -> Projection:
    """Sum materials slice by slice from back to front; each slice is enlarged as its distance asks.

    Raises:
        ValueError: CT and labels differ in size.
    """
    if ct.voxels.shape != labels.voxels.shape:
        raise ValueError("The CT and its masks differ in size. Give masks of this very CT.")
    sums = {name: np.zeros((N, N), np.float32) for name in ("body", "fat", "cortical", "gas", "lung_air")}
    paths = {name: np.zeros((N, N), np.float32) for name in _GROUPS}
    covered = np.full((N, N), np.inf, np.float32)
    body = _body(ct)
    classes = _classes(ct, labels, body)
    wide = _grown(body, 1)  # the skin's edge is where the Hounsfield units say, not where voxels end
    whole = np.ones(ct.voxels.shape[::2], np.float32).T[::-1]
    for y, dy, matrix in _slices(ct, beam):
        covered = np.minimum(covered, _warp(whole, matrix, cv2.INTER_LINEAR))
        around = _between(wide, y, matrix, cv2.INTER_LINEAR)
        if not around.any():
            continue
        inside = _between(body, y, matrix, cv2.INTER_LINEAR)
        hu = _between(ct.voxels, y, matrix, cv2.INTER_CUBIC)
        here = _warp(_plane(classes, round(y)), matrix, cv2.INTER_NEAREST).astype(np.uint8)
        _add(sums, hu, inside, around, _LUNG[here], dy)
        _add_groups(paths, here, hu, inside, dy)
    zero = np.zeros((N, N), np.float32)
    materials = Materials(trabecular=zero, stool=zero, metal=zero, **sums)
    return _named(materials, paths, covered > 0.5, beam)


def _slices(ct: Volume, beam: Beam) -> Iterator[tuple[float, float, Matrix]]:
    """Places between back and front, the thickness of each (pixels), and the matrix from there to the film.

    Thick slices are cut finer: enlarged one by one, they would show as steps along the skin.
    """
    (nx, ny, nz), (dx, dy, dz) = ct.voxels.shape, ct.spacing_mm
    finer = max(1, round(dy / _STEP_MM))
    middle = _SOURCE_MM / (_SOURCE_MM - _TABLE_MM - ny * dy / 2)
    c, s = np.cos(beam.angle), np.sin(beam.angle)
    for y in np.arange((ny - 1) * finer + 1) / finer:
        near = (_SOURCE_MM / (_SOURCE_MM - _TABLE_MM - y * dy)) / middle / beam.mm_per_px
        away = (y - ny / 2) * dy / beam.mm_per_px
        scale = np.array([[c * dx, -s * dz], [s * dx, c * dz]]) * near
        centre = scale @ [(nx - 1) / 2, (nz - 1) / 2]
        place = np.array([N / 2, N / 2]) + beam.shift + away * np.tan([beam.turn, beam.tilt]) - centre
        yield float(y), dy / beam.mm_per_px / finer, np.column_stack([scale, place])


def _plane(volume: NDArray[np.generic], y: int) -> Field:
    """A coronal slice: head up, the patient's right on the left."""
    return np.asarray(volume[:, y], np.float32).T[::-1]


def _between(volume: NDArray[np.generic], y: float, matrix: Matrix, how: int) -> Field:
    """A coronal slice on the film, blended of the two nearest ones."""
    low = int(y)
    share = np.float32(y - low)
    plane = _plane(volume, low)
    if share > 0:
        plane = (1 - share) * plane + share * _plane(volume, low + 1)
    return _warp(plane, matrix, how)


def _warp(plane: Field, matrix: Matrix, how: int) -> Field:
    edge = cv2.BORDER_REPLICATE if how == cv2.INTER_CUBIC else cv2.BORDER_CONSTANT
    plane = np.ascontiguousarray(plane)
    return np.asarray(cv2.warpAffine(plane, matrix, (N, N), flags=how, borderMode=edge), np.float32)


def _classes(ct: Volume, labels: Volume, body: Mask) -> NDArray[np.uint8]:
    """Label numbers, the body of L2 apart, and where gas is surely not free.

    That is by gut, lungs and skin, whose masks may be too small, and round metal, which throws dark streaks.
    """
    out = np.where(labels.voxels > _L2_BODY, 0, labels.voxels).astype(np.uint8)
    margin = max(1, round(_MARGIN_MM / labels.spacing_mm[0]))
    near = _grown(np.isin(out, (*anatomy.GUT, *anatomy.LUNGS)), margin) | _grown(~body, margin)
    near |= _grown(ct.voxels > _METAL_HU, 5 * margin)
    out[near & (out == 0)] = _NEAR
    out[anatomy.l2_body(labels)] = _L2_BODY
    return out


def _grown(mask: Mask, margin: int) -> Mask:
    """A mask (X, Y, Z) wider by some voxels in the axial plane."""
    kernel = np.ones((2 * margin + 1,) * 2, np.uint8)
    planes = [cv2.dilate(mask[..., z].astype(np.uint8), kernel) for z in range(mask.shape[2])]
    return np.stack(planes, axis=2) > 0


def _body(ct: Volume) -> Mask:
    """Inside the skin: per axial slice the largest piece denser than fat's border, holes filled; no table."""
    dense = ct.voxels > _GAS_HU
    out = np.zeros(dense.shape, bool)
    kernel = np.ones((3, 3), np.uint8)
    for z in range(dense.shape[2]):
        plane = cv2.morphologyEx(dense[..., z].astype(np.uint8), cv2.MORPH_OPEN, kernel)
        count, label, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=4)
        if count > 1:
            largest = (label == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
            found = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
            out[..., z] = cv2.drawContours(largest, found, -1, 1, cv2.FILLED) > 0
    return out


def _add(sums: dict[str, Field], hu: Field, inside: Field, around: Field, in_lung: Mask, dy: float) -> None:
    """Shares of each material in a slice by its Hounsfield units; `around` reaches just beyond the skin."""
    air = np.clip((_FAT_HU - hu) / (1000 + _FAT_HU), 0, 1)
    fat = np.where(hu > _GAS_HU, np.clip(hu / _FAT_HU, 0, 1) * (1 - air), 0)
    bone = np.clip((hu - _BONE_HU) / (_CORTICAL_HU - _BONE_HU), 0, 1.5)
    sums["body"] += (around - np.maximum(around - inside, 0) * air) * dy
    sums["fat"] += fat * around * dy
    sums["cortical"] += bone * inside * dy
    sums["gas"] += np.where(in_lung, 0, air) * inside * dy
    sums["lung_air"] += np.where(in_lung, air, 0) * inside * dy


def _table(classes: Iterable[int]) -> NDArray[np.bool_]:
    return np.isin(np.arange(256), list(classes))


_LUNG = _table(anatomy.LUNGS)
_TABLES: dict[str, NDArray[np.bool_]] = {
    **{channel: _table(classes) for channel, classes in anatomy.SILHOUETTES.items()},
    "belly": _table(anatomy.BELLY),
    "l2": _table([_L2_BODY]),
}
_TABLES[Structure.SPINE][_L2_BODY] = True
_GAS = {
    "small_bowel_gas": _table(anatomy.SMALL_BOWEL),
    "gut_gas": _table(anatomy.GUT),
    "stray_gas": _table([0]),
}
_GROUPS = (*_TABLES, *_GAS)


def _add_groups(
    paths: dict[str, Field], here: NDArray[np.uint8], hu: Field, inside: Field, dy: float
) -> None:
    """Path length through each group of classes; gas by where it lies."""
    counts = np.bincount(here.ravel(), minlength=256) > 0
    for group, table in _TABLES.items():
        if (table & counts).any():
            paths[group] += table[here] * np.float32(dy)
    air = (hu < _GAS_HU) & (inside > 0.5)
    if air.any():
        for group, table in _GAS.items():
            paths[group] += (table[here] & air) * np.float32(dy)


def _named(materials: Materials, paths: dict[str, Field], covered: Mask, beam: Beam) -> Projection:
    """Silhouettes from path lengths. The lungs end at the domes: what lies behind the liver is not drawn."""
    seen = _SEEN_MM / beam.mm_per_px
    masks = {group: paths[group] > 0.5 * seen for group in anatomy.SILHOUETTES}
    belly = paths["belly"] > seen
    masks[Structure.LUNGS] &= ~_below(belly)
    masks[Structure.LIVER] &= ~masks[Structure.LUNGS]
    masks[Structure.L2_BODY] = paths["l2"] > seen
    masks[Structure.SMALL_BOWEL_GAS] = paths["small_bowel_gas"] > seen
    body = materials.body > 10 / beam.mm_per_px
    regions = {
        "body": body,
        "abdominal_cavity": _hull(belly) & body & ~masks[Structure.LUNGS],
        "bowel_gas": paths["gut_gas"] > seen,
        "stray_gas": paths["stray_gas"] > 3 * seen,
    }
    masks = {channel: mask & covered for channel, mask in masks.items()}
    regions = {name: mask & covered for name, mask in regions.items()}
    return Projection(materials, masks, regions, covered)


def _below(belly: Mask) -> Mask:
    """At or below the highest belly organ of each column, where that is a dome."""
    return np.asarray(np.maximum.accumulate(belly, axis=0))


def _hull(mask: Mask) -> Mask:
    points = np.argwhere(mask)[:, ::-1].astype(np.int32)
    out = np.zeros(mask.shape, np.uint8)
    if len(points) > 3:
        cv2.fillConvexPoly(out, cv2.convexHull(points), 1)
    return out > 0
