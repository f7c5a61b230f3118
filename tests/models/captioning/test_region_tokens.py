"""The figures of a segmentation say where regions lie and how large they are."""

import cv2
import numpy as np
import pytest

from pedaxr_models.captioning.measured_tokens import SCALES
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS, region_features, shrink
from pedaxr_models.labels import CHANNELS, Finding, Structure

AREA, QUADRANTS, LEFT, WIDTH = 2, slice(3, 7), 7, 8


def film(**boxes: tuple[slice, slice]) -> np.ndarray:
    """Probabilities (C, 512, 512) with a spine, an L2 of 40 pixels and the given boxes."""
    planes = np.zeros((len(CHANNELS), 512, 512), np.float32)
    given = {
        Structure.SPINE: (slice(0, 512), slice(240, 272)),
        Structure.L2_BODY: (slice(200, 230), slice(236, 276)),
    }
    for name, (rows, columns) in {**{k.value: v for k, v in given.items()}, **boxes}.items():
        planes[CHANNELS.index(name), rows, columns] = 0.9
    return planes


def token(features: np.ndarray, name: str) -> np.ndarray:
    return features[CHANNELS.index(name)]


def test_nothing_segmented_is_nothing() -> None:
    features = region_features(np.zeros((len(CHANNELS), 512, 512), np.float32))
    assert features.shape == (REGION_TOKENS, REGION_FEATURES)
    assert not features.any()


def test_side_quadrant_and_size_follow_the_region() -> None:
    small = region_features(film(stomach=(slice(100, 160), slice(340, 400))))
    large = region_features(film(stomach=(slice(60, 180), slice(320, 440))))
    assert token(small, "stomach")[QUADRANTS] == pytest.approx([0, 1, 0, 0])
    assert token(small, "stomach")[LEFT] == 1
    assert token(large, "stomach")[AREA] > token(small, "stomach")[AREA] + 0.1
    assert token(large, "stomach")[WIDTH] == pytest.approx(2 * token(small, "stomach")[WIDTH], rel=0.1)
    mirrored = region_features(film(stomach=(slice(100, 160), slice(112, 172))))
    assert token(mirrored, "stomach")[QUADRANTS] == pytest.approx([1, 0, 0, 0])


def test_levels_are_counted_and_measured() -> None:
    name = Finding.AIR_FLUID_LEVEL.value
    boxes = np.zeros((512, 512), bool)
    for left in (60, 180, 330):
        boxes[300:360, left : left + 90] = True
    planes = film()
    planes[CHANNELS.index(name)] = 0.9 * boxes
    features = region_features(planes)
    assert measured(features, "levels, upright") == pytest.approx(SCALES["levels, upright"].code(3))
    assert measured(features, "longest level") == pytest.approx(SCALES["longest level"].code(90 / 40))
    assert not measured(features, "free air").any()


def test_a_step_tells_a_value_on_either_side_of_it_apart() -> None:
    scale = SCALES["widest loop"]
    below, above, far = (scale.code(value) for value in (1.6, 1.7, 2.6))
    assert (np.diff([below, above, far], axis=0) >= 0).all()
    assert np.abs(above - below).max() > 0.1  # 6 % wider
    assert scale.code(1.6)[0] == 1


def measured(features: np.ndarray, name: str) -> np.ndarray:
    return features[len(CHANNELS) + list(SCALES).index(name)]


@pytest.mark.parametrize(("side", "size"), [(512, 80), (512, 256), (512, 112), (90, 80), (64, 80)])
def test_shrinking_is_opencvs_area_average(side: int, size: int) -> None:
    planes = np.random.default_rng(0).random((3, side, side), np.float32)
    expected = [cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA) for plane in planes]
    np.testing.assert_allclose(shrink(planes, size), expected, atol=2e-6)
