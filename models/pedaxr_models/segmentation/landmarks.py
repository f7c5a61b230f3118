"""Where things lie in a frame: the child's body, the midline, the level that divides the quadrants."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.facts import Quadrant, Side
from pedaxr_models.labels import Structure

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]

QUADRANT_SHARE = 0.2  # of a region, for the quadrant to be named
SIDE_SHARE = 0.8  # of a region, for its side to be named alone
# The L3-L4 disc lies 1.5 vertebral pitches below the middle of L2, and from birth to 16 years the pitch is
# within a tenth of the width of the body of L2 (see the phantom's anatomy tables).
_L2_WIDTHS_TO_L3_L4 = 1.5


@dataclass(frozen=True)
class Landmarks:
    """The lines that divide the abdomen, in the frame.

    Attributes:
        midline_x: (H,) column of the spine by row.
        quadrant_y: row of the L3-L4 disc.
        is_measured: whether both come from the spine on this film and not from the middle of the body.
    """

    midline_x: FloatArray
    quadrant_y: float
    is_measured: bool

    @cached_property
    def upper_rows(self) -> int:
        """How many rows from the top lie above `quadrant_y`."""
        return int(np.count_nonzero(np.arange(len(self.midline_x)) < self.quadrant_y))

    @cached_property
    def left(self) -> BoolArray:
        """(S, S), the patient's left of the midline, which is the viewer's right."""
        return np.arange(len(self.midline_x)) > self.midline_x[:, None]


def body_mask(
    frame: FloatArray,
    masks: Mapping[str, BoolArray],
    content: tuple[slice, slice],
    tissue: BoolArray | None = None,
) -> BoolArray:
    """The child's body inside the exposed field: (S, S) bool.

    Tissue is what lies above the middle between the surround (1st percentile) and Otsu's limit, blurred so
    that markers and grain do not count. The largest piece of it and every outlined channel together are
    filled row by row between their outer borders: gas, and lungs that open to the edge of the field, belong
    to the body. Arms and thighs that touch the trunk are included.

    `tissue` is what `tissue_of` gives of the same frame, where it is known already.
    """
    body = any_of(masks)
    body[content] |= tissue_of(frame, content) if tissue is None else tissue
    return _filled_rows(body)


def tissue_of(frame: FloatArray, content: tuple[slice, slice]) -> BoolArray:
    """The largest piece of tissue in `content` of the frame (S, S), in that shape; see `body_mask`."""
    film = cv2.GaussianBlur(frame[content], (0, 0), 0.006 * frame.shape[0])
    grey = np.asarray(
        cv2.convertScaleAbs(film, alpha=255), np.uint8
    )  # none is below 0; rounded, and cut at 1
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    tissue: BoolArray = grey > (otsu + _percentile(grey, 1)) / 2
    labels, areas = pieces_of(tissue)
    if len(areas) > 2:
        tissue = labels == 1 + int(areas[1:].argmax())
    return tissue


def pieces_of(mask: BoolArray) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """8-connected pieces: (H, W) the number of the piece a pixel belongs to, 0 outside; pixels by number.

    OpenCV's own statistics take four times as long as counting, and counting all pixels twice as long as
    counting those of the mask.
    """
    count, labels = cv2.connectedComponents(np.ascontiguousarray(mask).view(np.uint8), connectivity=8)
    inside = np.count_nonzero(mask)
    areas = np.bincount(labels[mask], minlength=count) if count > 2 else np.array([0, inside][:count])
    areas[0] = mask.size - inside
    return np.asarray(labels, np.int32), np.asarray(areas, np.intp)


def any_of(masks: Mapping[str, BoolArray]) -> BoolArray:
    """Where any of the masks is; a mask of its own, which may be changed."""
    first, *others = masks.values()
    union = first.copy()
    for mask in others:
        union |= mask
    return union


def _percentile(grey: NDArray[np.uint8], share: float) -> float:
    """As `np.percentile`, from the counts of the 256 levels."""
    upto = np.cumsum(cv2.calcHist([grey], [0], None, [256], [0, 256]).astype(np.int64))
    place = share / 100 * (grey.size - 1)
    below, above = (float(np.searchsorted(upto, int(at), side="right")) for at in (place, np.ceil(place)))
    return below + (above - below) * (place % 1)


def _filled_rows(piece: BoolArray) -> BoolArray:
    """Each row filled between its first and last pixel."""
    columns = np.arange(piece.shape[1])
    first = piece.argmax(axis=1)
    last = piece.shape[1] - 1 - piece[:, ::-1].argmax(axis=1)
    filled: BoolArray = (columns >= first[:, None]) & (columns <= last[:, None])
    filled[~piece.any(axis=1)] = False
    return filled


def find_landmarks(masks: Mapping[str, BoolArray], body: BoolArray | None = None) -> Landmarks:
    """The spine's line and the level of L3-L4; without a spine or an L2, the middle of the body or frame.

    Where no body is given, everything outlined stands for it.
    """
    midline = _spine_line(masks[Structure.SPINE])
    level = _l3_l4_row(masks[Structure.L2_BODY])
    is_measured = midline is not None and level is not None
    if midline is None or level is None:  # looking for all pixels of the body takes as long as all the rest
        body = any_of(masks) if body is None else body
        ys, xs = pixels_of(body if body.any() else np.ones_like(body))
        midline = np.full(body.shape[0], np.median(xs), np.float32) if midline is None else midline
        level = float((ys.min() + ys.max()) / 2) if level is None else level
    return Landmarks(midline, level, is_measured)


def pixels_of(mask: BoolArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pixels of a mask, as `np.nonzero` gives them, in a third of its time."""
    rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return rows, columns


