"""Lengths, counts and shares read off the masks of one film: what a report says in figures.

Lengths are pixels of the frame the masks are in, so that they may be given in millimetres where the film has
a pixel spacing, and as a ratio to the width of the second lumbar body where it has none (calibres in absolute
figures would mean something else at every age).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import Finding, Structure, View
from pedaxr_models.segmentation.landmarks import box_of, pixels_of

BoolArray = NDArray[np.bool_]

# The lumbar pitch, one vertebra and its disc, is within a tenth of the width of L2 from birth to 16 years.
_RECTOSIGMOID_PITCHES = 4.4  # below the middle of L2: the lower edge of S1
_FLATNESS_PX = 1.5  # how far a level may stray from one row of a frame of 512
# A round bottom keeps rising on either side of its lowest rows; a level ends at the wall of the bowel.
_CURVE_PX = 6.0
_LEAST_FLAT_SHARE = 0.75
_SHORTEST_LEVEL_PITCHES = 0.6
# Of two outlines of the same gas, one surer than the other, the level is a few pixels apart.
_SAME_LEVEL_PX, _SAME_LEVEL_SHARE = 5.0, 0.3
_PITCH_SCALE, _OF_L2, _OF_SPINE = 1.25, 0.26, 0.69


@dataclass(frozen=True)
class Line:
    """A straight line in the frame: its two ends, x, y in pixels."""

    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def length(self) -> float:
        """Pixels."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))


class Level(Line):
    """A gas-fluid interface, along the horizon; whole numbers are corners of pixels."""


@dataclass(frozen=True)
class FilmMeasures:
    """What could be measured; None where the structure is not outlined.

    Attributes:
        l2_width: of the second lumbar body, the yardstick.
        stomach, widest_loop, widest_colon, rectum: diameter of the widest circle inside.
        free_air_gap: greatest thickness of free gas below the diaphragm, along the beam of gravity.
        levels: those of the air-fluid loops, longest first.
        stool_share: of the right colon, left colon and rectosigmoid: stool in the outlined colon, 0 to 1.
    """

    l2_width: float | None = None
    stomach: float | None = None
    widest_loop: float | None = None
    widest_colon: float | None = None
    rectum: float | None = None
    free_air_gap: float | None = None
    levels: tuple[Level, ...] = ()
    stool_share: tuple[float | None, float | None, float | None] = (None, None, None)


def measure_film(
    masks: Mapping[str, BoolArray],
    view: View | None = None,
    *,
    degrees: float = 0.0,
    surer_levels: Sequence[BoolArray] = (),
) -> FilmMeasures:
    """Measure the masks (S, S) bool of one film; channels that are missing count as empty.

    Args:
        masks: by channel, in one frame.
        view: on a left lateral decubitus film, shown head up, gravity points along the rows.
        degrees: by which the film was turned clockwise for reading, and gravity with it.
        surer_levels: the gas of the air-fluid loops again, cut back to where the network is surer: loops that
            run together in the outline come apart there.
    """
    empty = np.zeros(next(iter(masks.values())).shape, bool)
    held = {name: masks.get(name, empty) for name in (*Structure, *Finding)}
    turned = view is View.LEFT_LATERAL_DECUBITUS
    pitch = l2_width(held[Structure.L2_BODY])
    free_air = held[Finding.PNEUMOPERITONEUM]
    colon = held[Structure.COLON]
    parts = colon_parts(colon, held[Structure.SPINE], held[Structure.L2_BODY])
    return FilmMeasures(
        l2_width=pitch,
        stomach=widest_circle(held[Structure.STOMACH]),
        widest_loop=widest_circle(held[Structure.SMALL_BOWEL_GAS]),
        widest_colon=widest_circle(colon),
        rectum=widest_circle(parts[2]) if parts else None,
        free_air_gap=_greatest_thickness(free_air.T if turned else free_air),
        levels=_distinct(
            [
                level
                for gas in (held[Finding.AIR_FLUID_LEVEL], *surer_levels)
                for level in find_levels(gas, pitch, turned=turned, degrees=degrees)
            ]
        ),
        stool_share=_stool_shares(held[Structure.STOOL], parts),
    )


