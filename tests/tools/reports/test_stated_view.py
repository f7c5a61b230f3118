"""Outlines that contradict the stated view are no normal film; films of one day are named with theirs."""

import hashlib
from collections.abc import Callable
from datetime import date

import pytest
from PIL import Image

from pedaxr.clinic import Clinic
from pedaxr.registry import NewStudy, Patient
from pedaxr.reports.consistency import contradictions
from pedaxr.reports.flags import VIEW_CONTRADICTED
from pedaxr.reports.human_words import CRITICAL_THEN
from pedaxr.reports.korean import sections_in_korean
from pedaxr.types import Report
from pedaxr_models.labels import Finding, View
from pedaxr_models.report_text.parser import parse_findings, split_sentences
from pedaxr_server.replies.report_lines import comparison_line

from ..conftest import PerfectSegmenter, phantom
from .witnesses import truth, witness_of


@pytest.fixture
def levels_alone(segmenter: PerfectSegmenter) -> None:
    segmenter.doubt["abdominal_distension"] = 0.0


@pytest.mark.usefixtures("levels_alone")
def test_levels_on_a_film_said_to_be_supine_are_neither_normal_nor_nothing(
    report_of: Callable[..., Report],
) -> None:
    report = report_of("levels", witness_of(truth("normal")), view="supine")
    assert VIEW_CONTRADICTED in report.flags
    assert report.label == "undetermined"
    assert "Nothing this model looks for" not in report.sections["Impression"]
    assert report.sections["Impression"].startswith("1. What is outlined does not fit the stated view")
    assert "촬영 자세를 먼저 확인" in sections_in_korean(report)["Impression"]
    assert not any("nothing is outlined" in flag for flag in report.flags)
    assert contradictions(report) == []


@pytest.mark.usefixtures("levels_alone")
def test_the_draft_that_names_the_levels_is_not_told_that_none_are_outlined(
    report_of: Callable[..., Report],
) -> None:
    report = report_of("levels", view="supine")
    assert not any("levels" in flag and "nothing is outlined" in flag for flag in report.flags)
    said = [fact for line in split_sentences(report.sections["Impression"]) for fact in parse_findings(line)]
    assert not any(fact.is_present for fact in said), "what the view cannot show is no finding"


def test_a_supine_film_without_levels_is_normal(report_of: Callable[..., Report]) -> None:
    assert report_of("normal supine").label == "normal", "the test can fail"


@pytest.fixture
def beside(film_clinic: Clinic) -> str:
    """The supine film of the same examination as the erect one with free air."""
    path = film_clinic.home / "films" / "beside.png"
    pixels = phantom("normal supine").pixels.copy()
    pixels[0, 0] ^= 1  # not the very film that is registered
    Image.fromarray(pixels).save(path)
    study = film_clinic.registry.study("free air")
    other = NewStudy(
        study_id="beside",
        patient_id=study.patient_id,
        image_path=path,
        image_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        study_date=study.study_date or date(2025, 3, 4),
        view_position=View.SUPINE,
    )
    film_clinic.registry.add([Patient(study.patient_id, f"Demo {study.patient_id}")], [other])
    return other.study_id


def test_the_other_film_of_an_examination_is_named_with_its_view_and_what_is_critical(
    report_of: Callable[..., Report], beside: str
) -> None:
    assert report_of("free air").sections["Comparison"].endswith("not compared here: beside, supine.")
    report = report_of(beside, witness_of(truth("normal supine")))
    told = 'registered, not compared here: "free air", erect. Critical by its report: "free air".'
    assert report.sections["Comparison"].endswith(told)
    korean = sections_in_korean(report)["Comparison"]
    assert korean.endswith('"free air", 기립위. 그중 판독이 위급 소견인 영상: "free air".')


def test_an_earlier_film_whose_report_is_critical_is_not_compared_as_if_nothing_were_there(
    report_of: Callable[..., Report],
) -> None:
    """Free air that is only suspected has no outline: "No finding is outlined on either film" hid it."""
    assert CRITICAL_THEN not in report_of("levels").sections["Comparison"], "control"
    suspects = witness_of(truth("normal"))
    suspects.probabilities[Finding.PNEUMOPERITONEUM] = 0.97
    assert report_of("normal", suspects).critical
    report = report_of("levels", indication="free air resolved?")
    assert CRITICAL_THEN in report.sections["Comparison"] and CRITICAL_THEN in comparison_line(report)
    assert "그 영상의 판독은 위급 소견임." in sections_in_korean(report)["Comparison"]


def test_the_line_of_a_reply_keeps_both() -> None:
    told = (
        "No earlier film is registered. Other films of that day are registered, not compared here: "
        "S-2, erect. Critical by its report: S-2."
    )
    report = Report.model_construct(sections={"Comparison": told}, comparison=None, human_sections=[])
    assert comparison_line(report) == told