def box_of(mask: BoolArray) -> tuple[slice, slice]:
    """Rows and columns that hold all of a mask; empty slices where it is empty."""
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return slice(y, y + height), slice(x, x + width)


def _spine_line(spine: BoolArray) -> FloatArray | None:
    """Column of the spine for every row: centre of each row, a parabola through them (scoliosis, tilt)."""
    rows = np.flatnonzero(spine.any(axis=1))
    if len(rows) < 0.1 * len(spine):
        return None
    inside = np.flatnonzero(spine.any(axis=0))
    across = slice(int(inside[0]), int(inside[-1]) + 1)
    seen = spine[rows, across]
    centres = (seen * np.arange(spine.shape[1])[across]).sum(axis=1) / seen.sum(axis=1)
    fitted = np.polynomial.Polynomial.fit(rows, centres, deg=2)
    # No further than the spine was seen: a parabola runs away
    return fitted(np.clip(np.arange(len(spine)), rows[0], rows[-1])).astype(np.float32)


def _l3_l4_row(l2_body: BoolArray) -> float | None:
    ys, xs = pixels_of(l2_body)
    if not len(ys):
        return None
    width = float(np.ptp(np.percentile(xs, (5, 95)))) / 0.9
    return float(ys.mean()) + _L2_WIDTHS_TO_L3_L4 * width


def locate(mask: BoolArray, landmarks: Landmarks) -> tuple[Side, tuple[Quadrant, ...]]:
    """Side and quadrants, the patient's; both when no side alone holds `SIDE_SHARE`."""
    shares, left = locate_shares(mask, landmarks)
    side = Side.LEFT if left > SIDE_SHARE else Side.RIGHT if left < 1 - SIDE_SHARE else Side.BOTH
    return side, tuple(quadrant for quadrant, share in shares.items() if share >= QUADRANT_SHARE)


def locate_shares(mask: BoolArray, landmarks: Landmarks) -> tuple[dict[Quadrant, float], float]:
    """Share of a non-empty mask in each quadrant, and on the patient's left."""
    rows, columns = box_of(mask)  # most regions fill a small part of the frame
    mask, k = mask[rows, columns], max(0, landmarks.upper_rows - rows.start)
    left = mask & landmarks.left[rows, columns]
    whole, upper = np.count_nonzero(mask), np.count_nonzero(mask[:k])
    on_left, upper_left = np.count_nonzero(left), np.count_nonzero(left[:k])
    cells = {
        Quadrant.RUQ: upper - upper_left,
        Quadrant.LUQ: upper_left,
        Quadrant.RLQ: whole - upper - (on_left - upper_left),
        Quadrant.LLQ: on_left - upper_left,
    }
    return {quadrant: cell / whole for quadrant, cell in cells.items()}, on_left / whole