def find_calipers(
    masks: Mapping[str, BoolArray],
    view: View | None = None,
    *,
    degrees: float = 0.0,
    surer_levels: Sequence[BoolArray] = (),
) -> dict[str, Line]:
    """Where each length of `measure_film` was read: lines of that length, whole numbers at pixel centres.

    Keys are the names of the attributes of `FilmMeasures`, and `longest_level`. A calibre is the diameter of
    the widest circle inside, towards the nearest wall.

    Args:
        masks: by channel, in one frame, as for `measure_film`.
        view: as for `measure_film`.
        degrees: likewise.
        surer_levels: likewise.
    """
    found = measure_film(masks, view, degrees=degrees, surer_levels=surer_levels)
    empty = np.zeros(next(iter(masks.values())).shape, bool)
    held = {name: masks.get(name, empty) for name in (*Structure, *Finding)}
    colon = held[Structure.COLON]
    parts = colon_parts(colon, held[Structure.SPINE], held[Structure.L2_BODY])
    calibres = {
        "stomach": held[Structure.STOMACH],
        "widest_loop": held[Structure.SMALL_BOWEL_GAS],
        "widest_colon": colon,
        "rectum": parts[2] if parts else empty,
    }
    lines = {name: _diameter(mask) for name, mask in calibres.items() if mask.any()}
    if found.l2_width:
        lines["l2_width"] = _width_line(held[Structure.L2_BODY], found.l2_width)
    if found.free_air_gap:
        turned = view is View.LEFT_LATERAL_DECUBITUS
        air = held[Finding.PNEUMOPERITONEUM]
        line = _thickness_line(air.T if turned else air, found.free_air_gap)
        lines["free_air_gap"] = Line(line.start[::-1], line.end[::-1]) if turned else line
    if found.levels:
        ends = found.levels[0].start, found.levels[0].end
        lines["longest_level"] = Line(*((x - 0.5, y - 0.5) for x, y in ends))
    return lines


def _width_line(body: BoolArray, width: float) -> Line:
    """Across the row of the body whose width is nearest to the one measured."""
    widths = body.sum(axis=1)
    row = int(np.abs(np.where(widths > 0, widths, np.inf) - width).argmin())
    middle = float(np.flatnonzero(body[row])[[0, -1]].mean())
    return Line((middle - width / 2, float(row)), (middle + width / 2, float(row)))


def _thickness_line(air: BoolArray, thickness: float) -> Line:
    """Down the column that holds the most gas, from its upper edge."""
    column = int(air.sum(axis=0).argmax())
    top = float(np.flatnonzero(air[:, column])[0]) - 0.5
    return Line((float(column), top), (float(column), top + thickness))


def l2_width(body: BoolArray) -> float | None:
    """Width of the second lumbar body near its end plates; the waist between them is a tenth narrower."""
    widths = body.sum(axis=1)
    rows = np.flatnonzero(widths)
    if len(rows) < 4:
        return None
    return float(np.percentile(widths[rows], 80))


def lumbar_pitch(l2_body: BoolArray, spine: BoolArray) -> float | None:
    """The lumbar pitch in pixels, from the size of L2 and the width of the whole spine; None without L2.

    An outlined L2 alone is up to a third too wide on a film unlike those of training; the median width of the
    spine, over many rows, is not. Weights by ridge regression of the logarithms on validation films.
    """
    side, widths = float(np.sqrt(np.count_nonzero(l2_body))), spine.sum(axis=1)
    if not side or not widths.any():
        return l2_width(l2_body)
    return float(_PITCH_SCALE * side**_OF_L2 * np.median(widths[widths > 0]) ** _OF_SPINE)


