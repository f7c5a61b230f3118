"""Gas, fluid and stool in the lumens, placed by gravity: down the film if erect, along the beam if supine."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from pedaxr_models.labels import View
from pedaxr_models.phantom.anatomy import Anatomy
from pedaxr_models.phantom.geometry import Field, Mask, N, Window, coverage, smoothstep
from pedaxr_models.phantom.gut import ColonSegment, Gut
from pedaxr_models.phantom.lumen import Balls, LumenLayer, ball_union
from pedaxr_models.phantom.noise import texture
from pedaxr_models.phantom.plan import Content, GutPlan

LEVEL_WIDTH_PITCHES = 0.8  # 25 mm at ten years (pitch 31 mm), 9.5 mm in a newborn


@dataclass(frozen=True)
class Level:
    """A gas-fluid interface: canvas end points (x, y), and whether it is long enough to count."""

    organ: str
    start: tuple[float, float]
    end: tuple[float, float]
    counts: bool


@dataclass
class Contents:
    """Path lengths (pixels) and silhouettes of what the gut holds.

    Attributes:
        gas, stool: path length of gas and of stool-filled lumen.
        fluid: 0..1, how far lumen content displaces the fat round it.
        burden: per colon segment, share of its haustra that hold stool.
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
    levels: list[Level] = field(default_factory=list)
    burden: dict[str, float] = field(default_factory=dict)
    layers: tuple[LumenLayer, ...] = ()


@dataclass(frozen=True)
class Gravity:
    """Which way is down: `height` rises along true vertical on the detector (only read when erect)."""

    view: View
    row: Field

    @property
    def is_erect(self) -> bool:
        """Whether gravity lies in the plane of the film."""
        return self.view is View.ERECT


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

    return Contents(length(), length(), length(), mask(), mask(), mask(), mask(), mask(), mask())


def _fill_stomach(gut: Gut, plan: GutPlan, gravity: Gravity, out: Contents, rng: np.random.Generator) -> None:
    found = ball_union(gut.stomach)
    if found is None:
        return
    window, power, _, _ = found
    half = np.sqrt(np.maximum(power, 0))
    inside = power > 0
    out.stomach[window] = inside
    if gravity.is_erect:
        rows = gravity.row[window][inside]
        level = rows.min() + (rows.max() - rows.min()) * plan.stomach_level
        gas = 2 * half * coverage(gravity.row[window] - level, 0.6)
        if plan.stomach_gas:
            out.levels += _level_lines("stomach", window, inside, gravity, float(level), 1e9)
    else:
        pool = rng.uniform(-0.55, 0.05) if plan.is_obstructed else rng.uniform(-0.2, 0.6)
        z = pool * gut.stomach_diameter / 2
        gas = np.clip(half - np.maximum(z, -half), 0, None) * 0.95
    gas = gas * plan.stomach_gas
    behind = cv2.GaussianBlur((inside & (gas > 2)).astype(np.float32), (0, 0), 0.8)
    out.gas[window] = np.maximum(gas, out.gas[window] * (1 - (0.75 if plan.is_obstructed else 1.0) * behind))
    out.fluid[window] = np.maximum(out.fluid[window], 0.25 * np.clip(half / 8, 0, 1))


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
    layer = LumenLayer(wall)
    for balls in gut.loops:
        layer.add(balls)
    distance = layer.distance()
    half = layer.half_chord(distance)
    gas = np.zeros((N, N), np.float32)
    shortest = LEVEL_WIDTH_PITCHES * a.pitch
    wide_wanted = plan.level_loops >= 3
    left = plan.level_loops
    for number, window in enumerate(layer.windows):
        if window is None:
            continue
        mine = (layer.owner[window] == number) & (distance[window] < 0)
        if not mine.any():
            continue
        h, share = half[window] * mine, np.ones(mine.shape, np.float32)
        if gravity.is_erect:
            lines, share = _loop_level(window, mine, gravity, shortest, wide_wanted, left, rng)
            left -= bool(lines)
            out.levels += lines
            if any(line.counts for line in lines):
                out.level_loops[window] |= mine
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


def _loop_level(
    window: Window,
    mine: Mask,
    gravity: Gravity,
    shortest: float,
    wide_wanted: bool,
    left: int,
    rng: np.random.Generator,
) -> tuple[list[Level], Field]:
    """Level lines of one erect loop, and the share of gas per pixel; no level when none is `left` to give."""
    row = gravity.row[window]
    rows = row[mine]
    low, high = float(rows.min()), float(rows.max())
    for share in rng.permutation(np.linspace(0.30, 0.75, 6)) if left > 0 else ():
        level = low + (high - low) * float(share)
        lines = _level_lines("small bowel", window, mine, gravity, level, shortest)
        if lines and any(line.counts for line in lines) == wide_wanted:
            return lines, coverage(row - level, 0.6)
    if wide_wanted and left <= 0 and rng.random() < 0.4:
        return [], np.zeros(mine.shape, np.float32)  # a loop full of fluid
    return [], np.ones(mine.shape, np.float32)


