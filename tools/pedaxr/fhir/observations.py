"""Findings and measures as Observations. What was not assessed has a reason for it, never a value."""

from collections.abc import Iterator
from typing import NamedTuple

from pedaxr.fhir.elements import ISSUER, TERMINOLOGY, Resource, concept, quantity, term
from pedaxr.types import NotAssessed, Report, StructuredFinding
from pedaxr_models.codes import (
    ABDOMEN,
    ABSENT,
    FINDING_CODES,
    NO_UNITS,
    PRESENT,
    QUADRANT_CODES,
    SUSPECTED,
    Code,
    measure_codes,
)
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, sign

_CATEGORY = {"coding": [term("observation-category", "imaging", "Imaging")]}
_WHY_NOT = {
    "view": ("unsupported", "This view can neither show nor exclude it."),
    "field": ("not-performed", "It lies outside the film."),
    "model": ("unsupported", "The networks were not trained for it."),
}
_NOT_LOOKED_AT = ("not-performed", "Not assessed on this film.")


class Observed(NamedTuple):
    """One Observation, without what all of a report share.

    Attributes:
        key: names it within the report.
        by_human: whether the human who signed said it.
    """

    key: str
    content: Resource
    by_human: bool = False


def observed(report: Report) -> Iterator[Observed]:
    """Every finding, what else was not assessed, and every measure that has a code."""
    why = {one.what: one for one in report.not_assessed}
    for finding in report.findings:
        yield Observed(
            finding.finding, _finding(finding, report, why.get(finding.finding)), bool(finding.signer)
        )
    for one in report.not_assessed:
        if one.what not in FINDINGS:
            yield Observed(one.what, {"code": {"text": one.what.replace("_", " ")}, **_absent(one)})
    for key, value in report.measures.items():
        if (how := measure_codes(key)) is not None:
            measured = {
                "code": concept(how.name, key),
                "bodySite": concept(how.site),
                "valueQuantity": quantity(value, how.unit),
            }
            yield Observed(key, measured)


def category() -> list[Resource]:
    """Of all Observations of a film."""
    return [_CATEGORY]


def observation_identifier(report: Report, key: str) -> Resource:
    """Of one Observation of a version."""
    return {"system": ISSUER, "value": f"{report.report_id}/{report.version}/{key}"}


def _finding(finding: StructuredFinding, report: Report, why: NotAssessed | None) -> Resource:
    places = [QUADRANT_CODES[name] for name in finding.quadrants]
    presence = presence_value(finding)
    content: Resource = {
        "code": concept(FINDING_CODES[finding.finding], sign(finding.finding)),
        "bodySite": concept(places[0] if len(places) == 1 else ABDOMEN, ", ".join(finding.quadrants) or None),
    }
    content |= {"valueCodeableConcept": concept(presence)} if presence else _absent(why)
    if finding.finding in report.critical:
        critical = term("v3-ObservationInterpretation", "AA", "Critical abnormal")
        content["interpretation"] = [{"coding": [critical]}]
    if finding.probability is not None:
        content["component"] = [
            {
                "code": {"text": "probability by the report writer"},
                "valueQuantity": quantity(round(finding.probability, 4), NO_UNITS),
            }
        ]
    return content


def presence_value(finding: StructuredFinding) -> Code | None:
    """What the report says of a finding, the human who signed last; None where it was not assessed."""
    if finding.signer is not None:
        return PRESENT if finding.signer == "affirms" else ABSENT
    if finding.certainty in ("in_doubt", "suspected"):
        return SUSPECTED
    return {Presence.PRESENT: PRESENT, Presence.ABSENT: ABSENT}.get(finding.presence)


def _absent(why: NotAssessed | None) -> Resource:
    code, text = _WHY_NOT[why.reason] if why else _NOT_LOOKED_AT
    return {
        "dataAbsentReason": {
            "coding": [{"system": f"{TERMINOLOGY}/data-absent-reason", "code": code}],
            "text": text,
        }
    }