def widest_circle(mask: BoolArray) -> float | None:
    """Diameter of the largest circle inside a mask: the calibre of a bent tube."""
    depth = _depths(mask)[0]
    return 2 * float(depth.max()) if depth.size else None


def _depths(mask: BoolArray) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """How far each pixel of a mask lies from its edge, in its box with a pixel around, and the box's x, y."""
    rows, columns = box_of(mask)
    if rows.stop == rows.start:
        return np.zeros((0, 0), np.float32), (0, 0)
    inner = mask[rows, columns]
    padded = np.zeros((inner.shape[0] + 2, inner.shape[1] + 2), np.uint8)
    padded[1:-1, 1:-1] = inner
    depths = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(depths, np.float32), (columns.start - 1, rows.start - 1)


def _diameter(mask: BoolArray) -> Line:
    """Of the widest circle inside a mask that is not empty, towards the wall nearest to its middle."""
    depths, (left, top) = _depths(mask)
    y, x = np.unravel_index(int(depths.argmax()), depths.shape)
    ys, xs = np.nonzero(depths == 0)
    nearest = int(np.hypot(ys - y, xs - x).argmin())
    away = np.array([xs[nearest] - x, ys[nearest] - y], np.float64)
    reach = away / np.hypot(*away) * float(depths[y, x])
    middle = np.array([left + x, top + y], np.float64)
    start, end = (middle - reach).tolist(), (middle + reach).tolist()
    return Line((start[0], start[1]), (end[0], end[1]))


def _greatest_thickness(mask: BoolArray) -> float | None:
    return float(mask.sum(axis=0).max()) if mask.any() else None


def colon_parts(
    colon: BoolArray, spine: BoolArray, l2_body: BoolArray
) -> tuple[BoolArray, BoolArray, BoolArray] | None:
    """Right colon, left colon, rectosigmoid, divided by the spine and the level of S1; None without them."""
    pitch = l2_width(l2_body)
    if pitch is None or not spine.any():
        return None
    below = float(pixels_of(l2_body)[0].mean()) + _RECTOSIGMOID_PITCHES * pitch
    middle = _median_column(spine)
    ys, xs = np.arange(colon.shape[0])[:, None], np.arange(colon.shape[1])
    is_low = (ys > below) & (np.abs(xs - middle) < 2 * pitch)
    is_left = xs > middle  # the patient's left is the viewer's right
    high = colon & ~is_low
    return high & ~is_left, high & is_left, colon & is_low


