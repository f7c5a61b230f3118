"""Learn the rule that tells an abdominal film from any other picture by all that is outlined on it."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pedaxr.errors import NotAnAbdominalFilm, UnreadableImage
from pedaxr.evaluation.choose_gate import MOST_DOUBTED, MOST_PICTURES_LOST, OPEN, GoodPicture, down
from pedaxr.reading.ood_score import figures_of, learn_rule, likeness
from pedaxr.reading.operating_points import using
from pedaxr.reading.read_film import Source, read_film

Figures = Mapping[str, float]
Rule = Mapping[str, tuple[float, float, float]]
Progress = Callable[[int, int], None]

REFUSAL_MARGIN = 2.0  # log-odds: this far below the least likely good film a picture is refused


@dataclass(frozen=True)
class LikenessPoints:
    """Those of the operating points by which a picture as a whole is doubted or refused, by their names."""

    likeness: Rule = field(default_factory=dict)
    unlike_doubted_below: float = 0.0
    unlike_refused_below: float = 0.0


def look_at_others(paths: Sequence[Path], progress: Progress | None = None) -> list[Figures]:
    """Figures of those pictures, none of them an abdominal film, that are read at all without any point.

    Raises:
        ModelUnavailable: there are no usable segmentation weights.
    """
    seen: list[Figures] = []
    for number, path in enumerate(paths, 1):
        with suppress(NotAnAbdominalFilm, UnreadableImage), using(OPEN):
            seen.append(figures_of(read_film(Source(path)).segmentation))
        if progress is not None:
            progress(number, len(paths))
    return seen


def choose_likeness(
    sets: Mapping[str, Sequence[GoodPicture]],
    pictures: Sequence[GoodPicture],
    others: Sequence[Figures],
) -> LikenessPoints:
    """The rule, and the points below which a picture is doubted and refused.

    Of each set of good films at most `MOST_DOUBTED` are doubted, and of the pictures `MOST_PICTURES_LOST`:
    they are few and weigh as much as a set in learning, since they are of the world.

    Args:
        sets: by name, validation films.
        pictures: further good ones.
        others: of pictures that are no abdominal film; without any there is no rule.
    """
    films = [film.figures for good in sets.values() for film in good]
    if not others or not films:
        return LikenessPoints()
    repeats = max(1, round(len(films) / len(pictures) / 2)) if pictures else 0
    good = films + [film.figures for film in pictures] * repeats
    is_abdomen = np.array([True] * len(good) + [False] * len(others))
    rule = learn_rule([*good, *others], is_abdomen)
    limits = [_lowest([f.figures for f in films], rule, MOST_DOUBTED) for films in sets.values()]
    limits += [_lowest([f.figures for f in pictures], rule, MOST_PICTURES_LOST)] if pictures else []
    doubted = down(min(limits))
    least = min(likeness(figures, rule) for figures in good)
    return LikenessPoints(rule, doubted, down(min(doubted, least) - REFUSAL_MARGIN))


def _lowest(films: Sequence[Figures], rule: Rule, most: float) -> float:
    """The log-odds below which at most that share of these films lies."""
    told = sorted(likeness(figures, rule) for figures in films)
    return told[math.floor(most * len(told))] if told else math.inf
