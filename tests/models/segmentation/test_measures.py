"""Measures on drawn masks whose sizes are known."""

import cv2
import numpy as np
import pytest

from pedaxr_models.labels import Finding, Structure, View
from pedaxr_models.segmentation.landmarks import Landmarks, locate_shares
from pedaxr_models.segmentation.measures import (
    Level,
    _median_column,
    _share,
    find_calipers,
    find_levels,
    lumbar_pitch,
    measure_film,
    widest_circle,
)


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


@pytest.mark.parametrize("degrees", [-25.0, -9.0, 6.5, 14.0])
@pytest.mark.parametrize("view", [View.ERECT, View.LEFT_LATERAL_DECUBITUS])
def test_levels_of_a_film_that_was_turned_for_reading_lie_where_gravity_put_them(
    degrees: float, view: View
) -> None:
    cut = disc(100, 100, 40) | disc(170, 130, 30)
    cut &= ~box(slice(111, 256), slice(0, 140)) & ~box(slice(141, 256), slice(140, 256))
    masks = {Finding.AIR_FLUID_LEVEL: cut.T if view is View.LEFT_LATERAL_DECUBITUS else cut}
    straight = measure_film(masks, view).levels
    middle = (255 / 2, 255 / 2)
    clockwise = cv2.getRotationMatrix2D(middle, -degrees, 1.0)
    turned = {
        name: cv2.warpAffine(mask.astype(np.float32), clockwise, (256, 256)) >= 0.5
        for name, mask in masks.items()
    }
    found = measure_film(turned, view, degrees=degrees).levels
    assert len(found) == len(straight) == 2
    for level, true in zip(found, straight, strict=True):
        assert level.length == pytest.approx(true.length, abs=5)
        expected = clockwise[:, :2] @ np.array(true.start) + clockwise[:, 2]
        assert np.hypot(*(np.array(level.start) - expected)) < 6
    naive = measure_film(turned, view).levels
    assert not naive or naive[0].length < 0.7 * found[0].length, "as if gravity had turned, too"
    line = find_calipers(turned, view, degrees=degrees)["longest_level"]
    assert line.length == pytest.approx(found[0].length, abs=0.01)


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


def blots(seed: int) -> np.ndarray:
    """A few random blots, some of them at the edge of the frame."""
    rng = np.random.default_rng(seed)
    return np.any([disc(*rng.uniform(0, 256, 2), rng.uniform(2, 30)) for _ in range(seed % 6 + 1)], axis=0)


@pytest.mark.parametrize("seed", range(12))
def test_counting_rows_and_columns_gives_what_a_list_of_pixels_does(seed: int) -> None:
    mask, other = blots(seed), blots(seed + 100)
    ys, xs = np.nonzero(mask)
    lines = Landmarks(np.linspace(90, 160, 256).astype(np.float32), 20.0 * seed + 0.5, True)
    left, upper = xs > lines.midline_x[ys], ys < lines.quadrant_y
    shares, on_left = locate_shares(mask, lines)
    cells = (~left & upper, left & upper, ~left & ~upper, left & ~upper)
    assert (list(shares.values()), on_left) == ([cell.mean() for cell in cells], left.mean())
    assert _median_column(mask) == np.median(xs)
    assert _share(other, mask) == other[mask].mean()


@pytest.mark.parametrize("seed", range(12))
def test_the_circle_and_the_levels_do_not_depend_on_what_is_cut_away(seed: int) -> None:
    mask = blots(seed)
    frame = np.zeros((512, 512), bool)
    frame[130:386, 70:326] = mask
    assert widest_circle(frame) == widest_circle(mask) == _circle_of_the_whole_frame(mask)
    moved = [
        Level((a.start[0] + 70, a.start[1] + 130), (a.end[0] + 70, a.end[1] + 130)) for a in levels(mask)
    ]
    assert levels(frame) == moved
    assert len(levels(disc(100, 100, 40) & (np.arange(256) < 111)[:, None])) == 1, "levels are found at all"


def levels(mask: np.ndarray) -> list[Level]:
    return list(find_levels(mask, pitch=20))


def _circle_of_the_whole_frame(mask: np.ndarray) -> float:
    padded = np.pad(mask, 1).astype(np.uint8)
    return 2 * float(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5).max())