def _median_column(mask: BoolArray) -> float:
    """Of the pixels of a mask, as `np.median` has it, from how many there are in each column."""
    upto = np.cumsum(np.count_nonzero(mask, axis=0))
    middle = int(upto[-1]) - 1
    low, high = np.searchsorted(upto, (middle // 2, middle - middle // 2), side="right")
    return float(low + high) / 2


def _stool_shares(
    stool: BoolArray, parts: tuple[BoolArray, BoolArray, BoolArray] | None
) -> tuple[float | None, float | None, float | None]:
    if parts is None:
        return None, None, None
    right, left, low = (_share(stool, part) for part in parts)
    return right, left, low


def _share(mask: BoolArray, part: BoolArray) -> float | None:
    whole = np.count_nonzero(part)
    return np.count_nonzero(mask & part) / whole if whole else None


def find_levels(
    gas: BoolArray, pitch: float | None, *, turned: bool = False, degrees: float = 0.0
) -> tuple[Level, ...]:
    """The flat lower edges of pockets of gas, longest first.

    Args:
        gas: (S, S), the gas of the loops that hold levels.
        pitch: lumbar pitch in pixels, against which the shortest level is judged.
        turned: gravity points to the right of the frame instead of downwards.
        degrees: by which the film was turned clockwise for reading: levels then lie askew in the frame.
    """
    if not gas.any():
        return ()
    if degrees:
        return _levels_askew(gas, pitch, turned, degrees)
    mask = gas.T if turned else gas
    shortest = max(5.0, _SHORTEST_LEVEL_PITCHES * (pitch or 0.0))
    rows, columns = box_of(mask)
    inner = np.ascontiguousarray(mask[rows, columns]).view(np.uint8)
    count, pieces, boxes, _ = cv2.connectedComponentsWithStats(inner, connectivity=4)
    found = []
    for piece in range(1, count):
        x, y, width, height, _ = boxes[piece].tolist()
        if width >= shortest:
            pocket = pieces[y : y + height, x : x + width] == piece
            found += _flat_edges(pocket, shortest, (columns.start + x, rows.start + y))
    if turned:
        found = [Level(level.start[::-1], level.end[::-1]) for level in found]
    return tuple(sorted(found, key=lambda level: -level.length))


def _distinct(levels: Sequence[Level]) -> tuple[Level, ...]:
    """Longest first, without those that lie along a longer one."""
    kept: list[Level] = []
    for level in sorted(levels, key=lambda level: -level.length):
        if not any(_lies_along(level, longer) for longer in kept):
            kept.append(level)
    return tuple(kept)


def _lies_along(level: Level, longer: Level) -> bool:
    """Whether a good part of a level is that of a longer one, a few pixels higher or lower."""
    origin = np.array(longer.start)
    along = (np.array(longer.end) - origin) / longer.length
    ends = np.array([level.start, level.end]) - origin
    places = np.sort(ends @ along)
    x, y = ends.mean(axis=0).tolist()
    beside = abs(float(along[0] * y - along[1] * x))
    shared = min(float(places[1]), longer.length) - max(float(places[0]), 0.0)
    return beside <= _SAME_LEVEL_PX and shared > _SAME_LEVEL_SHARE * level.length


def _levels_askew(gas: BoolArray, pitch: float | None, turned: bool, degrees: float) -> tuple[Level, ...]:
    """Found with the film as it was taken, and turned with it."""
    middle = (gas.shape[1] - 1) / 2, (gas.shape[0] - 1) / 2
    there = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    as_taken = cv2.warpAffine(gas.astype(np.float32), there, gas.shape[::-1]) >= 0.5
    back = cv2.invertAffineTransform(there)

    def moved(corner: tuple[float, float]) -> tuple[float, float]:
        x, y = back[:, :2] @ (np.array(corner) - 0.5) + back[:, 2] + 0.5
        return float(x), float(y)

    return tuple(
        Level(moved(level.start), moved(level.end)) for level in find_levels(as_taken, pitch, turned=turned)
    )


def _flat_edges(pocket: BoolArray, shortest: float, corner: tuple[int, int]) -> list[Level]:
    """Runs of columns whose lowest pixels lie in one row and end at a wall, not in a curve.

    `pocket` is cut out of the frame, its upper left pixel at x, y = `corner`; each of its columns holds gas.
    """
    columns = corner[0] + np.arange(pocket.shape[1])
    lowest = corner[1] + len(pocket) - 1 - pocket[::-1].argmax(axis=0)
    levels: list[Level] = []
    free = np.ones(len(columns), bool)
    while free.sum() >= shortest:
        row = float(np.bincount(lowest[free]).argmax())
        flat = _longest_run(free & (np.abs(lowest - row) <= _FLATNESS_PX))
        if len(flat) < shortest:
            break
        around = _longest_run(free & (lowest >= row - _CURVE_PX) & (lowest <= row + _FLATNESS_PX))
        if len(flat) >= _LEAST_FLAT_SHARE * len(around):
            ends = float(columns[flat[0]]), float(columns[flat[-1]] + 1)
            levels.append(Level((ends[0], row + 1), (ends[1], row + 1)))
        free[flat] = False
    return levels


def _longest_run(wanted: BoolArray) -> NDArray[np.intp]:
    places = np.flatnonzero(wanted)
    return max(np.split(places, np.flatnonzero(np.diff(places) > 1) + 1), key=len)
