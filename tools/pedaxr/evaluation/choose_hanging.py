"""When a film is looked at again, mirrored or upside down, and how much surer it must then be."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pedaxr.reading.operating_points import NEVER
from pedaxr.reading.second_look import Looks, surer_by

LEAST_LOOKED_AT = 0.97  # of films that hang wrongly
MOST_DOUBTED = 0.01  # of films that hang correctly
MOST_OTHERS_DOUBTED = 0.0  # they are few, and of the world
LEAST_MARGIN = 0.03
LEAST_TOLD = 0.25  # of films that hang wrongly; a look that tells fewer is not made
CHANGES_FROM = 2 / 3  # of the least unsureness of a film that its second look has put in doubt


@dataclass(frozen=True)
class HungTwice:
    """Uncertainty (as in `second_look.Looks`) of one correctly hung film, and of the same hung wrongly."""

    sides: float
    sides_mirrored: float
    upright: float
    upright_turned: float

    @classmethod
    def of(cls, looks: Looks) -> "HungTwice":
        """With both other looks, whether or not they would pay in service."""
        return cls(looks.sides, looks.sides_mirrored, looks.upright, looks.upright_turned)


@dataclass(frozen=True)
class SecondLook:
    """One rule: looked at again from an unsureness on, and in doubt where surer by the margin."""

    looked_from: float
    margin: float

    def doubts(self, stored: float, other: float) -> bool:
        """Whether a film of that unsureness, as stored and hung otherwise, is in doubt."""
        return stored > self.looked_from and surer_by(stored, other) > self.margin


def choose_second_looks(
    sets: Mapping[str, Sequence[HungTwice]], pictures: Sequence[HungTwice] = ()
) -> tuple[SecondLook, SecondLook]:
    """For films upside down, and for mirrored ones. A film as stored is, mirrored, a mirrored film.

    Args:
        sets: by name, validation films.
        pictures: other correctly hung films; none of them may be doubted.
    """
    films = [film for one in sets.values() for film in one]
    return (
        _second_look(*([(film.upright, film.upright_turned) for film in some] for some in (films, pictures))),
        _second_look(*([(film.sides, film.sides_mirrored) for film in some] for some in (films, pictures))),
    )


def _second_look(pairs: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]]) -> SecondLook:
    """Of pairs of unsureness, the right way round first.

    At least 97 % of the films that hang wrongly are looked at, at most 1 % of the others are doubted; where
    both are far apart, the margin lies half-way to the films that hang wrongly. A second look takes as
    long as the first: it is made from two thirds of the least unsureness on at which it has doubted a film,
    and never where it tells few of those that hang wrongly: a network that learned from mirrored films is as
    sure of them.
    """
    known = [pair for pair in pairs if all(map(math.isfinite, pair))]
    if not known:
        return SecondLook(NEVER, LEAST_MARGIN)
    spared = math.floor((1 - LEAST_LOOKED_AT) * len(known))
    looked_from = math.floor(sorted(other for _, other in known)[spared] * 1000 - 1) / 1000
    half_way = sorted(surer_by(other, stored) for stored, other in known)[spared] / 2
    spared_others = _above_most(_margins(others, looked_from), MOST_OTHERS_DOUBTED) if others else 0.0
    margin = max(LEAST_MARGIN, half_way, _above_most(_margins(known, looked_from), MOST_DOUBTED))
    rule = SecondLook(looked_from, round(max(margin, spared_others), 3))
    if sum(rule.doubts(other, stored) for stored, other in known) < LEAST_TOLD * len(known):
        return SecondLook(NEVER, rule.margin)
    return SecondLook(max(looked_from, _changes_from(rule, known)), rule.margin)


def _changes_from(rule: SecondLook, pairs: Sequence[tuple[float, float]]) -> float:
    """The unsureness from which a second look may tell anything, the films hung either way."""
    either = [*pairs, *((other, stored) for stored, other in pairs)]
    doubted = [stored for stored, other in either if rule.doubts(stored, other)]
    return math.floor(CHANGES_FROM * min(doubted) * 1000) / 1000


def _margins(pairs: Iterable[tuple[float, float]], looked_from: float) -> list[float]:
    """By how much films that hang correctly are surer the other way round; far below 0 if never looked at."""
    return [surer_by(*pair) if pair[0] > looked_from else -NEVER for pair in pairs]


def _above_most(margins: Sequence[float], most: float) -> float:
    """The first step above all but that share of them."""
    last = sorted(margins, reverse=True)[math.floor(most * len(margins))]
    return math.floor(last * 1000 + 1) / 1000
