"""What a view can show and at what age a finding is expected: the one place these rules are kept."""

from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, Finding, View

# Two to twelve weeks, in months: outside it the distended stomach is still reported, and remarked on.
PYLORIC_AGE_MONTHS = (0.46, 2.8)
ADULT_MONTHS = 216.0


def is_pyloric_age(age_months: float) -> bool:
    """Whether hypertrophic pyloric stenosis is usual at that age."""
    return PYLORIC_AGE_MONTHS[0] <= age_months <= PYLORIC_AGE_MONTHS[1]


def is_blind(finding: Finding, view: View | None) -> bool:
    """Whether a film of that view cannot exclude the finding; an unknown view is taken as supine."""
    hides = finding in (Finding.AIR_FLUID_LEVEL, Finding.PNEUMOPERITONEUM)
    return hides and view not in HORIZONTAL_BEAM_VIEWS


def cannot_show(finding: Finding, view: View | None) -> bool:
    """Whether a film of that view cannot show the finding at all: levels lie across a vertical beam."""
    return finding is Finding.AIR_FLUID_LEVEL and view is not None and view not in HORIZONTAL_BEAM_VIEWS
