"""The Korean reply for a language model says what the English one says."""

import json
from datetime import UTC, datetime

import pytest

from pedaxr.reports.context_sentences import GAS_MEASURED, NOT_REDUCED
from pedaxr.types import ComparedItem, Comparison, NewerDraft, NotAssessed, Sentence, SignedReport
from pedaxr_models.labels import Finding
from pedaxr_server.replies.documents import report_korean
from pedaxr_server.replies.korean_lines import korean_lines
from pedaxr_server.replies.report_lines import report_lines

from ..conftest import canned_report

AIR = Finding.PNEUMOPERITONEUM.value
NOW = datetime(2026, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("signed", "english", "korean"),
    [
        (
            [],
            "CRITICAL in this draft, not in the signed report: ",
            "위급 소견(CRITICAL, 본 초안에만 있고 최종 판독에는 없음): ",
        ),
        ([AIR], "CRITICAL: ", "위급 소견(CRITICAL): "),
    ],
    ids=["the signer denied it", "the signer named it"],
)
def test_an_alarm_of_the_draft_alone_is_said_to_be_so(signed: list[str], english: str, korean: str) -> None:
    past = SignedReport(
        report_id="R-0",
        version=1,
        status="final",
        signed_by="Dr. Han",
        signed_at=None,
        impression="No free air.",
        critical=signed,
    )
    update = {"critical": [AIR], "critical_certainty": {AIR: "outlined"}, "signed_report": past}
    report = canned_report("S-1", "pain").model_copy(update=update)
    for lines, expected in ((report_lines(report), english), (korean_lines(report), korean)):
        assert sum(line.startswith(expected) for line in lines) == 1


@pytest.mark.parametrize("text", ["Distal bowel gas is scant.", NOT_REDUCED])
def test_gas_that_is_measured_is_a_finding_and_what_the_draft_alone_says_unchecked(text: str) -> None:
    korean = "원위부 장가스 감소 없음" if text == NOT_REDUCED else "원위부 장가스 적음"
    for verdict, reason, heads in (
        ("grounded", GAS_MEASURED, ("Findings: ", "소견: ")),
        ("not_checked", None, ("UNCHECKED: ", "확인되지 않은 서술: ")),
    ):
        sentence = Sentence(text=text, verdict=verdict, reason=reason)  # type: ignore[arg-type]
        report = canned_report("S-1", "pain").model_copy(update={"sentences": [sentence], "narrative": text})
        (line,) = [line for line in report_lines(report) if text in line]
        (told,) = [line for line in korean_lines(report) if korean in line]
        assert (line.startswith(heads[0]), told.startswith(heads[1])) == (True, True)
        shown = json.loads(report_korean(report))["sentences"]  # which the viewer marks
        assert [one["verdict"] for one in shown if korean in one["text"]] == [verdict]


def test_what_is_in_doubt_or_outside_the_film_is_said_in_both_languages() -> None:
    report = canned_report("S-1", "pain")
    loading, levels = Finding.CONSTIPATION, Finding.AIR_FLUID_LEVEL
    doubted = [f.model_copy(update={"agreed": f.finding != loading}) for f in report.findings]
    left_out = [NotAssessed(what=AIR, reason="field"), NotAssessed(what=levels.value, reason="view")]
    report = report.model_copy(update={"findings": doubted, "not_assessed": left_out})
    english, korean = "\n".join(report_lines(report)), "\n".join(korean_lines(report))
    assert (
        "IN DOUBT: faecal loading is not outlined" in english and "불확실함: 분변 저류 윤곽 표시 없" in korean
    )
    assert "free intraperitoneal air (outside the film)" in english
    assert "영상 범위 밖: 복강 내 유리공기" in korean


def test_what_a_newer_draft_says_otherwise_is_said_in_both_languages() -> None:
    differs = ["Nothing is critical in the draft.", "Another indication was supplied for the draft."]
    newer = NewerDraft(report_id="R-2", version=2, created_at=NOW, critical=[], differs=differs)
    report = canned_report("S-1", "pain").model_copy(update={"newer_draft": newer})
    korean = "\n".join(korean_lines(report))
    assert differs[0] in "\n".join(report_lines(report))
    assert "더 새로운 초안이 있음: R-2, 버전 2. " in korean and "draft" not in korean


def test_what_two_figures_do_not_say_is_said_in_both_languages() -> None:
    levels, loading = Finding.AIR_FLUID_LEVEL.value, Finding.CONSTIPATION.value
    items = [
        ComparedItem(what=AIR, unit="share_of_body", then=None, now=0.06, change="cannot_say"),
        ComparedItem(what=loading, unit="share_of_body", then=0.4, now=0.0, change="no_longer_outlined"),
        ComparedItem(what=levels, unit="share_of_body", then=0.1, now=0.2, change="larger"),
    ]
    past = Comparison(study_id="S-0", study_date=None, days_before=3, items=items)
    report = canned_report("S-1", "pain")
    report = report.model_copy(
        update={"comparison": past, "sections": {**report.sections, "Comparison": "Film of 2025-12-31."}}
    )
    (english,) = [line for line in report_lines(report) if line.startswith("Comparison")]
    assert "whether new cannot be said" in english and "which is not the same as gone" in english
    (korean,) = [line for line in korean_lines(report) if line.startswith("비교 영상")]
    assert "새로 생긴 것인지 알 수 없음: 복강 내 유리공기." in korean
    assert "윤곽 표시가 없다고 소실된 것은 아님: 분변 저류." in korean and "공기액체층" not in korean
