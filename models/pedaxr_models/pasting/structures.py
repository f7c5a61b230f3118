"""What a film must show for findings to be put in, from the channels that the segmentation outlines."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import Structure
from pedaxr_models.pasting.grey_curve import FloatImage, Mask

_BELLY = (
    Structure.LIVER, Structure.STOMACH, Structure.COLON, Structure.SMALL_BOWEL_GAS, Structure.STOOL,
)  # fmt: skip
_GAS = (Structure.STOMACH, Structure.COLON, Structure.SMALL_BOWEL_GAS)


def structures_from_channels(
    film: NDArray[np.uint8] | FloatImage, masks: Mapping[str, Mask]
) -> dict[str, Mask]:
    """`lungs`, `liver`, `spine`, `stomach`, `bowel_gas`, `body` and `abdominal_cavity`, (H, W) bool each.

    The cavity is the hull of what lies in it, reaching up to the lungs and sideways to the ribs. Without
    liver and bowel there is none, and the key is left out.

    Args:
        film: (H, W) grey 0..255, bone bright.
        masks: channels of `CHANNELS`; missing ones count as empty.
    """
    empty = np.zeros(film.shape, bool)
    named = {
        "lungs": Structure.LUNGS,
        "liver": Structure.LIVER,
        "spine": Structure.SPINE,
        "stomach": Structure.STOMACH,
    }
    found = {name: masks.get(channel, empty) for name, channel in named.items()}
    out = {name: mask for name, mask in found.items() if mask.any()}
    out["bowel_gas"] = np.any([masks.get(c, empty) for c in _GAS], axis=0)
    out["body"] = body_of(film)
    cavity = _cavity(masks, out, empty)
    if cavity.any():
        out["abdominal_cavity"] = cavity
    return out


def body_of(film: NDArray[np.uint8] | FloatImage) -> Mask:
    """The largest piece that is brighter than the surround, holes filled."""
    smooth = cv2.GaussianBlur(np.asarray(film, np.float32), (0, 0), 0.008 * film.shape[1])
    dark, middle = np.percentile(smooth, [2, 60])
    bright = (smooth > dark + 0.2 * (middle - dark)).astype(np.uint8)
    count, label, stats, _ = cv2.connectedComponentsWithStats(bright)
    if count < 2:
        return np.ones(film.shape, bool)
    largest = (label == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    contours = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    return np.asarray(cv2.drawContours(largest, contours, -1, 1, cv2.FILLED), bool)


def _cavity(masks: Mapping[str, Mask], found: Mapping[str, Mask], empty: Mask) -> Mask:
    """Hull of belly organs and of the lungs' lower borders, less the lungs, inside the body's wall."""
    held = np.any([masks.get(c, empty) for c in _BELLY], axis=0)
    ys, xs = np.nonzero(held)
    if len(ys) < 0.01 * held.size:
        return empty
    lungs = found.get("lungs", empty)
    columns = np.flatnonzero(lungs.any(0))
    bottoms = lungs.shape[0] - 1 - lungs[::-1, columns].argmax(0)
    points = np.concatenate([np.stack([xs, ys], 1), np.stack([columns, bottoms], 1)]).astype(np.int32)
    hull = np.zeros(held.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    wall = max(2, round(0.012 * held.shape[1]))
    inner = cv2.erode(found["body"].astype(np.uint8), np.ones((2 * wall + 1,) * 2, np.uint8))
    above = np.zeros(held.shape, bool)
    above[:, columns] = np.arange(held.shape[0])[:, None] <= bottoms
    return np.asarray((hull > 0) & (inner > 0) & ~above & ~masks.get(Structure.HEART, empty), bool)
