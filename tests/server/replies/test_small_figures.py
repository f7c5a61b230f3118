"""Figures that are none (a loop of 0.0 x L2), counts of one, dates ahead: both languages say the same."""

from datetime import date

import pytest

from pedaxr.reports.comparison import ComparedFilm, compare, items_of
from pedaxr.reports.korean import in_korean
from pedaxr.reports.prose.tubes import FOLLOWED, OTHERS
from pedaxr.types import Comparison, FilmIdentity, Place, Sentence
from pedaxr_models.labels import View
from pedaxr_server.admission import Busy
from pedaxr_server.replies.finding_lines import measure_lines
from pedaxr_server.replies.korean_lines import korean_lines
from pedaxr_server.replies.report_lines import comparison_line, report_lines

from ..conftest import canned_report

TRACE = {"widest_loop_to_l2": 0.04, "widest_loop_mm": 0.9, "stomach_to_l2": 1.2, "stomach_mm": 28.0}


def film(**measures: float) -> ComparedFilm:
    return ComparedFilm(View.ERECT, {}, measures)


def test_a_trace_of_gas_is_no_width() -> None:
    (widths, *_) = measure_lines(TRACE)
    assert "small-bowel loop under 0.5 x L2, stomach 28 (1.2)" in widths
    report = canned_report("S-1", "pain").model_copy(update={"measures": TRACE})
    assert any("소장 루프 0.5배 미만, 위 28 (1.2)" in line for line in korean_lines(report))


def test_a_width_is_compared_where_one_of_the_films_has_one() -> None:
    items = items_of(film(rectum_to_l2=0.3, stomach_to_l2=1.2), film(rectum_to_l2=0.2, stomach_to_l2=0.1))
    assert [one.what for one in items] == ["stomach_to_l2"]
    text = compare(film(stomach_to_l2=1.2), film(stomach_to_l2=0.1))
    assert "Stomach: under 0.5 x L2 then, 1.2 x L2 now, larger." in text
    assert "위: 이전 제2요추체 폭의 0.5배 미만, 현재 제2요추체 폭의 1.2배, 증가." in in_korean(text)
    past = Comparison(study_id="S-0", study_date=date(2025, 1, 1), days_before=1, items=items)
    report = canned_report("S-1", "pain").model_copy(update={"comparison": past})
    assert "stomach under 0.5 x L2, 1.2 x L2: larger" in comparison_line(report)
    assert ", 1 day before: " in comparison_line(report)


def test_widths_without_a_spacing_and_levels_are_told_in_korean_too() -> None:
    measures = {"stomach_to_l2": 1.2, "air_fluid_levels": 3.0}
    report = canned_report("S-1", "pain").model_copy(update={"measures": measures})
    (line,) = (one for one in korean_lines(report) if one.startswith("폭("))
    assert "픽셀 간격 없음): 위 1.2." in line and "공기액체층: 3개." in line


@pytest.mark.parametrize(
    ("days", "korean", "english"),
    [
        (-46, "미래의 날짜", "in the future"),
        (-1, "오늘", "today"),
        (0, "오늘", "today"),
        (3, "3일 전", "3 days ago"),
    ],
)
def test_a_date_ahead_is_said_to_be_one(days: int, korean: str, english: str) -> None:
    film = FilmIdentity(study_id="S-1", study_date=date(2026, 11, 30), days_ago=days)
    report = canned_report("S-1", "pain").model_copy(update={"film": film})
    assert korean in korean_lines(report)[0] and english in report_lines(report)[0]


def test_a_tube_is_told_once_and_in_our_own_words() -> None:
    text = "A gastric tube is seen; it can be followed to the left upper quadrant."
    place = Place(bounding_box=(0, 0, 9, 9), quadrants=["left upper quadrant"], confidence=0.9)
    tube = Sentence(text=text, verdict="grounded", reason=FOLLOWED, region=place)
    report = canned_report("S-1", "pain")
    sections = report.sections | {"Lines and tubes": f"{text} {OTHERS}"}
    told = "\n".join(report_lines(report.model_copy(update={"sentences": [tube], "sections": sections})))
    assert told.count(text) == 1 and f'"{text}' not in told


def test_one_second_is_one_second() -> None:
    assert "in 1 second (" in str(Busy(1)) and "in 2 seconds (" in str(Busy(2))
