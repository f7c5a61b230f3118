"""Free air put into a film: crescents, flank stripes, pools, Rigler, falciform and football signs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.pasting.dome import Dome, find_domes
from pedaxr_models.pasting.grey_curve import FloatImage, GreyCurve, Mask, estimate_curve
from pedaxr_models.pasting.transmission import bounding, measure_grain, take_out

Kind = Literal["crescent", "flank", "pool", "rigler", "falciform", "football"]

# Crescents are what erect films show, and most free air is looked for on those.
_SHARES: tuple[tuple[Kind, float], ...] = (
    ("crescent", 0.56),
    ("flank", 0.14),
    ("pool", 0.08),
    ("rigler", 0.09),
    ("falciform", 0.06),
    ("football", 0.07),
)
_ATTEMPTS = 5
_LEAST_CHANGE = 5.0  # grey levels
_LEAST_CNR = 1.6
_LEAST_WIDTH = 0.024  # of the body's width
_LINE = 0.03  # trunk depths of tissue that the diaphragm adds where the beam grazes it


@dataclass(frozen=True)
class Pasted:
    """A film with a finding put in.

    Attributes:
        film: (H, W) uint8.
        mask: (H, W) bool, the finding at full resolution.
        kind: which sign it shows.
        measures: `change`, mean darkening inside the mask in grey levels; `contrast`, how much darker it is
            than the ring round it; `contrast_to_noise`, the change over the film's own spread there;
            `area_px`; `width_px`, the diameter of the largest circle inside.
    """

    film: NDArray[np.uint8]
    mask: Mask
    kind: str
    measures: dict[str, float]


@dataclass(frozen=True)
class Scene:
    """What of a film decides where gas may lie.

    Attributes:
        film: (H, W) float32 grey 0..255.
        cavity: (H, W) bool, the abdomen inside its wall, below the domes.
        width: of the body at the belly, pixels.
    """

    film: FloatImage
    structures: Mapping[str, Mask]
    cavity: Mask
    width: float
    curve: GreyCurve
    domes: list[Dome]

    @property
    def pitch(self) -> float:
        """About the height of one vertebra with its disc, pixels."""
        return 0.12 * self.width


@dataclass(frozen=True)
class Gas:
    """Gas along the beam in trunk depths, (H, W), and its silhouette."""

    depth: FloatImage
    mask: Mask


def read_scene(film: NDArray[np.uint8] | FloatImage, structures: Mapping[str, Mask]) -> Scene:
    """Measure what every kind needs.

    Raises:
        ValueError: no `abdominal_cavity` is given, or it is nearly empty.
    """
    cavity = structures.get("abdominal_cavity")
    if cavity is None or cavity.sum() < 0.01 * cavity.size:
        raise ValueError("No abdominal cavity is outlined; put findings only into films that show one.")
    grey = np.asarray(film, np.float32)
    rows = np.flatnonzero(cavity.any(1))
    middle = structures.get("body", cavity)[rows[len(rows) // 4] : rows[-len(rows) // 4]]
    width = float(max(np.median(middle.sum(1)), np.median(cavity[rows].sum(1))))
    curve = estimate_curve(grey, structures)
    return Scene(grey, structures, cavity, width, curve, find_domes(grey, structures, width))


def put_free_air(
    film: NDArray[np.uint8] | FloatImage,
    structures: Mapping[str, Mask],
    rng: np.random.Generator,
    *,
    kind: Kind | None = None,
) -> Pasted | None:
    """Put free air into a film that shows none.

    Args:
        film: (H, W) grey 0..255, bone bright.
        structures: `abdominal_cavity` is needed; `lungs` for crescents; `body`, `spine`, `liver`,
            `bowel_gas`, `stomach` make it better. Each (H, W) bool; coarse outlines will do.
        rng: equal states give equal films.
        kind: the sign; drawn at random among those that the film has room for when None.

    Returns:
        None when the film has no room for the kind (no dome in the field), or nothing would be seen.

    Raises:
        ValueError: no `abdominal_cavity` is given, or it is nearly empty.
    """
    scene = read_scene(film, structures)
    names, shares = zip(*_SHARES, strict=True)
    for attempt in range(_ATTEMPTS):
        drawn = kind or names[int(rng.choice(len(names), p=shares))]
        gas = _BUILD[drawn](scene, rng)
        if gas is None or gas.mask.sum() < 12:
            continue
        gas = Gas(gas.depth * (1 + 0.25 * attempt), gas.mask)  # what was too faint is drawn again, thicker
        made = develop(scene, gas, drawn, rng)
        if is_visible(made, scene):
            return made
    return None


def is_visible(made: Pasted, scene: Scene) -> bool:
    """A finding that nobody can see must not count as true."""
    thick = made.measures["width_px"] >= max(4.0, _LEAST_WIDTH * scene.width)
    dark = made.measures["change"] >= _LEAST_CHANGE
    return thick and dark and made.measures["contrast_to_noise"] >= _LEAST_CNR


def develop(scene: Scene, gas: Gas, kind: str, rng: np.random.Generator) -> Pasted:
    """Develop the part of the film that changes."""
    here = bounding(np.abs(gas.depth) > 1e-3, 16)
    film = scene.film.copy()
    film[here] = take_out(film[here], gas.depth[here], scene.curve, measure_grain(scene.film), rng)
    out = np.asarray(np.rint(film), np.uint8)
    return Pasted(
        out, gas.mask, kind, measure_paste(scene.film, out.astype(np.float32), gas.mask, scene.cavity)
    )


def measure_paste(before: FloatImage, after: FloatImage, mask: Mask, cavity: Mask) -> dict[str, float]:
    """Contrast of a pasted region, see `Pasted.measures`; its ring is what of the `cavity` lies round it."""
    spread = max(3, round(0.012 * max(mask.shape)))
    ring = cv2.dilate(mask.astype(np.uint8), np.ones((2 * spread + 1,) * 2, np.uint8)).astype(bool) & ~mask
    ring = ring & cavity if (ring & cavity).sum() > 20 else ring
    texture = float(np.std(before[ring] - cv2.GaussianBlur(before, (0, 0), spread)[ring])) + 1.0
    change = float((before - after)[mask].mean())
    distance = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)
    return {
        "change": change,
        "contrast": float(after[ring].mean() - after[mask].mean()),
        "contrast_to_noise": change / texture,
        "area_px": float(mask.sum()),
        "width_px": 2 * float(distance.max()),
    }


def _crescents(scene: Scene, rng: np.random.Generator) -> Gas | None:
    """Under one dome or both; the liver, or the stomach, has sunk away from it."""
    domes = scene.domes
    if not domes:
        return None
    if len(domes) == 2 and rng.random() < 0.65:
        domes = [domes[0]] if rng.random() < 0.65 else [domes[1]]
    depth, mask = np.zeros(scene.film.shape, np.float32), np.zeros(scene.film.shape, bool)
    amount = float(np.exp(rng.uniform(np.log(0.16), np.log(0.8))))
    for dome in domes:
        own = amount * (1.0 if dome is domes[0] else rng.uniform(0.4, 1.1))
        _add_crescent(depth, mask, dome, own, scene, rng)
    return Gas(depth, mask)


def _add_crescent(
    depth: FloatImage, mask: Mask, dome: Dome, amount: float, scene: Scene, rng: np.random.Generator
) -> None:
    """Gas between the dome and a flatter surface below it, in place.

    Its path length is what lies inside the dome and outside the liver: two roundings of the same radius, so
    that it is steep above, longest at the liver's surface and pale below it, where gas lies in front.
    """
    line = max(rng.uniform(0.008, 0.015) * scene.width, 2.0, 1.3 * dome.softness)
    top = dome.rows + line
    even = cv2.GaussianBlur(top[None], (0, 0), max(3.0, len(top) / 7))[
        0
    ]  # the liver copies no notch of the dome
    gap = _gap(dome, amount * scene.pitch, rng)
    low = np.maximum(np.where(gap > 0.5, even + gap, top), top)
    first, last = int(max(top.min() - 8, 0)), int(low.max() + 1.2 * scene.pitch)
    y = np.arange(first, min(last, scene.film.shape[0]), dtype=np.float32)[:, None]
    steep = 1.9 * scene.pitch
    chord = np.sqrt(np.clip((y - top) / steep, 0, 1)) - np.sqrt(np.clip((y - low) / steep, 0, 1))
    fade = np.clip(1 - np.clip(y - low, 0, None) / scene.pitch, 0, 1) ** 2
    chord = rng.uniform(0.85, 1.5) * chord * fade * (low > top)
    chord = cv2.GaussianBlur(chord.astype(np.float32), (0, 0), 0.5 * dome.softness)
    shown = np.clip((low - top) / 2, 0, 1)
    chord -= _LINE * shown * np.exp(-(((y - top + 0.6 * line) / (0.6 * line)) ** 2))  # the diaphragm, edge-on
    part = (slice(first, first + len(y)), slice(dome.columns[0], dome.columns[-1] + 1))
    depth[part] += chord
    mask[part] |= (y > top - 0.5) & (y < low) & (low - top > 1.0)


def _gap(dome: Dome, most: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Distance (n,) between dome and liver: most near the top, pointed at both ends."""
    n = len(dome.columns)
    smooth = cv2.GaussianBlur(dome.rows[None], (0, 0), max(2.0, n / 20))[0]
    apex = int(np.argmin(smooth))
    centre = float(np.clip(0.5 * apex + 0.5 * rng.uniform(0.3, 0.7) * n, 0.3 * n, 0.7 * n))
    x = np.arange(n)
    reach = np.where(x < centre, centre, n - 1 - centre) * rng.uniform(0.7, 1.0)
    u = np.clip(np.abs(x - centre) / reach, 0, 1)
    bend = 1 + 0.08 * np.interp(x, np.linspace(0, n, 4), rng.standard_normal(4))
    most = min(most, rng.uniform(0.3, 0.5) * float(reach.min()))  # a short dome holds no deep pocket
    gap = most * bend * (1 - u**2) ** rng.uniform(0.9, 1.5)
    gap -= rng.uniform(0, 0.3) * np.clip(smooth - smooth[round(centre)], 0, None)
    return np.asarray(cv2.GaussianBlur(np.clip(gap, 0, None)[None], (0, 0), 2.0)[0], np.float32)


