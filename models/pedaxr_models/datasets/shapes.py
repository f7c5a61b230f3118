"""What a labelling program draws, as polygons: each kind as what it is; what outlines nothing is refused."""

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pedaxr_models.datasets.fields import outlines
from pedaxr_models.datasets.film import BoolArray, FloatArray
from pedaxr_models.datasets.read_report import RowError

_TURN = np.linspace(0, 2 * np.pi, 64, endpoint=False)
_POLYGONS = ("", "polygon", "rotation", "oriented_rectangle", "quadrilateral")
_LINES = ("point", "points", "line", "linestrip", "keypoint", "polyline")
_LONGEST_MASK = 16 * 2**20
_LARGEST_MASK = 2**26  # pixels
_MARGIN = 0.02  # share of the picture by which a hand may draw beyond its edge
_PERCENT, _LARGE = 100.0, 800.0  # on a film of so many pixels nothing is outlined in that corner alone
_LEAST_SIDE, _LEAST_AREA = 2.0, 2.0  # pixels
_MOST_COMPARED = 4000  # points of an outline whose edges are compared with each other
_CROSSED_SHARE = 0.02  # of the area that a slip of the hand may fold over
_FINE = 1024.0

Size = tuple[float, float]


def shape_outlines(shape: dict[str, Any], points: Any) -> list[FloatArray]:
    """Polygons, each (n, 2) of x, y, of one drawn shape in pixels of the picture that it was drawn on.

    Args:
        shape: as labelme writes it: shape_type, and for a mask the picture of it.
        points: of the shape, under whatever key they stand.

    Raises:
        RowError: the kind outlines nothing, is not known, or its points are not what it needs.
    """
    kind = str(shape.get("shape_type") or "").casefold()
    if kind in _LINES:
        raise RowError("a shape is a line or a point, which outlines nothing")
    if kind == "mask" or (kind in _POLYGONS and shape.get("mask")):
        return _mask_outlines(shape.get("mask"), _numbers(points))
    if kind in _POLYGONS:
        return outlines(points)
    corners = _numbers(points)
    if kind in ("rectangle", "circle", "ellipse") and len(corners) == 2:
        return [_round(kind, corners) if kind != "rectangle" else _box(corners)]
    if kind not in ("rectangle", "circle", "ellipse"):
        raise RowError(
            "a shape is of a kind that is not read; draw it as polygon, rectangle, circle, ellipse or mask"
        )
    if kind != "rectangle" or len(corners) < 3:
        raise RowError("a rectangle, circle or ellipse has other than two points")
    return [corners]


def check_outline(polygon: FloatArray, film: Size | None) -> None:
    """Refuse an outline (n, 2) that cannot be what was meant on a film of that width and height.

    Args:
        polygon: in pixels of the film.
        film: None where its size is not known; then it may lie anywhere.

    Raises:
        RowError: it leaves the film, is drawn in shares of it, too small, or crosses itself.
    """
    check_unit(polygon, film)
    is_wide = bool((np.ptp(polygon, axis=0) >= _LEAST_SIDE).all())
    if is_wide and _crosses_itself(polygon):
        raise RowError("an outline crosses itself, so that its inside is not known; draw it in one round")
    if not is_wide or _filled(polygon) < _LEAST_AREA:
        raise RowError("an outline is smaller than two pixels across")


def may_have_holes(pieces: list[FloatArray]) -> bool:
    """Whether an outline lies wholly inside another of the same finding, as some programs write holes."""
    around = [np.ascontiguousarray(piece.reshape(-1, 1, 2), np.float32) for piece in pieces]
    return any(
        all(cv2.pointPolygonTest(outer, (float(x), float(y)), False) > 0 for x, y in piece)
        for at, piece in enumerate(pieces)
        for other, outer in enumerate(around)
        if at != other
    )


def check_unit(polygon: FloatArray, film: Size | None) -> None:
    """Refuse an outline that is not in pixels of the film. Raises RowError."""
    if polygon.min() >= 0 and polygon.max() <= 1:
        raise RowError("an outline is drawn in shares of the picture (0 to 1); write it in pixels")
    if film is not None and polygon.max() <= _PERCENT and min(film) >= _LARGE:
        raise RowError("an outline lies in the first 100 pixels, as one in percent does; write it in pixels")
    if film is not None:
        slack = _MARGIN * np.array(film, np.float32)
        if (polygon < -slack).any() or (polygon > np.array(film, np.float32) + slack).any():
            raise RowError("an outline leaves the film; it may be drawn on an enlarged copy")


def _numbers(points: Any) -> FloatArray:
    """(n, 2) float32 finite."""
    try:
        array = np.asarray(points, np.float32)
    except (ValueError, TypeError, OverflowError) as err:
        raise RowError("a point is not two numbers") from err
    if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
        raise RowError("a shape is not a list of points of two finite numbers")
    return array


def _box(corners: FloatArray) -> FloatArray:
    (x0, y0), (x1, y1) = corners
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def _round(kind: str, corners: FloatArray) -> FloatArray:
    """A circle has its centre and a point on it; an ellipse the corners of the box around it."""
    first, second = corners.astype(np.float64)
    centre = first if kind == "circle" else (first + second) / 2
    radii = np.hypot(*(second - first)) if kind == "circle" else np.abs(second - first) / 2
    return np.asarray(centre + radii * np.stack([np.cos(_TURN), np.sin(_TURN)], 1), np.float32)


