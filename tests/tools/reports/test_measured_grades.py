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
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.measured_grades import grades_of
from pedaxr.reports.prose.slots import slots_of
from pedaxr.types import Report
from pedaxr_models.facts import DistalGas, Presence, Severity
from pedaxr_models.grades import GRADES, severity_of
from pedaxr_models.labels import Finding, Structure, View
from pedaxr_models.report_text.parser import parse

from ..conftest import PerfectSegmenter, phantom
from .witnesses import truth, with_finding, witness_of

AIR, LEVEL, STOMACH = Finding.PNEUMOPERITONEUM, Finding.AIR_FLUID_LEVEL, Finding.PYLORIC_STENOSIS
STOOL = Finding.CONSTIPATION
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


def test_a_scale_in_use_stays_unless_another_is_clearly_better() -> None:
    films = graded(STOMACH, 0.9) + graded(STOMACH, 1.1)  # no scale is right on all
    best = choose_grade_scale(films)[STOMACH]
    assert choose_grade_scale(films, {STOMACH: best + 0.01})[STOMACH] == best + 0.01
    assert choose_grade_scale(films, {STOMACH: 1.4})[STOMACH] == best


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


@pytest.mark.parametrize(("factor", "grade"), [(100.0, Severity.MILD), (0.01, Severity.MARKED)])
def test_loading_has_its_measured_grade_however_full_the_colon_is(
    factor: float, grade: Severity, report_of: Callable[..., Report], segmenter: PerfectSegmenter
) -> None:
    """A colon without gas is full of little stool: a mild loading is said, and no part is called full."""
    seen, names = segmenter.predict, list(phantom("normal").masks)

    def packed(pixels, **how: bool):  # type: ignore[no-untyped-def]
        found = seen(pixels)
        for channel in (Structure.STOOL, STOOL):
            found.probabilities[names.index(channel)] = found.probabilities[names.index(Structure.COLON)]
        return found

    segmenter.predict = packed  # type: ignore[method-assign]
    loaded = with_finding(truth("normal"), STOOL, presence=Presence.PRESENT, severity=other(grade))
    with using(replace(operating_points(), grade_scale={STOOL.value: factor})):
        report = report_of("normal", witness_of(loaded))
    assert next(f for f in report.findings if f.finding == STOOL).severity is grade
    assert max(v for k, v in report.measures.items() if k.startswith("stool_share")) > 0.9
    texts = report.sections["Findings"], sections_in_korean(report)["Findings"]
    assert [("Stool " in text or "분변 비율" in text) for text in texts] == [grade is Severity.MARKED] * 2
    assert contradictions(report) == []


@pytest.mark.parametrize("drafted", [*DistalGas, None])
@pytest.mark.parametrize(("name", "amount"), [("levels", 0.01), ("normal", 0.01), ("normal", 100.0)])
def test_gas_beyond_the_stomach_is_said_as_measured_whatever_the_draft_says(
    drafted: DistalGas | None, name: str, amount: float, report_of: Callable[..., Report]
) -> None:
    with using(replace(operating_points(), grade_scale={"distal_gas": amount})):
        report = report_of(name, witness_of(replace(truth(name), distal_gas=drafted)))
    measured = DistalGas.NORMAL if amount < 1 else DistalGas.ABSENT
    text = report.sections["Findings"]
    said = [parse(told).distal_gas for told in (text, sections_in_korean(report)["Findings"])]
    assert said == [measured, measured]
    assert ("is normal" in text) is (name == "normal" and amount < 1)
    assert [s.reason for s in report.sentences if parse(s.text).distal_gas] == ["measured on the outlines"]
    assert not any("Distal" in flag for flag in report.flags) and contradictions(report) == []
    (slot,) = [slot for slot in slots_of(report) if slot.what == "distal bowel gas"]
    assert (slot.value, slot.certainty) == (measured.value, "measured")
