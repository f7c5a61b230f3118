"""Which real films are left out of a training, so that its figures are honest."""

import re
from collections.abc import Sequence

from pedaxr_models.datasets.partial_truth import PartialFilm

FOLDS = 5
_NEAR = 3  # pictures whose numbers lie this close in a teaching file are often of one patient


def child_folds(films: Sequence[PartialFilm], count: int) -> list[tuple[str, ...]]:
    """The children of the abdomens, dealt out evenly by age group; no child is in two folds."""
    ages = {film.child: film.age_group for film in films if film.is_abdomen}
    ordered = sorted(ages, key=lambda child: (ages[child], child))
    return [tuple(ordered[fold::count]) for fold in range(count)]


def left_out(films: Sequence[PartialFilm], fold: int | None) -> tuple[str, ...]:
    """Whose films a run does not learn from: the children of this fold, of `FOLDS`, and none for None.

    The half of the other pictures that is kept for testing never is learnt from.
    """
    kept = tuple(film.child for film in other_halves(films)[1])
    return kept if fold is None else child_folds(films, FOLDS)[fold] + kept


def left_out_films(films: Sequence[PartialFilm], fold: int) -> list[PartialFilm]:
    """The abdomens that a run of this fold did not learn from."""
    children = child_folds(films, FOLDS)[fold]
    return [film for film in films if film.is_abdomen and film.child in children]


def other_halves(films: Sequence[PartialFilm]) -> tuple[list[PartialFilm], list[PartialFilm]]:
    """Pictures of other things than an abdomen, halved by case and kind: for training and for testing."""
    halves: tuple[list[PartialFilm], list[PartialFilm]] = ([], [])
    others = [film for film in films if not film.is_abdomen]
    cases: list[list[PartialFilm]] = []
    for film in sorted(others, key=_number):
        if cases and _number(film)[0] - _number(cases[-1][-1])[0] <= _NEAR:
            cases[-1].append(film)
        else:
            cases.append([film])
    for case in sorted(cases, key=lambda case: (case[0].kind, _number(case[0]))):
        halves[0 if len(halves[0]) <= len(halves[1]) else 1].extend(case)
    return halves


def _number(film: PartialFilm) -> tuple[int, str]:
    found = re.findall(r"\d+", film.id)
    return (int(found[-1]) if found else 0, film.id)