def _mask_outlines(encoded: Any, corners: FloatArray) -> list[FloatArray]:
    """Outlines of a mask that stands with its upper left pixel at the first corner of its box."""
    mask = _decoded_mask(encoded)
    if len(corners) < 2:
        raise RowError("a mask has no box")
    low, high = corners.min(axis=0), corners.max(axis=0)
    height, width = mask.shape
    if np.abs(high - low + 1 - (width, height)).max() > 1:
        raise RowError("a mask is of another size than its box")
    found = [outline + np.round(low).astype(np.float32) for outline in mask_outlines(mask)]
    if not found:
        raise RowError("a mask is empty")
    return found


def mask_outlines(mask: BoolArray) -> list[FloatArray]:
    """Polygons (n, 2) of x, y of the pieces of a mask (rows, columns), each with its holes."""
    pieces, levels = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    # Of each contour: the next, the one before, the first inside, the one around.
    around = [] if levels is None else levels[0][:, 3]
    found = []
    for at, piece in enumerate(pieces):
        if around[at] < 0 and len(piece) > 2:
            holes = [
                _points(hole) for inside, hole in enumerate(pieces) if around[inside] == at and len(hole) > 2
            ]
            found.append(_with_holes(_points(piece), holes))
    return found


def decoded_runs(segmentation: Mapping[str, Any], size: tuple[int, int]) -> BoolArray:
    """The mask (rows, columns) of COCO's `{"size": [rows, columns], "counts": ...}`, plain or compressed.

    Raises:
        ValueError: the runs are damaged or do not fill a picture of that size.
    """
    counts = segmentation["counts"]
    is_packed = isinstance(counts, str | bytes)
    return from_runs(uncompressed(counts) if is_packed else [int(count) for count in counts], size)


def from_runs(counts: Sequence[int], size: tuple[int, int]) -> BoolArray:
    """Run lengths down the columns, outside first, as (rows, columns). Raises ValueError: they do not fit."""
    rows, columns = size
    if sum(counts) != rows * columns or min(counts, default=0) < 0:
        raise ValueError("the run lengths do not fill the film")
    values = np.zeros(len(counts), np.bool_)
    values[1::2] = True
    return np.asarray(np.repeat(values, counts).reshape(columns, rows).T)


def uncompressed(text: str | bytes) -> list[int]:
    """COCO's compressed counts: groups of five bits, low first, differences from two runs before."""
    data = text.encode("latin-1") if isinstance(text, str) else text
    counts: list[int] = []
    at = 0
    while at < len(data):
        value, shift, more = 0, 0, True
        while more:
            byte = data[at] - 48
            value |= (byte & 0x1F) << shift
            more, at, shift = bool(byte & 0x20), at + 1, shift + 5
            if not more and byte & 0x10:
                value |= -1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts


def _decoded_mask(encoded: Any) -> BoolArray:
    if not isinstance(encoded, str) or not 0 < len(encoded) <= _LONGEST_MASK:
        raise RowError("a mask holds no picture, or a huge one")
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)), formats=("PNG",)) as picture:
            if picture.width * picture.height > _LARGEST_MASK:
                raise RowError("a mask holds a huge picture")
            return np.asarray(np.asarray(picture.convert("RGB")).max(axis=2) > 0, np.bool_)
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as err:
        raise RowError("a mask's picture cannot be read") from err


def _points(contour: NDArray[np.integer[Any]]) -> FloatArray:
    return np.asarray(contour.reshape(-1, 2), np.float32)


def _with_holes(outer: FloatArray, holes: list[FloatArray]) -> FloatArray:
    """One polygon that runs round each hole over a bridge of no width, which no filling rule fills."""
    for hole in holes:
        apart = np.square(outer[:, None] - hole[None]).sum(axis=2)
        at, start = np.unravel_index(int(apart.argmin()), apart.shape)
        ring = np.roll(hole, -int(start), axis=0)
        outer = np.concatenate([outer[: at + 1], ring, ring[:1], outer[at:]])
    return outer


def _filled(polygon: FloatArray) -> float:
    """Area by the surveyor's formula; each turn round a point counts."""
    x, y = polygon.astype(np.float64).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _crosses_itself(polygon: FloatArray) -> bool:
    """Whether edges cross, and fold over more of the area than a slip of the hand does."""
    if len(polygon) <= _MOST_COMPARED and not _has_crossing(polygon.astype(np.float64)):
        return False
    scale = _FINE / float(np.ptp(polygon, axis=0).max())
    fine = (polygon - polygon.min(axis=0)) * scale
    canvas = np.zeros((int(_FINE) + 2, int(_FINE) + 2), np.uint8)
    cv2.fillPoly(canvas, [np.round(fine * 16).astype(np.int32)], 1, shift=4)
    rim = np.hypot(*np.diff(np.concatenate([fine, fine[:1]]), axis=0).T).sum() / 2  # filled to its outer edge
    inside = max(float(canvas.sum()) - float(rim), 1.0)
    return abs(inside - _filled(fine)) > _CROSSED_SHARE * inside + 1


def _has_crossing(polygon: NDArray[np.float64]) -> bool:
    """Whether two edges cross within both; edges that only touch or lie on each other do not."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    for at in range(len(polygon)):
        a, b = start[at], end[at]
        ahead = _side(a, b, start) * _side(a, b, end) < 0
        if (
            ahead.any()
            and (_side(start[ahead], end[ahead], a) * _side(start[ahead], end[ahead], b) < 0).any()
        ):
            return True
    return False


def _side(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positive where c lies on one side of the line from a to b, negative on the other."""
    ab, ac = b - a, c - a
    return np.asarray(ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0])
