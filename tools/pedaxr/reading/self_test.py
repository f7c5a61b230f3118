"""The networks read a film whose answer is known: that they load does not show that they still see.

The film is made by `pedaxr_models.phantom`, the same every time: a child of 80 months, erect, with much free
air under the diaphragm; for tubes, one of three months with a gastric tube. The answer expected is coarse, so
that it holds for any weights worth shipping.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pedaxr.clinic.integrity import Check
from pedaxr.errors import ModelUnavailable
from pedaxr.reading import networks as models
from pedaxr_models.labels import CHANNELS, Finding, View

if TYPE_CHECKING:
    from pedaxr_models.phantom.film import PhantomFilm

_SHOWN = Finding.PNEUMOPERITONEUM
_LEAST_OVERLAP = 0.4  # Dice of the outlined and the true area; 0.6 to 0.9 with sound weights
_LEAST_PROBABILITY = 0.5


def check_networks() -> list[Check]:
    """Each network against its golden film; one that cannot be loaded does not keep the others from it."""
    return [
        _check("segmentation", _segmentation_fault),
        _check("captioner", _captioner_fault),
        _check("tubes", _tubes_fault),
    ]


def require_sight() -> None:
    """Raises ModelUnavailable where a network does not load or gets the golden film wrong."""
    models.segmenter()
    models.reporter()
    models.tube_finder()
    for check in check_networks():
        if not check.is_good:
            raise ModelUnavailable(f"The network '{check.name}' failed its test: {check.faults[0]}.")


def _check(name: str, fault_of: "Callable[[PhantomFilm], str | None]") -> Check:
    try:
        fault = fault_of(_golden())
    except ModelUnavailable as err:
        fault = str(err)
    return Check(name, 1, (fault,) if fault else ())


@cache
def _golden() -> "PhantomFilm":
    from pedaxr_models.phantom import make_film
    from pedaxr_models.phantom.spec import FilmSpec

    return make_film(FilmSpec(977, 1, View.ERECT, 80.0, ((_SHOWN, 0.9),)))


def _pixels(film: "PhantomFilm") -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    return film.pixels.astype(np.float32) / np.float32(255)


def _segmentation_fault(film: "PhantomFilm") -> str | None:
    segmenter = models.segmenter()
    seen = segmenter.predict(_pixels(film))
    outlined = seen.probabilities[CHANNELS.index(_SHOWN)] >= segmenter.thresholds[_SHOWN]
    truth = seen.letterbox.apply(film.masks[_SHOWN].astype(np.float32)) >= 0.5
    overlap = 2 * (outlined & truth).sum() / max(1, outlined.sum() + truth.sum())
    if overlap < _LEAST_OVERLAP:
        return f"it outlines the free air of the golden film with an overlap of {overlap:.2f}"
    return None


def _captioner_fault(film: "PhantomFilm") -> str | None:
    seen = models.segmenter().predict(_pixels(film))
    told = models.reporter().describe(_pixels(film), seen, film.metadata)
    probability = told.probabilities.get(_SHOWN, 0.0)
    if not told.sentences or probability < _LEAST_PROBABILITY:
        return f"it gives the free air of the golden film a probability of {probability:.2f}"
    return None


def _tubes_fault(_: "PhantomFilm") -> str | None:
    from pedaxr_models.segmentation.transforms import frame_film

    if models.tube_finder().find(*frame_film(_pixels(_with_tube()))) is None:
        return "it sees no tube on the golden film with one"
    return None


@cache
def _with_tube() -> "PhantomFilm":
    from pedaxr_models.phantom import make_film
    from pedaxr_models.phantom.spec import FilmSpec

    return make_film(FilmSpec(977, 5, View.SUPINE, 3.0))
