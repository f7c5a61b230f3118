"""A report in Korean: from its structured findings, not from the English narrative.

The same report, not another one: it has the same id and status, and whoever finalises it finalises the
English. What a human wrote is quoted as written. Our own fixed phrases (comparison, measures, flags) are put
into Korean phrase by phrase; what no phrase covers stays in English, so that nothing is lost.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from pedaxr.reports.context_sentences import NOT_REDUCED
from pedaxr.reports.film_limits import FilmLimits
from pedaxr.reports.flags import VIEW_CONTRADICTED
from pedaxr.reports.human_words import DRAFT_IMPRESSION, DRAFT_RECOMMENDATION
from pedaxr.reports.prose.findings import COUNTED_ROUGHLY, MOST, ORDER, disputed, loaded
from pedaxr.reports.prose.measured import calibres, stool
from pedaxr.reports.prose.places import placed
from pedaxr.reports.prose.question import NOT_ON_THIS_FILM, answers, is_asked
from pedaxr.reports.prose.tubes import CONFIRM, seen_tube
from pedaxr.reports.recommendations import SOURCES, steps_of
from pedaxr.reports.sections import NOT_ASSESSED, UNTRAINED, WITHHELD, present_findings
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import FindingFact, Presence
from pedaxr_models.labels import FINDINGS, LABELS, TERMS, URGENCY, Finding, View
from pedaxr_models.report_text.grammar import as_text, chooser, finding_sentence
from pedaxr_models.report_text.parser import parse
from pedaxr_models.report_text.wordings import wordings

_PYLORIC = "유문협착증 등 "  # named beside a distended stomach, but for children who are past it
# What a vertical beam cannot show or exclude, in the order of `[unseen]`.
_BLIND = (Finding.AIR_FLUID_LEVEL, Finding.PNEUMOPERITONEUM)
_DIAGNOSES = {TERMS[label].english.lower(): TERMS[label].korean for label in LABELS} | {
    TERMS[Finding.AIR_FLUID_LEVEL].english.lower(): "공기액체층"  # the label's own term is the data set's
}


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
    not_assessed = _table()["not_assessed"]
    told = {name: not_assessed for name in UNTRAINED if report.sections.get(name) == NOT_ASSESSED}
    told |= {name: told_by(report) for name, told_by in _TOLD_BY.items() if name in report.sections}
    told |= {name: report.sections[name] for name in report.human_sections}
    return {name: told.get(name) or in_korean(text) for name, text in report.sections.items()}


def korean_text(report: Report) -> str:
    """The whole report in Korean, as text."""
    from pedaxr.reports.rendering import report_text

    return report_text(report, "ko")


_LEVELS = re.compile(r"(\d+) levels?")


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
    parts = (_LEVELS.sub(r"공기액체층 \1개", part) for part in re.split(", | and ", group))
    return ", ".join(words.get(part.lower(), part) for part in parts)


def korean_word(term: str) -> str:
    """One of our own terms in Korean; itself where there is no word for it."""
    return _words(term)


def korean_diagnosis(label: str) -> str:
    """A working diagnosis, by the name of its label."""
    return _DIAGNOSES[TERMS[label].english.lower()]


def _indication(report: Report) -> str:
    supplied = report.sections.get("Indication", "")
    return str(_table()["no_indication"]) if supplied == "not supplied" else supplied


def _findings(report: Report) -> str:
    """What is outlined or suspected, hedged where the witnesses differ, and what the draft adds unchecked."""
    if report.in_doubt:
        return in_korean(report.sections["Findings"])
    if _is_withheld(report):
        return str(_table()["withheld"])
    return " ".join(filter(None, [as_text(list(_sentences(report))), measured_in_korean(report)]))


def measured_in_korean(report: Report) -> str:
    """The last sentences of the findings: what is measured and belongs to one of them."""
    by_name = _by_name(report)
    named = [name for name, finding in by_name.items() if _is_told(finding)]
    filled = stool(report.measures, loaded(list(by_name.values())), "ko")
    told = list(filter(None, [*_sentences(report), filled]))
    last = [calibres(report.measures, named, "ko")] * (len(told) < MOST)
    return " ".join(filter(None, [filled, *last]))


def _sentences(report: Report) -> Iterator[str]:
    """In the English order: what is there, what the draft adds, what is not there, what is left open."""
    korean, said, by_name = wordings("ko"), parse(report.narrative), _by_name(report)
    view = _view(report)
    ordered = [by_name[name] for name in ORDER if name in by_name]
    yield from (_told(finding, report) for finding in ordered if _is_told(finding))
    if NOT_REDUCED in report.narrative:
        yield str(_table()["gas_not_reduced"])
    elif said.distal_gas is not None:
        yield korean.distal_gas[0].format(amount=korean.words.amounts[said.distal_gas])
    absent = [finding for finding in ordered if finding.presence is Presence.ABSENT and finding.agreed]
    denied = [finding for finding in absent if _is_denied(Finding(finding.finding), report)]
    if denied and denied[0].finding == Finding.PNEUMOPERITONEUM:
        yield f"{_denied(denied.pop(0), view)} 없음"
    if denied:
        yield f"{', '.join(_denied(one, view) for one in denied)} 없음"
    if silent := [finding for finding in absent if not _is_denied(Finding(finding.finding), report)]:
        names = ", ".join(_denied(one, view) for one in silent)
        yield str(_table()["not_outlined"].format(name=names))
    others = [finding for finding in ordered if not _is_told(finding) and finding not in absent]
    yield from _left_open(others, report)


def _denied(finding: StructuredFinding, view: View | None) -> str:
    """As it is called where it is not there: free air below the domes, unless the child lies on a side."""
    name = Finding(finding.finding)
    is_below_domes = name is Finding.PNEUMOPERITONEUM and view is View.ERECT
    return str(_table()["denied_air"]) if is_below_domes else wordings("ko").words.names[name]


def _left_open(findings: Sequence[StructuredFinding], report: Report) -> Iterator[str]:
    """What the view cannot show in one clause, then the rest, each in its own."""
    blind = [f for f in findings if f.presence is Presence.NOT_ASSESSED and not _is_outside(f, report)]
    names = {f.finding for f in blind}
    key = " ".join(name.value for name in _BLIND if name in names)
    if key:
        yield str(_table()["unseen"][key]).removesuffix(".")
    yield from (_told(f, report) for f in findings if not (f in blind and f.finding in _BLIND))


def _told(finding: StructuredFinding, report: Report) -> str:
    """One finding, as a clause without its full stop."""
    name = Finding(finding.finding)
    called = wordings("ko").words.names[name]
    if finding.certainty == "suspected":
        return str(_table()["suspected"].format(name=called))
    if _is_outside(finding, report):
        return str(_table()["domes"].format(name=called))
    if disputed([finding]):  # also where the draft's words deny what its figures speak for
        return str(_table()["disputed"].format(name=called))
    if finding.presence is Presence.ABSENT and not _is_denied(name, report):
        return str(_table()["not_outlined"].format(name=called))
    fact = placed(finding) if _is_present(finding) else FindingFact(name, finding.presence)
    if name is Finding.AIR_FLUID_LEVEL:
        fact = replace(fact, severity=None)  # their number says it
    told = finding_sentence(fact, chooser(None), wordings("ko"))
    told = told.replace(_PYLORIC, "") if _limits(report).is_past_pyloric_age else told
    is_rough = fact.count is not None and fact.count >= COUNTED_ROUGHLY
    return told.replace(f"{fact.count}개", f"약 {fact.count}개") if is_rough else told


def _is_denied(finding: Finding, report: Report) -> bool:
    """Whether the English findings deny it too."""
    said = {fact.finding: fact for fact in parse(report.narrative).findings}
    return finding in said and said[finding].presence is Presence.ABSENT


def _is_outside(finding: StructuredFinding, report: Report) -> bool:
    return any(one.what == finding.finding and one.reason == "field" for one in report.not_assessed)


def _by_name(report: Report) -> dict[Finding, StructuredFinding]:
    """Findings of the vocabulary; anything else a stored report may name is not put in our words."""
    return {Finding(f.finding): f for f in report.findings if f.finding in set(FINDINGS)}


def _impression(report: Report) -> str:
    """Critical first; what the film cannot exclude is said even when something else was found."""
    table, limits, by_name = _table(), _limits(report), _by_name(report)
    if report.in_doubt:
        is_open = is_asked(one.text for one in report.indications)
        return " ".join([in_korean(report.in_doubt), *([NOT_ON_THIS_FILM["ko"]] if is_open else [])])
    told = [by_name[name] for name in URGENCY if name in by_name and _is_told(by_name[name])]
    lines = [_impression_line(finding, report) for finding in told]
    lines += [table["other_view_first"]] if VIEW_CONTRADICTED in report.flags else []
    lines = lines or [table["nothing_outlined"]]
    lines += [as_text([_told(finding, report)]) for finding in disputed(report.findings)]
    lines += [table["withheld"]] if _is_withheld(report) else []
    named = {Finding(f.finding) for f in told}
    unseen = [f.value for f in _BLIND if f not in named]
    if not limits.is_horizontal_beam:
        lines += [table["unseen"][" ".join(unseen)]] if unseen else []
    elif not limits.are_domes_in_field and Finding.PNEUMOPERITONEUM not in named:
        name = wordings("ko").words.names[Finding.PNEUMOPERITONEUM]
        lines.append(as_text([table["domes"].format(name=name)]))
    tube = seen_tube(report.sentences)
    told_tube = in_korean(f"{tube.text} {CONFIRM}") if tube else None
    lines += answers([one.text for one in report.indications], report.findings, "ko", tube=told_tube)
    return " ".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _is_told(finding: StructuredFinding) -> bool:
    return finding.certainty is not None or _is_present(finding)


def _is_present(finding: StructuredFinding) -> bool:
    return finding.presence is Presence.PRESENT


def _impression_line(finding: StructuredFinding, report: Report) -> str:
    line = _told(finding, report)
    is_sure = _is_present(finding) and finding.agreed
    if is_sure and finding.finding == Finding.CONSTIPATION:
        line += _table()["only_described"]
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
        age_months=report.film.age_months if report.film else None,
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


# What is told anew of the findings, by its key in the report.
_TOLD_BY: dict[str, Callable[[Report], str]] = {
    "Indication": _indication,
    "Findings": _findings,
    "Impression": _impression,
    "Recommendation": _recommendation,
    DRAFT_IMPRESSION: _impression,
    DRAFT_RECOMMENDATION: _recommendation,
}
