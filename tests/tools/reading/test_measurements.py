"""Measures carry their unit, know what they do not know, and read as no finding."""

import numpy as np
import pytest

from pedaxr.reading.measurements import measure
from pedaxr.reports.prose.measured import calibres, stool
from pedaxr_models.labels import FINDINGS, Finding, Structure, View
from pedaxr_models.report_text.parser import parse
from pedaxr_models.report_text.wordings import Language
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
    assert "(24 mm)" in calibres(spaced, FINDINGS) and "mm" not in calibres(bare, FINDINGS)


def test_without_an_l2_there_is_no_ratio(masks: dict[str, BoolArray]) -> None:
    del masks[Structure.L2_BODY]
    found = measure(masks, Letterbox(512, 512), pixel_spacing_mm=None, view=View.ERECT)
    assert not any(name.endswith("_to_l2") or name.startswith("stool") for name in found)
    assert calibres(found, FINDINGS) == "" and stool(found, FINDINGS) == ""


@pytest.mark.parametrize(("view", "count"), [(View.ERECT, 1.0), (View.SUPINE, None), (None, None)])
def test_levels_are_counted_only_where_the_view_shows_them(
    masks: dict[str, BoolArray], view: View | None, count: float | None
) -> None:
    found = measure(masks, Letterbox(512, 512), pixel_spacing_mm=None, view=view)
    assert found.get("air_fluid_levels") == count


def test_stool_is_a_share_of_each_part_of_the_colon(masks: dict[str, BoolArray]) -> None:
    found = measure(masks, Letterbox(512, 512), pixel_spacing_mm=None, view=View.SUPINE)
    assert [found[f"stool_share_{part}"] for part in ("right_colon", "left_colon", "rectosigmoid")] == [
        0.5,
        0,
        0,
    ]
    told = stool(found, [Finding.CONSTIPATION])
    assert told == "Stool is seen in part of the right colon, is scarce in the left colon and rectosigmoid."
    assert stool(found, [Finding.PNEUMOPERITONEUM]) == "", "of a colon that is not loaded nothing is said"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_words_are_read_as_no_finding(masks: dict[str, BoolArray], language: Language) -> None:
    found = measure(masks, Letterbox(512, 512), pixel_spacing_mm=(0.5, 0.5), view=View.ERECT)
    assert found["free_air_gap_mm"] == 10
    for stool_shares in ((0.9, 0.3, 0.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)):
        shares = dict(zip((key for key in found if key.startswith("stool_share")), stool_shares, strict=True))
        told = calibres(found, FINDINGS, language), stool(found | shares, FINDINGS, language)
        assert all(told) and parse(" ".join(told)).findings == ()
    assert calibres({}, FINDINGS, language) == "" and stool({}, FINDINGS, language) == ""


def test_only_what_belongs_to_a_finding_is_given_a_size() -> None:
    measures = {
        "stomach_to_l2": 1.3,
        "widest_loop_to_l2": 2.1,
        "widest_colon_to_l2": 0.9,
        "rectum_to_l2": 0.1,
    }
    assert calibres(measures, [Finding.PYLORIC_STENOSIS]) == "Stomach 1.3 x the width of L2."
    assert "loop 2.1" in calibres(measures, [Finding.ABDOMINAL_DISTENSION])
    assert calibres(measures, [Finding.CONSTIPATION]) == "", "an empty rectum has no calibre worth a sentence"
    assert calibres(measures, []) == ""
