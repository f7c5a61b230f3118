"""From probabilities to named, placed and measured regions of the film.

Everything is computed in the letterboxed frame of the network and only outlines, boxes and areas are carried
back to the film, so that a film of any size gives the same regions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.types import Region
from pedaxr_models.labels import CHANNELS, FINDINGS
from pedaxr_models.segmentation.landmarks import Landmarks, box_of, find_landmarks, locate, pieces_of

if TYPE_CHECKING:
    from pedaxr_models.segmentation.film_segmenter import FilmSegmenter, Segmentation
    from pedaxr_models.segmentation.transforms import Letterbox

BoolArray = NDArray[np.bool_]
Box = tuple[slice, slice]
FloatArray = NDArray[np.float32]

_LEAST_STRUCTURE_PX = 30
_OUTLINE_TOLERANCE_PX = 0.7  # of the frame


def find_regions(
    segmentation: "Segmentation",
    film: FloatArray,
    masks: Mapping[str, BoolArray],
    *,
    pixel_spacing_mm: tuple[float, float] | None,
) -> list[Region]:
    """One region per channel of which anything is outlined, in the order of `masks`.

    Args:
        segmentation: probabilities in the frame, and the way back to the film.
        film: (H, W) in [0, 1], bone bright, as the segmentation was made from.
        masks: (S, S) per channel, as `channel_masks` gives them.
        pixel_spacing_mm: row, column of the film.
    """
    body = segmentation.body_of(film, masks)
    landmarks = find_landmarks(masks, body)
    measured = Measures(segmentation.letterbox, landmarks, int(np.count_nonzero(body)), pixel_spacing_mm)
    return [
        measured.region(channel, mask, segmentation.probabilities[CHANNELS.index(channel)])
        for channel, mask in masks.items()
        if mask.any()
    ]


def channel_masks(segmentation: "Segmentation", segmenter: "FilmSegmenter") -> dict[str, BoolArray]:
    """Per channel, (S, S) bool: at or above its threshold, on the film, small pieces removed.

    Args:
        segmentation: probabilities in the frame.
        segmenter: whose thresholds and least areas hold; a channel without a least area of its own needs 30
            pixels in a piece.
    """
    least = np.array([segmenter.thresholds[channel] for channel in CHANNELS], np.float32)
    planes = segmentation.probabilities >= least[:, None, None]
    _clear_bars(planes, segmentation.letterbox.content)
    masks = {}
    for channel, probability, outlined in zip(CHANNELS, segmentation.probabilities, planes, strict=True):
        call = segmenter.call_thresholds.get(channel)
        sure = None if call is None else probability >= call
        masks[channel] = large_pieces(outlined, segmenter.min_area_px.get(channel, _LEAST_STRUCTURE_PX), sure)
    return masks


def _clear_bars(planes: BoolArray, content: Box) -> None:
    """Nothing is outlined beside the film: what (C, S, S) planes hold there goes, here and now."""
    rows, columns = content
    planes[:, : rows.start], planes[:, rows.stop :] = False, False
    planes[:, :, : columns.start], planes[:, :, columns.stop :] = False, False


def large_pieces(mask: BoolArray, least_px: int, sure: BoolArray | None = None) -> BoolArray:
    """The 8-connected pieces of at least `least_px` pixels; `mask` itself where none is smaller.

    Of a piece those pixels count that are `sure`, where that is given: a faint edge belongs to a region that
    is called, and is none by itself.
    """
    # Most channels fill a small part of the frame, or none of it
    inside = box_of(mask)
    if not mask[inside].size:
        return mask
    labels, areas = pieces_of(mask[inside])
    if sure is not None:
        areas = np.bincount(labels[sure[inside] & mask[inside]], minlength=len(areas))
    keep = areas >= max(1, least_px)
    keep[0] = False
    if keep[1:].all():
        return mask
    kept = np.zeros_like(mask)
    kept[inside] = keep[labels]
    return kept


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
        inside = box_of(mask)
        count = np.count_nonzero(mask[inside])
        area_px = count / self._frame_px_per_film_px()
        spacing = self.pixel_spacing_mm
        return Region(
            name=channel,
            kind="finding" if channel in FINDINGS else "structure",
            confidence=float(np.clip(probability[inside][mask[inside]].mean(), 0, 1)),
            area_px=round(area_px),
            area_mm2=round(area_px * spacing[0] * spacing[1], 1) if spacing else None,
            share_of_body=min(1.0, round(count / self.body_px, 4)) if self.body_px else 0.0,
            bounding_box=self._bounding_box(inside),
            polygons=self._polygons(mask, inside),
            quadrants=[quadrant.value for quadrant in quadrants],
            side=side,
        )

    def _frame_px_per_film_px(self) -> float:
        rows, columns = self.letterbox.content
        inner = (rows.stop - rows.start) * (columns.stop - columns.start)
        shown_rows, shown_columns = self.letterbox.shown
        height, width = shown_rows.stop - shown_rows.start, shown_columns.stop - shown_columns.start
        return float(inner / (width * height))

    def _bounding_box(self, inside: Box) -> tuple[int, int, int, int]:
        rows, columns = inside
        # Corners of pixels, half a pixel outside their centres
        corners = np.array([(columns.start, rows.start), (columns.stop, rows.stop)], np.float32) - 0.5
        (x0, y0), (x1, y1) = (self.letterbox.to_film(corners) + 0.5).tolist()
        width, height = self.letterbox.width, self.letterbox.height
        left, top = _within(x0, width - 1), _within(y0, height - 1)
        return left, top, max(left + 1, _within(x1, width)), max(top + 1, _within(y1, height))

    def _polygons(self, mask: BoolArray, inside: Box) -> list[list[tuple[int, int]]]:
        """Outer outlines, largest first, within 0.7 frame pixels of the mask's; holes are lost."""
        rows, columns = inside
        found, _ = cv2.findContours(
            np.ascontiguousarray(mask[inside]).view(np.uint8),
            cv2.RETR_EXTERNAL,
            cv2.CHAIN_APPROX_SIMPLE,
            offset=(columns.start, rows.start),
        )
        outlines = sorted(found, key=cv2.contourArea, reverse=True)
        corners = [cv2.approxPolyDP(outline, _OUTLINE_TOLERANCE_PX, True)[:, 0] for outline in outlines]
        points = self._film_points(np.concatenate(corners))
        return [list(islice(points, len(polygon))) for polygon in corners]

    def _film_points(self, points: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
        film = np.rint(self.letterbox.to_film(points)).astype(np.int64)
        x, y = film.clip(0, (self.letterbox.width - 1, self.letterbox.height - 1)).T.tolist()
        return zip(x, y, strict=True)


def _within(value: float, largest: int) -> int:
    return min(max(round(value), 0), largest)
