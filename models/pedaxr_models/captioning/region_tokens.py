"""What the segmentation saw, channel by channel, in figures: one token a channel for the reader to attend to.

A patch token says what a square of the film looks like; where a region lies against the spine, how wide it is
in vertebrae and how many pieces it has are sums over many patches, which a small transformer learns slowly.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.captioning.facts import Quadrant
from pedaxr_models.labels import CHANNELS, Finding, Structure
from pedaxr_models.segmentation.landmarks import Landmarks, find_landmarks, locate_shares
from pedaxr_models.segmentation.measures import colon_parts, find_levels, l2_width, widest_circle

REGION_FEATURES = 15
_SIDE = 256  # half the frame: a quarter of the time, and regions are larger than two pixels
_USUAL_PITCH = 0.075 * _SIDE  # where no L2 is outlined

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]


def region_features(probabilities: FloatArray) -> FloatArray:
    """(C, H, W) probabilities of one film to (C, REGION_FEATURES) float32, each about -1 to 1; no region: 0.

    In order: outlined or not, highest probability, area, shares of the four quadrants, share of the patient's
    left, widest circle, number of pieces, area in the right colon's, left colon's and rectosigmoid's part of
    the abdomen, number of levels and the longest level. Lengths are in lumbar pitches.
    """
    planes = np.stack([cv2.resize(p, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for p in probabilities])
    masks = dict(zip(CHANNELS, planes >= 0.5, strict=True))
    everything = np.any(list(masks.values()), axis=0)
    pitch = l2_width(masks[Structure.L2_BODY]) or _USUAL_PITCH
    landmarks = find_landmarks(masks, everything)
    everywhere = np.ones_like(everything)
    parts = colon_parts(everywhere, masks[Structure.SPINE], masks[Structure.L2_BODY])
    features = np.zeros((len(CHANNELS), REGION_FEATURES), np.float32)
    for index, (channel, mask) in enumerate(masks.items()):
        features[index, 1] = planes[index].max()
        if mask.any():
            features[index] = _features(mask, float(planes[index].max()), pitch, landmarks, parts)
        if channel == Finding.AIR_FLUID_LEVEL and mask.any():
            levels = find_levels(mask, pitch)
            features[index, 13:] = len(levels) / 6, (levels[0].length / pitch / 3 if levels else 0.0)
    return features


def _features(
    mask: BoolArray,
    highest: float,
    pitch: float,
    landmarks: Landmarks,
    parts: tuple[BoolArray, BoolArray, BoolArray] | None,
) -> list[float]:
    quadrants, left = locate_shares(mask, landmarks)
    count = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
    zones = [_area(mask & part, pitch) for part in parts] if parts else [0.0, 0.0, 0.0]
    width = (widest_circle(mask) or 0.0) / pitch / 3
    return [
        *(1.0, highest, _area(mask, pitch)),
        *(quadrants[quadrant] for quadrant in Quadrant),
        *(left, width, min(1.0, count / 6)),
        *zones,
        *(0.0, 0.0),
    ]


def _area(mask: BoolArray, pitch: float) -> float:
    """Square pitches on a scale that tells 1 from 2 as well as 20 from 40; 1 is about 50."""
    return float(np.log1p(mask.sum() / pitch**2)) / 4
