"""A report in Korean: from its structured findings, not from the English narrative.

The same report, not another one: it has the same id and status, and whoever finalises it finalises the
English. What a human wrote is quoted as written. Our own fixed phrases (comparison, measures, flags) are put
into Korean phrase by phrase; what no phrase covers stays in English, so that nothing is lost.
"""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from pedaxr.reports.film_limits import FilmLimits
from pedaxr.reports.human_words import DRAFT_IMPRESSION, DRAFT_RECOMMENDATION
from pedaxr.reports.recommendations import SOURCES, steps_of
from pedaxr.reports.sections import UNTRAINED, WITHHELD, measures_text, present_findings
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import FindingFact, Presence, Quadrant
from pedaxr_models.labels import FINDINGS, LABELS, TERMS, URGENCY, Finding, View
from pedaxr_models.report_text.grammar import as_text, chooser, finding_sentence
from pedaxr_models.report_text.parser import parse
from pedaxr_models.report_text.wordings import wordings

_DIAGNOSES = {TERMS[label].english.lower(): TERMS[label].korean for label in LABELS}


def korean_headings() -> dict[str, str]:
    """What each section is called, by its key in the report."""
    headings: dict[str, str] = _table()["headings"]
    return headings


def korean_sections(report: Report) -> dict[str, str]:
    """The sections of a report under Korean headings, in the order of the English ones; flags last."""
    headings = korean_headings()
    sections = {headings.get(name, name): text for name, text in sections_in_korean(report).items()}
    flags = {headings["Flags"]: " ".join(map(in_korean, report.flags))} if report.flags else {}
    return sections | flags


def sections_in_korean(report: Report) -> dict[str, str]:
    """The sections by their keys in the report, in Korean."""
    table = _table()
    told = {
        "Indication": _indication(report),
        "Findings": _findings(report),
        **dict.fromkeys(UNTRAINED, table["not_assessed"]),
        "Impression": _impression(report),
        "Recommendation": _recommendation(report),
        DRAFT_IMPRESSION: _impression(report),
        DRAFT_RECOMMENDATION: _recommendation(report),
    }
    told |= {name: report.sections[name] for name in report.human_sections}
    return {name: told.get(name) or in_korean(text) for name, text in report.sections.items()}


def korean_text(report: Report) -> str:
    """The whole report in Korean, as text."""
    from pedaxr.reports.rendering import report_text

    return report_text(report, "ko")


def in_korean(text: str) -> str:
    """Our own fixed phrases in Korean; the rest as it is."""
    for pattern, korean in _phrases():
        for found in reversed(list(pattern.finditer(text))):
            diagnosis = _DIAGNOSES.get(found.groupdict().get("diagnosis", "").lower(), "")
            told = korean.format(*map(_words, found.groups()), diagnosis=diagnosis)
            text = f"{text[: found.start()]}{told}{text[found.end() :]}"
    return text


def _words(group: str) -> str:
    """A list of terms, each in Korean where we have the word."""
    words: dict[str, str] = _table()["words"]
    return ", ".join(words.get(part.lower(), part) for part in re.split(", | and ", group))


def korean_word(term: str) -> str:
    """One of our own terms in Korean; itself where there is no word for it."""
    return _words(term)


def _indication(report: Report) -> str:
    supplied = report.sections.get("Indication", "")
    return str(_table()["no_indication"]) if supplied == "not supplied" else supplied


def _findings(report: Report) -> str:
    """What is outlined or suspected, hedged where the witnesses differ, and what the draft adds unchecked."""
    if report.in_doubt:
        return in_korean(report.sections["Findings"])
    if _is_withheld(report):
        return str(_table()["withheld"])
    told = as_text(list(_sentences(report)))
    return " ".join(filter(None, [told, in_korean(measures_text(report.measures))]))


def _sentences(report: Report) -> Iterator[str]:
    """In the English order: free air first where it is critical, then from the stomach downwards."""
    korean, said, by_name = wordings("ko"), parse(report.narrative), _by_name(report)
    air = by_name.get(Finding.PNEUMOPERITONEUM)
    is_first = air is not None and (_is_present(air) or air.certainty is not None)
    before = [air] if is_first else []
    before.append(by_name.get(Finding.PYLORIC_STENOSIS))
    yield from (_told(finding, report) for finding in before if finding)
    if said.distal_gas is not None:
        yield korean.distal_gas[0].format(amount=korean.words.amounts[said.distal_gas])
    for finding in (Finding.ABDOMINAL_DISTENSION, Finding.AIR_FLUID_LEVEL, Finding.CONSTIPATION):
        if finding in by_name:
            yield _told(by_name[finding], report)
    if said.stool_burden is not None:
        yield korean.stool[0].format(*(korean.words.burdens[grade] for grade in said.stool_burden))
    if air is not None and not is_first:
        yield _told(air, report)


