"""The facts behind a report one by one: what was not assessed has a reason and no value."""

from collections.abc import Callable

import pytest

from pedaxr import segment_xray
from pedaxr.clinic import Clinic
from pedaxr.reports.prose.slots import slots_of, slots_of_outlines, told_measures
from pedaxr.types import Report, Slot
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, Finding, sign_within
from pedaxr_server.replies.tool_results import report_reply

from ..conftest import FILMS, PerfectSegmenter
from .witnesses import truth, witness_of


def by_name(slots: list[Slot]) -> dict[str, list[Slot]]:
    told: dict[str, list[Slot]] = {}
    for slot in slots:
        told.setdefault(slot.what, []).append(slot)
    return told


@pytest.mark.parametrize("name", FILMS)
def test_every_finding_measure_and_gap_is_a_slot(name: str, report_of: Callable[..., Report]) -> None:
    report = report_of(name)
    told = by_name(slots_of(report))
    for finding in report.findings:
        (slot,) = told[sign_within(finding.finding)]
        assert slot.assessed is (finding.presence is not Presence.NOT_ASSESSED or bool(finding.certainty))
        if finding.presence is Presence.PRESENT:
            assert slot.bounding_box and slot.quadrants == finding.quadrants and slot.side is finding.side
            assert slot.certainty == finding.certainty and slot.count == finding.count
    for key, value in told_measures(report).items():
        assert any(slot.value == value and slot.unit for slots in told.values() for slot in slots), key
    for one in report.not_assessed:
        names = [sign_within(one.what) if one.what in set(FINDINGS) else one.what.replace("_", " ")]
        assert [slot.reason for slot in told[names[0]]] == [one.reason]
    assert all(s.value is None and s.reason for slots in told.values() for s in slots if not s.assessed)
    assert told["rectal gas"][0].reason == "model", "no network looks for it"


def test_a_width_is_in_millimetres_and_in_widths_of_l2(report_of: Callable[..., Report]) -> None:
    units = {slot.unit for slot in by_name(slots_of(report_of("levels")))["widest small-bowel loop"]}
    assert units == {"mm", "x width of L2"}


def test_the_width_of_a_trace_is_no_figure(report_of: Callable[..., Report]) -> None:
    report = report_of("levels")
    assert report.measures["widest_loop_to_l2"] > 1, "control: it has a width"
    traced = {**report.measures, "rectum_to_l2": 0.06, "rectum_mm": 0.9}
    report = report.model_copy(update={"measures": traced})
    (slot,) = by_name(slots_of(report))["rectum width"]
    assert (slot.value, slot.unit) == ("under 0.5", "x width of L2")
    data = report_reply(report).data
    assert not [key for key in data["measures"] if key.startswith("rectum")]
    assert {key for key in data["measures"] if key.startswith("widest_loop")}, "control"


def test_figures_of_a_finding_are_no_surer_than_the_finding(report_of: Callable[..., Report]) -> None:
    report = report_of("free air")
    (gap, *_) = by_name(slots_of(report))["free air gap"]
    assert gap.certainty == "measured", "control: the finding is outlined firmly"

    def with_air(**changed: object) -> Report:
        air = Finding.PNEUMOPERITONEUM
        found = [f.model_copy(update=changed if f.finding == air else {}) for f in report.findings]
        return report.model_copy(update={"findings": found})

    (gap, *_) = by_name(slots_of(with_air(certainty="in_doubt")))["free air gap"]
    assert gap.certainty == "in_doubt"
    gone = with_air(presence=Presence.ABSENT, certainty="suspected")
    assert "free air gap" not in by_name(slots_of(gone))
    assert "number of air-fluid levels" not in by_name(slots_of(gone)), "none is outlined: nought is no count"
    assert not [key for key in report_reply(gone).data["measures"] if key.startswith("free_air")]


def test_an_outline_in_doubt_is_so_in_its_slot(film_clinic: Clinic, segmenter: PerfectSegmenter) -> None:
    result = segment_xray("free air", clinic=film_clinic)
    air = Finding.PNEUMOPERITONEUM.value
    doubted = result.model_copy(update={"critical_certainty": {air: "in_doubt"}})
    certain = [
        by_name(slots_of_outlines(one))["free intraperitoneal air"][0].certainty for one in (result, doubted)
    ]
    assert certain == ["outlined", "in_doubt"]


def test_a_film_in_doubt_has_nothing_but_what_is_not_assessed(report_of: Callable[..., Report]) -> None:
    refusing = witness_of(truth("normal"))
    refusing.text = "This film cannot be read."
    report = report_of("normal", refusing)
    assert report.in_doubt and not any(slot.assessed for slot in slots_of(report))


def test_suspected_air_is_assessed_and_has_no_place(report_of: Callable[..., Report]) -> None:
    witness = witness_of(truth("normal"))
    witness.probabilities[Finding.PNEUMOPERITONEUM] = 0.97
    slot = by_name(slots_of(report_of("normal", witness)))["free intraperitoneal air"][0]
    assert (slot.assessed, slot.value, slot.certainty) == (True, "suspected", "suspected")
    assert slot.bounding_box is None and slot.quadrants is None


def test_outlines_alone_tell_the_same_of_what_they_show(
    film_clinic: Clinic, segmenter: PerfectSegmenter, report_of: Callable[..., Report]
) -> None:
    result = segment_xray("free air", clinic=film_clinic)
    told, reported = by_name(slots_of_outlines(result)), by_name(slots_of(report_of("free air")))
    air = told["free intraperitoneal air"][0]
    assert air.bounding_box == reported["free intraperitoneal air"][0].bounding_box and air.assessed
    assert told["faecal loading"][0].value == "not outlined"
    assert told["stomach width"][0].bounding_box, "the region on which it was read"
    assert not told["bones"][0].assessed