def _flank(scene: Scene, rng: np.random.Generator) -> Gas | None:
    """A stripe along the upper flank of a child lying on the left side (seldom on the right)."""
    cavity, right = scene.cavity, rng.random() < 0.8
    work = cavity if right else cavity[:, ::-1]
    rows = np.flatnonzero(work.any(1))
    edge = work[rows].argmax(1).astype(np.float32)
    if np.mean(edge <= 2) > 0.2:
        return None  # the flank is cut off
    edge = cv2.GaussianBlur(edge[None], (0, 0), max(2.0, 0.03 * len(rows)))[0] + 0.012 * scene.width
    start, end = rng.uniform(0.05, 0.3), rng.uniform(0.5, 0.85)
    share = np.clip((np.arange(len(rows)) / len(rows) - start) / (end - start), 0, 1)
    bend = 1 + 0.15 * np.interp(share, np.linspace(0, 1, 7), rng.standard_normal(7))
    most = float(np.exp(rng.uniform(np.log(0.15), np.log(0.9)))) * scene.pitch
    gap = most * bend * (4 * share * (1 - share)) ** 0.7
    x, steep = np.arange(work.shape[1], dtype=np.float32), 1.6 * scene.pitch
    near, far = edge[:, None], (edge + gap)[:, None]
    chord = np.sqrt(np.clip((x - near) / steep, 0, 1)) - np.sqrt(np.clip((x - far) / steep, 0, 1))
    chord = (
        chord * np.clip(1 - np.clip(x - far, 0, None) / (1.2 * scene.pitch), 0, 1) ** 2 * (gap[:, None] > 0.5)
    )
    depth, mask = np.zeros(work.shape, np.float32), np.zeros(work.shape, bool)
    depth[rows] = cv2.GaussianBlur((rng.uniform(0.7, 1.1) * chord).astype(np.float32), (0, 0), 1.0)
    mask[rows] = (x > near) & (x < far) & (gap[:, None] > 1)
    return Gas(depth, mask & work) if right else Gas(depth[:, ::-1].copy(), (mask & work)[:, ::-1].copy())


