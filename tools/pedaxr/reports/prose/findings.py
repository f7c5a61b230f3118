"""The section Findings in English: what is there, what is not, what cannot be said, each in one breath.

Everything comes from the settled findings; of the draft's own sentences stands what no outline can bear out
and nothing measured says better.
"""

from collections.abc import Iterator, Sequence

from pedaxr.reports.film_limits import FilmLimits
from pedaxr.reports.prose.measured import calibres, stool
from pedaxr.reports.prose.places import placed, where_text
from pedaxr.types import Sentence, StructuredFinding
from pedaxr_models.facts import FindingFact, Presence, Severity
from pedaxr_models.labels import Finding, sign, sign_within
from pedaxr_models.report_text.grammar import as_text, fill
from pedaxr_models.report_text.parser import parse, parse_findings
from pedaxr_models.report_text.wordings import wordings

# Free air first where it is there or suspected, then from the stomach downwards.
ORDER = (
    Finding.PNEUMOPERITONEUM,
    Finding.PYLORIC_STENOSIS,
    Finding.ABDOMINAL_DISTENSION,
    Finding.AIR_FLUID_LEVEL,
    Finding.CONSTIPATION,
)
_PRESENT = {
    Finding.PNEUMOPERITONEUM: "{severity} free intraperitoneal air{where}",
    Finding.PYLORIC_STENOSIS: "{severity} gastric distension{where}",
    Finding.ABDOMINAL_DISTENSION: "{severity} gaseous distension of the bowel{where}",
    Finding.AIR_FLUID_LEVEL: "{count} air-fluid levels{where}",
    Finding.CONSTIPATION: "{severity} faecal loading of the colon{where}",
}
_DENIED = {finding: sign_within(finding) for finding in ORDER} | {
    Finding.ABDOMINAL_DISTENSION: "bowel distension"
}
_ONE_LEVEL = "one air-fluid level{where}"
# From here on, the count is right on half of the synthetic films, and at most one off on nine in ten. Two and
# three are no surer than more.
COUNTED_ROUGHLY = 2
MOST = 6  # sentences; calibres, which are in the data, give way


def findings_text(
    sentences: Sequence[Sentence],
    findings: Sequence[StructuredFinding],
    limits: FilmLimits,
    measures: dict[str, float],
) -> str:
    """The section, without a negative that the draft does not bear out.

    Args:
        sentences: checked.
        findings: settled.
        limits: of the film.
        measures: of the report.
    """
    by_name = {Finding(f.finding): f for f in findings}
    named = [name for name in ORDER if name in by_name and is_named(by_name[name])]
    told = [*(stated(by_name[name]) for name in named)]
    told += _standing(sentences)
    told += _absent(findings, sentences)
    told += map(dispute, disputed(findings))
    told += _unseen(findings, limits)
    last = [stool(measures, loaded(findings))]
    last += [calibres(measures, named)] * (len(told) + len(list(filter(None, last))) < MOST)
    return " ".join(filter(None, [as_text(told), *last]))


def loaded(findings: Sequence[StructuredFinding]) -> list[Finding]:
    """Findings that a report names, without a faecal loading too mild to say how full each part is."""
    return [
        Finding(f.finding)
        for f in findings
        if is_named(f) and not (f.finding == Finding.CONSTIPATION and f.severity is Severity.MILD)
    ]


def is_named(finding: StructuredFinding) -> bool:
    """Whether a report speaks of it as there: outlined, in doubt or suspected."""
    return finding.presence is Presence.PRESENT or finding.certainty == "suspected"


def disputed(findings: Sequence[StructuredFinding]) -> list[StructuredFinding]:
    """Findings that only the report writer speaks for: neither there nor denied."""
    by_name = {f.finding: f for f in findings if f.presence is Presence.ABSENT}
    return [f for name in ORDER if (f := by_name.get(name)) and not f.agreed and f.certainty is None]


def dispute(finding: StructuredFinding) -> str:
    """A finding that is disputed, without its full stop."""
    return f"{sign(finding.finding)}: not outlined, but the report writer speaks for it, look"


def stated(finding: StructuredFinding) -> str:
    """A finding that is there, in doubt or suspected, without its full stop."""
    name = Finding(finding.finding)
    if finding.presence is not Presence.PRESENT:
        return f"{sign(name)} is suspected, no region is outlined"
    fact = placed(finding)
    if fact.is_hedged:
        place = where_text(finding.quadrants) or _filled("{where}", fact)
        return f"possible {sign_within(name)} {place}".strip()
    return _filled(_ONE_LEVEL if finding.count == 1 else _PRESENT[name], fact)


def _filled(text: str, fact: FindingFact) -> str:
    """Where levels could not be counted there is no number; two or more are only about so many."""
    if fact.count is None:
        text = text.replace("{count} ", "")
    elif fact.count >= COUNTED_ROUGHLY:
        text = text.replace("{count}", "about {count}")
    return fill(text, fact, wordings("en"))


def _standing(sentences: Sequence[Sentence]) -> Iterator[str]:
    """What is said of no finding and nobody contradicts; view and tubes have sections of their own."""
    for sentence in sentences:
        if sentence.verdict not in ("not_checked", "grounded") or parse_findings(sentence.text):
            continue
        said = parse(sentence.text)
        if said.view is None and not said.gastric_tube:
            yield sentence.text.removesuffix(".")


def _absent(findings: Sequence[StructuredFinding], sentences: Sequence[Sentence]) -> Iterator[str]:
    """Denied where draft and outlines both say so; not outlined where the draft is silent."""
    settled = {f.finding for f in findings if f.presence is Presence.ABSENT and f.agreed}
    denied = settled & denied_by(sentences)
    if Finding.PNEUMOPERITONEUM in denied:
        yield f"no {_DENIED[Finding.PNEUMOPERITONEUM]}"
    if others := [_DENIED[name] for name in ORDER[1:] if name in denied]:
        yield f"no {_either(others)}"
    if silent := settled - denied:
        yield f"{_both([_DENIED[name] for name in ORDER if name in silent])} not outlined"


def denied_by(sentences: Sequence[Sentence]) -> set[str]:
    """Findings that a standing sentence of the draft denies."""
    said = [fact for s in sentences if s.verdict != "struck" for fact in parse_findings(s.text)]
    return {str(fact.finding) for fact in said if fact.presence is Presence.ABSENT}


def _unseen(findings: Sequence[StructuredFinding], limits: FilmLimits) -> Iterator[str]:
    """What this view, or what of the child it shows, leaves open."""
    left = {f.finding for f in findings if f.presence is Presence.NOT_ASSESSED and f.certainty is None}
    levels, air = sign_within(Finding.AIR_FLUID_LEVEL), sign_within(Finding.PNEUMOPERITONEUM)
    if Finding.PNEUMOPERITONEUM in left and limits.is_horizontal_beam:
        yield f"{air} cannot be assessed: the domes of the diaphragm are not included"
        left.discard(Finding.PNEUMOPERITONEUM)
    clauses = [f"{levels} cannot be assessed"] * (Finding.AIR_FLUID_LEVEL in left)
    clauses += [f"{air} cannot be excluded"] * (Finding.PNEUMOPERITONEUM in left)
    if clauses:
        yield f"{' and '.join(clauses)} on this view"


def _either(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _both(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
