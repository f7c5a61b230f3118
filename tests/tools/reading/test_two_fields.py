"""Two exposed fields in one picture: refused before a network chooses one of them."""

import numpy as np
import pytest

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.reading.second_look import refuse_two_fields
from pedaxr_models.phantom.film import make_film
from pedaxr_models.phantom.spec import sample_spec

SURROUND = 0.05


def plate(rows: slice, columns: slice, grey: float = 0.6, shape: tuple[int, int] = (400, 800)) -> np.ndarray:
    """A grainy field on an even ground."""
    film = np.full(shape, SURROUND, np.float32)
    film[rows, columns] = grey
    grain = np.random.default_rng(0).normal(0, 0.06, shape)
    return np.where(film == SURROUND, film, film + grain).astype(np.float32)


def screenshot(panel: float) -> np.ndarray:
    """A viewer with a film on the left and a panel of words on the right."""
    film = plate(slice(20, 380), slice(20, 400))
    film[:, 440:] = panel
    for row in range(30, 380, 24):
        film[row : row + 8, 460:700:3] = 1 - panel
    return film


def test_two_fields_side_by_side_or_one_above_the_other_are_refused() -> None:
    both = np.maximum(plate(slice(40, 360), slice(50, 330)), plate(slice(60, 340), slice(450, 740), 0.35))
    for picture in (both, both.T, both[::-1, ::-1]):
        with pytest.raises(NotAnAbdominalFilm, match="Export each film on its own"):
            refuse_two_fields(picture)


@pytest.mark.parametrize(
    "film",
    [
        plate(slice(40, 360), slice(50, 330)),
        plate(slice(40, 360), slice(50, 750)),
        np.maximum(
            plate(slice(40, 360), slice(50, 330)), plate(slice(300, 340), slice(450, 600))
        ),  # a marker
        np.maximum(plate(slice(40, 360), slice(50, 330)), plate(slice(20, 380), slice(350, 360))),  # a ruler
        np.full((400, 800), 0.5, np.float32),
        screenshot(0.9),
        screenshot(0.45),
        plate(slice(40, 360), slice(50, 330), shape=(400, 400)),
    ],
    ids=[
        "one beside nothing",
        "one long one",
        "a label",
        "an edge",
        "all grey",
        "a pale panel",
        "a grey panel",
        "not long",
    ],
)
def test_one_field_is_one_film(film: np.ndarray) -> None:
    refuse_two_fields(film)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_film_alone_is_never_two_however_wide_its_surround_and_two_are(seed: int) -> None:
    film = make_film(sample_spec(seed, 0)).pixels.astype(np.float32) / 255
    width = film.shape[1]
    for wide in (film, film.T, np.pad(film, ((0, 0), (width // 2, width // 2)), constant_values=SURROUND)):
        refuse_two_fields(wide)
    gap = np.full((film.shape[0], width // 6), SURROUND, np.float32)
    with pytest.raises(NotAnAbdominalFilm):
        refuse_two_fields(np.hstack([film, gap, film[:, ::-1]]))
