"""The short table of what a report may recommend."""

from pedaxr.reports.recommendations import HORIZONTAL_BEAM, NO_FINDING, RECOMMENDATIONS
from pedaxr_models.labels import FINDINGS


def test_every_recommendation_names_its_source() -> None:
    for step in [*RECOMMENDATIONS.values(), HORIZONTAL_BEAM, NO_FINDING]:
        assert step.source and str(step).endswith(f"[{step.source}]")
    assert set(RECOMMENDATIONS) == set(FINDINGS)
