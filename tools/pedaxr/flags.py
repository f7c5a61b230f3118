"""What the reader of a draft must be warned of: disagreement, implausibility, low confidence."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pedaxr.signs import sign, sign_within
from pedaxr.types import Region, Sentence, StructuredFinding
from pedaxr_models.captioning.facts import Presence
from pedaxr_models.labels import NORMAL, TERMS, Finding, View
from pedaxr_models.plausibility import cannot_show, is_pyloric_age

if TYPE_CHECKING:
    from pedaxr_models.datasets.film import FilmMetadata

LEAST_CONFIDENCE = 0.6
# The reader names free air from this probability on, even where nothing is outlined. Well below one half, for
# sensitivity: a missed perforation costs most, a second look little.
FREE_AIR_SUSPICION = 0.2


def flags_of(
    sentences: Sequence[Sentence],
    findings: Sequence[StructuredFinding],
    regions: Sequence[Region],
    metadata: "FilmMetadata",
    *,
    confidence: float,
) -> list[str]:
    """All warnings, the gravest kind first."""
    flags = [*_suspected_free_air(findings), *_disagreements(sentences, findings)]
    flags += _diagnosis_flags(findings, metadata.working_diagnosis)
    flags += _plausibility_flags(findings, regions, metadata)
    if confidence < LEAST_CONFIDENCE:
        flags.append(f"Low confidence: the draft's words have a mean probability of {confidence:.2f}.")
    return flags


def is_free_air_suspected(findings: Sequence[StructuredFinding]) -> bool:
    """Whether the reader sees free air that the segmentation does not outline."""
    air = next(f for f in findings if f.finding == Finding.PNEUMOPERITONEUM)
    return air.presence is not Presence.PRESENT and (air.probability >= FREE_AIR_SUSPICION or not air.agreed)


def _suspected_free_air(findings: Sequence[StructuredFinding]) -> list[str]:
    if not is_free_air_suspected(findings):
        return []
    return [
        "Free air is suspected by the reader but not outlined: have a qualified person look now; "
        "a left lateral decubitus or erect view may decide."
    ]


def _disagreements(sentences: Sequence[Sentence], findings: Sequence[StructuredFinding]) -> list[str]:
    """Each marked sentence; then the findings that shared such a sentence and are disputed as well."""
    marked = [s for s in sentences if s.verdict in ("hedged", "struck") and s.finding]
    named = {s.finding for s in marked}
    rest = [f.finding for f in findings if not f.agreed and f.finding not in named]
    return [
        *(f"{sign(str(s.finding))}: sentence {s.verdict}, as {s.reason}." for s in marked),
        *(f"{sign(name)}: the two witnesses disagree." for name in rest),
    ]


def _diagnosis_flags(findings: Sequence[StructuredFinding], diagnosis: str | None) -> list[str]:
    """A supplied diagnosis is context: the findings follow the film, and the difference is said."""
    if diagnosis is None or diagnosis not in TERMS:
        return []
    present = [sign_within(f.finding) for f in findings if f.presence is Presence.PRESENT]
    seen = f"the film shows {', '.join(present)}" if present else "nothing was outlined"
    name = TERMS[diagnosis].english
    if diagnosis == NORMAL:
        return [f"The supplied working diagnosis, {name}, is not supported: {seen}."] if present else []
    found = next(f for f in findings if f.finding == diagnosis)
    if found.presence is Presence.PRESENT:
        return []
    if found.presence is Presence.NOT_ASSESSED:
        return [f"The supplied working diagnosis, {name}, cannot be judged on this view."]
    return [f"The supplied working diagnosis, {name}, is not supported by the film: {seen}."]


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
    if any(cannot_show(Finding(region.name), metadata.view) for region in regions):
        flags.append("Air-fluid levels are outlined on a film said to be supine: check the view.")
    if metadata.view is None:
        flags.append("The view is not known: air-fluid levels and free air cannot be excluded.")
    return flags


def view_name(view: View | None) -> str:
    """As printed in a report."""
    return view.value.replace("_", " ") if view else "view not stated"
