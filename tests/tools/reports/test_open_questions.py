"""What the request asks and no network looks for stays open in words: silence would be read as no."""

from collections.abc import Callable

import pytest

from pedaxr.reports.consistency import contradictions
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.prose.question import answers
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS
from pedaxr_models.report_text.parser import parse

ABSENT = [StructuredFinding(finding=name, presence=Presence.ABSENT, agreed=True) for name in FINDINGS]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("preterm, rule out NEC", "bowel wall and the portal vein are not assessed"),
        ("괴사성 장염 의심", "bowel wall and the portal vein are not assessed"),
        ("pneumatosis", "bowel wall and the portal vein are not assessed"),
        ("VP shunt, vomiting", "Lines and tubes are not assessed"),
        ("palpable mass", "Organs and masses are not assessed"),
        ("폐렴 의심", "Lungs are not assessed"),
        ("? malrotation", "Malrotation is not assessed"),
        ("inguinal hernia?", "it stays open"),
        ("r/o Hirschsprung", "it stays open"),
        ("충수염 의심", "appendix is not assessed"),
        ("appendicitis", "appendix is not assessed"),
        ("scoliosis", "Bones are not assessed"),
        ("ascites", "Free fluid is not assessed"),
        ("복수 의심", "Free fluid is not assessed"),
    ],
)
def test_what_no_network_looks_for_stays_open_in_both_languages(asked: str, words: str) -> None:
    (english,), (korean,) = answers([asked], ABSENT), answers([asked], ABSENT, "ko")
    assert words in english and "답할 수 없음" in korean
    assert parse(english).findings == parse(korean).findings == (), "it speaks of no finding"


@pytest.mark.parametrize(
    "asked",
    [
        "air under diaphragm?",
        "gas below the right hemidiaphragm",
        "Ileus? Freie Luft?",
        "횡격막 아래 공기 여부",
    ],
)
def test_free_air_is_asked_for_in_other_words_too(asked: str) -> None:
    told = answers([asked], ABSENT)
    assert any(answer.startswith("No free intraperitoneal air") for answer in told)
    assert not any("stays open" in answer for answer in told)


def test_one_of_two_questions_is_answered_and_the_other_stays_open() -> None:
    air, rest = answers(["perforation? hernia?"], ABSENT)
    assert air.startswith("No free intraperitoneal air") and "stays open" in rest


@pytest.mark.parametrize("told", ["s/p appendectomy", "?", "🤒", "vomiting, fever", "susp. ileus"])
def test_what_asks_nothing_or_has_an_answer_leaves_nothing_open(told: str) -> None:
    assert not any("stays open" in answer for answer in answers([told], ABSENT))


def test_a_report_says_that_nobody_looked_at_the_bowel_wall(report_of: Callable[..., Report]) -> None:
    report = report_of("normal", indication="rule out NEC")
    assert "bowel wall and the portal vein are not assessed" in report.sections["Impression"]
    assert "장벽과 간문맥을 평가하지 않으므로" in sections_in_korean(report)["Impression"]
    assert "bowel_wall_gas" in {one.what for one in report.not_assessed}
    assert contradictions(report) == []
