"""Synthetic paediatric abdominal films: anatomy, contents, projection; exact masks, outlines and facts.

`sample_spec(seed, index)` says what a film shows, `make_film(spec)` makes it, `write_dataset` makes many.
"""

from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.phantom.film import PhantomFilm, make_film
from pedaxr_models.phantom.spec import FilmSpec, sample_spec

__all__ = ["FilmSpec", "PhantomFilm", "make_film", "sample_spec", "write_dataset"]
