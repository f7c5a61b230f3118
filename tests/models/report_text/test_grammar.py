"""Facts to text and back, English and Korean: lossless for all facts and wordings."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr_models.facts import (
    DistalGas,
    FilmFacts,
    FindingFact,
    Presence,
    Quadrant,
    Severity,
    Side,
)
from pedaxr_models.labels import FINDINGS, Finding, View
from pedaxr_models.report_text.grammar import fill, narrate
from pedaxr_models.report_text.parser import parse, parse_sentence, split_sentences
from pedaxr_models.report_text.wordings import Language, wordings


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
        draw(st.booleans()),
    )


LANGUAGES = pytest.mark.parametrize("language", ["en", "ko"])


def film_facts() -> st.SearchStrategy[FilmFacts]:
    return st.builds(
        FilmFacts,
        view=st.sampled_from(View),
        findings=st.tuples(*(finding_facts(finding) for finding in FINDINGS)),
        distal_gas=st.none() | st.sampled_from(DistalGas),
        stool_burden=st.none() | st.tuples(*[st.integers(0, 3)] * 3),
        gastric_tube=st.booleans(),
    )


def random_fact(finding: Finding, rng: np.random.Generator) -> FindingFact:
    presence = Presence(rng.choice(list(Presence)))
    if presence is not Presence.PRESENT:
        return FindingFact(finding, presence)
    return FindingFact(
        finding,
        presence,
        Severity(rng.choice(list(Severity))),
        Side(rng.choice(list(Side))),
        tuple(q for q in Quadrant if rng.random() < 0.5),
        int(rng.integers(1, 31)) if finding is Finding.AIR_FLUID_LEVEL else None,
        bool(rng.random() < 0.2),
    )


def random_facts(rng: np.random.Generator) -> FilmFacts:
    right, left, rectum = (int(grade) for grade in rng.integers(0, 4, 3))
    return FilmFacts(
        View(rng.choice(list(View))),
        tuple(random_fact(finding, rng) for finding in FINDINGS),
        DistalGas(rng.choice(list(DistalGas))) if rng.random() < 0.8 else None,
        (right, left, rectum) if rng.random() < 0.8 else None,
        bool(rng.random() < 0.3),
    )


@LANGUAGES
@given(facts=film_facts(), seed=st.none() | st.integers(0, 2**32 - 1))
def test_a_narrative_parses_back_into_its_facts_whatever_the_wording(
    language: Language, facts: FilmFacts, seed: int | None
) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    assert parse(narrate(facts, rng, language=language)).to_facts() == facts.as_view_allows()


@LANGUAGES
def test_thousands_of_random_films_survive_the_trip(language: Language) -> None:
    rng = np.random.default_rng(20)
    for facts in (random_facts(rng) for _ in range(2000)):
        text = narrate(facts, rng, language=language)
        assert parse(text).to_facts() == facts.as_view_allows(), text


@LANGUAGES
def test_every_wording_of_every_table_says_what_its_place_says(language: Language) -> None:
    table = wordings(language)
    for finding in FINDINGS:
        fact = FindingFact(finding, Presence.PRESENT, Severity.MARKED, Side.LEFT, (Quadrant.LUQ,))
        fact = replace(fact, count=4 if finding is Finding.AIR_FLUID_LEVEL else None)
        for doubt, texts in ((False, table.present[finding]), (True, table.hedged[finding])):
            for text in texts:
                said = parse(f"{fill(text, fact, table)}.").findings
                assert said == (replace(fact, is_hedged=doubt),), text
        bare = replace(fact, severity=None, side=None, quadrants=())
        assert parse(f"{fill(table.present[finding][0], bare, table)}.").findings == (bare,)


@LANGUAGES
@given(facts=film_facts(), seed=st.integers(0, 2**32 - 1))
def test_every_finding_has_a_sentence_of_its_own(language: Language, facts: FilmFacts, seed: int) -> None:
    sentences = split_sentences(narrate(facts, np.random.default_rng(seed), language=language))
    topics = [parse_sentence(s).finding for s in sentences]
    assert sorted(t for t in topics if t) == sorted(FINDINGS)


@given(film_facts(), st.integers(0, 2**32 - 1))
def test_nothing_is_said_that_a_film_cannot_say(facts: FilmFacts, seed: int) -> None:
    text = narrate(facts, np.random.default_rng(seed)).lower()
    assert not re.search(r"diagnostic|diagnosis|excludes\b|constipat", text)
    if facts[Finding.PNEUMOPERITONEUM].presence is Presence.NOT_ASSESSED:
        assert not re.search(r"\bno[^.]* free (gas|air)", text)
    assert "변비" not in narrate(facts, np.random.default_rng(seed), language="ko")


@LANGUAGES
@pytest.mark.parametrize("seed", range(20))
def test_a_supine_film_neither_excludes_free_gas_nor_shows_levels(language: Language, seed: int) -> None:
    levels = FindingFact(Finding.AIR_FLUID_LEVEL, Presence.PRESENT, Severity.MARKED, Side.BOTH, (), 5)
    facts = tuple(
        levels if f is Finding.AIR_FLUID_LEVEL else FindingFact(f, Presence.ABSENT) for f in FINDINGS
    )
    rng = np.random.default_rng(seed)
    said = parse(narrate(FilmFacts(View.SUPINE, facts), rng, language=language)).to_facts()
    blind = {f.finding for f in said.findings if f.presence is Presence.NOT_ASSESSED}
    assert blind == {Finding.PNEUMOPERITONEUM, Finding.AIR_FLUID_LEVEL}
    erect = parse(narrate(FilmFacts(View.ERECT, facts), rng, language=language)).to_facts()
    assert erect[Finding.PNEUMOPERITONEUM].presence is Presence.ABSENT
    assert erect[Finding.AIR_FLUID_LEVEL] == levels


def test_facts_survive_json_and_a_hedged_finding_is_no_plain_positive() -> None:
    air = FindingFact(Finding.PNEUMOPERITONEUM, Presence.PRESENT, Severity.MILD, is_hedged=True)
    facts = FilmFacts(View.ERECT, (*(FindingFact(f, Presence.ABSENT) for f in FINDINGS[:-1]), air))
    assert FilmFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    assert facts.present == () and not air.is_present
    assert replace(air, is_hedged=False).is_present


def test_both_languages_say_the_same_things() -> None:
    english, korean = wordings("en"), wordings("ko")
    for name in ("present", "hedged", "absent", "not_assessed"):
        ours, theirs = getattr(english, name), getattr(korean, name)
        assert ours.keys() == theirs.keys()
        assert all(len(texts) >= 2 and len(set(texts)) == len(texts) for texts in theirs.values())
    with pytest.raises(ValueError, match="en, ko"):
        wordings("fr")  # type: ignore[arg-type]


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
