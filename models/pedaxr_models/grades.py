"""From which extent a finding is moderate or marked, and how stool and distal gas are graded.

One place for synthetic films, whose facts are graded by it, and for reports, which grade what is measured on
the outlines. Extents are in lumbar pitches or square pitches; the width of the second lumbar body, which is
what a film shows, is within a tenth of the pitch from birth to 16 years. No clinical scale is meant: the
limits divide synthetic films with a finding into three about equal parts.
"""

from collections.abc import Mapping

from pedaxr_models.facts import DistalGas, Severity
from pedaxr_models.labels import Finding, View

# Calibre of the stomach, number of levels, calibre of the widest loop, area of stool, area of free air.
GRADES: Mapping[Finding, tuple[float, float]] = {
    Finding.PYLORIC_STENOSIS: (2.75, 3.05),
    Finding.AIR_FLUID_LEVEL: (4.5, 6.5),
    Finding.ABDOMINAL_DISTENSION: (1.65, 1.95),
    Finding.CONSTIPATION: (15.5, 21.0),
    Finding.PNEUMOPERITONEUM: (1.2, 2.6),
}
POOLED_AIR_GRADES = (8.5, 14.0)  # a pool of gas seen face on, supine
STOOL_PARTS = ("right_colon", "left_colon", "rectosigmoid")
STOOL_GRADES = (0.4, 3.0, 7.0)  # area of stool in one part of the colon: mild, moderate, marked
_SCANT_GAS, _NORMAL_GAS = 0.25, 2.5  # area of gas beyond the stomach


def limits_of(finding: Finding, view: View | None) -> tuple[float, float]:
    """Extents from which a finding is moderate, and marked."""
    is_pool = finding is Finding.PNEUMOPERITONEUM and view is View.SUPINE
    return POOLED_AIR_GRADES if is_pool else GRADES[finding]


def severity_of(finding: Finding, extent: float, view: View | None) -> Severity:
    """Grade of an extent."""
    moderate, marked = limits_of(finding, view)
    return Severity.MILD if extent < moderate else Severity.MODERATE if extent < marked else Severity.MARKED


def stool_grade_of(area: float) -> int:
    """Stool in one part of the colon: 0 none, 1 mild, 2 moderate, 3 marked."""
    return sum(area >= limit for limit in STOOL_GRADES)


def distal_gas_of(area: float) -> DistalGas:
    """Gas beyond the stomach."""
    if area < _SCANT_GAS:
        return DistalGas.ABSENT
    return DistalGas.SCANT if area < _NORMAL_GAS else DistalGas.NORMAL