def _pool(
    scene: Scene, rng: np.random.Generator, *, large: bool = False, centre: tuple[float, float] | None = None
) -> Gas:
    """Gas in front of the bowel of a child on its back: a lens, thickest in the middle, dented by loops.

    `centre` is x, y in pixels; somewhere in the upper half of the belly when None.
    """
    rows, columns = np.flatnonzero(scene.cavity.any(1)), np.flatnonzero(scene.cavity.any(0))
    tall, wide = float(np.ptp(rows)), float(np.ptp(columns))
    ry = tall * (rng.uniform(0.3, 0.42) if large else rng.uniform(0.09, 0.22))
    rx = wide * (rng.uniform(0.34, 0.46) if large else rng.uniform(0.12, 0.28))
    cy = rows[0] + tall * (rng.uniform(0.36, 0.5) if large else rng.uniform(0.14, 0.5))
    cx = columns[0] + wide * (rng.uniform(0.45, 0.55) if large else rng.uniform(0.28, 0.72))
    if centre is not None and not large:
        cx, cy = centre
    y = (np.arange(scene.film.shape[0], dtype=np.float32)[:, None] - cy) / ry
    x = (np.arange(scene.film.shape[1], dtype=np.float32) - cx) / rx
    power = rng.uniform(2.0, 2.6)
    radius = (np.abs(x + (0.06 if large else 0.25) * rng.normal() * y) ** power + np.abs(y) ** power) ** (
        1 / power
    )
    radius = radius + (0.05 if large else 0.13) * clouds(scene.film.shape, 0.5 * min(rx, ry), rng)
    lens = np.clip(1 - radius**2, 0, None) ** rng.uniform(0.5, 1.0)
    inside = cv2.distanceTransform(scene.cavity.astype(np.uint8), cv2.DIST_L2, 3)
    wall = np.sqrt(np.clip((inside - 0.012 * scene.width) / (0.1 * scene.width), 0, 1))
    most = rng.uniform(0.16, 0.36) if large else rng.uniform(0.15, 0.34)
    depth = most * lens * wall * (1 + 0.15 * clouds(scene.film.shape, 0.1 * scene.width, rng))
    depth = np.clip(depth, 0, None).astype(np.float32)
    return Gas(depth, (depth > 0.25 * most))


