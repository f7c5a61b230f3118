"""Reports as a radiologist writes them: few sentences, each thing once, and the question answered."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from pedaxr.reports.consistency import contradictions
from pedaxr.reports.film_limits import FilmLimits
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.prose.findings import findings_text, stated
from pedaxr.reports.prose.question import answers
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import Presence, Severity, Side
from pedaxr_models.labels import FINDINGS, Finding
from pedaxr_models.report_text.parser import parse, parse_findings, split_sentences

from ..conftest import FILMS
from .witnesses import truth, with_finding, witness_of

AIR, LEVEL, STOOL = Finding.PNEUMOPERITONEUM, Finding.AIR_FLUID_LEVEL, Finding.CONSTIPATION
STOMACH, BOWEL = Finding.PYLORIC_STENOSIS, Finding.ABDOMINAL_DISTENSION
# Kinds of sentences that were read in forty reports and that nobody would write.
NEVER = (
    r"none in the",
    r"on (?:both sides|the right|the left) in the",
    r"abdominal radiograph",
    r"in number",
    r"\) \(",
    r"(?<![\d.])0(?:\.\d)? x the width",
    r"\d% of the (?:right|left)",
    r"see the flags",
    r"Levels counted",
    r"quadrant and \w+ \w+ quadrant",
)


def finding(name: Finding, **given: object) -> StructuredFinding:
    told = {"finding": name, "presence": Presence.PRESENT, "certainty": "outlined", "agreed": True} | given
    return StructuredFinding.model_validate(told)


@pytest.mark.parametrize("name", FILMS)
def test_findings_are_three_to_six_sentences_of_which_none_is_strange(
    name: str, report_of: Callable[..., Report]
) -> None:
    report = report_of(name)
    korean = sections_in_korean(report)
    for text in (report.sections["Findings"], korean["Findings"]):
        assert 3 <= len(split_sentences(text)) <= 6, text
    told = f"{report.sections['Findings']} {report.sections['Impression']}"
    assert not [pattern for pattern in NEVER if re.search(pattern, told)], told
    assert contradictions(report) == []


def test_the_kinds_are_found_where_they_stand() -> None:
    old = " ".join(
        (
            "Erect abdominal radiograph.",
            "Marked gastric distension on both sides in the left upper quadrant.",
            "Mild air-fluid levels, two in number.",
            "Stool burden is none in the right colon.",
            "Rectum 0.1 x the width of L2.",
            "Stool fills 0% of the right colon.",
            "Free intraperitoneal air (marked, both sides) (pneumoperitoneum).",
            "In doubt, see the flags.",
            "Levels counted on the outlines: 2.",
            "In the right upper quadrant and left upper quadrant.",
        )
    )
    assert all(re.search(pattern, old) for pattern in NEVER)


@pytest.mark.parametrize("name", FINDINGS)
@pytest.mark.parametrize("agreed", [True, False])
def test_a_finding_is_read_back_as_it_was_settled(name: Finding, agreed: bool) -> None:
    settled = finding(
        name,
        severity=Severity.MARKED,
        side=Side.BOTH,
        quadrants=["right upper quadrant", "left upper quadrant"],
        count=5 if name is LEVEL else None,
        agreed=agreed,
        certainty="outlined" if agreed else "in_doubt",
    )
    text = stated(settled)
    (fact,) = parse_findings(f"{text[:1].upper()}{text[1:]}.")
    assert (fact.finding, fact.presence, fact.is_hedged) == (name, Presence.PRESENT, not agreed)
    assert {q.value for q in fact.quadrants} == set(settled.quadrants)
    assert fact.count in (None, settled.count) and fact.side is None
    if agreed and name is not LEVEL:
        assert fact.severity is Severity.MARKED


def test_one_level_is_one_and_uncounted_ones_have_no_number() -> None:
    place = {"side": Side.RIGHT, "quadrants": []}
    assert stated(finding(LEVEL, count=1, **place)) == "one air-fluid level on the right"
    assert stated(finding(LEVEL, count=None, **place)) == "air-fluid levels on the right"
    assert stated(finding(LEVEL, count=3, **place)) == "about three air-fluid levels on the right"
    assert stated(finding(LEVEL, count=4, **place)) == "about four air-fluid levels on the right"
    assert stated(finding(LEVEL, count=14, **place)) == "about 14 air-fluid levels on the right"


def test_negatives_are_said_once_and_only_where_the_draft_says_them(report_of: Callable[..., Report]) -> None:
    report = report_of("normal")
    told = split_sentences(report.sections["Findings"])
    assert "No free intraperitoneal air." in told
    assert "No gastric distension, bowel distension, air-fluid levels or faecal loading." in told
    witness = replace(witness_of(truth("normal")), text="Erect abdominal radiograph. No free gas.")
    silent = report_of("normal", witness, indication="again").sections["Findings"]
    assert "not outlined" in silent and "No faecal loading" not in silent
    denied = {f.finding for f in parse(silent).findings if f.presence is Presence.ABSENT}
    assert denied == set(FINDINGS), "what is not outlined is no more than that in words, and read as absent"


def test_a_sentence_of_the_draft_that_nobody_can_check_stands(report_of: Callable[..., Report]) -> None:
    witness = witness_of(truth("normal"))
    witness = replace(witness, text=f"{witness.text} A skin fold crosses the left flank.")
    assert "A skin fold crosses the left flank." in report_of("normal", witness).sections["Findings"]


ABSENT = [finding(name, presence=Presence.ABSENT, certainty=None) for name in FINDINGS]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("swallowed coin, query position", "Foreign bodies are not assessed"),
        ("건전지 삼킴", "Foreign bodies are not assessed"),
        ("UVC position?", "Lines and tubes are not assessed"),
        ("renal stones", "Calcification is not assessed"),
        ("fall, fracture of the pelvis?", "Bones are not assessed"),
        ("deterioration, query perforation", "No free intraperitoneal air"),
        ("천공 의심", "No free intraperitoneal air"),
        ("bilious vomiting", "does not exclude obstruction"),
        ("projectile non-bilious vomiting", "ultrasound does"),
        ("no stool for six days", "No faecal loading is outlined."),
        ("복부 팽만", "No bowel distension is outlined."),
    ],
)
def test_the_impression_answers_what_was_asked(asked: str, words: str) -> None:
    (english,), (korean,) = answers([asked], ABSENT), answers([asked], ABSENT, "ko")
    assert words in english
    negated = [fact for fact in parse(english).findings if fact.presence is not Presence.ABSENT]
    assert negated == []
    said = [{f.finding: f.presence for f in parse(text).findings} for text in (english, korean)]
    assert said[0] == said[1], "the same in both languages"


@pytest.mark.parametrize(
    "asked", ["unwell", "vomiting", "복통", "", "difficulty swallowing", "newborn, online"]
)
def test_a_request_that_asks_nothing_in_particular_gets_no_answer(asked: str) -> None:
    assert answers([asked], ABSENT) == []


def test_what_is_there_in_doubt_or_not_assessed_is_not_denied_to_a_question() -> None:
    for changed in (
        finding(AIR),
        finding(AIR, presence=Presence.ABSENT, certainty="suspected", agreed=False),
        finding(AIR, presence=Presence.NOT_ASSESSED, certainty=None),
    ):
        settled = [changed, *(one for one in ABSENT if one.finding != AIR)]
        assert answers(["query perforation"], settled) == []
    assert len(answers(["bilious vomiting and distension"], ABSENT)) == 1, "one answer says both"


def test_the_answer_stands_in_the_report_in_both_languages(report_of: Callable[..., Report]) -> None:
    report = report_of("normal", indication="swallowed coin, query position")
    assert "Foreign bodies are not assessed" in report.sections["Impression"]
    assert "이물을 평가하지 않으므로" in sections_in_korean(report)["Impression"]
    assert "coin" not in report.sections["Impression"], "the request is never quoted in our own words"


def test_a_doubt_points_to_what_is_to_check(report_of: Callable[..., Report]) -> None:
    unsure = with_finding(truth("free air"), AIR, is_hedged=True)
    report = report_of("free air", witness_of(unsure))
    assert "in doubt, see what to check" in report.sections["Impression"] and report.flags


def test_a_section_of_nothing_settled_is_empty() -> None:
    assert findings_text([], [], FilmLimits(None), {}) == ""
