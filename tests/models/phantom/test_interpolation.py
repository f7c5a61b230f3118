"""Curves through points are SciPy's, without SciPy."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline, PchipInterpolator

from pedaxr_models.phantom.interpolation import closed_curve, monotone_curve, smooth_curve

sizes = st.integers(4, 16)
seeds = st.integers(0, 2**32 - 1)


def points(size: int, seed: int, columns: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    knots = np.cumsum(rng.uniform(0.05, 3.0, size)) - 4
    return knots, rng.normal(0, 50, (size, columns)), np.linspace(knots[0] - 1, knots[-1] + 1, 97)


@given(sizes, seeds)
def test_a_smooth_curve_is_that_of_scipy_inside_and_beyond(size: int, seed: int) -> None:
    knots, values, at = points(size, seed)
    expected = CubicSpline(knots, values)(at)
    assert np.allclose(
        smooth_curve(knots, values)(at), expected, rtol=1e-9, atol=1e-8 * np.abs(expected).max()
    )
    assert np.allclose(smooth_curve(knots, values[:, 0])(at), CubicSpline(knots, values[:, 0])(at), atol=1e-6)


@given(sizes, seeds)
def test_a_closed_curve_is_that_of_scipy_and_comes_round(size: int, seed: int) -> None:
    knots, values, at = points(size, seed)
    values[-1] = values[0]
    curve = closed_curve(knots, values)
    assert np.allclose(curve(at), CubicSpline(knots, values, bc_type="periodic")(at), atol=1e-8)
    assert np.allclose(curve(knots[-1:]), values[:1])


@given(sizes, seeds, st.integers(0, 3))
def test_a_monotone_curve_is_that_of_scipy_also_on_plateaus(size: int, seed: int, digits: int) -> None:
    knots, values, at = points(size, seed, 1)
    flat = np.round(values[:, 0] / 20, digits - 1)
    assert np.allclose(monotone_curve(knots, flat)(at), PchipInterpolator(knots, flat)(at), atol=1e-8)


def test_a_monotone_curve_does_not_overshoot_and_a_smooth_one_does() -> None:
    knots, steps, at = range(6), [0, 0, 0, 1, 1, 1], np.linspace(0, 5, 200)
    assert monotone_curve(knots, steps)(at).min() >= 0 and monotone_curve(knots, steps)(at).max() <= 1
    assert smooth_curve(knots, steps)(at).max() > 1.01, "control"


@pytest.mark.parametrize("columns", [1, 3])
def test_every_curve_goes_through_its_points(columns: int) -> None:
    knots, values, _ = points(7, 3, columns)
    assert np.allclose(smooth_curve(knots, values)(knots), values)
    assert np.allclose(monotone_curve(knots, values[:, 0])(knots), values[:, 0])


def test_making_a_film_loads_no_scipy() -> None:
    program = (
        "import sys; from pedaxr_models.phantom import make_film, sample_spec; make_film(sample_spec(0, 0)); "
        "assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