def _told(finding: StructuredFinding, report: Report) -> str:
    """One finding, as a clause without its full stop."""
    name = Finding(finding.finding)
    called = wordings("ko").words.names[name]
    if finding.certainty == "suspected":
        return str(_table()["suspected"].format(name=called))
    if _is_outside(finding, report):
        return str(_table()["domes"].format(name=called))
    if finding.presence is Presence.ABSENT and not _is_denied(name, report):
        return str(_table()["disagreement" if not finding.agreed else "not_outlined"].format(name=called))
    return finding_sentence(_fact(finding), chooser(None), wordings("ko"))


def _is_denied(finding: Finding, report: Report) -> bool:
    """Whether the English findings deny it too."""
    said = {fact.finding: fact for fact in parse(report.narrative).findings}
    return finding in said and said[finding].presence is Presence.ABSENT


def _is_outside(finding: StructuredFinding, report: Report) -> bool:
    return any(one.what == finding.finding and one.reason == "field" for one in report.not_assessed)


def _by_name(report: Report) -> dict[Finding, StructuredFinding]:
    """Findings of the vocabulary; anything else a stored report may name is not put in our words."""
    return {Finding(f.finding): f for f in report.findings if f.finding in set(FINDINGS)}


def _fact(finding: StructuredFinding) -> FindingFact:
    name = Finding(finding.finding)
    if finding.presence is not Presence.PRESENT:
        return FindingFact(name, finding.presence)
    quadrants = tuple(quadrant for quadrant in Quadrant if quadrant.value in finding.quadrants)
    return FindingFact(
        name,
        Presence.PRESENT,
        finding.severity,
        finding.side,
        quadrants,
        finding.count,
        is_hedged=not finding.agreed,
    )


def _impression(report: Report) -> str:
    """Critical first; what the film cannot exclude is said even when something else was found."""
    table, limits, by_name = _table(), _limits(report), _by_name(report)
    if report.in_doubt:
        return in_korean(report.in_doubt)
    told = [by_name[name] for name in URGENCY if name in by_name and _is_told(by_name[name])]
    lines = [_impression_line(finding, report) for finding in told] or [table["nothing_outlined"]]
    disputed = [f for f in by_name.values() if f.presence is Presence.ABSENT and not f.agreed]
    lines += [as_text([_told(finding, report)]) for finding in disputed if finding not in told]
    lines += [table["withheld"]] if _is_withheld(report) else []
    named = {Finding(f.finding) for f in told}
    unseen = [f.value for f in (Finding.AIR_FLUID_LEVEL, Finding.PNEUMOPERITONEUM) if f not in named]
    if not limits.is_horizontal_beam:
        lines += [table["unseen"][" ".join(unseen)]] if unseen else []
    elif not limits.are_domes_in_field and Finding.PNEUMOPERITONEUM not in named:
        name = wordings("ko").words.names[Finding.PNEUMOPERITONEUM]
        lines.append(as_text([table["domes"].format(name=name)]))
    return " ".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _is_told(finding: StructuredFinding) -> bool:
    return finding.certainty is not None or _is_present(finding)


def _is_present(finding: StructuredFinding) -> bool:
    return finding.presence is Presence.PRESENT


def _impression_line(finding: StructuredFinding, report: Report) -> str:
    line = _told(finding, report)
    is_doubted = _is_present(finding) and not finding.agreed
    return as_text([f"{line}{_table()['doubt']}" if is_doubted else line])


def _recommendation(report: Report) -> str:
    if report.in_doubt:
        return in_korean(report.sections.get("Recommendation", ""))
    table, limits = _table()["recommendation"], _limits(report)
    view = table["views"].get(str(limits.view), table["views"]["either"])
    steps = steps_of(present_findings(report.findings), limits)
    return " ".join(f"{table[step].format(view=view)} [{SOURCES[step]}]" for step in steps)


def _limits(report: Report) -> FilmLimits:
    """What the film lets be said, as the report holds it."""
    air = _by_name(report).get(Finding.PNEUMOPERITONEUM)
    return FilmLimits(
        _view(report),
        are_domes_in_field=not (air and _is_outside(air, report)),
        is_air_suspected=bool(air and air.certainty == "suspected"),
    )


def _is_withheld(report: Report) -> bool:
    return report.sections.get("Findings") == WITHHELD


def _view(report: Report) -> View | None:
    """As the report was made; of one from before films were named in reports, as its technique says."""
    if report.film is not None:
        return report.film.view_position
    return parse(report.sections.get("Technique", "")).view


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("pedaxr.reports") / "korean.toml").read_text(encoding="utf-8"))


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(entry["english"]), entry["korean"]) for entry in _table()["phrase"])
