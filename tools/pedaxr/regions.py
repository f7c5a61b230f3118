"""From probabilities to named, placed and measured regions of the film.

Everything is computed in the letterboxed frame of the network and only outlines, boxes and areas are carried
back to the film, so that a film of any size gives the same regions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.types import Region
from pedaxr_models.captioning.facts import Quadrant, Side
from pedaxr_models.labels import CHANNELS, FINDINGS, Structure

if TYPE_CHECKING:
    from pedaxr_models.runtime.segmenter import Segmentation
    from pedaxr_models.segmentation.transforms import Letterbox

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]

QUADRANT_SHARE = 0.2  # of a region, for the quadrant to be named
SIDE_SHARE = 0.8  # of a region, for its side to be named alone
_LEAST_STRUCTURE_PX = 30
_OUTLINE_TOLERANCE_PX = 0.7  # of the frame
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


def find_regions(
    segmentation: "Segmentation",
    film: FloatArray,
    *,
    thresholds: Mapping[str, float],
    min_area_px: Mapping[str, int],
    pixel_spacing_mm: tuple[float, float] | None,
) -> list[Region]:
    """One region per channel that has any piece of its least area, in the order of `CHANNELS`.

    Args:
        segmentation: probabilities in the frame, and the way back to the film.
        film: (H, W) in [0, 1], bone bright, as the segmentation was made from.
        thresholds: per channel, probability from which a pixel belongs to it.
        min_area_px: per channel, pixels of the frame that a connected piece needs; 30 where not given.
        pixel_spacing_mm: row, column of the film.
    """
    masks = channel_masks(segmentation, thresholds=thresholds, min_area_px=min_area_px)
    body = body_mask(segmentation.letterbox.apply(film), masks, segmentation.letterbox.content)
    landmarks = find_landmarks(masks, body)
    measured = Measures(segmentation.letterbox, landmarks, int(body.sum()), pixel_spacing_mm)
    return [
        measured.region(channel, mask, segmentation.probabilities[CHANNELS.index(channel)])
        for channel, mask in masks.items()
        if mask.any()
    ]


def channel_masks(
    segmentation: "Segmentation", *, thresholds: Mapping[str, float], min_area_px: Mapping[str, int]
) -> dict[str, BoolArray]:
    """Per channel, (S, S) bool: at or above its threshold, on the film, small pieces removed."""
    on_film = np.zeros(segmentation.probabilities.shape[1:], bool)
    on_film[segmentation.letterbox.content] = True
    return {
        channel: large_pieces(
            (probability >= thresholds[channel]) & on_film, min_area_px.get(channel, _LEAST_STRUCTURE_PX)
        )
        for channel, probability in zip(CHANNELS, segmentation.probabilities, strict=True)
    }


def large_pieces(mask: BoolArray, least_px: int) -> BoolArray:
    """The 8-connected pieces of at least `least_px` pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    keep[1:] = stats[1:, cv2.CC_STAT_AREA] >= max(1, least_px)
    return np.asarray(keep[labels])


def body_mask(frame: FloatArray, masks: Mapping[str, BoolArray], content: tuple[slice, slice]) -> BoolArray:
    """The child's body inside the exposed field: (S, S) bool.

    Tissue is what lies above the middle between the surround (1st percentile) and Otsu's limit, blurred so
    that markers and grain do not count. The largest piece of it and every outlined channel together are
    filled row by row between their outer borders: gas, and lungs that open to the edge of the field, belong
    to the body. Arms and thighs that touch the trunk are included.
    """
    film = cv2.GaussianBlur(frame[content], (0, 0), 0.006 * frame.shape[0])
    grey = np.round(np.clip(film, 0, 1) * 255).astype(np.uint8)
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    tissue = grey > (otsu + np.percentile(grey, 1)) / 2
    count, labels, stats, _ = cv2.connectedComponentsWithStats(tissue.astype(np.uint8))
    body = np.any(list(masks.values()), axis=0)
    if count > 1:
        body[content] |= labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return _filled_rows(body)


def _filled_rows(piece: BoolArray) -> BoolArray:
    """Each row filled between its first and last pixel."""
    from_left = np.maximum.accumulate(piece, axis=1)
    from_right = np.maximum.accumulate(piece[:, ::-1], axis=1)[:, ::-1]
    return from_left & from_right


def find_landmarks(masks: Mapping[str, BoolArray], body: BoolArray) -> Landmarks:
    """The spine's line and the level of L3-L4; without a spine or an L2, the middle of the body or frame."""
    midline = _spine_line(masks[Structure.SPINE])
    level = _l3_l4_row(masks[Structure.L2_BODY])
    ys, xs = np.nonzero(body if body.any() else np.ones_like(body))
    middle = np.full(body.shape[0], np.median(xs), np.float32)
    return Landmarks(
        midline_x=middle if midline is None else midline,
        quadrant_y=float((ys.min() + ys.max()) / 2) if level is None else level,
        is_measured=midline is not None and level is not None,
    )