def test_every_length_has_a_line_of_that_length() -> None:
    masks = {
        Structure.L2_BODY: box(slice(100, 120), slice(110, 140)),
        Structure.SPINE: box(slice(20, 240), slice(112, 138)),
        Structure.STOMACH: disc(170, 60, 22),
        Structure.COLON: box(slice(150, 175), slice(20, 100)) | box(slice(215, 245), slice(110, 140)),
        Structure.SMALL_BOWEL_GAS: disc(60, 90, 15),
        Finding.PNEUMOPERITONEUM: box(slice(30, 37), slice(50, 90)),
        Finding.AIR_FLUID_LEVEL: disc(200, 150, 30) & box(slice(0, 160), slice(0, 256)),
    }
    for view in (View.ERECT, View.LEFT_LATERAL_DECUBITUS):
        found, lines = measure_film(masks, view), find_calipers(masks, view)
        lengths = {name: getattr(found, name) for name in ("l2_width", "stomach", "widest_loop", "rectum")}
        lengths |= {"widest_colon": found.widest_colon, "free_air_gap": found.free_air_gap}
        for name, length in lengths.items():
            assert length is not None and lines[name].length == pytest.approx(length, abs=0.01), (view, name)
        assert ("longest_level" in lines) == bool(found.levels)


def test_a_line_of_a_calibre_lies_in_the_bowel_from_wall_to_wall() -> None:
    tube = box(slice(100, 124), slice(30, 200))
    line = find_calipers({Structure.COLON: tube})["widest_colon"]
    (x0, y0), (x1, y1) = line.start, line.end
    assert x0 == pytest.approx(x1) and 30 <= x0 <= 200
    assert sorted((y0, y1)) in ([99.0, 123.0], [100.0, 124.0]), "an even width has two middles"


def test_a_line_through_free_air_runs_along_gravity() -> None:
    air = {Finding.PNEUMOPERITONEUM: box(slice(30, 37), slice(50, 90))}
    erect = find_calipers(air, View.ERECT)["free_air_gap"]
    assert (erect.start[1], erect.end[1]) == (29.5, 36.5) and erect.start[0] == erect.end[0]
    lying = find_calipers(air, View.LEFT_LATERAL_DECUBITUS)["free_air_gap"]
    assert (lying.start[0], lying.end[0]) == (49.5, 89.5) and lying.start[1] == lying.end[1]


def test_what_is_not_outlined_has_no_line() -> None:
    assert find_calipers({Structure.COLON: np.zeros((64, 64), bool)}) == {}


@pytest.mark.parametrize("turned", [False, True])
def test_loops_that_run_together_are_counted_where_the_outline_is_surer(turned: bool) -> None:
    """One blurred outline round two pockets at the same height hides the levels' ends."""
    view = View.LEFT_LATERAL_DECUBITUS if turned else View.ERECT
    apart = box(slice(60, 101), slice(30, 90)) | box(slice(60, 111), slice(120, 200))
    whole = apart | disc(115, 60, 110)  # round below
    if turned:
        apart, whole = apart.T.copy(), whole.T.copy()
    masks = {Finding.AIR_FLUID_LEVEL.value: whole, Structure.L2_BODY.value: box(slice(20, 40), slice(10, 40))}
    assert measure_film(masks, view).levels == ()
    assert len(measure_film(masks, view, surer_levels=[apart, apart]).levels) == 2
    again = measure_film({**masks, Finding.AIR_FLUID_LEVEL.value: apart}, view, surer_levels=[apart]).levels
    assert len(again) == 2, "the same levels are not counted twice"


@pytest.mark.parametrize("widened", [1.0, 1.3])
def test_the_pitch_hangs_on_the_spine_more_than_on_an_l2_that_is_too_wide(widened: float) -> None:
    spine = box(slice(10, 240), slice(110, 145))
    l2 = box(slice(100, 126), slice(110, 110 + round(35 * widened)))
    pitch = lumbar_pitch(l2, spine)
    assert pitch is not None and pitch == pytest.approx(35, rel=0.07)
    assert lumbar_pitch(np.zeros_like(l2), spine) is None
    assert lumbar_pitch(l2, np.zeros_like(spine)) == pytest.approx(35 * widened, rel=0.03), "L2 alone"
