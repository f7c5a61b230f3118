"""Free air is critical: outlined, faint, or only suspected, a human must hear of it."""

import re
from dataclasses import replace

import pytest

from pedaxr.reading.operating_points import operating_points, using
from pedaxr.reports.flags import unknown_view
from pedaxr.reports.korean import in_korean
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, Finding, View
from pedaxr_models.report_text.grammar import narrate

from ..conftest import PerfectSegmenter
from .witnesses import Witness, truth, witness_of

AIR = Finding.PNEUMOPERITONEUM


def test_free_air_is_critical_first_and_asks_for_a_human(report_of) -> None:
    report = report_of("free air")
    assert report.critical == ["pneumoperitoneum"]
    assert "free intraperitoneal air" in report.sections["Impression"].split("2.")[0]
    assert "tell the responsible doctor now" in report.sections["Communication"]
    assert report_of("normal").critical == []


@pytest.mark.parametrize(("probability", "is_critical"), [(0.1, False), (0.25, True)])
def test_free_air_is_suspected_well_below_one_half(report_of, probability: float, is_critical: bool) -> None:
    witness = Witness(narrate(truth("normal")), {**dict.fromkeys(FINDINGS, 0.02), AIR: probability})
    assert bool(report_of("normal", witness).critical) is is_critical


def test_a_faint_outline_hedges_its_sentence_and_is_still_critical(
    report_of, segmenter: PerfectSegmenter
) -> None:
    segmenter.doubt[AIR] = 0.8  # of 0.95
    strict = replace(operating_points(), least_support={AIR: 0.99})
    with using(strict):
        report = report_of("free air")
    (air,) = [s for s in report.sentences if s.finding == AIR]
    assert (air.verdict, air.reason) == ("hedged", "its outline leaves doubt")
    assert report.critical == ["pneumoperitoneum"]
    assert "in doubt, see what to check" in report.sections["Impression"]


def test_free_air_that_is_outlined_too_faintly_is_told_to_a_human(
    report_of, segmenter: PerfectSegmenter
) -> None:
    segmenter.doubt[AIR] = 0.5  # of 0.95: below the threshold of 0.5
    unaware = Witness(narrate(truth("normal")), dict.fromkeys(FINDINGS, 0.02))
    assert report_of("free air", unaware).critical == []
    with using(replace(operating_points(), faint_free_air=0.4)):
        report = report_of("free air", unaware)
        assert report_of("normal").critical == []
    assert report.critical == ["pneumoperitoneum"]
    assert report.flags[0].startswith("Free intraperitoneal air is outlined faintly")


def test_free_air_that_only_the_reader_sees_is_still_told_to_a_human(report_of) -> None:
    suspects = Witness(narrate(truth("normal")), {**dict.fromkeys(FINDINGS, 0.02), AIR: 0.7})
    report = report_of("normal", suspects)
    assert report.critical == ["pneumoperitoneum"]
    assert "suspected" in report.flags[0]


def test_nothing_to_check_takes_back_free_air_that_is_named(report_of, segmenter: PerfectSegmenter) -> None:
    suspects = Witness(narrate(truth("normal")), {**dict.fromkeys(FINDINGS, 0.02), AIR: 0.97})
    segmenter.doubt["diaphragm"] = 0.0
    said = [*report_of("normal", suspects).flags, *report_of("free air").flags]
    assert said and not any("domes" in flag for flag in said)
    assert any("domes" in flag for flag in report_of("normal").flags), "control: nothing is named"


def test_a_view_that_nobody_states_excludes_nothing_but_what_is_named() -> None:
    told: dict[tuple[Finding, ...], str] = {
        (): "The view is not known: air-fluid levels and free intraperitoneal air cannot be excluded.",
        (AIR,): "The view is not known: air-fluid levels cannot be excluded.",
        (Finding.AIR_FLUID_LEVEL,): "The view is not known: free intraperitoneal air cannot be excluded.",
        (AIR, Finding.AIR_FLUID_LEVEL): "The view is not known.",
    }
    for named, flag in told.items():
        assert unknown_view(named) == flag
        assert not re.search("[A-Za-z]", in_korean(flag)), "in Korean throughout"


def test_a_supine_film_never_excludes_free_air_nor_shows_levels(report_of) -> None:
    text = narrate(replace(truth("normal"), view=View.ERECT))  # "no free gas", said of a supine film
    report = report_of("normal supine", Witness(text, dict.fromkeys(FINDINGS, 0.02)))
    struck = {s.finding for s in report.sentences if s.verdict == "struck" and s.finding}
    assert {AIR, Finding.AIR_FLUID_LEVEL} == struck
    presence = {f.finding: f.presence for f in report.findings}
    assert presence[AIR] is presence[Finding.AIR_FLUID_LEVEL] is Presence.NOT_ASSESSED
    assert "not excluded on this view" in report.sections["Impression"]


def test_free_air_of_which_no_outline_has_a_trace_is_no_alarm(report_of) -> None:
    """On real films the writer often names free air where the segmentation sees nothing at all."""
    named = witness_of(truth("free air"))
    fanciful = replace(named, probabilities=named.probabilities | {AIR: 0.83})
    assert report_of("normal", fanciful).critical == [AIR], "without a least trace"
    with using(replace(operating_points(), free_air_trace=0.05)):
        report = report_of("normal", fanciful, indication="again")
    assert report.critical == []
    (air,) = [f for f in report.findings if f.finding == AIR]
    assert (air.presence, air.certainty, air.agreed) == ("absent", None, False)
    assert any(flag.startswith("Free intraperitoneal air: named by the draft") for flag in report.flags)
    sure = replace(named, probabilities=named.probabilities | {AIR: 0.97})
    with using(replace(operating_points(), free_air_trace=0.05)):
        assert report_of("normal", sure, indication="a third time").critical == [AIR]


def test_free_air_that_the_draft_does_not_name_and_no_outline_hints_at_is_to_be_looked_at_and_no_alarm(
    report_of, segmenter: PerfectSegmenter
) -> None:
    """On real films the writer's figure alone, beside a draft that says nothing of it, means little."""
    suspects = Witness(narrate(truth("normal")), {**dict.fromkeys(FINDINGS, 0.02), AIR: 0.97})
    with using(replace(operating_points(), free_air_trace_unnamed=0.5)):
        report = report_of("normal", suspects)
        assert report.critical == []
        assert any("the report writer speaks for it" in flag for flag in report.flags)
        segmenter.doubt[AIR] = 0.6
        assert report_of("free air", suspects, indication="again").critical == [AIR]


def test_free_air_that_the_writer_names_and_the_outline_hints_at_stays_an_alarm(
    report_of, segmenter: PerfectSegmenter
) -> None:
    segmenter.doubt[AIR] = 0.5
    with using(replace(operating_points(), free_air_trace=0.05)):
        assert report_of("free air", witness_of(truth("free air"))).critical == [AIR]
