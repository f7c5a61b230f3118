"""Tests of properties count examples, never seconds: beside a training the drawing of one takes .2 s."""

from hypothesis import HealthCheck, settings


def is_timed(used: settings) -> bool:
    return used.deadline is not None or HealthCheck.too_slow not in used.suppress_health_check


def test_a_property_has_the_time_that_it_needs() -> None:
    assert not is_timed(settings.default)
    assert is_timed(settings(settings.default, deadline=200)), "control"
