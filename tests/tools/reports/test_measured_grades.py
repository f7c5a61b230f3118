"""Grades are read off the outlines where a scale is known, and are the draft's where none is."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pedaxr.errors import ModelUnavailable
from pedaxr.evaluation.choose_grades import ENOUGH, Graded, choose_grade_scale, grades_table
from pedaxr.reading.operating_points import (
    OperatingPoints,
    operating_points,
    parse_points,
    using,
    write_points,
)
from pedaxr.reports.consistency import contradictions
from pedaxr.reports.grounding import GRADED_BY_OUTLINE
from pedaxr.reports.measured_grades import grades_of
from pedaxr.types import Report
from pedaxr_models.facts import Severity
from pedaxr_models.grades import GRADES, severity_of
from pedaxr_models.labels import Finding, View
from pedaxr_models.report_text.parser import parse

from .witnesses import truth, with_finding, witness_of

AIR, LEVEL, STOMACH = Finding.PNEUMOPERITONEUM, Finding.AIR_FLUID_LEVEL, Finding.PYLORIC_STENOSIS
FILMS = {"levels": LEVEL, "free air": AIR, "pyloric": STOMACH}


def other(severity: Severity | None) -> Severity:
    return Severity.MILD if severity is Severity.MARKED else Severity.MARKED


@pytest.mark.parametrize(("name", "finding"), FILMS.items())
@pytest.mark.parametrize("is_scaled", [True, False])
def test_a_draft_that_grades_otherwise_is_overruled_by_the_outline_where_it_is_measured(
    name: str, finding: Finding, is_scaled: bool, report_of: Callable[..., Report]
) -> None:
    true = truth(name)[finding].severity
    wrong = with_finding(truth(name), finding, severity=other(true))
    scale = {finding.value: 1.0} if is_scaled else {}
    with using(replace(operating_points(), grade_scale=scale)):
        report = report_of(name, witness_of(wrong))
    told = next(f for f in report.findings if f.finding == finding)
    assert told.severity is (true if is_scaled else other(true))
    assert contradictions(report) == []
    said = next(s for s in report.sentences if s.finding == finding and s.verdict == "grounded")
    assert (said.reason == GRADED_BY_OUTLINE) is is_scaled
    if finding is not LEVEL:
        stated = {f.finding: f.severity for f in parse(report.sections["Findings"]).findings}
        assert stated[finding] is told.severity
    assert not any("grade" in flag for flag in report.flags), (
        "a word for how much is no disagreement to settle"
    )


def test_levels_are_graded_by_their_number(report_of: Callable[..., Report]) -> None:
    with using(replace(operating_points(), grade_scale={LEVEL.value: 1.0})):
        report = report_of("levels")
    levels = next(f for f in report.findings if f.finding == LEVEL)
    assert levels.count is not None
    assert levels.severity is severity_of(LEVEL, levels.count, View.ERECT)


def test_a_scale_divides_the_extent_and_a_pool_of_air_has_limits_of_its_own() -> None:
    moderate, _ = GRADES[STOMACH]
    assert grades_of({STOMACH: moderate}, View.ERECT, {STOMACH: 1.0})[STOMACH] is Severity.MODERATE
    assert grades_of({STOMACH: moderate}, View.ERECT, {STOMACH: 1.1})[STOMACH] is Severity.MILD
    assert grades_of({STOMACH: moderate}, View.ERECT, {}) == {}
    by_view = {view: grades_of({AIR: 5.0}, view, {AIR: 1.0})[AIR] for view in View}
    assert by_view[View.SUPINE] is Severity.MILD and by_view[View.ERECT] is Severity.MARKED


def graded(finding: Finding, factor: float, count: int = 40) -> list[Graded]:
    """Extents from far below to far above the limits, measured too large by a factor."""
    low, high = GRADES[finding]
    extents = [low * 0.6 + (high * 1.4 - low * 0.6) * n / (count - 1) for n in range(count)]
    return [
        Graded(finding, View.ERECT, extent * factor, severity_of(finding, extent, View.ERECT), None)
        for extent in extents
    ]


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.23])
def test_the_scale_with_which_most_grades_are_right_is_chosen(factor: float) -> None:
    scale = choose_grade_scale(graded(STOMACH, factor) + graded(AIR, 1.0, ENOUGH - 1))
    assert scale[STOMACH] == pytest.approx(factor, abs=0.03)
    assert AIR not in scale, "of too few films nothing is chosen"
    assert scale[LEVEL] == 1.0, "a number is a number"
    table = grades_table({"validation": graded(STOMACH, factor)}, scale)
    assert f"| validation | Gastric distension | {scale[STOMACH]:.3f} | 40 | 0 | 40 |" in table


@pytest.mark.parametrize(
    "damaged", ['{"pyloric_stenosis": 0}', '{"hernia": 1.0}', '{"constipation": "wide"}']
)
def test_an_impossible_scale_is_refused(damaged: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "operating_points.json"
    points = OperatingPoints(0.9, 0.8, 0.1, 0.5, 0.1, 0.9, grade_scale={STOMACH.value: 1.03})
    write_points(points, path)
    text = path.read_text(encoding="utf-8")
    assert parse_points(text).grade_scale == {STOMACH.value: 1.03}
    broken = text.replace('"grade_scale": {\n    "pyloric_stenosis": 1.03\n  }', f'"grade_scale": {damaged}')
    assert broken != text
    with pytest.raises(ModelUnavailable):
        parse_points(broken)
