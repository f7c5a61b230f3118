"""What the tests of training commands share."""

import pytest

from pedaxr_models.captioning import inputs


@pytest.fixture
def few_pictures_that_are_no_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four pictures that are no films instead of sixty-four: these tests are of commands, not of weights."""
    monkeypatch.setattr(inputs, "_OOD_IMAGES", 4)
