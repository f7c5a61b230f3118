"""What the reader of a draft must be warned of: disagreement, implausibility, low confidence."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from pedaxr.types import Region, Sentence, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, NORMAL, TERMS, Finding, View, sign, sign_within
from pedaxr_models.plausibility import ADULT_MONTHS, cannot_show, is_pyloric_age

if TYPE_CHECKING:
    from pedaxr.reading.operating_points import OperatingPoints
    from pedaxr_models.datasets.film import FilmMetadata

_LOOK_NOW = "have a qualified person look now; a left lateral decubitus or erect view may decide."


def flags_of(
    sentences: Sequence[Sentence],
    findings: Sequence[StructuredFinding],
    regions: Sequence[Region],
    metadata: "FilmMetadata",
    points: "OperatingPoints",
    probabilities: Mapping[Finding, float],
) -> list[str]:
    """All warnings, the gravest kind first."""
    not_excluded = {
        finding
        for finding in FINDINGS
        if probabilities.get(finding, 0.0) >= points.not_excluded.get(finding, 1.0)
    }
    flags = _disagreements(sentences, findings)
    flags += _diagnosis_flags(findings, metadata.working_diagnosis, not_excluded)
    flags += _plausibility_flags(findings, regions, metadata)
    sure, name = least_sure(probabilities, regions, metadata.view)
    if sure < points.least_confidence:
        confidence = points.confidence(sure)
        flags.append(f"Low confidence ({confidence:.2f}), least of all in {sign_within(name)}.")
    return flags


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
    findings: Sequence[StructuredFinding], probability: float, faint: float, points: "OperatingPoints"
) -> list[str]:
    """Why free air is suspected that is not outlined, if it is.

    The points were chosen for sensitivity: a missed perforation costs most, a second look little.

    Args:
        findings: as both witnesses leave them.
        probability: the report writer's, of free air.
        faint: how near the segmentation comes to outlining it, of `Reading.faint_free_air`.
        points: in use.
    """
    air = next(f for f in findings if f.finding == Finding.PNEUMOPERITONEUM)
    if air.presence is Presence.PRESENT:
        return []
    if probability >= points.free_air_suspicion or not air.agreed:
        return [f"Free air is suspected by the reader but not outlined: {_LOOK_NOW}"]
    if faint >= points.faint_free_air:
        return [f"Free air is outlined faintly, below its threshold: {_LOOK_NOW}"]
    return []


def _disagreements(sentences: Sequence[Sentence], findings: Sequence[StructuredFinding]) -> list[str]:
    """Each marked sentence; then the findings that shared such a sentence and are disputed as well."""
    marked = [s for s in sentences if s.verdict in ("hedged", "struck", "missing") and s.finding]
    named = {s.finding for s in marked}
    rest = [f.finding for f in findings if not f.agreed and f.finding not in named]
    return [
        *(f"{sign(str(s.finding))}: sentence {s.verdict}, as {s.reason}." for s in marked),
        *(f"{sign(name)}: the two witnesses disagree." for name in rest),
    ]


def _diagnosis_flags(
    findings: Sequence[StructuredFinding], diagnosis: str | None, not_excluded: Collection[str]
) -> list[str]:
    """A supplied diagnosis is context: the findings follow the film, and the difference is said.

    How firmly, depends on both witnesses: a finding that one of them doubts neither carries a diagnosis nor
    excludes it.
    """
    if diagnosis is None or diagnosis not in TERMS:
        return []
    present = [f for f in findings if f.presence is Presence.PRESENT]
    names = ", ".join(sign_within(f.finding) for f in present)
    seen = f"the film shows {names}" if present else "nothing was outlined"
    supplied = f"The supplied working diagnosis, {TERMS[diagnosis].english},"
    if diagnosis == NORMAL:
        if present and not any(f.agreed for f in present):
            return [f"{supplied} is not supported, but what was outlined is in doubt: {names}."]
        return [f"{supplied} is not supported: {seen}."] if present else []
    found = next(f for f in findings if f.finding == diagnosis)
    if found.presence is Presence.PRESENT:
        return [] if found.agreed else [f"{supplied} is supported in doubt only: the two witnesses differ."]
    if found.presence is Presence.NOT_ASSESSED:
        return [f"{supplied} cannot be judged on this view."]
    if diagnosis in not_excluded:
        return [
            f"{supplied} is not supported by the outlines, but the report writer does not exclude it: {seen}."
        ]
    return [f"{supplied} is not supported by the film: {seen}."]


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
    if metadata.age_months is not None and metadata.age_months >= ADULT_MONTHS:
        flags.append("The age is 18 years or more: the networks know films of children only.")
    if any(cannot_show(Finding(region.name), metadata.view) for region in regions):
        flags.append("Air-fluid levels are outlined on a film said to be supine: check the view.")
    if metadata.view is None:
        flags.append("The view is not known: air-fluid levels and free air cannot be excluded.")
    return flags


def view_name(view: View | None) -> str:
    """As printed in a report."""
    return view.value.replace("_", " ") if view else "view not stated"
