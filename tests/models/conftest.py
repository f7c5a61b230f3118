"""A normal film that findings are put into, and what lies where in it."""

import numpy as np
import pytest

from pedaxr_models.labels import NORMAL, View
from pedaxr_models.pasting.structures import structures_from_channels
from pedaxr_models.phantom.film import PhantomFilm, make_film
from pedaxr_models.phantom.spec import FilmSpec


@pytest.fixture(scope="module")
def background() -> PhantomFilm:
    film = make_film(FilmSpec(seed=3, index=4, view=View.ERECT, age_months=40.0))
    assert film.label == NORMAL
    return film


@pytest.fixture(scope="module")
def structures(background: PhantomFilm) -> dict[str, np.ndarray]:
    return structures_from_channels(background.pixels, background.masks)