def _spine_line(spine: BoolArray) -> FloatArray | None:
    """Column of the spine for every row: centre of each row, a parabola through them (scoliosis, tilt)."""
    rows = np.flatnonzero(spine.any(axis=1))
    if len(rows) < 0.1 * len(spine):
        return None
    columns = np.arange(spine.shape[1])
    centres = (spine[rows] * columns).sum(axis=1) / spine[rows].sum(axis=1)
    fitted = np.polynomial.Polynomial.fit(rows, centres, deg=2)
    # No further than the spine was seen: a parabola runs away
    return fitted(np.clip(np.arange(len(spine)), rows[0], rows[-1])).astype(np.float32)


def _l3_l4_row(l2_body: BoolArray) -> float | None:
    ys, xs = np.nonzero(l2_body)
    if not len(ys):
        return None
    width = float(np.ptp(np.percentile(xs, (5, 95)))) / 0.9
    return float(ys.mean()) + _L2_WIDTHS_TO_L3_L4 * width


def locate(mask: BoolArray, landmarks: Landmarks) -> tuple[Side, tuple[Quadrant, ...]]:
    """Side and quadrants, the patient's; both when no side alone holds `SIDE_SHARE`."""
    ys, xs = np.nonzero(mask)
    left = xs > landmarks.midline_x[ys]  # the patient's left is the viewer's right
    upper = ys < landmarks.quadrant_y
    share = float(left.mean())
    side = Side.LEFT if share > SIDE_SHARE else Side.RIGHT if share < 1 - SIDE_SHARE else Side.BOTH
    cells = {
        Quadrant.RUQ: ~left & upper,
        Quadrant.LUQ: left & upper,
        Quadrant.RLQ: ~left & ~upper,
        Quadrant.LLQ: left & ~upper,
    }
    return side, tuple(quadrant for quadrant, cell in cells.items() if cell.mean() >= QUADRANT_SHARE)


@dataclass(frozen=True)
class Measures:
    """How masks of the frame become regions of one film.

    Attributes:
        body_px: pixels of the body in the frame, 0 when none was found.
    """

    letterbox: "Letterbox"
    landmarks: Landmarks
    body_px: int
    pixel_spacing_mm: tuple[float, float] | None

    def region(self, channel: str, mask: BoolArray, probability: FloatArray) -> Region:
        """Measure and place one non-empty mask (S, S)."""
        side, quadrants = locate(mask, self.landmarks)
        area_px = int(mask.sum()) / self._frame_px_per_film_px()
        spacing = self.pixel_spacing_mm
        return Region(
            name=channel,
            kind="finding" if channel in FINDINGS else "structure",
            confidence=float(np.clip(probability[mask].mean(), 0, 1)),
            area_px=round(area_px),
            area_mm2=round(area_px * spacing[0] * spacing[1], 1) if spacing else None,
            share_of_body=min(1.0, round(int(mask.sum()) / self.body_px, 4)) if self.body_px else 0.0,
            bounding_box=self._bounding_box(mask),
            polygons=self._polygons(mask),
            quadrants=[quadrant.value for quadrant in quadrants],
            side=side,
        )

    def _frame_px_per_film_px(self) -> float:
        rows, columns = self.letterbox.content
        inner = (rows.stop - rows.start) * (columns.stop - columns.start)
        return float(inner) / (self.letterbox.width * self.letterbox.height)

    def _bounding_box(self, mask: BoolArray) -> tuple[int, int, int, int]:
        ys, xs = np.nonzero(mask)
        # Corners of pixels, half a pixel outside their centres
        corners = np.array([(xs.min() - 0.5, ys.min() - 0.5), (xs.max() + 0.5, ys.max() + 0.5)], np.float32)
        (x0, y0), (x1, y1) = self.letterbox.to_film(corners) + 0.5
        width, height = self.letterbox.width, self.letterbox.height
        left, top = _within(x0, width - 1), _within(y0, height - 1)
        return left, top, max(left + 1, _within(x1, width)), max(top + 1, _within(y1, height))

    def _polygons(self, mask: BoolArray) -> list[list[tuple[int, int]]]:
        """Outer outlines, largest first, within 0.7 frame pixels of the mask's; holes are lost."""
        found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        outlines = sorted(found, key=cv2.contourArea, reverse=True)
        return [self._film_points(cv2.approxPolyDP(o, _OUTLINE_TOLERANCE_PX, True)[:, 0]) for o in outlines]

    def _film_points(self, points: NDArray[np.int32]) -> list[tuple[int, int]]:
        film = self.letterbox.to_film(points.astype(np.float32))
        width, height = self.letterbox.width, self.letterbox.height
        return [(_within(x, width - 1), _within(y, height - 1)) for x, y in film]


def _within(value: float, largest: int) -> int:
    return int(np.clip(round(float(value)), 0, largest))
