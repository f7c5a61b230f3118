"""How often the tubes of films are seen, and how often a line is taken for one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.partial_truth import PartialFilm
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.segmentation.transforms import frame_film
from pedaxr_models.tubes.finder import TubeFinder
from pedaxr_models.tubes.follow import follow


@dataclass(frozen=True)
class TubeCall:
    """One film.

    Attributes:
        has_tube: what the film shows, by its facts.
        length: sure length of the line that is seen, however short; 0: none.
    """

    has_tube: bool
    length: float


def call_films(finder: TubeFinder, films: Sequence[Film]) -> list[TubeCall]:
    """Of the films whose facts are known."""
    return [
        TubeCall(film.facts.gastric_tube, _longest(finder, film.image_path))
        for film in films
        if film.facts is not None
    ]


def call_real(finder: TubeFinder, films: Sequence[PartialFilm], with_tube: Collection[str]) -> list[TubeCall]:
    """Of real films, of which those with the ids `with_tube` show one."""
    return [TubeCall(film.id in with_tube, _longest(finder, film.image_path)) for film in films]


def _longest(finder: TubeFinder, picture: Path) -> float:
    seen = follow(finder.probabilities(*frame_film(read_pixels(picture))), shortest=0.0)
    return seen.sure_length if seen else 0.0


def seen_and_false(calls: Sequence[TubeCall], shortest: float) -> tuple[int, int, int, int]:
    """Tubes seen, of how many; films without one on which one is seen, of how many."""
    true = [call.length >= shortest for call in calls if call.has_tube]
    false = [call.length >= shortest for call in calls if not call.has_tube]
    return sum(true), len(true), sum(false), len(false)


def choose_shortest(calls: Sequence[TubeCall], *, most_false: float = 0.025) -> float:
    """The least length at which at most that share of the films without a tube is said to have one."""
    without = sorted((call.length for call in calls if not call.has_tube), reverse=True)
    allowed = int(most_false * len(without))
    limit = without[allowed] if allowed < len(without) else 0.0
    return round(limit + 0.1, 1)


def in_words(calls: Sequence[TubeCall], shortest: float) -> dict[str, object]:
    """For a checkpoint's metrics.json."""
    seen, tubes, false, without = seen_and_false(calls, shortest)
    return {
        "shortest": shortest,
        "tubes_seen": f"{seen} of {tubes}",
        "false": f"{false} of {without}",
    }
