"""What the reader of a draft must be warned of, in a clinician's words: one flag for each disagreement."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from pedaxr.reports.context_sentences import GAS_BESIDE_LEVELS, OTHER_VIEW
from pedaxr.reports.grounding import DRAFT_SAYS
from pedaxr.reports.recommendations import other_views
from pedaxr.types import Region, Sentence, StructuredFinding, Supplied
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, NORMAL, TERMS, URGENCY, Finding, View, sign, sign_within
from pedaxr_models.plausibility import ADULT_MONTHS, cannot_show, is_pyloric_age

if TYPE_CHECKING:
    from pedaxr.reading.operating_points import OperatingPoints
    from pedaxr.reading.read_film import Reading
    from pedaxr_models.datasets.film import FilmMetadata

_AIR = Finding.PNEUMOPERITONEUM
SURE_ALONE = 0.85  # from this probability it needs no trace in the outlines
VIEW_CONTRADICTED = "Air-fluid levels are outlined on a film said to be supine: check the view."
AFFIRMED = 0.5  # from this probability the report writer's own finding of free air is heard in any case


def flags_of(
    sentences: Sequence[Sentence],
    findings: Sequence[StructuredFinding],
    reading: "Reading",
    probabilities: Mapping[Finding, float],
    points: "OperatingPoints",
    diagnoses: Sequence[Supplied] = (),
) -> list[str]:
    """All warnings, the gravest kind first."""
    not_excluded = {
        finding
        for finding in FINDINGS
        if probabilities.get(finding, 0.0) >= points.not_excluded.get(finding, 1.0)
    }
    metadata, regions = reading.metadata, reading.findings
    lying = impossible_on(metadata.view, regions)
    flags = _disagreements(sentences, [f for f in findings if f.finding not in lying])
    for diagnosis in diagnoses or _of_metadata(metadata.working_diagnosis):
        flags += _diagnosis_flags(findings, diagnosis, not_excluded)
    flags += _plausibility_flags(findings, regions, metadata)
    sure, name = least_sure(probabilities, regions, metadata.view)
    if sure < points.least_confidence:
        flags.append(f"Low confidence, least of all in {sign_within(name)}.")
    return flags


def _of_metadata(diagnosis: str | None) -> list[Supplied]:
    return [Supplied(text=diagnosis, source="request")] if diagnosis else []


def least_sure(
    probabilities: Mapping[Finding, float], regions: Sequence[Region], view: View | None
) -> tuple[float, str]:
    """How sure both witnesses are of the finding they are least sure of, 0 to 1, and which that is.

    Of an outlined finding the lesser of the reader's probability and the outline's; of another what the
    reader gives to its absence. The probabilities of a draft's words do not tell right from wrong; this does.
    """
    outlined = {region.name: region.confidence for region in regions}
    given = {finding: probabilities.get(finding, 0.0) for finding in FINDINGS}
    sure = [
        (min(given[f], outlined[f]) if f in outlined else 1 - given[f], f.value)
        for f in FINDINGS
        if not cannot_show(f, view)
    ]
    return min(sure)


def suspicion_of_free_air(
    drafted: Sequence[str],
    reading: "Reading",
    probabilities: Mapping[Finding, float],
    points: "OperatingPoints",
    *,
    is_drawn_by_hand: bool = False,
) -> list[str]:
    """Why free air is suspected that is not outlined, if it is.

    The points were chosen for sensitivity: a missed perforation costs most, a second look little.

    Args:
        drafted: the draft's sentences.
        reading: of the film.
        probabilities: the report writer's.
        points: in use.
        is_drawn_by_hand: a human has outlined it.
    """
    from pedaxr_models.report_text.parser import parse_findings

    if any(region.name == _AIR for region in reading.findings):
        return []
    if is_drawn_by_hand:
        return [f"{sign(_AIR)} is drawn by hand but not outlined by the network: {_look(reading)}"]
    chance, look = probabilities.get(_AIR, 0.0), _look(reading)
    said = [fact for text in drafted for fact in parse_findings(text) if fact.finding is _AIR]
    is_named = any(fact.presence is Presence.PRESENT for fact in said)
    least = points.free_air_trace if is_named else points.free_air_trace_unnamed
    if not (is_named and chance >= SURE_ALONE) and reading.faint_free_air < least:
        return []  # on real films the writer suspects much of which the segmentation sees no trace
    if is_named:
        return [f"{sign(_AIR)} is named by the draft but not outlined: {look}"]
    if chance < AFFIRMED and reading.counted.has_left_out(_AIR):
        chance = 0.0  # the writer is shown the outlines: it faintly suspects the one that does not count
    if chance >= points.free_air_suspicion:
        return [f"{sign(_AIR)} is suspected by the report writer but not outlined: {look}"]
    if reading.faint_free_air >= points.faint_free_air:
        return [f"{sign(_AIR)} is outlined faintly, below its threshold: {look}"]
    return []


def _look(reading: "Reading") -> str:
    return f"have a qualified person look now; {other_views(reading.metadata.view)} may decide."


def _disagreements(sentences: Sequence[Sentence], findings: Sequence[StructuredFinding]) -> list[str]:
    """One flag for each finding on which the draft and the outlines differ, the most urgent first."""
    by_name = {Finding(f.finding): f for f in findings}
    flags = [_disagreement(by_name[finding], sentences) for finding in URGENCY if finding in by_name]
    for sentence in sentences:
        if sentence.reason == OTHER_VIEW:
            flags.append("The draft names another view than the one registered: check the view.")
        if sentence.reason == GAS_BESIDE_LEVELS:
            flags.append("Distal bowel gas: the draft calls it normal beside air-fluid levels. Look.")
    return [flag for flag in flags if flag]


def _disagreement(finding: StructuredFinding, sentences: Sequence[Sentence]) -> str:
    """In a clinician's words; empty where both say the same. A suspicion has a flag of its own."""
    if finding.certainty == "suspected":
        return ""
    told = [s for s in sentences if s.finding == finding.finding]
    name = sign(finding.finding)
    if finding.presence is Presence.PRESENT:
        return _about_outlined(name, finding, told)
    if any(s.verdict == "struck" and _affirms(s, finding.finding) for s in told):
        return f"{name}: named by the draft, but nothing is outlined. Look."
    if finding.presence is Presence.ABSENT and not finding.agreed:
        return f"{name}: not outlined, but the report writer speaks for it. Look."
    return ""


