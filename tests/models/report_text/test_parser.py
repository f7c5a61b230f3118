"""The parser on sentences that no grammar of ours wrote, and on sentences changed in one respect."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr_models.facts import DistalGas, FindingFact, Presence, Quadrant, Severity, Side
from pedaxr_models.labels import FINDINGS, Finding, View
from pedaxr_models.report_text.grammar import fill
from pedaxr_models.report_text.parser import parse, parse_findings, parse_sentence, split_sentences
from pedaxr_models.report_text.statements import SentenceFacts
from pedaxr_models.report_text.wordings import Language, wordings

_FINDINGS = {
    "air": Finding.PNEUMOPERITONEUM,
    "levels": Finding.AIR_FLUID_LEVEL,
    "stomach": Finding.PYLORIC_STENOSIS,
    "bowel": Finding.ABDOMINAL_DISTENSION,
    "stool": Finding.CONSTIPATION,
}
_PRESENCES = {
    "+": Presence.PRESENT,
    "~": Presence.PRESENT,
    "-": Presence.ABSENT,
    "?": Presence.NOT_ASSESSED,
}


def expected(notation: str) -> set[SentenceFacts]:
    """The statements that a line of the tables names, e.g. `air+ marked right RUQ,RLQ; levels-`."""
    if notation == "nothing":
        return set()
    return {_statement(*part.split()) for part in notation.split(";")}


def _statement(head: str, *slots: str) -> SentenceFacts:
    quadrants: tuple[Quadrant, ...] = ()
    severity, side, count = None, None, None
    for slot in slots:
        if slot in list(Severity):
            severity = Severity(slot)
        elif slot in list(Side):
            side = Side(slot)
        elif slot.isdigit():
            count = int(slot)
        else:
            quadrants = tuple(Quadrant[name] for name in slot.split(","))
    return SentenceFacts(
        _FINDINGS[head[:-1]], _PRESENCES[head[-1]], severity, side, quadrants, count, head[-1] == "~"
    )


def table(name: str) -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return [(sentence, notation) for sentence, notation in rows]


@pytest.mark.parametrize(("sentence", "notation"), table("sentences_english.txt"))
def test_english_sentences_are_understood(sentence: str, notation: str) -> None:
    assert set(parse_findings(sentence)) == expected(notation)


@pytest.mark.parametrize(("sentence", "notation"), table("sentences_korean.txt"))
def test_korean_sentences_are_understood(sentence: str, notation: str) -> None:
    assert set(parse_findings(sentence)) == expected(notation)


LANGUAGES = pytest.mark.parametrize("language", ["en", "ko"])
OPPOSITE = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}
MIRROR = {
    Quadrant.RUQ: Quadrant.LUQ,
    Quadrant.LUQ: Quadrant.RUQ,
    Quadrant.RLQ: Quadrant.LLQ,
    Quadrant.LLQ: Quadrant.RLQ,
}
SYNONYMS = {"slight": "mild", "subtle": "mild", "severe": "marked", "gross": "marked", "massive": "marked"}


@st.composite
def positives(draw: st.DrawFn, language: Language) -> tuple[str, FindingFact]:
    """A sentence of the grammar that affirms a finding, and what it says."""
    finding = draw(st.sampled_from(FINDINGS))
    quadrants = draw(st.sets(st.sampled_from(Quadrant)))
    fact = FindingFact(
        finding,
        Presence.PRESENT,
        draw(st.sampled_from(Severity)),
        draw(st.sampled_from(Side)),
        tuple(q for q in Quadrant if q in quadrants),
        draw(st.integers(1, 30)) if finding is Finding.AIR_FLUID_LEVEL else None,
    )
    table = wordings(language)
    return fill(draw(st.sampled_from(table.present[finding])), fact, table), fact


def fact_of(sentence: str) -> FindingFact:
    said = parse_sentence(sentence)
    assert said.finding is not None and said.presence is not None
    return FindingFact(
        said.finding, said.presence, said.severity, said.side, said.quadrants, said.count, said.is_hedged
    )


def swapped(text: str, one: str, other: str) -> str:
    return re.sub(f"{one}|{other}", lambda m: other if m[0] == one else one, text)


def mirrored(fact: FindingFact) -> FindingFact:
    """The same finding on the other side."""
    side = OPPOSITE.get(fact.side, fact.side) if fact.side else None
    return replace(fact, side=side, quadrants=tuple(q for q in Quadrant if MIRROR[q] in fact.quadrants))


@given(positives("en"))
def test_an_english_sentence_changed_in_one_respect_says_so(said: tuple[str, FindingFact]) -> None:
    text, fact = said
    assert fact_of(text) == fact
    assert fact_of(swapped(text, "right", "left")) == mirrored(fact)
    for word, grade in SYNONYMS.items():
        changed = re.sub("mild|moderate|marked", word, text)
        assert fact_of(changed) == replace(fact, severity=Severity(grade)), changed
    assert fact_of(f"Possible {text}") == replace(fact, is_hedged=True)
    assert fact_of(f"? {text}") == replace(fact, is_hedged=True)
    first = text.removeprefix("there is ").removeprefix("there are ").split("; ")[0]
    assert fact_of(f"No evidence of {first}").presence is Presence.ABSENT
    assert fact_of(f"There is neither {first} nor a fracture").presence is Presence.ABSENT
    assert fact_of(f"No rib fracture, but {first}").presence is Presence.PRESENT


KOREAN_GRADES = {"경미한": "현저한", "현저한": "경미한", "중등도의": "현저한"}


@given(positives("ko"))
def test_a_korean_sentence_changed_in_one_respect_says_so(said: tuple[str, FindingFact]) -> None:
    text, fact = said
    assert fact_of(text) == fact
    table = str.maketrans("우좌", "좌우")
    assert fact_of(text.translate(table)) == mirrored(fact)
    severity = wordings("ko").words.severity[fact.severity] if fact.severity else ""
    if severity in text:
        other = fact_of(text.replace(severity, KOREAN_GRADES[severity]))
        assert other == replace(fact, severity=other.severity) and other.severity is not fact.severity
    first = re.split("; |, 기복증|, 장내", text)[0].removesuffix(" 관찰됨").removesuffix(" 소견")
    if not re.search("보임|있음|관찰됨", first):
        assert fact_of(f"{first} 의심") == replace(fact, is_hedged=True)
        assert fact_of(f"{first} 가능성을 배제할 수 없음") == replace(fact, is_hedged=True)
        for ending in ("없음", "소견 없음", "관찰되지 않음", "보이지 않음", "음성"):
            assert fact_of(f"{first} {ending}").presence is Presence.ABSENT
        assert fact_of(f"{first} 여부는 평가할 수 없음").presence is Presence.NOT_ASSESSED


@pytest.mark.parametrize("seed", range(5))
def test_several_findings_in_one_sentence_are_each_read(seed: int) -> None:
    rng, table = np.random.default_rng(seed), wordings("en")
    air, levels, bowel = (
        FindingFact(f, Presence.PRESENT, Severity.MARKED, Side.LEFT, (), count)
        for f, count in (
            (Finding.PNEUMOPERITONEUM, None),
            (Finding.AIR_FLUID_LEVEL, 4),
            (Finding.ABDOMINAL_DISTENSION, None),
        )
    )
    parts = [fill(str(rng.choice(table.hedged[f.finding][:1])), f, table) for f in (air, levels, bowel)]
    said = {s.finding: s for s in parse_findings(f"{parts[0]}, {parts[1]} and {parts[2]}")}
    assert set(said) == {air.finding, levels.finding, bowel.finding}
    assert all(s.is_hedged and s.side is Side.LEFT for s in said.values())


def test_a_hedged_finding_counts_less_than_a_plain_one_and_more_than_a_denial() -> None:
    for text in ("Possible free gas. Marked free gas.", "Marked free gas. Possible free gas."):
        fact = parse(text).findings[0]
        assert fact.is_present and fact.severity is Severity.MARKED
    for text in ("Possible free gas. No free gas.", "No free gas. Possible free gas."):
        fact = parse(text).findings[0]
        assert fact.presence is Presence.PRESENT and fact.is_hedged and not fact.is_present


def test_languages_may_be_mixed_sentence_by_sentence() -> None:
    said = parse(
        "Erect abdominal radiograph. 우측에 현저한 유리가스 관찰됨. Stool burden is none. 위관이 보임."
    )
    assert said.view is View.ERECT and said.gastric_tube
    assert said.findings[0].side is Side.RIGHT


@pytest.mark.parametrize(
    ("sentence", "amount"),
    [
        ("No distal gas.", DistalGas.ABSENT),
        ("Scanty distal bowel gas.", DistalGas.SCANT),
        ("원위부 장가스는 거의 보이지 않음.", DistalGas.ABSENT),
        ("원위부 가스 소량.", DistalGas.SCANT),
    ],
)
def test_distal_gas_is_read_and_is_no_finding(sentence: str, amount: DistalGas) -> None:
    assert parse(sentence).distal_gas is amount
    assert parse_findings(sentence) == ()


def test_a_question_mark_in_front_does_not_end_a_sentence() -> None:
    assert split_sentences("? Free gas. Erect film? Yes.") == ("? Free gas.", "Erect film?", "Yes.")