def _rigler(scene: Scene, rng: np.random.Generator, *, large: bool | None = None) -> Gas | None:
    """A pool that shows bowel walls from both sides."""
    depth = scene.curve.depth(cv2.GaussianBlur(scene.film, (0, 0), 1.2))
    around = cv2.GaussianBlur(depth, (0, 0), 0.07 * scene.width)
    lumen = _opened((depth < around - 0.10) & _bowel(scene), max(2, round(0.012 * scene.width)))
    ys, xs = np.nonzero(lumen)
    if len(ys) < (0.05 * scene.width) ** 2:
        return None  # no gas-filled loop to show a wall of
    i = int(rng.integers(len(ys)))
    pool = _pool(
        scene, rng, large=bool(rng.random() < 0.4) if large is None else large, centre=(xs[i], ys[i])
    )
    outside = cv2.distanceTransform(1 - lumen, cv2.DIST_L2, 5)
    wall = rng.uniform(0.004, 0.008) * scene.width
    shown = np.clip(0.4 + 0.6 * clouds(scene.film.shape, 0.08 * scene.width, rng), 0, 1)
    line = np.exp(-(((outside - 1.0 - 0.6 * wall) / (0.75 * wall + 0.4)) ** 2)) * shown
    inside = cv2.GaussianBlur(lumen.astype(np.float32), (0, 0), 1.0)
    strength = rng.uniform(0.35, 0.8)  # stronger looks like wire
    return Gas(pool.depth * (1 - strength * line) * (1 - 0.4 * inside), pool.mask)


