"""Choose the limits for rejecting or doubting a picture, so that hardly any good film is affected."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pedaxr.errors import NotAnAbdominalFilm, UnreadableImage
from pedaxr.evaluation.choose_hanging import HungTwice, choose_second_looks
from pedaxr.reading.ood_score import Table, figures_of, oddness, surprise_table
from pedaxr.reading.operating_points import OperatingPoints, using
from pedaxr.reading.quality import colon_share, measures_of, spine_offset, sureness
from pedaxr.reading.read_film import Reading, Source, read_film

Progress = Callable[[int, int], None]

# Nothing is refused, doubted or hedged but by the network itself: what the rules begin from.
OPEN = OperatingPoints(0.0, 0.0, 1.0, 1.0, 1.0, 0.0, {})
MOST_DOUBTED = 0.005
MOST_OUTLYING = 0.0025
REFUSAL_MARGIN = 0.02
# Of pictures that are only known to be good: few, and from the world, so that one odd one decides nothing.
MOST_PICTURES_LOST = 0.05
_STEPS = 1000  # to one


@dataclass(frozen=True)
class GoodPicture:
    """What the gate looks at of a good film, whatever else is known of it: see `quality`, `second_look`.

    Attributes:
        figures: of `ood_score.figures_of`.
    """

    sureness: float
    spine_offset: float
    colon_share: float
    measures: Mapping[str, float]
    hung: HungTwice | None
    figures: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, reading: Reading) -> "GoodPicture":
        """What the gate looks at on one film that was read."""
        regions = reading.outlines.read_regions
        return cls(
            sureness(regions),
            spine_offset(regions),
            colon_share(regions),
            measures_of(regions),
            HungTwice.of(reading.outlines.looks),
            figures_of(reading.segmentation),
        )


@dataclass(frozen=True)
class GatePoints:
    """Those of the operating points by which a picture is refused or doubted, by their names."""

    doubted_below: float
    refused_below: float
    spine_off_centre: float
    largest_colon: float
    usual: Mapping[str, Table]
    largest_oddness: float
    turned_looked_from: float
    turned_surer_by: float
    mirrored_looked_from: float
    mirrored_surer_by: float


def look_at_pictures(paths: Sequence[Path], progress: Progress | None = None) -> list[GoodPicture]:
    """Those of the pictures that are read at all, with no operating point between.

    Raises:
        ModelUnavailable: there are no usable segmentation weights.
    """
    seen = []
    for number, path in enumerate(paths, 1):
        with suppress(NotAnAbdominalFilm, UnreadableImage), using(OPEN):
            seen.append(GoodPicture.of(read_film(Source(path))))
        if progress is not None:
            progress(number, len(paths))
    return seen


def choose_gate(
    sets: Mapping[str, Sequence[GoodPicture]], pictures: Sequence[GoodPicture] = ()
) -> GatePoints:
    """The points that the rules give.

    Args:
        sets: by name, validation films; each set alone keeps to the rules on good films.
        pictures: further good ones; each rule may lose one in twenty of them.
    """
    every = [film for films in sets.values() for film in films]
    rules = [(films, MOST_DOUBTED, MOST_OUTLYING) for films in sets.values()]
    rules += [(pictures, MOST_PICTURES_LOST, MOST_PICTURES_LOST)] if pictures else []
    usual = usual_tables(every, pictures)
    turned, mirrored = choose_second_looks(
        {name: _hung(films) for name, films in sets.items()}, _hung(pictures)
    )
    refused = min(film.sureness for film in [*every, *pictures])  # what is known to be good is not refused
    return GatePoints(
        doubted_below=min(down(_lowest(films, most)) for films, most, _ in rules),
        refused_below=max(0.0, down(refused - REFUSAL_MARGIN)),
        spine_off_centre=max(_above_most((f.spine_offset for f in films), few) for films, _, few in rules),
        largest_colon=max(_above_most((f.colon_share for f in films), few) for films, _, few in rules),
        usual=usual,
        largest_oddness=max(_largest_oddness(films, usual, most) for films, most, _ in rules),
        turned_looked_from=turned.looked_from,
        turned_surer_by=turned.margin,
        mirrored_looked_from=mirrored.looked_from,
        mirrored_surer_by=mirrored.margin,
    )


def usual_tables(films: Sequence[GoodPicture], pictures: Sequence[GoodPicture] = ()) -> dict[str, Table]:
    """By measure, how many good films are as odd; the pictures weigh about as much as the films."""
    repeats = max(1, round(len(films) / len(pictures))) if pictures else 0
    weighed = [*films, *list(pictures) * repeats]
    return {name: surprise_table([film.measures[name] for film in weighed]) for name in weighed[0].measures}


def _hung(films: Iterable[GoodPicture]) -> list[HungTwice]:
    return [film.hung for film in films if film.hung is not None]


def _lowest(films: Sequence[GoodPicture], most: float) -> float:
    """The sureness below which at most that share of the films lies; 1 of none."""
    sure = sorted(film.sureness for film in films)
    return sure[math.floor(most * len(sure))] if sure else 1.0


def _largest_oddness(films: Sequence[GoodPicture], usual: Mapping[str, Table], most: float) -> float:
    """The lowest oddness above which at most that share of good films lies."""
    odd = sorted((oddness(film.measures, usual) for film in films), reverse=True)
    return up(odd[math.floor(most * len(odd))])


def _above_most(values: Iterable[float], most: float) -> float:
    """The lowest value above which at most that share of good films lies."""
    falling = sorted(values, reverse=True)
    return min(1.0, up(falling[math.floor(most * len(falling))]))


def down(value: float) -> float:
    """The last step of a thousandth that is not above the value."""
    step = math.floor(value * _STEPS) / _STEPS
    return step if step <= value else (math.floor(value * _STEPS) - 1) / _STEPS


def up(value: float) -> float:
    """The first step of a thousandth above, never the value itself."""
    step = (math.floor(value * _STEPS) + 1) / _STEPS
    return step if step > value else (math.floor(value * _STEPS) + 2) / _STEPS
