"""A film that another test made is the film that would be made."""

from typing import Any

import numpy as np

from pedaxr_models.phantom import make_film, sample_spec


def test_a_film_that_was_kept_is_the_one_that_was_made(made_films: Any) -> None:
    for index in (0, 5):
        spec = sample_spec(31, index)
        with made_films.forgotten():
            made = make_film(spec)
        first, kept = make_film(spec), make_film(spec)
        assert kept is not first, "nobody draws in another's film"
        for film in (first, kept):
            assert np.array_equal(film.pixels, made.pixels) and np.array_equal(film.exposed, made.exposed)
            assert film.masks.keys() == made.masks.keys() and film.polygons.keys() == made.polygons.keys()
            assert all(np.array_equal(film.masks[name], made.masks[name]) for name in made.masks)
            assert all(
                np.array_equal(one, other)
                for finding, pieces in made.polygons.items()
                for one, other in zip(film.polygons[finding], pieces, strict=True)
            )
            assert (film.facts, film.measures, film.metadata) == (made.facts, made.measures, made.metadata)
    assert not np.array_equal(make_film(sample_spec(31, 1)).pixels, made.pixels)
