"""A settled finding as the grammar's fact, with its place said once."""

from collections.abc import Sequence

from pedaxr.types import StructuredFinding
from pedaxr_models.facts import FindingFact, Presence, Quadrant, Side
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.grammar import fill
from pedaxr_models.report_text.wordings import wordings

ONE_SIDED = (Side.RIGHT, Side.LEFT)


def placed(finding: StructuredFinding) -> FindingFact:
    """Present, by its quadrants; the side only where no quadrant is known, and never twice.

    "On both sides in the left upper quadrant" is what two rules give for a stomach that crosses the midline:
    one of them is enough. What is in doubt has no grade.
    """
    quadrants = tuple(quadrant for quadrant in Quadrant if quadrant.value in finding.quadrants)
    return FindingFact(
        Finding(finding.finding),
        Presence.PRESENT,
        finding.severity if finding.agreed else None,
        None if quadrants else finding.side,
        quadrants,
        finding.count,
        is_hedged=not finding.agreed,
    )


def where_text(quadrants: Sequence[str]) -> str:
    """`in the right upper and left upper quadrants`; empty of none."""
    known = tuple(quadrant for quadrant in Quadrant if quadrant.value in quadrants)
    return fill(
        "{where}", FindingFact(Finding.CONSTIPATION, Presence.PRESENT, quadrants=known), wordings("en")
    )
