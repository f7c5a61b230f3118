"""Here every film is made: what makes them is tested."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module", autouse=True)
def _no_film_of_another_test(made_films: Any) -> Iterator[None]:
    with made_films.forgotten():
        yield
