"""The Korean reply for a language model says what the English one says."""

import pytest

from pedaxr.types import SignedReport
from pedaxr_models.labels import Finding
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
