"""No report contradicts itself: every statement of it, in both languages, is held against one source.

The source is the settled findings (what is outlined, suspected, or cannot be assessed), the view and the
measures. Sentences are read back by parsers that are tested on their own; so a wording that says something
else than it was written for is found as well. What is found before a report leaves is struck, with a flag.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pedaxr.reports.check_draft import CheckedDraft
from pedaxr.reports.film_limits import LEVELS, LITTLE_STOOL, MUCH_STOOL, stool_shares
from pedaxr.reports.human_words import COMMUNICATION
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.prose.tubes import seen_tube
from pedaxr.reports.sections import NOTHING_OUTLINED
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import DistalGas, Presence
from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, NORMAL, TERMS, Finding, View, sign
from pedaxr_models.report_text.parser import SentenceFacts, parse, parse_findings, split_sentences

_AIR, _LEVEL = Finding.PNEUMOPERITONEUM, Finding.AIR_FLUID_LEVEL
_TOLD = ("Findings", "Impression")
_ASKED_VIEWS = (
    (re.compile(r"horizontal[- ]beam|수평 ?X선"), HORIZONTAL_BEAM_VIEWS),
    (re.compile(r"\berect view|기립위 촬영"), frozenset({View.ERECT})),
    (
        re.compile(r"\bdecubitus(?: or erect)? view|측와위(?: 또는 기립위)? 촬영"),
        frozenset({View.LEFT_LATERAL_DECUBITUS}),
    ),
)
_NORMAL = re.compile(r"\bnormal\b|정상")
_GUARDED = "The draft contradicted the outlines in {0}: struck."


@dataclass(frozen=True)
class Contradiction:
    """Two statements of one report that cannot both hold.

    Attributes:
        kind: presence, grade, side, quadrant, count, view, distal gas, stool, tube, comparison,
            recommendation, critical or label.
        said: where, and what is said there.
        settled: what it contradicts.
        sentence: of the narrative, where one of its sentences says it.
    """

    kind: str
    said: str
    settled: str
    sentence: str | None = None


def without_contradictions(composed: Callable[[CheckedDraft], Report], checked: CheckedDraft) -> Report:
    """The report of a checked draft, without the sentences that contradict the rest of it.

    Args:
        composed: makes the report.
        checked: the draft.
    """
    report = composed(checked)
    found = contradictions(report)
    if not found:
        return report
    kinds = ", ".join(dict.fromkeys(one.kind for one in found))
    struck = {one.sentence for one in found if one.sentence}
    sentences = [
        s.model_copy(update={"verdict": "struck", "reason": "it contradicts the rest of the report"})
        if s.text in struck and s.verdict not in ("struck", "missing")
        else s
        for s in checked.sentences
    ]
    flags = [*checked.flags, _GUARDED.format(kinds)]
    return composed(replace(checked, sentences=sentences, flags=flags))


def contradictions(report: Report) -> list[Contradiction]:
    """All that is found in a report, in both languages; empty where it is consistent.

    What a human wrote is not read: it may well contradict the draft, and counts.
    """
    if report.in_doubt:
        return list(_of_a_film_in_doubt(report))
    texts = {"en": report.sections, "ko": sections_in_korean(report)}
    found: list[Contradiction] = []
    for language, sections in texts.items():
        ours = {name: text for name, text in sections.items() if name not in report.human_sections}
        found += _of_findings(report, ours, language)
        found += _of_context(report, ours, language)
        found += _of_views(report, ours, language)
    found += _between_languages(report, texts)
    found += _of_critical(report)
    found += _of_comparison(report)
    return list(dict.fromkeys(found))


def _of_a_film_in_doubt(report: Report) -> Iterator[Contradiction]:
    said = [f.finding for f in report.findings if f.presence is Presence.PRESENT]
    if said or report.critical or report.label:
        yield Contradiction(
            "presence", f"findings: {said}, critical: {report.critical}", "no finding is given"
        )


def _statements(sections: Mapping[str, str]) -> Iterator[tuple[str, str, SentenceFacts]]:
    """Section, sentence and statement of all that is said of findings."""
    for name in _TOLD:
        for sentence in split_sentences(sections.get(name, "")):
            for said in parse_findings(sentence):
                yield name, sentence, said


def _of_findings(report: Report, sections: Mapping[str, str], language: str) -> Iterator[Contradiction]:
    settled = {finding.finding: finding for finding in report.findings}
    for name, sentence, said in _statements(sections):
        finding = settled.get(str(said.finding))
        if finding is None:
            continue
        for kind, wrong in _differences(said, finding):
            where = f"{language} {name}: {sentence}"
            yield Contradiction(kind, where, f"{finding.finding}: {wrong}", sentence)


def _differences(said: SentenceFacts, finding: StructuredFinding) -> Iterator[tuple[str, str]]:
    """In which slots a statement differs from the settled finding, and what that one holds."""
    is_named = finding.presence is Presence.PRESENT or finding.certainty == "suspected"
    if said.presence is Presence.PRESENT and not is_named:
        yield "presence", finding.presence.value
    if said.presence is Presence.ABSENT and finding.presence is not Presence.ABSENT:
        yield "presence", finding.certainty or finding.presence.value
    if said.presence is Presence.NOT_ASSESSED and finding.presence is Presence.PRESENT:
        yield "presence", "outlined"
    if said.presence is not Presence.PRESENT:
        return
    if said.is_present and finding.certainty in ("in_doubt", "suspected"):
        yield "presence", f"only {finding.certainty}"
    if said.side is not None and said.side is not finding.side:
        yield "side", str(finding.side)
    if said.quadrants and {q.value for q in said.quadrants} != set(finding.quadrants):
        yield "quadrant", ", ".join(finding.quadrants)
    if said.count is not None and said.count != finding.count:
        yield "count", str(finding.count)
    if said.severity is not None and said.severity is not finding.severity:
        yield "grade", str(finding.severity)


def _of_context(report: Report, sections: Mapping[str, str], language: str) -> Iterator[Contradiction]:
    """View, stool, gas and tubes of the findings."""
    view = report.film.view_position if report.film else None
    present = {f.finding for f in report.findings if f.presence is Presence.PRESENT}
    sees_tube = seen_tube(report.sentences) is not None
    for name in ("Technique", *_TOLD):
        for sentence in split_sentences(sections.get(name, "")):
            said, where = parse(sentence), f"{language} {name}: {sentence}"
            if said.view is not None and said.view is not view:
                yield Contradiction("view", where, str(view or "not stated"), sentence)
            if said.gastric_tube and not sees_tube:
                yield Contradiction(
                    "tube", where, "no tube is seen by the network that looks for them", sentence
                )
            if said.distal_gas is DistalGas.NORMAL and _LEVEL in present and _NORMAL.search(sentence):
                yield Contradiction("distal gas", where, "air-fluid levels are outlined", sentence)
            if said.stool_burden and (wrong := _stool_wrong(said.stool_burden, report)):
                yield Contradiction("stool", where, wrong, sentence)


def _stool_wrong(burden: tuple[int, int, int], report: Report) -> str | None:
    """The measured shares of parts whose grade they contradict."""
    shares = stool_shares(report.measures)
    if shares is None:
        return None
    wrong = [
        share
        for grade, share in zip(burden, shares, strict=True)
        if (grade <= 1 and share > MUCH_STOOL) or (grade == len(burden) and share < LITTLE_STOOL)
    ]
    return f"measured {', '.join(f'{share:.0%}' for share in wrong)}" if wrong else None


def _count(report: Report) -> int | None:
    return next((f.count for f in report.findings if f.finding == _LEVEL), None)


def _of_views(report: Report, sections: Mapping[str, str], language: str) -> Iterator[Contradiction]:
    """A recommendation or a flag that asks for the view that the film is."""
    view = report.film.view_position if report.film else None
    texts = {"Recommendation": sections.get("Recommendation", "")}
    texts |= {"Flags": " ".join(report.flags)} if language == "en" else {}
    for name, text in texts.items():
        for asked, views in _ASKED_VIEWS:
            if view in views and asked.search(text):
                yield Contradiction("recommendation", f"{language} {name}: {text}", f"the film is {view}")


def _between_languages(report: Report, texts: Mapping[str, Mapping[str, str]]) -> Iterator[Contradiction]:
    """What both languages say of a finding, slot by slot where both say something."""
    for name in _TOLD:
        if name in report.human_sections:
            continue
        english, korean = (
            {fact.finding: fact for fact in parse(texts[language].get(name, "")).findings}
            for language in ("en", "ko")
        )
        for finding in english.keys() & korean.keys():
            one, other = english[finding], korean[finding]
            slots = [
                ("presence", (one.presence, one.is_hedged), (other.presence, other.is_hedged)),
                ("side", one.side, other.side),
                ("quadrant", frozenset(one.quadrants) or None, frozenset(other.quadrants) or None),
                ("count", one.count, other.count),
                ("grade", one.severity, other.severity),
            ]
            for kind, said, told in slots:
                if said is not None and told is not None and said != told:
                    yield Contradiction(kind, f"en {name}, {finding}: {said}", f"ko: {told}")


def _of_critical(report: Report) -> Iterator[Contradiction]:
    """What is critical leads impression and recommendation; label and communication agree with it."""
    is_critical = _AIR in report.critical
    if COMMUNICATION in report.sections and not is_critical and COMMUNICATION not in report.human_sections:
        yield Contradiction("critical", "a communication is asked for", "nothing is critical")
    if report.label == NORMAL and is_critical:
        yield Contradiction("label", NORMAL, "critical")
    named = {f.finding for f in report.findings if f.presence is Presence.PRESENT}
    if "Impression" in report.human_sections:
        return
    impression = report.sections.get("Impression", "")
    if NOTHING_OUTLINED in impression and (named or is_critical):
        yield Contradiction("presence", impression, f"named: {sorted(named)}, critical: {report.critical}")
    if report.label in TERMS and report.label != NORMAL and report.label not in named:
        yield Contradiction("label", str(report.label), f"present: {sorted(named)}")
    if is_critical:
        yield from _not_leading(report, impression)


def _not_leading(report: Report, impression: str) -> Iterator[Contradiction]:
    first = next(iter(split_sentences(re.sub(r"^1\. ", "", impression))), "")
    if not any(said.finding is _AIR for said in parse_findings(first)):
        yield Contradiction("critical", f"Impression: {impression}", "free air does not lead it")
    if not report.sections.get("Recommendation", "").startswith(sign(_AIR)):
        yield Contradiction("critical", "Recommendation", "free air does not lead it")


def _of_comparison(report: Report) -> Iterator[Contradiction]:
    """The comparison's present film is this one."""
    settled = {finding.finding: finding for finding in report.findings}
    for item in report.comparison.items if report.comparison else ():
        finding = settled.get(item.what)
        if item.what == LEVELS and item.now and int(item.now) != _count(report):
            yield Contradiction("comparison", f"levels now {item.now:.0f}", f"counted {_count(report)}")
        if finding is None or item.unit != "share_of_body":
            continue
        expected = {True: Presence.PRESENT, False: Presence.ABSENT}[bool(item.now)]
        if item.now is None:
            expected = Presence.NOT_ASSESSED
        if finding.presence is not expected:
            yield Contradiction("comparison", f"{item.what} now {item.now}", finding.presence.value)