def _bowel(scene: Scene) -> Mask:
    """Where loops may be recognised: near those outlined, or anywhere beside the spine when none is."""
    known = [scene.structures[n] for n in ("bowel_gas", "stomach") if n in scene.structures]
    if not known:
        return scene.cavity & ~scene.structures.get("spine", np.zeros_like(scene.cavity))
    near = np.ones((2 * round(0.02 * scene.width) + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(np.any(known, axis=0).astype(np.uint8), near) > 0) & scene.cavity


def _opened(mask: Mask, radius: int) -> NDArray[np.uint8]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc), np.uint8)


def _falciform(scene: Scene, rng: np.random.Generator, *, large: bool = False) -> Gas | None:
    """A pool in the upper belly with the ligament as a fine line from the liver towards the navel."""
    rows = np.flatnonzero(scene.cavity.any(1))
    columns = np.flatnonzero(scene.structures.get("spine", scene.cavity).any(0))
    middle = columns.mean() - rng.uniform(0.0, 0.12) * scene.width
    pool = _pool(scene, rng, large=large, centre=(middle, rows[0] + rng.uniform(0.2, 0.35) * np.ptp(rows)))
    y = np.arange(scene.film.shape[0], dtype=np.float32)
    start, length = rows[0] + 0.06 * np.ptp(rows), rng.uniform(0.3, 0.5) * np.ptp(rows)
    share = (y - start) / length
    bend = rng.uniform(0.01, 0.025) * np.sin(rng.uniform(3, 5) * share + rng.uniform(0, 6))
    x = columns.mean() - (rng.uniform(0.09, 0.15) * (1 - share) + 0.02 + bend) * scene.width
    thick = rng.uniform(0.005, 0.01) * scene.width
    across = (np.arange(scene.film.shape[1], dtype=np.float32) - x[:, None]) / thick
    along = np.clip(8 * share, 0, 1) * np.clip(6 * (1 - share), 0, 1)
    line = np.exp(-(across**2)) * along[:, None]
    return Gas((pool.depth * (1 - rng.uniform(0.35, 0.65) * line)).astype(np.float32), pool.mask)


def _football(scene: Scene, rng: np.random.Generator) -> Gas | None:
    """The whole belly pale, with the ligament or bowel walls in it."""
    if rng.random() < 0.5:
        return _falciform(scene, rng, large=True)
    return _rigler(scene, rng, large=True) or _falciform(scene, rng, large=True)


def clouds(shape: tuple[int, ...], size: float, rng: np.random.Generator) -> FloatImage:
    """Smooth noise of about unit variance with bumps of `size` pixels, (H, W)."""
    height, width = (max(3, round(n / max(size, 2.0)) + 2) for n in shape[:2])
    small = rng.standard_normal((height, width)).astype(np.float32)
    return np.asarray(cv2.resize(small, shape[1::-1], interpolation=cv2.INTER_CUBIC) * 1.2, np.float32)


_BUILD: dict[str, Callable[[Scene, np.random.Generator], Gas | None]] = {
    "crescent": _crescents,
    "flank": _flank,
    "pool": _pool,
    "rigler": _rigler,
    "falciform": _falciform,
    "football": _football,
}
