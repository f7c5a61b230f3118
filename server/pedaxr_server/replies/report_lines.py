"""A report in lines for a language model: whose film, what is signed, what is critical, then the draft.

What a human wrote stands in one escaped JSON string wherever it is quoted; only sentences that pedaxr
composed itself stand bare.
"""

import re
from collections.abc import Mapping, Sequence

from pedaxr.ages import age_text
from pedaxr.reports.context_sentences import GAS_MEASURED
from pedaxr.reports.human_words import CRITICAL_THEN
from pedaxr.reports.prose.findings import ORDER, stated
from pedaxr.reports.prose.measured import LEAST_CALIBRE
from pedaxr.reports.prose.tubes import OTHERS, seen_tube
from pedaxr.reports.sections import LINES, OF_SIBLING
from pedaxr.text import ForeignText, counted, shown_id
from pedaxr.types import (
    ComparedItem,
    Comparison,
    FilmIdentity,
    NotAssessed,
    Report,
    Sentence,
    SignedReport,
    Supplied,
)
from pedaxr_models.facts import Presence
from pedaxr_models.labels import NORMAL, SIGNS, TERMS, Finding, sign
from pedaxr_models.plausibility import is_pyloric_age
from pedaxr_models.report_text.grammar import as_text
from pedaxr_server.replies.film_lines import film_line
from pedaxr_server.replies.finding_lines import (
    WIDTHS,
    critical_line,
    doubt_lines,
    is_doubted,
    measure_lines,
    named,
    not_assessed_line,
    not_outlined_line,
)

FAMILY = "tell a family only that a doctor must speak with them now"
_MOST_ITEMS = 8
_THAT_DAY = re.compile(
    r"(?: (?:Also of that earlier day|Other films of that day are registered(?:, not compared here)?):"
    r" [\w., -]+"
    r"(?: Critical by its report: [\w., -]+)?(?: Free intraperitoneal air drawn by hand: [\w., -]+)?)+\Z"
)
_BARE_COMPARISON = re.compile(
    r"(?:No earlier film (?:is registered|was supplied)|Not compared: the date of this film is not known)\."
    rf"(?: {re.escape(OF_SIBLING)})?"
    r"|(?:(?:\A| )Film of \d{4}-\d\d-\d\d "
    r"(?:could not be read|is the very same picture|is in doubt itself); not compared\.)+"
)
_SOURCE = re.compile(r" \[[^\]]+\]")  # of a recommendation; they stay in the data
_VIEW = re.compile(r"\babdominal (?:radiograph|film)\b", re.IGNORECASE)
_BURDEN = re.compile(r"\bstool (?:burden|load)\b", re.IGNORECASE)
_WHERE = {"request": "on the request", "chat": "given in this chat"}
_CHANGES: Mapping[str, str] = {
    "cannot_say": "whether new cannot be said",
    "no_longer_outlined": "which is not the same as gone",
}
_UNITS = {"share_of_body": " of the body", "ratio_to_l2": " x L2", "mm": " mm"}
_COUNTED = {"air_fluid_levels": "number of air-fluid levels"}
_STOOL = "stool_share_"
TITLES = frozenset({"Recommendation", "Draft impression", "Draft recommendation"})  # our words, or quoted
# Sections that other lines say already, or that are asked for by name.
_SAID_ELSEWHERE = frozenset(
    {"Technique", "Indication", "Comparison", "Findings", "Impression", "Communication"}
)


def report_lines(report: Report) -> list[str]:
    """All lines but the closing ones, the gravest first; empty ones are the caller's to leave out."""
    signed = report.signed_report
    return [
        film_line(report.film, report.study_id),
        signed_line(signed) if signed else "",
        critical_line(
            report.critical, report.critical_certainty, beside_signed=signed.critical if signed else None
        ),
        report.in_doubt or "",
        _status_line(report),
        *(f"Check: {flag}" for flag in report.flags),
        *_impression(report),
        *_findings(report),
        *supplied_lines(report),
        comparison_line(report),
        *_further_sections(report),
    ]


def closing_lines(report: Report) -> str:
    """What to do next, and what the draft is not."""
    step = report.next_step or next_step(report)
    return f"{report.disclaimer}\nNext: {step}"


def next_step(report: Report) -> str:
    """One step; the critical finding and the signed report come before signing."""
    sign_it = "To sign, the user asks for finalise_report."
    if report.signed_report:
        return "give the user the signed report, and this draft only as one made after it."
    if report.critical:
        return f"the critical finding first; {FAMILY}. {sign_it}"
    if report.in_doubt:
        return "tell the user that the film gives no finding, and why."
    return f"pass this on. {sign_it}"


