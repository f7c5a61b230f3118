"""Facts to text and back: lossless for all facts and wordings, and robust to sentences nobody wrote."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr_models.captioning.facts import (
    DistalGas,
    FilmFacts,
    FindingFact,
    Presence,
    Quadrant,
    Severity,
    Side,
)
from pedaxr_models.captioning.grammar import narrate
from pedaxr_models.captioning.parser import parse, parse_sentence, split_sentences
from pedaxr_models.labels import FINDINGS, Finding, View


@st.composite
def finding_facts(draw: st.DrawFn, finding: Finding) -> FindingFact:
    presence = draw(st.sampled_from(Presence))
    if presence is not Presence.PRESENT:
        return FindingFact(finding, presence)
    quadrants = draw(st.sets(st.sampled_from(Quadrant)))
    count = draw(st.integers(1, 30)) if finding is Finding.AIR_FLUID_LEVEL else None
    return FindingFact(
        finding,
        presence,
        draw(st.sampled_from(Severity)),
        draw(st.sampled_from(Side)),
        tuple(q for q in Quadrant if q in quadrants),
        count,
    )


def film_facts() -> st.SearchStrategy[FilmFacts]:
    return st.builds(
        FilmFacts,
        view=st.sampled_from(View),
        findings=st.tuples(*(finding_facts(finding) for finding in FINDINGS)),
        distal_gas=st.none() | st.sampled_from(DistalGas),
        stool_burden=st.none() | st.tuples(*[st.integers(0, 3)] * 3),
        gastric_tube=st.booleans(),
    )


@given(film_facts(), st.none() | st.integers(0, 2**32 - 1))
def test_a_narrative_parses_back_into_its_facts_whatever_the_wording(
    facts: FilmFacts, seed: int | None
) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    assert parse(narrate(facts, rng)).to_facts() == facts


@given(film_facts(), st.integers(0, 2**32 - 1))
def test_every_finding_has_a_sentence_of_its_own(facts: FilmFacts, seed: int) -> None:
    sentences = split_sentences(narrate(facts, np.random.default_rng(seed)))
    topics = [parse_sentence(s).finding for s in sentences]
    assert sorted(t for t in topics if t) == sorted(FINDINGS)


@given(film_facts(), st.integers(0, 2**32 - 1))
def test_nothing_is_said_that_a_film_cannot_say(facts: FilmFacts, seed: int) -> None:
    text = narrate(facts, np.random.default_rng(seed)).lower()
    assert not re.search(r"diagnostic|diagnosis|excludes\b", text)
    if facts[Finding.PNEUMOPERITONEUM].presence is Presence.NOT_ASSESSED:
        assert not re.search(r"\bno[^.]* free (gas|air)", text)


def test_free_air_is_said_first_when_it_is_there() -> None:
    air = FindingFact(Finding.PNEUMOPERITONEUM, Presence.PRESENT, Severity.MARKED, Side.BOTH)
    others = [FindingFact(f, Presence.ABSENT) for f in FINDINGS[:-1]]
    sentences = split_sentences(narrate(FilmFacts(View.ERECT, (*others, air))))
    assert parse_sentence(sentences[1]).finding is Finding.PNEUMOPERITONEUM


PRESENT, ABSENT, UNSEEN = Presence.PRESENT, Presence.ABSENT, Presence.NOT_ASSESSED


@pytest.mark.parametrize(
    ("sentence", "finding", "presence"),
    [
        ("Marked free gas on both sides.", Finding.PNEUMOPERITONEUM, PRESENT),
        ("No marked free gas on both sides.", Finding.PNEUMOPERITONEUM, ABSENT),
        ("There is no evidence of pneumoperitoneum.", Finding.PNEUMOPERITONEUM, ABSENT),
        ("Free air cannot be excluded.", Finding.PNEUMOPERITONEUM, UNSEEN),
        ("Without air-fluid levels.", Finding.AIR_FLUID_LEVEL, ABSENT),
        ("Several gas-fluid levels.", Finding.AIR_FLUID_LEVEL, PRESENT),
        ("Air-fluid levels were not assessed.", Finding.AIR_FLUID_LEVEL, UNSEEN),
        ("Dilated bowel loops.", Finding.ABDOMINAL_DISTENSION, PRESENT),
        ("The bowel is not dilated.", Finding.ABDOMINAL_DISTENSION, ABSENT),
        ("Fecal loading in the colon.", Finding.CONSTIPATION, PRESENT),
        ("The stomach is distended.", Finding.PYLORIC_STENOSIS, PRESENT),
        ("No sign of pyloric stenosis.", Finding.PYLORIC_STENOSIS, ABSENT),
        ("Marked free gas; no bowel distension.", Finding.PNEUMOPERITONEUM, PRESENT),
        ("Free gas on the right but no distension.", Finding.PNEUMOPERITONEUM, PRESENT),
        ("Marked gastric distension with no distal gas.", Finding.PYLORIC_STENOSIS, PRESENT),
        ("Bowel distension without free gas.", Finding.ABDOMINAL_DISTENSION, PRESENT),
        ("Free gas, not previously seen.", Finding.PNEUMOPERITONEUM, PRESENT),
        ("Free gas cannot reliably be excluded.", Finding.PNEUMOPERITONEUM, UNSEEN),
        ("Free gas can't be excluded.", Finding.PNEUMOPERITONEUM, UNSEEN),
        ("Pneumoperitoneum is ruled out.", Finding.PNEUMOPERITONEUM, ABSENT),
        ("There is nothing to suggest free gas.", Finding.PNEUMOPERITONEUM, ABSENT),
    ],
)
def test_negation_and_not_assessed_decide_presence(
    sentence: str, finding: Finding, presence: Presence
) -> None:
    said = parse_sentence(sentence)
    assert (said.finding, said.presence) == (finding, presence)


@pytest.mark.parametrize(
    "sentence", ["Stool burden is none in the right colon.", "A gastric tube is seen.", "Hello."]
)
def test_sentences_of_other_slots_speak_of_no_finding(sentence: str) -> None:
    assert parse_sentence(sentence).finding is None


@given(film_facts(), st.integers(0, 2**32 - 1))
def test_a_swapped_side_or_severity_or_a_hedge_is_read_as_such(facts: FilmFacts, seed: int) -> None:
    for sentence in split_sentences(narrate(facts, np.random.default_rng(seed))):
        said = parse_sentence(sentence)
        if said.presence is not Presence.PRESENT:
            continue
        hedged = parse_sentence(f"Possible {sentence}")
        assert hedged.is_hedged and not said.is_hedged
        other = {"mild": "marked", "marked": "mild", "moderate": "mild"}[str(said.severity)]
        assert parse_sentence(re.sub("mild|moderate|marked", other, sentence, flags=re.I)).severity == other
        if said.side is Side.RIGHT:
            mirrored = parse_sentence(sentence.replace("on the right", "on the left"))
            assert mirrored.side is Side.LEFT and mirrored.quadrants == said.quadrants


def test_said_both_ways_a_finding_counts_as_present() -> None:
    for text in ("No free gas. Marked free gas.", "Marked free gas. No free gas."):
        assert parse(text).findings[0].presence is Presence.PRESENT


def test_stool_burden_follows_the_named_segments_not_their_order() -> None:
    text = "Stool burden is marked in the left colon, mild in the right colon and none in the rectosigmoid."
    assert parse(text).stool_burden == (1, 3, 0)
    assert parse("Stool burden: rectosigmoid marked, right colon none, left colon mild.").stool_burden == (
        0,
        1,
        3,
    )
    assert parse("Stool burden is marked, mild and none.").stool_burden is None
