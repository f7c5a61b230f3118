"""Gas, fluid and stool in the lumens, placed by gravity: in the film's plane, or along the beam if supine."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.geometry import Field, Mask, N, Window, coverage, smoothstep
from pedaxr_models.phantom.gut.course import ColonSegment, Gut
from pedaxr_models.phantom.gut.levels import LEVEL_PITCHES, Gravity, Level, level_lines
from pedaxr_models.phantom.gut.lumen import Balls, LumenLayer, ball_union
from pedaxr_models.phantom.gut.plan import Content, GutPlan
from pedaxr_models.phantom.noise import texture, wander

# Stool with less gas than this along the beam cannot be distinguished from its surroundings.
_SEEN_GAS_MM = 0.9


@dataclass
class Contents:
    """Path lengths (pixels) and silhouettes of what the gut holds.

    Attributes:
        gas, stool: path length of gas and of stool-filled lumen.
        fluid: 0..1, how far lumen content displaces the fat round it.
        level_loops: gas of the loops that hold a level long enough to count.
        layers: colon and small bowel, for what free air does to their walls.
    """

    gas: Field
    stool: Field
    fluid: Field
    stomach: Mask
    colon: Mask
    small_bowel_gas: Mask
    stool_mask: Mask
    level_loops: Mask
    dilated: Mask
    rectum: Mask
    levels: list[Level] = field(default_factory=list)
    layers: tuple[LumenLayer, ...] = ()


def fill_gut(
    a: Anatomy,
    gut: Gut,
    plan: GutPlan,
    gravity: Gravity,
    dilated_from: float | None,
    rng: np.random.Generator,
) -> Contents:
    """Fill every lumen. Loops of at least `dilated_from` pixels radius count as dilated; None counts none."""
    out = _empty_contents()
    wall = max(1.2, rng.uniform(1.2, 2.2) / a.mm_per_px * 0.8)
    loops = _fill_loops(a, gut, plan, gravity, wall, dilated_from, out, rng)
    colon = _fill_colon(a, gut, gravity, wall, dilated_from, out, rng)
    out.gas = np.asarray(colon[1] * 0.9 + loops[1] * 0.85, np.float32)
    out.layers = (colon[0], loops[0])
    _fill_stomach(gut, plan, gravity, out, rng)
    return out


def _empty_contents() -> Contents:
    def length() -> Field:
        return np.zeros((N, N), np.float32)

    def mask() -> Mask:
        return np.zeros((N, N), bool)

    return Contents(length(), length(), length(), mask(), mask(), mask(), mask(), mask(), mask(), mask())


def _fill_stomach(gut: Gut, plan: GutPlan, gravity: Gravity, out: Contents, rng: np.random.Generator) -> None:
    found = ball_union(gut.stomach.balls)
    if found is None:
        return
    window, power, radius, _ = found
    half = np.sqrt(np.maximum(power, 0))
    inside = half > 0
    out.stomach[window] = inside
    if gravity.is_in_plane:
        depths = gravity.depth[window][inside]
        level = depths.min() + (depths.max() - depths.min()) * plan.stomach_level
        gas = 2 * half * coverage(gravity.depth[window] - level, 0.6)
        if plan.stomach_gas:
            out.levels += level_lines("stomach", window, inside, gravity, float(level), 1e9)
    else:
        pool = rng.uniform(-0.55, 0.05) if plan.is_obstructed else rng.uniform(-0.2, 0.6)
        z = pool * gut.stomach.diameter / 2
        gas = np.clip(half - np.maximum(z, -half), 0, None) * 0.95
    gas = gas * plan.stomach_gas
    behind = cv2.GaussianBlur((inside & (gas > 2)).astype(np.float32), (0, 0), 0.8)
    hidden = rng.uniform(0.55, 0.85) if plan.is_obstructed else 1.0  # bowel shows through a full stomach
    out.gas[window] = np.maximum(gas, out.gas[window] * (1 - hidden * behind))
    full = np.clip(half / 8, 0, 1) * (0.45 if plan.is_obstructed else 0.25)
    if plan.is_obstructed:  # its thick muscle, between gas and belly fat, is seen as a line
        away = np.sqrt(np.maximum(radius**2 - power, 0)) - radius
        full = np.maximum(full, 0.8 * np.exp(-(((away - 1.6) / 1.3) ** 2)))
    out.fluid[window] = np.maximum(out.fluid[window], full)


def _layer(parts: Iterable[Balls], wall: float) -> tuple[LumenLayer, Field, Field]:
    """The lumen of some parts of the bowel, its signed distance, and half its depth along the beam."""
    layer = LumenLayer(wall)
    for balls in parts:
        layer.add(balls)
    distance = layer.distance()
    return layer, distance, layer.half_chord(distance)


def _fill_loops(
    a: Anatomy,
    gut: Gut,
    plan: GutPlan,
    gravity: Gravity,
    wall: float,
    dilated_from: float | None,
    out: Contents,
    rng: np.random.Generator,
) -> tuple[LumenLayer, Field]:
    layer, distance, half = _layer(gut.loops, wall)
    gas = np.zeros((N, N), np.float32)
    shortest = LEVEL_PITCHES * a.pitch
    wide_wanted = plan.level_loops >= 3
    left = plan.level_loops
    for number, window in enumerate(layer.windows):
        if window is None:
            continue
        mine = (layer.owner[window] == number) & (distance[window] < 0)
        if not mine.any():
            continue
        h, share = half[window] * mine, np.ones(mine.shape, np.float32)
        if gravity.is_in_plane:
            limbs = layer.part[window] if gut.loops[number].part.any() else None
            lines, share = _loop_levels(
                window, mine, limbs, gravity, shortest if left > 0 else None, wide_wanted, number, rng
            )
            left -= len(lines)
            out.levels += lines
            if any(line.counts for line in lines):
                out.level_loops[window] |= mine & (share > 0.5)
            g = 2 * h * share
        else:
            z = rng.uniform(-0.9, 0.2 if plan.is_packed else 0.5) * gut.loop_radius
            g = np.clip(h - np.maximum(z, -h), 0, None)
        g = g * 0.94 * np.clip(-distance[window] / 1.2, 0, 1)
        gas[window] += g
        out.fluid[window] = np.maximum(out.fluid[window], 0.6 * np.clip(-distance[window] / 2, 0, 1) * mine)
        out.small_bowel_gas[window] |= mine & (g > 0.8)
        if dilated_from is not None and float(gut.loops[number].radii.max()) >= dilated_from:
            out.dilated[window] |= mine & (g > 0.8)
    return layer, gas


def _loop_levels(
    window: Window,
    mine: Mask,
    limbs: np.ndarray[tuple[int, ...], np.dtype[np.int16]] | None,
    gravity: Gravity,
    shortest: float | None,
    wide_wanted: bool,
    loop: int,
    rng: np.random.Generator,
) -> tuple[list[Level], Field]:
    """Level lines of one loop, and the share of gas per pixel; no level where `shortest` is None.

    The two limbs of an arch are filled to different heights, as a contraction between them keeps them apart.
    """
    if shortest is None:
        is_full_of_fluid = wide_wanted and rng.random() < 0.4
        return [], np.full(mine.shape, 0.0 if is_full_of_fluid else 1.0, np.float32)
    if limbs is None:
        return _one_level(window, mine, gravity, shortest, wide_wanted, loop, np.linspace(0.30, 0.75, 6), rng)
    lines, share = [], np.ones(mine.shape, np.float32)
    low, high = rng.uniform(0.35, 0.5), rng.uniform(0.65, 0.85)
    for limb, height in zip((0, 1), rng.permutation([low, high]), strict=True):
        own = mine & (limbs == limb)
        if own.any():
            found, part = _one_level(window, own, gravity, shortest, True, loop, np.array([height]), rng)
            lines += found
            share = np.where(limbs == limb, part, share)
    return lines, np.asarray(share, np.float32)


def _one_level(
    window: Window,
    mine: Mask,
    gravity: Gravity,
    shortest: float,
    wide_wanted: bool,
    loop: int,
    heights: np.ndarray[tuple[int], np.dtype[np.float64]],
    rng: np.random.Generator,
) -> tuple[list[Level], Field]:
    """A level at one of the `heights` (share of the lumen above it) whose lines are as long as wanted."""
    depth = gravity.depth[window]
    top, bottom = float(depth[mine].min()), float(depth[mine].max())
    for height in rng.permutation(heights):
        level = top + (bottom - top) * float(height)
        lines = level_lines("small bowel", window, mine, gravity, level, shortest, loop)
        if lines and any(line.counts for line in lines) == wide_wanted:
            return lines, coverage(depth - level, 0.6)
    return [], np.ones(mine.shape, np.float32)


def _fill_colon(
    a: Anatomy,
    gut: Gut,
    gravity: Gravity,
    wall: float,
    dilated_from: float | None,
    out: Contents,
    rng: np.random.Generator,
) -> tuple[LumenLayer, Field]:
    layer, distance, half = _layer([segment.balls for segment in gut.colon], wall)
    gas = np.zeros((N, N), np.float32)
    flecks = StoolTexture(a, rng)
    for number, (segment, window) in enumerate(zip(gut.colon, layer.windows, strict=True)):
        if window is None:
            continue
        mine = (layer.owner[window] == number) & (distance[window] < 0)
        h = half[window] * mine
        holds_stool = np.array([c is Content.STOOL for c in segment.content])
        stool = mine & holds_stool[np.where(mine, layer.part[window], 0)]
        soft = cv2.GaussianBlur(stool.astype(np.float32), (0, 0), 1.5) * mine
        bubbles, lining = flecks.inside(window)
        bubbles = np.clip(bubbles + rng.uniform(-0.08, 0.08), 0, 1)
        g = 2 * h * soft * bubbles * rng.uniform(0.60, 0.88)
        g += _lining(distance[window], segment, soft) * lining * rng.uniform(0.5, 1.0)
        out.stool[window] += 1.8 * h * soft
        shown = stool & (h > 0.5) & (cv2.GaussianBlur(g, (0, 0), 3) * a.mm_per_px > _SEEN_GAS_MM)
        out.stool_mask[window] |= shown
        pocket = _pocket(segment, window, h, gravity, rng)
        g = np.maximum(g, pocket * (1 - soft))
        gas[window] += g * np.clip(-distance[window] / 1.2, 0, 1)
        out.colon[window] |= shown | (mine & (pocket > 0.8))
        if segment.name == "rectum":
            out.rectum[window] |= mine
        out.fluid[window] = np.maximum(out.fluid[window], soft * smoothstep(0, 4, h))
        if dilated_from is not None and segment.diameter / 2 >= dilated_from:
            out.dilated[window] |= mine & (pocket > 0.8) & ~stool
    return layer, gas


def _lining(distance: Field, segment: ColonSegment, soft: Field) -> Field:
    """Gas between stool and wall: a thin film that lets the haustral outline be followed."""
    rim = np.exp(-(((distance + 1.4) / 1.1) ** 2))
    return np.asarray(0.20 * segment.diameter * rim * soft, np.float32)


def _pocket(
    segment: ColonSegment, window: Window, h: Field, gravity: Gravity, rng: np.random.Generator
) -> Field:
    """Gas of the gas-filled haustra: its own, slightly smaller balls, so that pockets end round, not cut."""
    out = np.zeros_like(h)
    holds = np.array([c is Content.GAS for c in segment.content])[segment.balls.part]
    if not holds.any():
        return out
    parts = int(segment.balls.part.max()) + 1
    each = np.clip(rng.uniform(0.68, 0.96) + 0.14 * wander(rng, parts, 1.2), 0.35, 1)  # neighbours are alike
    each[rng.random(parts) < 0.22] *= 0.3  # broken, not a tube
    part = segment.balls.part[holds]
    shrink = each[part] * rng.uniform(0.72, 1.06, len(part))  # uneven sacs: an even row looks like beads
    drift = np.stack([wander(rng, parts, 1.5), wander(rng, parts, 1.5)], 1)
    aside = (0.16 * drift * segment.diameter / 2)[part]
    balls = Balls(
        (segment.balls.centres[holds] + aside).astype(np.float32),
        (segment.balls.radii[holds] * shrink).astype(np.float32),
        part,
    )
    found = ball_union(balls, 1.0)
    if found is None:
        return out
    inner = np.sqrt(np.maximum(found[1], 0))
    full = np.zeros((N, N), np.float32)
    full[found[0]] = inner
    inner = np.minimum(full[window], h)
    if gravity.is_in_plane:
        return np.asarray(2 * inner * rng.uniform(0.6, 1.0), np.float32)
    z = rng.uniform(-0.6, 0.5) * segment.diameter / 2
    return np.asarray(np.clip(inner - np.maximum(z, -inner), 0, None), np.float32)


class StoolTexture:
    """Gas in and round stool, one pattern for a film.

    Bubbles are two decorrelated, softly thresholded layers (a hard threshold looks like torn paper); clefts
    follow the zero lines of a coarser field and so close round lumps.
    """

    def __init__(self, a: Anatomy, rng: np.random.Generator) -> None:
        grow = 0.9 + 0.5 * a.ossification
        self._noise = [texture(rng, s * grow) for s in (1.3, 2.4, 5.5)]
        self._low = rng.uniform(-0.25, 0.25)
        self._lumps = texture(rng, rng.uniform(4.0, 6.5) * grow)
        self._cleft, self._cleft_share = rng.uniform(0.12, 0.22), rng.uniform(0.25, 0.5)

    def inside(self, window: Window) -> tuple[Field, Field]:
        """Share of gas along the beam in stool, and where gas lines the wall, 0..1 each."""
        rows, columns = (np.arange(side.start, side.stop) for side in window)
        elsewhere = np.ix_((N - 1 - 137 - rows) % N, (columns - 211) % N)
        n, m = [v[window] for v in self._noise], [v[elsewhere] for v in self._noise]
        low = self._low
        first = smoothstep(low - 0.5, low + 1.2, n[0] * 0.35 + n[1] * 0.65 + n[2] * 0.65)
        second = smoothstep(low - 0.2, low + 1.0, m[0] * 0.4 + m[1] * 0.7 + m[2] * 0.4)
        clefts = np.exp(-((self._lumps[window] / self._cleft) ** 2)) * np.clip(0.6 + 0.5 * m[2], 0, 1)
        share = 0.55 * first + 0.45 * second + self._cleft_share * clefts
        return np.asarray(np.clip(share, 0, 1), np.float32), smoothstep(-0.7, 0.6, n[2] + 0.4 * m[1])
