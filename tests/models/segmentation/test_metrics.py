"""Ranges, symmetries and known values of the figures of merit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pedaxr_models.segmentation.metrics import (
    Overlap,
    auroc,
    bootstrap_interval,
    calibration_error,
    sensitivity,
    sensitivity_at,
    specificity,
    surface_distance_95,
)

MASKS = arrays(np.bool_, (6, 7))
FLAGS = arrays(np.bool_, 30)
SCORES = arrays(np.float64, 30, elements=st.integers(0, 9).map(float))


@given(MASKS, MASKS)
def test_overlap_is_bounded_symmetric_and_ordered(a: np.ndarray, b: np.ndarray) -> None:
    one, other = Overlap.of(a, b), Overlap.of(b, a)
    if not (a.any() or b.any()):
        assert math.isnan(one.dice) and math.isnan(one.iou)
        return
    assert one.dice == other.dice and one.iou == other.iou
    assert 0 <= one.iou <= one.dice <= 1
    assert one.dice == pytest.approx(2 * one.iou / (1 + one.iou))
    if a.any() and b.any():
        assert one.precision == other.recall
        if one.hit:
            assert one.dice == pytest.approx(2 / (1 / one.precision + 1 / one.recall))


@given(MASKS)
def test_a_mask_agrees_with_itself_and_not_with_its_opposite(a: np.ndarray) -> None:
    if a.any():
        assert Overlap.of(a, a).dice == 1
        assert Overlap.of(~a, a).dice == 0


@given(MASKS, MASKS, MASKS, MASKS)
def test_overlaps_add_up_to_the_overlap_of_the_films_together(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray
) -> None:
    together = Overlap.of(np.concatenate([a, c]), np.concatenate([b, d]))
    assert Overlap.of(a, b) + Overlap.of(c, d) == together


@given(SCORES, FLAGS)
def test_auroc_is_bounded_and_turns_round_with_the_scores(scores: np.ndarray, true: np.ndarray) -> None:
    value = auroc(scores, true)
    if true.all() or not true.any():
        assert math.isnan(value)
        return
    assert 0 <= value <= 1
    assert auroc(-scores, true) == pytest.approx(1 - value)
    assert auroc(scores, ~true) == pytest.approx(1 - value)
    assert auroc(3 * scores + 1, true) == pytest.approx(value)
    pairs = [(p > n) + (p == n) / 2 for p in scores[true] for n in scores[~true]]
    assert value == pytest.approx(np.mean(pairs))


@given(FLAGS, FLAGS)
def test_sensitivity_and_specificity_mirror_each_other(called: np.ndarray, true: np.ndarray) -> None:
    if true.any():
        assert 0 <= sensitivity(called, true) <= 1
        assert sensitivity(called, true) == specificity(~called, ~true)


def test_the_interval_holds_the_mean_and_narrows_with_more_films() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for films in (20, 2000):
        values = rng.random(films)
        low, high = bootstrap_interval(lambda drawn, v=values: float(v[drawn].mean()), films)
        assert low < values.mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 5


def test_nothing_measured_has_no_interval() -> None:
    assert all(math.isnan(bound) for bound in bootstrap_interval(lambda drawn: 1.0, 0))


def test_surface_distance_is_that_of_the_outlines() -> None:
    first, second = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    first[20:40, 20:40] = True
    second[20:40, 25:45] = True
    assert surface_distance_95(first, first) == 0
    assert surface_distance_95(first, second) == pytest.approx(5, abs=0.1)
    assert np.isnan(surface_distance_95(first, np.zeros_like(first)))


def test_calibration_error_is_the_gap_between_promise_and_share() -> None:
    promised, counts = np.array([0.2, 0.8]), np.array([100, 100])
    assert calibration_error(promised, np.array([20.0, 80.0]), counts) == pytest.approx(0)
    assert calibration_error(promised, np.array([50.0, 50.0]), counts) == pytest.approx(0.3)


def test_sensitivity_at_a_given_specificity() -> None:
    scores = np.array([1.0, 2.0, 3.0, 4.0, 3.5, 5.0])
    true = np.array([False, False, False, False, True, True])
    assert sensitivity_at(scores, true, 1.0) == 0.5
    assert sensitivity_at(scores, true, 0.75) == 1.0
