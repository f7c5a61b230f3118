"""What the segmentation saw, in figures: tokens that the decoder attends to besides the patches of the film.

A patch token says what a square of the film looks like; where a region lies against the spine, how wide it is
in vertebrae and how many pieces it has are sums over many patches, which a small transformer learns slowly.
There is one token a channel, and one for each measure and place of `measured_tokens`.
"""

from functools import cache
from math import gcd

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.captioning.measured_tokens import MEASURED_TOKENS, STEPS, measured_features
from pedaxr_models.facts import Quadrant
from pedaxr_models.labels import CHANNELS, Structure
from pedaxr_models.segmentation.landmarks import Landmarks, box_of, find_landmarks, locate_shares
from pedaxr_models.segmentation.measures import colon_parts, l2_width, widest_circle

REGION_FEATURES = 1 + STEPS
REGION_TOKENS = len(CHANNELS) + MEASURED_TOKENS
_SIDE = 256  # of the figures per channel: a quarter of the time, and regions are larger than two pixels
_USUAL_PITCH = 0.075  # of the frame's side, where no L2 is outlined

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]


def shrink(probabilities: FloatArray, size: int) -> FloatArray:
    """(C, S, S) to (C, size, size) by area average."""
    side = probabilities.shape[1]
    if side % size and side > size:  # OpenCV is fast at whole factors only
        return _averaged(probabilities, size)
    shrunk = np.empty((len(probabilities), size, size), np.float32)
    for plane, small in zip(probabilities, shrunk, strict=True):
        small[:] = cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA)
    return shrunk


def _averaged(planes: FloatArray, size: int) -> FloatArray:
    """By the least blocks that become whole pixels: from 512 to 80, 16 blocks of 32, each giving 5."""
    count, side = planes.shape[:2]
    blocks = gcd(side, size)
    weights = _area_weights(side // blocks, size // blocks)
    rows = weights @ planes.reshape(count * blocks, side // blocks, side)
    means = rows.reshape(-1, side // blocks) @ weights.T
    return np.asarray(means.reshape(count, size, size), np.float32)


@cache
def _area_weights(side: int, size: int) -> FloatArray:
    """(size, side): what share of each new pixel an old one is."""
    edges = np.arange(size + 1) * (side / size)
    old = np.arange(side)
    overlap = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.asarray(overlap.clip(0) * (size / side), np.float32)


def region_features(probabilities: FloatArray) -> FloatArray:
    """(C, H, W) probabilities of one film to (REGION_TOKENS, REGION_FEATURES) float32, about -1 to 1.

    First a row for each channel: outlined or not, highest probability, area, shares of the four quadrants,
    share of the patient's left, widest circle, number of pieces, area in the right colon's, left colon's and
    rectosigmoid's part of the abdomen; no region: zeros. Then the rows of `measured_features`.
    """
    masks = dict(zip(CHANNELS, probabilities >= 0.5, strict=True))
    pitch = l2_width(masks[Structure.L2_BODY]) or _USUAL_PITCH * probabilities.shape[1]
    landmarks = find_landmarks(masks)
    return np.concatenate([_channel_features(probabilities), measured_features(masks, pitch, landmarks)])


def _channel_features(probabilities: FloatArray) -> FloatArray:
    planes = shrink(probabilities, _SIDE)
    masks = dict(zip(CHANNELS, planes >= 0.5, strict=True))
    pitch = l2_width(masks[Structure.L2_BODY]) or _USUAL_PITCH * _SIDE
    landmarks = find_landmarks(masks)
    parts = colon_parts(np.ones((_SIDE, _SIDE), bool), masks[Structure.SPINE], masks[Structure.L2_BODY])
    features = np.zeros((len(CHANNELS), REGION_FEATURES), np.float32)
    for index, mask in enumerate(masks.values()):
        highest = float(planes[index].max())
        features[index, 1] = highest
        if highest >= 0.5:
            features[index] = _features(mask, highest, pitch, landmarks, parts)
    return features


def _features(
    mask: BoolArray,
    highest: float,
    pitch: float,
    landmarks: Landmarks,
    parts: tuple[BoolArray, BoolArray, BoolArray] | None,
) -> list[float]:
    quadrants, left = locate_shares(mask, landmarks)
    inner = np.ascontiguousarray(mask[box_of(mask)]).view(np.uint8)
    count = cv2.connectedComponents(inner, connectivity=8)[0] - 1
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
    return float(np.log1p(np.count_nonzero(mask) / pitch**2)) / 4
