"""The verdict: nothing that a report says may get worse, and few films prove nothing."""

from dataclasses import replace

import pytest

from pedaxr.evaluation.local.judge import Judged
from pedaxr.learning.compare import FEWEST, compare
from pedaxr_models.labels import FINDINGS

ALL = tuple(f.value for f in FINDINGS)
AIR, STOOL = "pneumoperitoneum", "constipation"


def film(
    number: int, true: tuple[str, ...] = (), told: tuple[str, ...] | None = None, dice: float = 0.8
) -> Judged:
    told = true if told is None else told
    return Judged(
        f"S{number}", f"id {number}", ALL, true, told, is_critical=AIR in told, dice=dict.fromkeys(true, dice)
    )


def films(count: int = FEWEST, dice: float = 0.8) -> list[Judged]:
    """A quarter with stool, a quarter with free air, the rest normal."""
    shown = {0: (STOOL,), 1: (AIR,)}
    return [film(n, shown.get(n % 4, ()), dice=dice) for n in range(count)]


def test_better_outlines_and_the_same_reports_are_better() -> None:
    found = compare(films(), films(dice=0.9))
    assert found.verdict == "better"
    assert found.dice.before == pytest.approx(0.8) and found.dice.after == pytest.approx(0.9)
    assert found.dice.low == pytest.approx(0.1) and found.dice.films == FEWEST // 2
    assert "0.800 -> 0.900" in found.lines()[1]


@pytest.mark.parametrize(
    ("index", "worse", "said"),
    [
        (2, film(2, (), (STOOL,)), "exactly right"),
        (2, film(2, (), (AIR,)), "critical without free air"),
        (1, film(1, (AIR,), ()), "free air is missed"),
    ],
    ids=["a false finding", "a false alarm", "missed free air"],
)
def test_one_worse_report_outweighs_all_finer_outlines(index: int, worse: Judged, said: str) -> None:
    after = films(dice=0.95)
    after[index] = worse
    found = compare(films(), after)
    assert found.verdict == "worse" and said in " ".join(found.reasons)


def test_worse_outlines_are_worse_and_the_same_are_unproven() -> None:
    assert compare(films(), films(dice=0.7)).verdict == "worse"
    same = compare(films(), films())
    assert same.verdict == "unproven" and same.reasons == ("Nothing changed.",)


def test_few_films_prove_nothing_but_may_show_harm() -> None:
    few = compare(films(FEWEST - 1), films(FEWEST - 1, dice=0.9))
    assert few.verdict == "unproven" and "prove nothing" in few.reasons[0]
    assert compare(films(4), films(4, dice=0.5)).verdict == "worse"


def test_what_nobody_decided_on_is_neither_alarm_nor_mistake() -> None:
    unknown = [replace(one, known=(STOOL,), true=(), told=(), is_critical=False) for one in films()]
    alarmed = [replace(one, told=(AIR,), is_critical=True) for one in unknown]
    found = compare(unknown, alarmed)
    assert found.false_critical.films == 0 and found.right.difference == 0


def test_a_film_that_is_refused_afterwards_counts_with_empty_outlines() -> None:
    after = films()
    after[0] = replace(after[0], told=(), dice={}, refused="too unsure")
    found = compare(films(), after)
    assert found.dice.difference == pytest.approx(-0.8 / (FEWEST // 2)) and found.verdict == "worse"


def test_how_often_the_writer_moved_is_counted() -> None:
    before = [replace(one, probabilities={STOOL: 0.2}) for one in films(4)]
    after = [replace(one, probabilities={STOOL: 0.25 if n else 0.5}) for n, one in enumerate(before)]
    assert compare(before, after).writer_moved == 1
