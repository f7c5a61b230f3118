"""Lengths are read off the sure part of an outline, and how sure is chosen where it measures best."""

import numpy as np
import pytest

from pedaxr_models.labels import CHANNELS, Finding, Structure
from pedaxr_models.segmentation.confident_cores import CORE_STEPS, best_core_threshold, with_cores
from pedaxr_models.segmentation.measures import measure_film


def _stomach(sure: float, rim: float) -> np.ndarray:
    """Probabilities (C, 128, 128): a disc of radius 20 inside a doubtful rim of 8 pixels."""
    ys, xs = np.indices((128, 128))
    away = np.hypot(ys - 64, xs - 64)
    planes = np.zeros((len(CHANNELS), 128, 128), np.float32)
    planes[CHANNELS.index(Structure.STOMACH)] = np.where(away <= 20, sure, np.where(away <= 28, rim, 0))
    return planes


def test_a_doubtful_rim_is_outlined_and_not_measured() -> None:
    planes = _stomach(0.95, 0.6)
    masks = {channel: plane >= 0.5 for channel, plane in zip(CHANNELS, planes, strict=True)}
    cores = with_cores(masks, planes, {Structure.STOMACH: 0.8})
    assert measure_film(masks).stomach == pytest.approx(56, abs=2)
    assert measure_film(cores).stomach == pytest.approx(40, abs=2)
    assert masks[Structure.STOMACH].sum() > cores[Structure.STOMACH].sum()
    assert with_cores(masks, planes, {})[Structure.STOMACH] is masks[Structure.STOMACH]


def test_an_outline_that_is_nowhere_sure_is_measured_whole() -> None:
    planes = _stomach(0.6, 0.55)
    masks = {channel: plane >= 0.5 for channel, plane in zip(CHANNELS, planes, strict=True)}
    cores = with_cores(masks, planes, {Structure.STOMACH: 0.8, Finding.PNEUMOPERITONEUM: 0.7})
    assert np.array_equal(cores[Structure.STOMACH], masks[Structure.STOMACH])


def test_the_step_with_the_smallest_median_error_is_chosen() -> None:
    true = [100.0, 50.0, 80.0]
    factors = np.array([1.3, 1.2, 1.02, 0.9, 0.8])  # of each step
    lengths = [list(length * factors) for length in true]
    assert best_core_threshold(lengths, true) == CORE_STEPS[2]
    lengths[0] = [float("nan")] * len(CORE_STEPS)  # a film on which nothing is outlined says nothing
    assert best_core_threshold(lengths, true) == CORE_STEPS[2]
    assert best_core_threshold(lengths[:1], true[:1]) is None
    assert best_core_threshold([], []) is None