def signed_line(signed: SignedReport) -> str:
    """The report of the film, whatever was drafted later."""
    on = f" on {signed.signed_at:%Y-%m-%d}" if signed.signed_at else ""
    critical = critical_line(signed.critical, {}).removesuffix(".")
    return (
        f"SIGNED REPORT EXISTS: {signed.report_id}, version {signed.version}, {signed.status}, by "
        f"{ForeignText(signed.signed_by, 100)}{on}. Its impression, as data: "
        f"{ForeignText(signed.impression, 400)}. {critical + '. ' if critical else ''}"
        "It is the film's report; what follows does not replace it."
    )


def supplied_lines(report: Report) -> list[str]:
    """Why the film was made and what was suspected, and by whom: context, never evidence."""
    reasons = [_reason(one) for one in report.indications]
    is_flagged = any("working diagnosis" in flag for flag in report.flags)
    diagnoses = [
        _diagnosis(one) + _usual_age(one.text, report.film)
        for one in report.working_diagnoses
        if not is_flagged or _usual_age(one.text, report.film)
    ]
    told = report.sections.get("Indication", "")
    if not reasons and told and told != "not supplied":
        reasons = [f"as supplied: {ForeignText(told)}"]
    return [
        f"Indication {'; '.join(reasons)}." if reasons else "",
        f"Working diagnosis {'; '.join(diagnoses)} (context, not a finding)." if diagnoses else "",
    ]


def comparison_line(report: Report) -> str:
    """The film before, from both outlines; the verdict on the illness is nobody's here."""
    told = report.sections.get("Comparison", "")
    if report.comparison is not None:
        ours = "" if "Comparison" in report.human_sections else told
        that_day = _THAT_DAY.search(ours)
        critical = f" {CRITICAL_THEN}" if CRITICAL_THEN in ours else ""
        return _compared(report.comparison) + critical + (that_day[0] if that_day else "")
    if is_bare_comparison(told):
        return told
    return f"Comparison: {ForeignText(told, 600)}" if told else ""


def is_bare_comparison(text: str) -> bool:
    """Whether a Comparison section that came without data quotes nobody."""
    return _BARE_COMPARISON.fullmatch(_THAT_DAY.sub("", text)) is not None


def _status_line(report: Report) -> str:
    who = f" by {ForeignText(report.signed_by, 100)}" if report.signed_by else ""
    kind = "Draft" if report.status == "preliminary" else "Report"
    line = f"{kind} {report.report_id}, version {report.version}, {report.status}{who}."
    newer = report.newer_draft
    if newer:
        differs = " ".join(newer.differs)
        line += f" A NEWER DRAFT EXISTS: {newer.report_id}, version {newer.version}. {differs}"
    return line.rstrip()


def _impression(report: Report) -> list[str]:
    return [_section(report, name) for name in ("Impression", "Amendments")]


def _section(report: Report, name: str) -> str:
    """What a human wrote is quoted; the rest is composed by pedaxr."""
    text = report.sections.get(name, "")
    if not text:
        return ""
    is_human = name in report.human_sections or name == "Amendments"
    return f"{name}: {ForeignText(text, 600) if is_human else _SOURCE.sub('', text)}"


def _findings(report: Report) -> list[str]:
    """What is seen or in doubt, what is not outlined, what is not assessed, widths.

    A negative sentence of the draft is left out: "not outlined" says as much, and claims no more.
    """
    if "Findings" in report.human_sections:
        return [_section(report, "Findings")]
    left_out = not_assessed_of(report)
    by_name = {f.finding: f for f in report.findings if f.presence is Presence.PRESENT}
    gas = [s.text for s in report.sentences if s.reason == GAS_MEASURED and not report.in_doubt]
    seen = " ".join(
        filter(None, [as_text([stated(by_name[name]) for name in ORDER if name in by_name]), *gas])
    )
    unchecked = [s.text for s in report.sentences if s.verdict == "not_checked" and _adds(s, report)]
    outlined = [f.finding for f in report.findings if f.presence is Presence.PRESENT or is_doubted(f)]
    outlined += report.critical
    return [
        f"Findings: {seen}" if seen else "",
        f"UNCHECKED: {' '.join(unchecked)}" if unchecked else "",
        *doubt_lines(report.findings, doubts_said(report)),
        not_outlined_line(outlined, left_out) if report.findings and not report.in_doubt else "",
        _tube_line(report),
        not_assessed_line(left_out),
        *measure_lines(report.measures),
    ]


def _tube_line(report: Report) -> str:
    """Where a gastric tube is seen; that none is would not be borne out."""
    tube = None if report.in_doubt else seen_tube(report.sentences)
    return f"Lines and tubes: {tube.text} {OTHERS}" if tube else ""


