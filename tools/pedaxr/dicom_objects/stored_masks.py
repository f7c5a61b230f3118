"""Masks of the network's frame on the film as it is stored, and their outlines there."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.reading.framing import Framing
from pedaxr_models.segmentation.transforms import Letterbox

BoolArray = NDArray[np.bool_]

_TOLERANCE_PX = 0.7  # of the frame, as regions are outlined


def stored_masks(
    masks: Mapping[str, BoolArray], letterbox: Letterbox, framing: Framing
) -> dict[str, BoolArray]:
    """Masks (S, S) of the frame as masks (H, W) of the stored film, each pixel by the nearest of the frame.

    Args:
        masks: by channel.
        letterbox: how the film as it is read lies in the frame.
        framing: how the stored film was laid out for reading.
    """
    back = _frame_of_stored(letterbox, framing)
    size = (framing.width, framing.height)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return {
        name: cv2.warpAffine(mask.astype(np.uint8), back, size, flags=flags).astype(bool)
        for name, mask in masks.items()
    }


def _frame_of_stored(letterbox: Letterbox, framing: Framing) -> NDArray[np.float64]:
    """(2, 3): leads from x, y of the stored film to x, y of the frame; whole numbers are pixel centres."""
    origin, right, down = letterbox.to_film(np.array([(0, 0), (1, 0), (0, 1)], np.float32)).astype(np.float64)
    scale = 1 / np.array([right[0] - origin[0], down[1] - origin[1]])
    matrix = scale[:, None] * framing.matrix
    matrix[:, 2] -= scale * origin
    return matrix


def polygons_of(mask: BoolArray, film_px_per_frame_px: float) -> list[NDArray[np.float64]]:
    """Outer outlines (n, 2) of a mask, x, y at pixel centres, largest first; holes are lost."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    tolerance = _TOLERANCE_PX * max(1.0, film_px_per_frame_px)
    corners = [cv2.approxPolyDP(one, tolerance, True)[:, 0].astype(np.float64) for one in found]
    kept = [polygon for polygon in corners if len(polygon) >= 3]
    return sorted(kept, key=lambda polygon: -abs(cv2.contourArea(polygon.astype(np.float32))))
