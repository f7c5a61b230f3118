"""Sectioned reports say what the facts hold, and nothing else."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import FilmFacts, FindingFact, Presence, Severity, Side
from pedaxr_models.labels import FINDINGS, LABELS, Finding, View
from pedaxr_models.report_text.parser import parse
from pedaxr_models.report_text.sections import report_sections
from pedaxr_models.report_text.wordings import Language

from .test_grammar import LANGUAGES, film_facts

NOTHING = FilmFacts(View.ERECT, tuple(FindingFact(f, Presence.ABSENT) for f in FINDINGS))
CHILD = FilmMetadata(patient_sex="M", age_months=1.5, indication="vomiting")


def with_finding(facts: FilmFacts, finding: Finding) -> FilmFacts:
    present = FindingFact(finding, Presence.PRESENT, Severity.MARKED, Side.BOTH)
    return replace(facts, findings=tuple(present if f.finding is finding else f for f in facts.findings))


def write_report(
    facts: FilmFacts, child: FilmMetadata, rng: np.random.Generator, language: Language = "en"
) -> str:
    """The sections as text, one a line, each opened by its name and a colon."""
    sections = report_sections(facts, child, rng, language=language)
    return "\n".join(f"{name}: {text}" for name, text in sections.items())


def metadata() -> st.SearchStrategy[FilmMetadata]:
    return st.builds(
        FilmMetadata,
        patient_name=st.just("Ada Alder"),
        patient_sex=st.sampled_from(["M", "F", "O", None]),
        age_months=st.none() | st.floats(0, 200),
        indication=st.sampled_from([None, "query perforation", "unwell"]),
        working_diagnosis=st.none() | st.sampled_from(LABELS),
    )


@LANGUAGES
@given(facts=film_facts(), child=metadata(), seed=st.integers(0, 2**32 - 1))
def test_a_report_parses_back_into_its_facts(
    language: Language, facts: FilmFacts, child: FilmMetadata, seed: int
) -> None:
    sections = list(report_sections(facts, child, np.random.default_rng(seed), language=language).values())
    technique, _, _, findings, impression, *_ = sections
    said = parse(f"{technique} {findings} {impression}").to_facts()
    assert said == facts.as_view_allows()


@LANGUAGES
@given(facts=film_facts(), child=metadata(), seed=st.integers(0, 2**32 - 1))
def test_what_was_not_assessed_is_never_called_normal_and_no_name_is_printed(
    language: Language, facts: FilmFacts, child: FilmMetadata, seed: int
) -> None:
    text = write_report(facts, child, np.random.default_rng(seed), language=language)
    assert "Alder" not in text and "{" not in text
    organs = next(s for s in re.split(r"(?<=[.])\s", text) if re.search("organs|장기", s, re.IGNORECASE))
    assert re.search("not assessed|평가하지 않|평가 범위가 아님", organs, re.IGNORECASE)
    assert not re.search("diagnostic of|진단됨|확진", text)


@LANGUAGES
def test_free_air_comes_first_and_asks_for_a_human(language: Language) -> None:
    facts = with_finding(with_finding(NOTHING, Finding.PNEUMOPERITONEUM), Finding.CONSTIPATION)
    sections = report_sections(facts, CHILD, language=language)
    impression = list(sections.values())[4]
    first, second = impression.split(" 2. ")
    assert parse(first).findings[0].finding is Finding.PNEUMOPERITONEUM
    assert parse(second).findings[0].finding is Finding.CONSTIPATION
    assert len(sections) == 7 and len(report_sections(NOTHING, CHILD, language=language)) == 6


def test_a_film_that_contradicts_the_supplied_diagnosis_says_so() -> None:
    wrong = replace(CHILD, working_diagnosis="pneumoperitoneum")
    assert "not supported by this film" in report_sections(NOTHING, wrong)["Impression"]
    supine = replace(NOTHING, view=View.SUPINE)
    assert "cannot be judged on this view" in report_sections(supine, wrong)["Impression"]
    normal = replace(CHILD, working_diagnosis="normal")
    assert "normal" not in report_sections(NOTHING, normal)["Impression"]
    assert "it is not" in report_sections(with_finding(NOTHING, Finding.CONSTIPATION), normal)["Impression"]


def test_pyloric_stenosis_outside_its_age_is_remarked_on() -> None:
    facts = with_finding(NOTHING, Finding.PYLORIC_STENOSIS)
    assert (
        "usual two to twelve weeks" in report_sections(facts, replace(CHILD, age_months=40.0))["Impression"]
    )
    assert "weeks" not in report_sections(facts, CHILD)["Impression"]
    assert "weeks" not in report_sections(facts, replace(CHILD, age_months=None))["Impression"]


@pytest.mark.parametrize(
    ("months", "english", "korean"),
    [
        (0.5, "15-day-old boy", "생후 15일 남아"),
        (1.5, "6-week-old boy", "생후 6주 남아"),
        (14.2, "14-month-old boy", "생후 14개월 남아"),
        (75.0, "6-year-old boy", "6세 남아"),
        (None, "boy, age not known", "나이 미상 남아"),
    ],
)
def test_ages_are_told_in_the_unit_that_fits(months: float | None, english: str, korean: str) -> None:
    child = replace(CHILD, age_months=months)
    said = {report_sections(NOTHING, child, np.random.default_rng(seed))["Indication"] for seed in range(20)}
    assert f"{english}; vomiting." in said and "vomiting." in said
    text = [write_report(NOTHING, child, np.random.default_rng(s), language="ko") for s in range(20)]
    assert any(korean in t for t in text)


def test_the_same_seed_writes_the_same_report() -> None:
    first, again, other = (write_report(NOTHING, CHILD, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first == again != other