def doubts_said(report: Report) -> list[str]:
    """Findings whose doubt a flag or the line of what is critical says already."""
    flagged = [name for name in SIGNS if any(flag.startswith(sign(name)) for flag in report.flags)]
    return [*report.critical, *flagged]


def not_assessed_of(report: Report) -> list[NotAssessed]:
    """What the report says it is; of an older one what its findings say."""
    by_view = [f.finding for f in report.findings if f.presence is Presence.NOT_ASSESSED]
    return report.not_assessed or [NotAssessed(what=name, reason="view") for name in by_view]


def _adds(sentence: Sentence, report: Report) -> bool:
    """Whether other lines do not say it already: the view, what is not assessed, the measured stool."""
    is_said = sentence.finding in {one.what for one in not_assessed_of(report)} or _VIEW.search(sentence.text)
    has_shares = any(key.startswith("stool_share") for key in report.measures)
    return not is_said and not (has_shares and _BURDEN.search(sentence.text))


def _further_sections(report: Report) -> list[str]:
    said = {*_SAID_ELSEWHERE, "Amendments", *([LINES] if _tube_line(report) else [])}
    names = [
        name
        for name, text in report.sections.items()
        if name not in said - set(report.human_sections) and not text.startswith("not assessed")
    ]
    return [_section(report, name) if name in TITLES else _foreign_section(report, name) for name in names]


def _foreign_section(report: Report, name: str) -> str:
    return f"{ForeignText(name, 40)}: {ForeignText(report.sections[name])}"


def _reason(one: Supplied) -> str:
    return f"{_WHERE[one.source]}: {ForeignText(one.text)}"


def _diagnosis(one: Supplied) -> str:
    known = (
        TERMS[one.text].english.lower() if one.text in (*SIGNS, NORMAL) else str(ForeignText(one.text, 60))
    )
    return f"{_WHERE[one.source]}: {known}"


def _usual_age(diagnosis: str, film: FilmIdentity | None) -> str:
    if diagnosis != Finding.PYLORIC_STENOSIS or film is None or film.age_months is None:
        return ""
    if is_pyloric_age(film.age_months):
        return ""
    age = age_text(film.age_months, film.patient_birth_date, film.study_date)
    return f", usual at 2 to 12 weeks, this child is {age}"


def _compared(past: Comparison) -> str:
    before = f", {counted(past.days_before, 'day')} before" if past.days_before is not None else ""
    on = f" of {past.study_date}" if past.study_date else ""
    views = " The views differ, which moves gas and fluid." if past.views_differ else ""
    notes = "".join(f" {note}" for note in past.notes)
    single = [one for one in past.items if not one.what.startswith(_STOOL)]
    items = "; ".join(filter(None, [*map(_item, single[:_MOST_ITEMS]), _stool(past.items)]))
    signed = (
        f" Signed impression of that film, as data: {ForeignText(past.signed_impression, 300)}."
        if past.signed_impression
        else ""
    )
    return (
        f"Comparison (then, now) with the same child's film {shown_id(past.study_id)}{on}{before}: "
        f"{items or 'nothing outlined on either'}.{views}{notes} Alike: within what two outlines differ by. "
        f"Better or worse is for a doctor to say.{signed}"
    )


def _item(one: ComparedItem) -> str:
    name = sign(one.what).lower() if one.what in SIGNS else _measured(one.what)
    change = _CHANGES.get(one.change, one.change)
    return f"{name} {_amount(one.then, one.unit)}, {_amount(one.now, one.unit)}: {change}"


def _measured(key: str) -> str:
    name = key.removesuffix("_to_l2").removesuffix("_mm")
    return _COUNTED.get(name) or WIDTHS.get(name) or named(name)


def _stool(items: Sequence[ComparedItem]) -> str:
    """All parts of the colon together."""
    parts = [one for one in items if one.what.startswith(_STOOL)]
    if not parts:
        return ""
    names = ", ".join(named(one.what.removeprefix(_STOOL)) for one in parts)
    then = ", ".join(_amount(one.then, one.unit) for one in parts)
    now = ", ".join(_amount(one.now, one.unit) for one in parts)
    return f"filled with stool ({names}) {then} then, {now} now"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "not assessed"
    if unit == "share_of_body" and not value:
        return "not outlined"
    figure = (
        f"{value:.0%}"
        if unit.startswith("share")
        else f"{value:.1f}"
        if unit == "ratio_to_l2" and value >= LEAST_CALIBRE
        else f"under {LEAST_CALIBRE}"
        if unit == "ratio_to_l2"
        else f"{value:.0f}"
    )
    return f"{figure}{_UNITS.get(unit, '')}"
