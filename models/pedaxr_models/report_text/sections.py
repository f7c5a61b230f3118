"""The full sectioned report of a film from its facts: what a reader who saw exactly these would write.

Pure text from tables (`wordings/report_*.toml`): nothing is said that the facts do not hold. The supplied
indication is quoted, a supplied diagnosis is context: where the film does not bear it out, that is said.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import FilmFacts, FindingFact, Presence
from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, LABELS, NORMAL, TERMS, URGENCY, Finding
from pedaxr_models.plausibility import is_pyloric_age
from pedaxr_models.report_text.grammar import (
    Choose,
    as_text,
    chooser,
    fill,
    finding_sentences,
    view_sentence,
)
from pedaxr_models.report_text.wordings import Language, Wordings, read_table, wordings

_WEEKS_PER_MONTH = 4.345
_FILES: dict[Language, str] = {"en": "report_english.toml", "ko": "report_korean.toml"}


@dataclass(frozen=True)
class _Tables:
    """Wordings by name, and by name and key: `texts["comparison"]`, `groups["impression"]["..."]`."""

    texts: dict[str, tuple[str, ...]]
    groups: dict[str, dict[str, tuple[str, ...]]]
    headings: dict[str, str]
    who: dict[str, str]
    sexes: dict[str, str]
    sentences: Wordings


@dataclass(frozen=True)
class _Writer:
    """What every section is written from."""

    facts: FilmFacts
    metadata: FilmMetadata
    choose: Choose
    tables: _Tables
    language: Language

    def say(self, name: str) -> str:
        """One wording of a list."""
        return self.choose(self.tables.texts[name])

    def pick(self, group: str, key: str) -> str:
        """One wording of a list within a group."""
        return self.choose(self.tables.groups[group][key])


def report_sections(
    facts: FilmFacts,
    metadata: FilmMetadata,
    rng: np.random.Generator | None = None,
    *,
    language: Language = "en",
) -> dict[str, str]:
    """Section name to text, in the order a radiologist reads them; `Communication` only if critical."""
    writer = _Writer(facts.as_view_allows(), metadata, chooser(rng), _tables(language), language)
    sections = {
        "technique": _technique(writer),
        "indication": _indication(writer),
        "comparison": as_text([writer.say("comparison")]),
        "findings": _findings(writer),
        "impression": _impression(writer),
        "recommendation": _recommendation(writer),
    }
    if Finding.PNEUMOPERITONEUM in writer.facts.present:
        sections["communication"] = as_text([writer.say("communication")])
    return {writer.tables.headings[name]: text for name, text in sections.items()}


def _technique(writer: _Writer) -> str:
    view = view_sentence(writer.facts, writer.choose, writer.tables.sentences)
    return as_text([view, writer.say("technique")])


def _indication(writer: _Writer) -> str:
    given = writer.metadata.indication
    text = writer.say("indication" if given else "no_indication")
    return text.format(indication=given, who=_who(writer)).rstrip(".") + "."


def _who(writer: _Writer) -> str:
    """Age and sex as a phrase: days under a month, weeks under three, months under two years."""
    months, forms = writer.metadata.age_months, writer.tables.who
    sex = writer.tables.sexes.get(writer.metadata.patient_sex or "O", writer.tables.sexes["O"])
    if months is None:
        return forms["unknown"].format(sex=sex)
    if months < 1:
        return forms["days"].format(round(months * 7 * _WEEKS_PER_MONTH), sex=sex)
    if months < 3:
        return forms["weeks"].format(int(months * _WEEKS_PER_MONTH), sex=sex)
    if months < 24:
        return forms["months"].format(int(months), sex=sex)
    return forms["years"].format(int(months // 12), sex=sex)


def _findings(writer: _Writer) -> str:
    sentences = finding_sentences(writer.facts, writer.choose, writer.tables.sentences)
    return as_text([*sentences, writer.say("untrained")])


def _impression(writer: _Writer) -> str:
    """Critical first; then what the view cannot exclude and what the request does not agree with."""
    lines = [_impression_line(writer, writer.facts[finding]) for finding in writer.facts.present]
    lines = lines or [writer.say("nothing_seen")]
    if _is_unusual_age(writer):
        lines.append(writer.say("unusual_age"))
    lines += [
        writer.pick("unassessed", finding)
        for finding in URGENCY
        if finding in writer.tables.groups["unassessed"]
        and writer.facts[finding].presence is Presence.NOT_ASSESSED
    ]
    lines += _diagnosis_lines(writer)
    return " ".join(f"{number}. {as_text([line])}" for number, line in enumerate(lines, 1))


def _impression_line(writer: _Writer, fact: FindingFact) -> str:
    return fill(writer.pick("impression", fact.finding), fact, writer.tables.sentences)


def _is_unusual_age(writer: _Writer) -> bool:
    months = writer.metadata.age_months
    if Finding.PYLORIC_STENOSIS not in writer.facts.present or months is None:
        return False
    return not is_pyloric_age(months)


def _diagnosis_lines(writer: _Writer) -> list[str]:
    """What the film says against a supplied diagnosis; nothing when it agrees or none was supplied."""
    diagnosis = writer.metadata.working_diagnosis
    if diagnosis not in LABELS or diagnosis in writer.facts.present:
        return []
    if diagnosis == NORMAL:
        return [writer.say("not_normal")] if writer.facts.present else []
    is_unseen = writer.facts[Finding(diagnosis)].presence is Presence.NOT_ASSESSED
    term = TERMS[diagnosis]
    name = term.korean if writer.language == "ko" else term.english.lower()
    return [writer.say("unjudged_diagnosis" if is_unseen else "wrong_diagnosis").format(diagnosis=name)]


def _recommendation(writer: _Writer) -> str:
    present = writer.facts.present
    steps = [writer.pick("recommendation", finding) for finding in present]
    is_blind = writer.facts.view not in HORIZONTAL_BEAM_VIEWS
    if is_blind and Finding.PNEUMOPERITONEUM not in present:
        steps.append(writer.pick("recommendation", "horizontal_beam"))
    return as_text(steps or [writer.pick("recommendation", "nothing")])


@cache
def _tables(language: Language) -> _Tables:
    sentences = wordings(language)
    table = read_table(_FILES[language])
    groups = ("impression", "unassessed", "recommendation")
    return _Tables(
        texts={name: tuple(texts) for name, texts in table.items() if isinstance(texts, list)},
        groups={name: {key: tuple(texts) for key, texts in table[name].items()} for name in groups},
        headings=table["headings"],
        who={key: text for key, text in table["who"].items() if isinstance(text, str)},
        sexes=table["who"]["sexes"],
        sentences=sentences,
    )
