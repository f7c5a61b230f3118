"""A report told in Korean: from its structured findings, not from the English narrative.

The same report, not another one: it has the same id and status, and whoever finalises it finalises the
English. What a human wrote is quoted as written. Our own fixed phrases (comparison, measures, flags) are put
into Korean phrase by phrase; what no phrase covers stays in English, so that nothing is lost.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from pedaxr.reports.human_words import DRAFT_IMPRESSION, DRAFT_RECOMMENDATION
from pedaxr.reports.recommendations import HORIZONTAL_BEAM, RECOMMENDATIONS
from pedaxr.reports.sections import UNTRAINED, WITHHELD, measures_text, present_findings
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import FilmFacts, FindingFact, Presence, Quadrant
from pedaxr_models.labels import FINDINGS, LABELS, TERMS, URGENCY, Finding, View
from pedaxr_models.plausibility import is_blind
from pedaxr_models.report_text.grammar import as_text, chooser, finding_sentence, finding_sentences
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
    """The sections by their keys in the report, told in Korean."""
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
    """A comma-separated list of terms, each in Korean where we have the word."""
    words: dict[str, str] = _table()["words"]
    return ", ".join(words.get(part.lower(), part) for part in group.split(", "))


def korean_word(term: str) -> str:
    """One of our own terms in Korean; itself where there is no word for it."""
    return _words(term)


def _indication(report: Report) -> str:
    supplied = report.sections.get("Indication", "")
    return str(_table()["no_indication"]) if supplied == "not supplied" else supplied


def _findings(report: Report) -> str:
    """What is outlined, hedged where the witnesses differ; gas, stool burden and tube as the draft says."""
    if report.in_doubt:
        return in_korean(report.sections["Findings"])
    if _is_withheld(report):
        return str(_table()["withheld"])
    said = parse(report.narrative)
    facts = FilmFacts(
        _view(report) or View.SUPINE,  # the view is told under Technique
        tuple(_fact(finding) for finding in _in_order(report)),
        said.distal_gas,
        said.stool_burden,
        said.gastric_tube,
    )
    korean = wordings("ko")
    doubts = [
        _table()["disagreement"].format(name=korean.words.names[Finding(finding.finding)])
        for finding in report.findings
        if _is_disputed(finding, report)
    ]
    told = as_text([*doubts, *finding_sentences(facts, chooser(None), korean)])
    return " ".join(filter(None, [told, in_korean(measures_text(report.measures))]))


def _in_order(report: Report) -> list[StructuredFinding]:
    by_name = {finding.finding: finding for finding in report.findings}
    return [by_name[finding] for finding in FINDINGS]


def _fact(finding: StructuredFinding) -> FindingFact:
    """A finding that only the draft affirms is not told as absent: nothing is settled."""
    name = Finding(finding.finding)
    if finding.presence is not Presence.PRESENT:
        is_settled = finding.agreed or finding.presence is Presence.NOT_ASSESSED
        return FindingFact(name, finding.presence if is_settled else Presence.NOT_ASSESSED)
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


def _is_disputed(finding: StructuredFinding, report: Report) -> bool:
    if finding.presence is Presence.PRESENT:
        return False
    return not finding.agreed or finding.finding in report.critical


def _impression(report: Report) -> str:
    """Critical first; what the view cannot exclude is said even when something else was found."""
    table = _table()
    if report.in_doubt:
        return in_korean(report.in_doubt)
    if _is_withheld(report):
        return str(table["withheld"])
    lines = [_impression_line(report, finding) for finding in present_findings(report.findings)]
    lines += [
        as_text([table["disagreement"].format(name=wordings("ko").words.names[Finding(f.finding)])])
        for name in URGENCY
        for f in report.findings
        if f.finding == name and _is_disputed(f, report)
    ]
    lines = lines or [table["nothing_outlined"]]
    if _is_blind_view(report) and Finding.PNEUMOPERITONEUM not in present_findings(report.findings):
        lines.append(table["blind_view"])
    return " ".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _impression_line(report: Report, finding: Finding) -> str:
    structured = next(f for f in report.findings if f.finding == finding)
    line = finding_sentence(_fact(structured), chooser(None), wordings("ko"))
    return as_text([line if structured.agreed else f"{line}{_table()['doubt']}"])


def _recommendation(report: Report) -> str:
    if report.in_doubt:
        return in_korean(report.sections["Recommendation"])
    table = _table()["recommendation"]
    present = present_findings(report.findings)
    steps = [f"{table[finding]} [{RECOMMENDATIONS[finding].source}]" for finding in present]
    if _is_blind_view(report) and Finding.PNEUMOPERITONEUM not in present:
        steps.append(f"{table['horizontal_beam']} [{HORIZONTAL_BEAM.source}]")
    return " ".join(steps) or str(table["nothing"])


def _is_withheld(report: Report) -> bool:
    return report.sections.get("Findings") == WITHHELD


def _is_blind_view(report: Report) -> bool:
    return is_blind(Finding.PNEUMOPERITONEUM, _view(report))


def _view(report: Report) -> View | None:
    return parse(report.sections.get("Technique", "")).view


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("pedaxr.reports") / "korean.toml").read_text(encoding="utf-8"))


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(entry["english"]), entry["korean"]) for entry in _table()["phrase"])