def _level_lines(
    organ: str, window: Window, mine: Mask, gravity: Gravity, level: float, shortest: float
) -> list[Level]:
    """Runs of a lumen along one gravity row; runs under 5 pixels are not seen as levels."""
    near = mine & (np.abs(gravity.row[window] - level) < 0.75)
    columns = np.flatnonzero(near.any(0))
    if not len(columns):
        return []
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    top, left = window[0].start, window[1].start
    lines = []
    for run in runs:
        if len(run) >= 5:
            ys = [float(np.flatnonzero(near[:, c]).mean()) + top for c in (run[0], run[-1])]
            counts = len(run) >= shortest and organ != "stomach"
            lines.append(Level(organ, (float(run[0] + left), ys[0]), (float(run[-1] + left), ys[1]), counts))
    return lines


def _fill_colon(
    a: Anatomy,
    gut: Gut,
    gravity: Gravity,
    wall: float,
    dilated_from: float | None,
    out: Contents,
    rng: np.random.Generator,
) -> tuple[LumenLayer, Field]:
    layer = LumenLayer(wall)
    for segment in gut.colon:
        layer.add(segment.balls)
    distance = layer.distance()
    half = layer.half_chord(distance)
    gas = np.zeros((N, N), np.float32)
    flecks = _StoolTexture(a, rng)
    for number, (segment, window) in enumerate(zip(gut.colon, layer.windows, strict=True)):
        out.burden[segment.name] = float(np.mean([c is Content.STOOL for c in segment.content]))
        if window is None:
            continue
        mine = (layer.owner[window] == number) & (distance[window] < 0)
        h = half[window] * mine
        holds_stool = np.array([c is Content.STOOL for c in segment.content])
        stool = mine & holds_stool[np.where(mine, layer.part[window], 0)]
        soft = cv2.GaussianBlur(stool.astype(np.float32), (0, 0), 1.5) * mine
        g = (
            2
            * h
            * soft
            * np.clip(flecks.field[window] + rng.uniform(-0.1, 0.1), 0, 1)
            * rng.uniform(0.40, 0.65)
        )
        out.stool[window] += h * soft
        out.stool_mask[window] |= stool & (h > 0.5)
        pocket = _pocket(segment, window, h, gravity, rng)
        g = np.maximum(g, pocket * (1 - soft))
        gas[window] += g * np.clip(-distance[window] / 1.2, 0, 1)
        out.colon[window] |= (stool & (h > 0.5)) | (mine & (pocket > 0.8))
        out.fluid[window] = np.maximum(out.fluid[window], 0.5 * soft * smoothstep(0, 4, h))
        if dilated_from is not None and segment.diameter / 2 >= dilated_from:
            out.dilated[window] |= mine & (pocket > 0.8) & ~stool
    return layer, gas


def _pocket(
    segment: ColonSegment, window: Window, h: Field, gravity: Gravity, rng: np.random.Generator
) -> Field:
    """Gas of the gas-filled haustra: its own, slightly smaller balls, so that pockets end round, not cut."""
    out = np.zeros_like(h)
    holds = np.array([c is Content.GAS for c in segment.content])[segment.balls.part]
    if not holds.any():
        return out
    each = rng.uniform(0.78, 0.98) + rng.uniform(-0.08, 0.08, int(segment.balls.part.max()) + 1)
    shrink = each[segment.balls.part[holds]]
    balls = Balls(
        segment.balls.centres[holds],
        (segment.balls.radii[holds] * shrink).astype(np.float32),
        segment.balls.part[holds],
    )
    found = ball_union(balls, 1.0)
    if found is None:
        return out
    inner = np.sqrt(np.maximum(found[1], 0))
    full = np.zeros((N, N), np.float32)
    full[found[0]] = inner
    inner = np.minimum(full[window], h)
    if gravity.is_erect:
        return np.asarray(2 * inner * rng.uniform(0.6, 1.0), np.float32)
    z = rng.uniform(-0.6, 0.5) * segment.diameter / 2
    return np.asarray(np.clip(inner - np.maximum(z, -inner), 0, None), np.float32)


class _StoolTexture:
    """Share of gas in stool: two decorrelated, softly thresholded layers (a hard threshold looks torn)."""

    def __init__(self, a: Anatomy, rng: np.random.Generator) -> None:
        grow = 0.9 + 0.5 * a.ossification
        n = [texture(rng, s * grow) for s in (1.5, 2.9, 5.5)]
        m = [np.roll(v, (137, 211), (0, 1))[::-1] for v in n]
        low = rng.uniform(0.0, 0.5)
        first = smoothstep(low - 0.5, low + 1.3, n[0] * 0.35 + n[1] * 0.65 + n[2] * 0.65)
        second = smoothstep(low - 0.2, low + 1.1, m[0] * 0.4 + m[1] * 0.7 + m[2] * 0.4)
        self.field: Field = np.asarray(0.55 * first + 0.45 * second, np.float32)
