"""Measures carry their unit, know what they do not know, and read as no finding."""

import numpy as np
import pytest

from pedaxr.reading.measurements import measure
from pedaxr.reports.korean import in_korean
from pedaxr.reports.sections import measures_text
from pedaxr_models.labels import Finding, Structure, View
from pedaxr_models.report_text.parser import parse
from pedaxr_models.segmentation.transforms import Letterbox

BoolArray = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def box(top: int, bottom: int, left: int, right: int) -> BoolArray:
    mask = np.zeros((512, 512), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def masks() -> dict[str, BoolArray]:
    """An L2 body 30 wide, a loop 60 across, a gas pocket with a flat floor of 80."""
    return {
        Structure.L2_BODY: box(200, 220, 241, 271),
        Structure.SPINE: box(50, 400, 246, 266),
        Structure.SMALL_BOWEL_GAS: box(240, 300, 100, 200),
        Structure.COLON: box(150, 190, 100, 180) | box(150, 190, 300, 400) | box(380, 420, 240, 280),
        Structure.STOOL: box(150, 190, 100, 140),
        Finding.AIR_FLUID_LEVEL: box(260, 300, 300, 380),
        Finding.PNEUMOPERITONEUM: box(100, 120, 300, 380),
    }


def test_lengths_are_ratios_and_millimetres_only_with_a_spacing(masks: dict[str, BoolArray]) -> None:
    letterbox = Letterbox(1024, 1024)
    bare = measure(masks, letterbox, pixel_spacing_mm=None, view=View.ERECT)
    assert bare["widest_loop_to_l2"] == pytest.approx(2.0, abs=0.1)
    assert not any(name.endswith("_mm") for name in bare)
    spaced = measure(masks, letterbox, pixel_spacing_mm=(0.2, 0.2), view=View.ERECT)
    # 60 pixels of the frame are 120 of the film.
    assert spaced["widest_loop_mm"] == pytest.approx(24, abs=1) and spaced["l2_width_mm"] == pytest.approx(12)
    assert {name: spaced[name] for name in bare} == bare
    assert "(24 mm)" in measures_text(spaced) and "mm" not in measures_text(bare)


def test_without_an_l2_there_is_no_ratio(masks: dict[str, BoolArray]) -> None:
    del masks[Structure.L2_BODY]
    found = measure(masks, Letterbox(512, 512), pixel_spacing_mm=None, view=View.ERECT)
    assert not any(name.endswith("_to_l2") or name.startswith("stool") for name in found)
    assert "x the width" not in measures_text(found)


@pytest.mark.parametrize(("view", "count"), [(View.ERECT, 1.0), (View.SUPINE, None), (None, None)])
def test_levels_are_counted_only_where_the_view_shows_them(
    masks: dict[str, BoolArray], view: View | None, count: float | None
) -> None:
    found = measure(masks, Letterbox(512, 512), pixel_spacing_mm=None, view=view)
    assert found.get("air_fluid_levels") == count
    assert ("Levels counted" in measures_text(found)) is (count is not None)


def test_stool_is_a_share_of_each_part_of_the_colon(masks: dict[str, BoolArray]) -> None:
    found = measure(masks, Letterbox(512, 512), pixel_spacing_mm=None, view=View.SUPINE)
    assert [found[f"stool_share_{part}"] for part in ("right_colon", "left_colon", "rectosigmoid")] == [
        0.5,
        0,
        0,
    ]
    assert "50% of the right colon, 0% of the left colon" in measures_text(found)


def test_the_words_are_read_as_no_finding(masks: dict[str, BoolArray]) -> None:
    found = measure(masks, Letterbox(512, 512), pixel_spacing_mm=(0.5, 0.5), view=View.ERECT)
    assert found["free_air_gap_mm"] == 10
    text = measures_text(found)
    assert parse(text).findings == parse(in_korean(text)).findings == ()
    assert measures_text({}) == ""
