"""What only the report writer speaks for is said alike in both languages: neither there nor denied."""

from collections.abc import Callable

import pytest

from pedaxr.reports.consistency import contradictions
from pedaxr.reports.korean import sections_in_korean
from pedaxr.types import Report
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, Finding

from .witnesses import Witness, inventing_stool, truth, witness_of

AIR, LOADING = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION
ENGLISH = {
    AIR: "Free intraperitoneal air: not outlined, but the report writer speaks for it, look.",
    LOADING: "Faecal loading: not outlined, but the report writer speaks for it, look.",
}
KOREAN = {
    AIR: "복강 내 유리공기: 윤곽 표시 없으나 판독문 작성 모델은 있는 것으로 봄, 확인 요함.",
    LOADING: "분변 저류: 윤곽 표시 없으나 판독문 작성 모델은 있는 것으로 봄, 확인 요함.",
}


def denying(finding: Finding) -> Witness:
    """Writes that a normal film is normal, with a finding head that speaks for one finding."""
    return Witness(witness_of(truth("normal")).text, {**dict.fromkeys(FINDINGS, 0.02), finding: 0.7})


@pytest.fixture
def disputed(report_of: Callable[..., Report]) -> Callable[..., Report]:
    def draft(witness: Witness, finding: Finding, **asked: str) -> Report:
        report = report_of("normal", witness, **asked)
        told = next(f for f in report.findings if f.finding == finding)
        if told.certainty == "suspected":  # free air that is as likely is critical: here it is not
            changed = told.model_copy(update={"certainty": None, "presence": Presence.ABSENT})
            report = report.model_copy(
                update={"findings": [changed if f == told else f for f in report.findings], "critical": []}
            )
        return report

    return draft


@pytest.mark.parametrize("witness", [inventing_stool(), denying(LOADING)], ids=["named", "denied in words"])
def test_findings_and_impression_say_it_in_both_languages(
    witness: Witness, disputed: Callable[..., Report]
) -> None:
    report = disputed(witness, LOADING)
    korean = sections_in_korean(report)
    for name in ("Findings", "Impression"):
        assert ENGLISH[LOADING] in report.sections[name]
        assert KOREAN[LOADING] in korean[name]
        assert "No faecal loading" not in report.sections[name] and "분변 저류 없음" not in korean[name]
    assert contradictions(report) == []


def test_free_air_that_the_words_alone_deny_is_not_denied_in_korean(disputed: Callable[..., Report]) -> None:
    korean = sections_in_korean(disputed(denying(AIR), AIR))
    for name in ("Findings", "Impression"):
        assert KOREAN[AIR] in korean[name] and "유리공기 없음" not in korean[name]


@pytest.mark.parametrize("asked", ["constipation?", "변비 의심", "stool loading? yes or no"])
def test_who_asks_for_it_hears_of_the_dispute_alone(asked: str, disputed: Callable[..., Report]) -> None:
    report = disputed(denying(LOADING), LOADING, indication=asked)
    impression, korean = report.sections["Impression"], sections_in_korean(report)["Impression"]
    assert ENGLISH[LOADING] in impression and KOREAN[LOADING] in korean
    assert "cannot be judged" not in impression and "No faecal loading" not in impression


def test_what_both_networks_leave_out_is_not_disputed(report_of: Callable[..., Report]) -> None:
    report = report_of("normal")
    assert "speaks for it" not in " ".join(report.sections.values())
    assert "있는 것으로 봄" not in " ".join(sections_in_korean(report).values())
