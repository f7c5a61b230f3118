"""For tests that compare two makings of one film: what another test of the run has made is not taken."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def every_film_made_anew(made_films: Any) -> Iterator[None]:
    with made_films.forgotten():
        yield
