"""Measures on drawn masks whose sizes are known."""

import numpy as np
import pytest

from pedaxr_models.labels import Finding, Structure, View
from pedaxr_models.segmentation.measures import find_levels, measure_film, widest_circle


def disc(x: float, y: float, radius: float, side: int = 256) -> np.ndarray:
    ys, xs = np.indices((side, side))
    return (xs - x) ** 2 + (ys - y) ** 2 <= radius**2


def box(rows: slice, columns: slice, side: int = 256) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[rows, columns] = True
    return mask


def test_calibre_of_a_bent_tube_is_its_width_not_its_length() -> None:
    tube = np.any([disc(40 + i, 60 + 0.002 * i * i, 12) for i in range(150)], axis=0)
    assert widest_circle(tube) == pytest.approx(24, abs=2)
    assert widest_circle(np.zeros((64, 64), bool)) is None


def test_a_cut_disc_has_one_level_and_a_whole_disc_none() -> None:
    cut = disc(100, 100, 40)
    cut[111:] = False
    (level,) = find_levels(cut, pitch=30)
    chord = 2 * np.sqrt(40**2 - 10**2)
    assert level.length == pytest.approx(chord, abs=4)
    assert level.start[1] == pytest.approx(111, abs=1.5)
    assert find_levels(disc(100, 100, 40), pitch=30) == ()


def test_two_limbs_at_different_heights_are_two_levels_of_one_loop() -> None:
    loop = box(slice(60, 80), slice(60, 180)) | box(slice(60, 120), slice(60, 95))
    loop |= box(slice(60, 100), slice(145, 180))
    levels = find_levels(loop, pitch=20)
    heights = {round(level.start[1]) for level in levels}
    assert {100, 120} <= heights


def test_levels_of_a_decubitus_film_stand_upright() -> None:
    cut = disc(100, 100, 40)
    cut[:, 111:] = False  # gas rises to the viewer's left
    masks = {Finding.AIR_FLUID_LEVEL: cut}
    (level,) = measure_film(masks, View.LEFT_LATERAL_DECUBITUS).levels
    assert level.start[0] == pytest.approx(111, abs=1.5)
    assert level.start[0] == level.end[0]
    assert measure_film(masks, View.ERECT).levels == ()


def test_stool_is_shared_out_by_side_and_level() -> None:
    spine = box(slice(0, 256), slice(120, 137))
    l2 = box(slice(60, 80), slice(116, 140))
    right = box(slice(90, 150), slice(40, 60))
    left = box(slice(90, 150), slice(200, 220))
    low = box(slice(190, 230), slice(118, 138))
    stool = right | box(slice(90, 120), slice(200, 220))
    masks = {
        Structure.SPINE: spine,
        Structure.L2_BODY: l2,
        Structure.COLON: right | left | low,
        Structure.STOOL: stool,
    }
    measures = measure_film(masks)
    assert measures.l2_width == pytest.approx(24)
    assert measures.stool_share == pytest.approx((1.0, 0.5, 0.0))
    assert measures.rectum == pytest.approx(20, abs=2)
    without = measure_film({Structure.COLON: right, Structure.STOOL: stool})
    assert without.stool_share == (None, None, None)


def test_free_gas_is_measured_along_gravity() -> None:
    gas = box(slice(50, 60), slice(40, 100))
    masks = {Finding.PNEUMOPERITONEUM: gas}
    assert measure_film(masks, View.ERECT).free_air_gap == 10
    assert measure_film(masks, View.LEFT_LATERAL_DECUBITUS).free_air_gap == 60
