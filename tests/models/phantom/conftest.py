"""For tests that compare two makings of one film: what another test of the run has made is not taken."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def every_film_made_anew(made_films: Any) -> Iterator[None]:
    with made_films.forgotten():
        yield


@pytest.fixture
def no_bones_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """But the spine: a third of the time of a child. Gut and free air have random streams of their own."""
    for name in ("build_ribs", "build_pelvis", "build_femora", "build_arms"):
        monkeypatch.setattr(f"pedaxr_models.phantom.child.{name}", lambda *_: None)