def _about_outlined(name: str, finding: StructuredFinding, told: Sequence[Sentence]) -> str:
    where = f" in the {' and '.join(finding.quadrants)}" if finding.quadrants else ""
    if any(s.verdict == "missing" for s in told):
        if any(s.verdict == "struck" for s in told):
            return f"{name}: the draft said there is none, but it is outlined{where}. Look."
        return f"{name}: outlined{where}, but the draft does not mention it. Look."
    reasons = [s.reason for s in told if s.verdict == "hedged" and s.reason]
    reasons += [s.reason for s in told if s.reason and s.reason.startswith(DRAFT_SAYS)]
    if reasons:
        return f"{name}: {reasons[0]}. Look."
    return "" if finding.agreed else f"{name}: outlined, but the draft and the outline differ. Look."


def _affirms(sentence: Sentence, finding: str) -> bool:
    from pedaxr_models.report_text.parser import parse_findings

    said = [fact for fact in parse_findings(sentence.text) if fact.finding == finding]
    return any(fact.presence is Presence.PRESENT for fact in said)


def _diagnosis_flags(
    findings: Sequence[StructuredFinding], supplied: Supplied, not_excluded: Collection[str]
) -> list[str]:
    """A supplied diagnosis is context: the findings follow the film, and the difference is said.

    How firmly, depends on both witnesses: a finding that one of them doubts neither carries a diagnosis nor
    excludes it.
    """
    diagnosis = supplied.text
    if diagnosis not in TERMS:
        return []
    present = [f for f in findings if f.presence is Presence.PRESENT]
    names = ", ".join(sign_within(f.finding) for f in present)
    seen = f"the film shows {names}" if present else "nothing is outlined"
    whose = (
        "working diagnosis on the request" if supplied.source == "request" else "supplied working diagnosis"
    )
    opening = f"The {whose}, {TERMS[diagnosis].english},"
    if diagnosis == NORMAL:
        if present and not any(f.agreed for f in present):
            return [f"{opening} is not supported, but what is outlined is in doubt: {names}."]
        return [f"{opening} is not supported: {seen}."] if present else []
    answer = _answer(next(f for f in findings if f.finding == diagnosis), diagnosis in not_excluded, seen)
    if not answer:
        return []
    beyond = f" {_PYLORUS}" if diagnosis == Finding.PYLORIC_STENOSIS else ""
    return [f"{opening} {answer}{beyond}"]


_PYLORUS = "A film neither shows nor excludes it; ultrasound does."


def _answer(found: StructuredFinding, is_not_excluded: bool, seen: str) -> str:
    if found.presence is Presence.PRESENT:
        return "" if found.agreed else "is supported in doubt only: the draft and the outline differ."
    if found.certainty == "suspected":
        return "is suspected, but nothing of it is outlined."
    if found.presence is Presence.NOT_ASSESSED:
        return "cannot be judged on this film."
    if is_not_excluded:
        return f"is not supported by the outlines, but the report writer does not exclude it: {seen}."
    return f"is not supported by the film: {seen}."


def _plausibility_flags(
    findings: Sequence[StructuredFinding], regions: Sequence[Region], metadata: "FilmMetadata"
) -> list[str]:
    flags = []
    stenosis = next(f for f in findings if f.finding == Finding.PYLORIC_STENOSIS)
    if stenosis.presence is Presence.PRESENT:
        if metadata.age_months is None:
            flags.append("Pyloric stenosis is a diagnosis of 2 to 12 weeks; the age is not known.")
        elif not is_pyloric_age(metadata.age_months):
            flags.append("Pyloric stenosis is unusual at this age (2 to 12 weeks): consider other causes.")
    flags += outline_flags(regions, view=metadata.view, age_months=metadata.age_months)
    if metadata.view is None:
        flags.append(unknown_view({f.finding for f in findings if f.certainty}))
    return flags


def unknown_view(named: Collection[str]) -> str:
    """What no film without a stated view excludes, but for what this one shows: nobody is to doubt that."""
    left = " and ".join(sign_within(f) for f in (Finding.AIR_FLUID_LEVEL, _AIR) if f not in named)
    return f"The view is not known: {left} cannot be excluded." if left else "The view is not known."


def outline_flags(regions: Sequence[Region], *, view: View | None, age_months: float | None) -> list[str]:
    """What to check of outlines alone, before there is a report: the age of an adult, levels lying down."""
    flags = []
    if age_months is not None and age_months >= ADULT_MONTHS:
        flags.append("The age is 18 years or more: the networks know films of children only.")
    if impossible_on(view, regions):
        flags.append(VIEW_CONTRADICTED)
    return flags


def impossible_on(view: View | None, regions: Sequence[Region]) -> set[str]:
    """What is outlined and no film of that view can show: the outlines or the view are wrong."""
    outlined = {region.name for region in regions}
    return {finding.value for finding in FINDINGS if finding in outlined and cannot_show(finding, view)}


def view_name(view: View | None) -> str:
    """As printed in a report."""
    return view.value.replace("_", " ") if view else "view not stated"
