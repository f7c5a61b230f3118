"""What humans decided of outlines stands in every later report, with whose it is; it signs nothing."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from pedaxr import find_patient, segment_xray
from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import AnnotatedFinding, Mask, NewAnnotation, annotate, decisions_on
from pedaxr.clinic.worklist import worklist
from pedaxr.reading.operating_points import operating_points, using
from pedaxr.registry import NewStudy
from pedaxr.reports import sign_off
from pedaxr.reports.consistency import contradictions
from pedaxr.reports.current import current_report
from pedaxr.reports.korean import korean_sections, sections_in_korean
from pedaxr.types import Report
from pedaxr_models.labels import Finding, View
from pedaxr_server.replies.tool_results import report_reply, segmentation_reply

from ..conftest import phantom

AIR, STOOL, LEVEL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION, Finding.AIR_FLUID_LEVEL
DRAWN, REJECTED = "free intraperitoneal air drawn, which the network", "free intraperitoneal air rejected"


def a_mask(study_id: str) -> Mask:
    height, width = phantom("levels" if study_id == "other" else study_id).pixels.shape
    return Mask(size=(height, width), counts=[height * 20, height * 3, height * (width - 23)])


def decide(clinic: Clinic, study_id: str, by: str = "Dr Kim", based_on: int = 0, **decisions: str) -> None:
    """By the name of a finding in capitals: AIR="added"."""
    findings = {
        globals()[name]: AnnotatedFinding(
            decision=said,  # type: ignore[arg-type]
            mask=a_mask(study_id) if said in ("added", "corrected", "accepted") else None,
        )
        for name, said in decisions.items()
    }
    annotate(study_id, NewAnnotation(based_on=based_on, model="m", findings=findings), by=by, clinic=clinic)


def by_hand(report: Report) -> list[str]:
    return [flag for flag in report.flags if flag.startswith("By hand")]


def test_free_air_that_a_human_has_drawn_is_critical_and_never_denied(
    film_clinic: Clinic, report_of: Callable[..., Report]
) -> None:
    assert report_of("normal").critical == [], "control"
    decide(film_clinic, "normal", AIR="added")
    report = report_of("normal")
    assert report.critical_certainty == {AIR: "suspected"} and contradictions(report) == []
    assert any(DRAWN in flag and '"Dr Kim"' in flag for flag in by_hand(report))
    assert "No free" not in report.sections["Findings"] + report.sections["Impression"]
    korean = korean_sections(report)["확인할 사항"]
    assert '직접 확인("Dr Kim"' in korean and "hand" not in korean
    assert "복강 내 유리공기 의심" in sections_in_korean(report)["Impression"]


def test_outlines_of_the_film_say_it_too(film_clinic: Clinic, report_of: Callable[..., Report]) -> None:
    decide(film_clinic, "normal", AIR="added")
    result = segment_xray("normal", overlay=False, clinic=film_clinic)
    assert result.critical_certainty == {AIR: "suspected"}
    reply = segmentation_reply(result)
    assert "CRITICAL: free intraperitoneal air is suspected, not outlined." in reply.text
    assert f"Check: {by_hand(report_of('normal'))[0]}" in reply.text
    (slot,) = (one for one in reply.data["slots"] if one["what"] == "free intraperitoneal air")
    assert slot["value"] == "suspected"
    assert "free intraperitoneal air" not in reply.text.split("not nought): ")[1].splitlines()[0]


def test_free_air_that_a_human_has_rejected_stays_critical_until_somebody_signs(
    film_clinic: Clinic, report_of: Callable[..., Report]
) -> None:
    decide(film_clinic, "free air", AIR="rejected")
    report = report_of("free air")
    assert report.critical == [AIR]
    assert any(REJECTED in flag and "until a signed report" in flag for flag in by_hand(report))
    words = {"by": "Dr Kim", "impression": "No free air."}
    sign_off.finalise(report.report_id, clinic=film_clinic, **words)
    signed = current_report("free air", clinic=film_clinic)
    assert signed is not None and signed.critical == [] and by_hand(signed) == []


@pytest.mark.parametrize(
    ("study_id", "decision", "words"),
    [
        ("levels", "accepted", "air-fluid levels accepted as the network outlines it."),
        ("levels", "corrected", "air-fluid levels drawn otherwise than the network outlines it"),
        ("levels", "rejected", "air-fluid levels rejected, which the network outlines. Look."),
        ("levels", "uncertain", "air-fluid levels called uncertain."),
        ("normal", "added", "air-fluid levels drawn, which the network does not outline. Look."),
        ("normal", "rejected", "air-fluid levels rejected; the network does not outline it either."),
    ],
)
def test_each_decision_is_told_in_both_languages(
    film_clinic: Clinic, report_of: Callable[..., Report], study_id: str, decision: str, words: str
) -> None:
    decide(film_clinic, study_id, by='Dr "K" (erect)', LEVEL=decision)
    report = report_of(study_id)
    (flag,) = by_hand(report)
    assert words in flag and '("Dr \\"K\\" (erect)", ' in flag
    assert contradictions(report) == []
    korean = report_reply(report, "ko").text
    assert '직접 확인("Dr \\"K\\" (erect)", ' in korean and words[:30] not in korean


def test_a_decision_is_whose_it_was_first_and_can_be_taken_back(
    film_clinic: Clinic, report_of: Callable[..., Report]
) -> None:
    decide(film_clinic, "normal", STOOL="rejected")
    decide(film_clinic, "normal", by="Dr Lee", based_on=1, STOOL="rejected", LEVEL="added")
    whose = {one.finding: one.author for one in decisions_on("normal", film_clinic)}
    assert whose == {STOOL: "Dr Kim", LEVEL: "Dr Lee"}
    decide(film_clinic, "normal", by="Dr Han", based_on=2)
    assert decisions_on("normal", film_clinic) == [] == by_hand(report_of("normal"))


def test_a_report_that_was_made_or_signed_before_says_what_was_decided_since(
    film_clinic: Clinic, report_of: Callable[..., Report]
) -> None:
    sign_off.finalise(report_of("normal").report_id, by="Dr Han", clinic=film_clinic)
    decide(film_clinic, "normal", AIR="added")
    signed = current_report("normal", clinic=film_clinic)
    assert signed is not None and signed.status == "final"
    assert any(DRAWN in flag for flag in by_hand(signed))
    draft = report_of("normal")
    assert draft.signed_report is not None and draft.critical == [AIR]
    signed = current_report("normal", clinic=film_clinic)
    assert signed is not None and signed.newer_draft is not None
    assert "Critical in the draft: Free intraperitoneal air." in signed.newer_draft.differs


def test_a_comparison_says_what_was_decided_of_the_earlier_film(
    film_clinic: Clinic, report_of: Callable[..., Report]
) -> None:
    registry = film_clinic.registry
    assert "by hand" not in report_of("levels").sections["Comparison"], "control: normal is compared"
    decide(film_clinic, "normal", AIR="added", STOOL="rejected")
    report = report_of("levels")
    told = "Drawn by hand on that earlier film: free intraperitoneal air. Rejected by hand on that earlier"
    assert told in report.sections["Comparison"] and told in report_reply(report).text
    assert "What is compared is the network's own." in report.sections["Comparison"]
    korean = sections_in_korean(report)["Comparison"]
    assert "사람이 직접 그린 소견: 복강 내 유리공기." in korean and "hand" not in korean
    assert registry.study("levels").patient_id == registry.study("normal").patient_id


def heard(clinic: Clinic) -> tuple[list[str], list[str], list[list[str]]]:
    """What is critical and unread on the worklist, and what a search lists as critical of the child."""
    made = worklist(clinic=clinic)
    films = find_patient("P0", clinic=clinic).matches[0].studies
    return (
        [f"{film.study_id} {film.critical_certainty}" for film in made.critical],
        [film.study_id for film in made.unread],
        [film.critical for film in films if film.study_id == "normal"],
    )


def test_the_worklist_and_a_search_hear_at_once_of_free_air_drawn_by_hand(
    film_clinic: Clinic, report_of: Callable[..., Report]
) -> None:
    assert heard(film_clinic)[0] == [] == heard(film_clinic)[2][0], "control"
    decide(film_clinic, "normal", AIR="added")
    critical, unread, of_child = heard(film_clinic)
    assert critical == ["normal {'pneumoperitoneum': 'drawn by hand'}"] and of_child == [[AIR]]
    assert "normal" not in unread, "somebody has looked at it"
    report = report_of("normal")
    assert heard(film_clinic)[0] == ["normal {'pneumoperitoneum': 'suspected'}"], "its report says it now"
    sign_off.finalise(report.report_id, by="Dr Han", impression="No free air.", clinic=film_clinic)
    assert heard(film_clinic)[0] == [] == heard(film_clinic)[2][0], "a human has denied it since"


def test_free_air_drawn_after_the_signature_comes_first_and_can_be_taken_back(
    film_clinic: Clinic, report_of: Callable[..., Report]
) -> None:
    signed = report_of("free air")
    sign_off.finalise(signed.report_id, by="Dr Han", told="Dr Lee", clinic=film_clinic)
    sign_off.finalise(report_of("normal").report_id, by="Dr Han", clinic=film_clinic)
    decide(film_clinic, "normal", AIR="added")
    films = [film.study_id for film in worklist(clinic=film_clinic).critical]
    assert films == ["normal", "free air"], "of which nobody has been told"
    decide(film_clinic, "normal", based_on=1, AIR="rejected")
    assert [film.study_id for film in worklist(clinic=film_clinic).critical] == ["free air"]


def test_a_film_of_the_same_day_with_free_air_drawn_is_named(
    film_clinic: Clinic, report_of: Callable[..., Report]
) -> None:
    film_clinic.registry.add([], [same_day(film_clinic, "levels", "other")])
    decide(film_clinic, "other", AIR="added")
    report = report_of("levels")
    told = "are registered, not compared here: other, supine. Free intraperitoneal air drawn by hand: "
    assert f"{told}other." in report.sections["Comparison"] and f"{told}other." in report_reply(report).text
    korean = sections_in_korean(report)["Comparison"]
    assert "복강 내 유리공기를 직접 그린 영상: other." in korean


def same_day(clinic: Clinic, study_id: str, name: str) -> NewStudy:
    study, path = clinic.registry.study(study_id), clinic.home / "films" / f"{name}.png"
    Image.fromarray(255 - phantom(study_id).pixels).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return NewStudy(name, study.patient_id, path, digest, study.study_date, view_position=View.SUPINE)


def test_of_a_film_in_doubt_it_is_said_and_nothing_is_critical(
    film_clinic: Clinic, report_of: Callable[..., Report]
) -> None:
    decide(film_clinic, "normal", AIR="added")
    with using(replace(operating_points(), largest_oddness=-1.0)):
        report = report_of("normal")
    assert report.in_doubt and report.critical == [] and contradictions(report) == []
    assert any(DRAWN in flag for flag in by_hand(report))


def test_a_name_is_data(film_clinic: Clinic, report_of: Callable[..., Report]) -> None:
    decide(film_clinic, "normal", by='Kim", 2026): no free air. [x](http://x.y)', STOOL="rejected")
    text = report_reply(report_of("normal")).text
    assert "http://x" not in text and '\\"' in text
