"""The gate's rule: learned from what is outlined on good films and on other pictures."""

import numpy as np
import pytest

from pedaxr.evaluation.choose_gate import GoodPicture
from pedaxr.evaluation.choose_likeness import LikenessPoints, choose_likeness
from pedaxr.reading.ood_score import likeness


def good(rng, spine=0.5):
    return GoodPicture(0.9, 0.0, 0.2, {}, None, figures(rng, spine))


def caught(others, points: LikenessPoints) -> float:
    told = [likeness(figures, points.likeness) < points.unlike_doubted_below for figures in others]
    return sum(told) / len(told)


def figures(rng, spine):
    return {"spine share": spine + rng.normal(0, 0.03), "lungs share": rng.normal(0.2, 0.05)}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_pictures_without_a_spine_are_told_from_films(rng) -> None:
    sets = {name: [good(rng) for _ in range(200)] for name in ("validation", "shifted")}
    others = [figures(rng, 0.2) for _ in range(100)]
    points = choose_likeness(sets, [good(rng, 0.45) for _ in range(20)], others)
    assert caught(others, points) >= 0.95
    for films in sets.values():
        doubted = [likeness(f.figures, points.likeness) < points.unlike_doubted_below for f in films]
        assert sum(doubted) <= 0.005 * len(films)
    assert points.unlike_refused_below <= points.unlike_doubted_below - 2


def test_good_pictures_of_the_world_move_the_point(rng) -> None:
    """Films of newborns look otherwise than made ones, and must be read all the same."""
    sets = {"validation": [good(rng) for _ in range(200)]}
    others = [figures(rng, 0.2) for _ in range(100)]
    newborns = [good(rng, 0.34) for _ in range(20)]
    without, with_them = choose_likeness(sets, [], others), choose_likeness(sets, newborns, others)

    def lost(points: LikenessPoints) -> int:
        return sum(likeness(f.figures, points.likeness) < points.unlike_doubted_below for f in newborns)

    assert lost(with_them) <= 1 < lost(without)


def test_without_other_pictures_there_is_no_rule(rng) -> None:
    points = choose_likeness({"validation": [good(rng)]}, [], [])
    assert points == LikenessPoints()
