"""The Korean reply for a language model says what the English one says."""

import json

import pytest

from pedaxr.reports.context_sentences import GAS_MEASURED, NOT_REDUCED
from pedaxr.types import Sentence, SignedReport
from pedaxr_models.labels import Finding
from pedaxr_server.replies.documents import report_korean
from pedaxr_server.replies.korean_lines import korean_lines
from pedaxr_server.replies.report_lines import report_lines

from ..conftest import canned_report

AIR = Finding.PNEUMOPERITONEUM.value


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
