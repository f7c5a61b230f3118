"""Next steps follow the findings and the view, and each names its source."""

from collections.abc import Callable

import pytest

from pedaxr.reports.consistency import contradictions
from pedaxr.reports.film_limits import FilmLimits
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.recommendations import recommend
from pedaxr.types import Report
from pedaxr_models.labels import URGENCY, Finding, View

AIR, DISTENSION = Finding.PNEUMOPERITONEUM, Finding.ABDOMINAL_DISTENSION


def steps(present: list[Finding], view: View | None, **limits: bool) -> list[str]:
    return [step.text for step in recommend(present, FilmLimits(view, **limits))]


@pytest.mark.parametrize("view", [*View, None])
def test_every_step_names_its_source_and_never_asks_for_the_view_that_the_film_is(view: View | None) -> None:
    for suspected in (False, True):
        told = recommend(list(URGENCY), FilmLimits(view, is_air_suspected=suspected))
        assert len(told) == len(URGENCY) and all(step.source for step in told)
        text = " ".join(step.text for step in told)
        assert "horizontal-beam" not in text
        assert view is not View.ERECT or "erect view" not in text
        assert view is not View.LEFT_LATERAL_DECUBITUS or "decubitus" not in text


def test_free_air_comes_first_even_where_it_is_only_suspected() -> None:
    first, *_ = steps([DISTENSION], View.ERECT, is_air_suspected=True)
    assert "emergency" in first and "tell the responsible doctor now" in first
    assert not any("emergency" in text for text in steps([DISTENSION], View.ERECT)), "control"


def test_a_view_that_hides_levels_and_free_air_asks_for_another() -> None:
    assert any("left lateral decubitus or erect view" in text for text in steps([], View.SUPINE))
    assert any("left lateral decubitus or erect view" in text for text in steps([], None))
    assert len(steps([AIR], View.SUPINE)) == 1, "its own step says so"


def test_a_film_without_the_domes_asks_for_one_with_them() -> None:
    (step,) = steps([], View.ERECT, are_domes_in_field=False)
    assert "includes the domes of the diaphragm" in step


def test_nothing_outlined_is_no_advice_against_further_imaging() -> None:
    (step,) = steps([], View.ERECT)
    assert "No further imaging" not in step and "for the reader" in step


@pytest.mark.parametrize("months", [0.3, 24.0, 170.0])
def test_what_holds_for_infants_is_not_said_of_others(months: float) -> None:
    told = " ".join(
        step.text
        for step in recommend(
            [Finding.PYLORIC_STENOSIS, Finding.AIR_FLUID_LEVEL], FilmLimits(View.ERECT, age_months=months)
        )
    )
    assert "pylorus" not in told and ("infant" in told) is (months < 12)
    for known in (1.4, None):
        (step,) = recommend([Finding.PYLORIC_STENOSIS], FilmLimits(View.ERECT, age_months=known))
        assert "ultrasound of the pylorus" in step.text, "control"


def test_no_report_thinks_of_pyloric_stenosis_in_a_teenager(report_of: Callable[..., Report]) -> None:
    for months, is_named in ((170.0, False), (1.3, True)):
        report = report_of("pyloric", age_months=months)
        korean = sections_in_korean(report)
        assert contradictions(report) == []
        assert ("such as pyloric stenosis" in report.sections["Impression"]) is is_named
        assert "consider outlet obstruction" in report.sections["Impression"]
        for name in ("Findings", "Impression"):
            assert ("유문협착증" in korean[name]) is is_named and "위출구폐쇄 감별을 요함" in korean[name]
        assert ("유문부 초음파" in korean["Recommendation"]) is is_named
