"""Operating points: read from next to the weights, refused when damaged, chosen by rules that can be told."""

import json
import math
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr.errors import ModelUnavailable
from pedaxr.evaluation.choose_gate import GoodPicture, choose_gate
from pedaxr.evaluation.choose_hanging import HungTwice, choose_second_looks
from pedaxr.evaluation.choose_operating_points import (
    MOST_TRACE,
    MOST_TRACE_UNNAMED,
    Seen,
    Support,
    choose,
    confidence_curve,
    faint_free_air,
    free_air_suspicion,
    free_air_trace,
    least_confidence,
    least_support,
    not_excluded,
)
from pedaxr.evaluation.choose_shares import MOST_SHARE, Outlined, least_shares
from pedaxr.evaluation.operating_points_table import pictures_table, points_table, separation
from pedaxr.reading import operating_points as module
from pedaxr.reading.ood_score import oddness, surprise_table
from pedaxr.reading.operating_points import (
    NEVER,
    POINTS_FILE,
    OperatingPoints,
    operating_points,
    parse_points,
    using,
    write_points,
)
from pedaxr.reading.second_look import surer_by
from pedaxr.reports.flags import SURE_ALONE
from pedaxr.reports.grounding import FAINT
from pedaxr_models.labels import FINDINGS, Finding

POINTS = OperatingPoints(
    0.9,
    0.87,
    0.1,
    0.5,
    0.2,
    0.6,
    {Finding.CONSTIPATION: 0.8},
    {"captioner": "ab"},
    ((0.2, 0.4), (0.9, 0.95)),
    usual={"no_l2": ((0.98, 0.0), (1.0, 6.0))},
)
FILM = Seen(0.95, 0.01, 0.2, (), False, 0.02, False, 0.9, 0.95, True)
SHARES = st.floats(0, 1)


def bundled() -> OperatingPoints:
    return parse_points((files("pedaxr") / POINTS_FILE).read_text())


def test_the_bundled_points_are_of_the_bundled_kind() -> None:
    points = bundled()
    assert points.refused_below < points.doubted_below
    assert 0 < points.free_air_suspicion <= 0.5, "free air is told on less than an even chance"


def test_points_beside_ones_own_weights_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDAXR_WEIGHTS", str(tmp_path))
    module._given.set(None)
    assert operating_points() == bundled()
    write_points(POINTS, tmp_path / POINTS_FILE)
    assert operating_points() == POINTS


def test_points_can_be_put_in_use_for_a_while() -> None:
    before = operating_points()
    with using(POINTS):
        assert operating_points() == POINTS
    assert operating_points() == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data | {"doubted_below": 1.5},
        lambda data: data | {"least_support": {"fracture": 0.5}},
        lambda data: data | {"unknown": 1},
        lambda data: data | {"confidence_curve": [[0.2, 0.5], [0.1, 0.6]]},
        lambda data: data | {"usual": {"no_l2": [[0.2, 0.5, 0.6]]}},
        lambda data: {name: value for name, value in data.items() if name != "refused_below"},
        lambda data: [],
    ],
    ids=[
        "above one",
        "unknown finding",
        "unknown point",
        "falling curve",
        "odd table",
        "missing point",
        "no object",
    ],
)
def test_damaged_points_say_what_to_do(damage) -> None:
    with pytest.raises(ModelUnavailable, match="pedaxr evaluate thresholds"):
        parse_points(json.dumps(damage(asdict(POINTS))))
    with pytest.raises(ModelUnavailable):
        parse_points("{")


@given(st.lists(st.tuples(SHARES, st.booleans()), max_size=40))
def test_no_unsupported_sentence_of_the_choice_stands_unhedged(said: list[tuple[float, bool]]) -> None:
    supports = tuple(Support("constipation", confidence, is_true) for confidence, is_true in said)
    point = least_support(Finding.CONSTIPATION, [replace(FILM, supports=supports)])
    assert FAINT <= point <= 1
    if sum(s.is_true for s in supports) < 20:
        assert all(s.confidence < point or point == 1 for s in supports if not s.is_true)
    assert least_support(Finding.AIR_FLUID_LEVEL, [replace(FILM, supports=supports)]) == FAINT


def test_a_false_sentence_a_little_surer_than_the_surest_of_the_choice_is_hedged_too() -> None:
    supports = tuple(Support("constipation", share, False) for share in (0.9, 0.88, 0.8, 0.7))
    point = least_support(Finding.CONSTIPATION, [replace(FILM, supports=supports)])
    assert 0.92 < point < 0.96
    alone = least_support(Finding.CONSTIPATION, [replace(FILM, supports=supports[:1])])
    assert 0.9 < alone < point, "one false sentence says nothing of how far the next may lie"


def test_a_false_sentence_as_sure_as_the_true_ones_does_not_hedge_them_all() -> None:
    """Textbook free air was called "possible, in doubt": one false outline was as sure as the surest."""
    true = [Support("pneumoperitoneum", 0.99 + n / 10_000, True) for n in range(40)]
    false = Support("pneumoperitoneum", 0.9935, False)
    point = least_support(Finding.PNEUMOPERITONEUM, [replace(FILM, supports=(*true, false))])
    assert sum(s.confidence < point for s in true) == 8, "one in five"
    point = least_support(Finding.PNEUMOPERITONEUM, [replace(FILM, supports=(*true[:10], false))])
    assert point > 0.9935, "of few nobody can tell"


@given(st.lists(st.tuples(SHARES, st.booleans()), min_size=1, max_size=60))
def test_the_calibrated_confidence_rises_and_is_never_certain(told: list[tuple[float, bool]]) -> None:
    films = [replace(FILM, confidence=c, is_right=is_right) for c, is_right in told]
    points = replace(POINTS, confidence_curve=confidence_curve(films))
    shares = [points.confidence(n / 10) for n in range(11)]
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] < 1


def test_the_calibrated_confidence_is_the_share_of_right_reports() -> None:
    films = [replace(FILM, confidence=0.9, is_right=n % 4 > 0) for n in range(200)]
    films += [replace(FILM, confidence=0.3, is_right=False) for _ in range(200)]
    points = replace(POINTS, confidence_curve=confidence_curve(films))
    assert points.confidence(0.9) == pytest.approx(0.75, abs=0.05)
    assert points.confidence(0.3) < 0.1
    assert replace(POINTS, confidence_curve=()).confidence(0.3) == 0.3


@given(st.lists(st.tuples(st.booleans(), SHARES, SHARES), max_size=60))
def test_no_free_air_that_the_writer_tells_of_is_lost_for_want_of_a_trace(
    seen: list[tuple[bool, float, float]],
) -> None:
    films = [replace(FILM, has_free_air=a, faint_free_air=f, free_air=w) for a, f, w in seen]
    mosts = (MOST_TRACE, MOST_TRACE_UNNAMED)
    for is_named, most, other in ((True, *mosts), (False, *mosts[::-1])):
        films = [replace(film, is_free_air_named=is_named) for film in films]
        point = free_air_trace(films, 0.5, is_named=is_named)
        assert 0 <= point <= most
        assert free_air_trace(films, 0.5, is_named=not is_named) == other
        spared = SURE_ALONE if is_named else 1.1
        suspected = [f for f in films if f.has_free_air and 0.5 <= f.free_air < spared]
        lost = sum(f.faint_free_air < point for f in suspected)
        assert lost <= 0.05 * sum(f.has_free_air for f in films)
        outlined = [replace(f, is_free_air_outlined=True) for f in films]
        assert free_air_trace(outlined, 0.5, is_named=is_named) == most, "what is outlined needs no trace"


@given(st.lists(st.tuples(st.booleans(), SHARES, st.booleans()), min_size=1, max_size=60))
def test_faint_free_air_is_told_without_many_false_alarms(seen: list[tuple[bool, float, bool]]) -> None:
    films = [
        replace(FILM, has_free_air=air, faint_free_air=faint, is_free_air_told=told)
        for air, faint, told in seen
    ]
    point = faint_free_air({"a": films, "b": films[:1]}, 0.5)
    air = [f for f in films if f.has_free_air]
    alarmed = [
        f for f in films if not f.has_free_air and not f.is_free_air_told and f.faint_free_air >= point
    ]
    missed = [f for f in air if not f.is_free_air_told and f.faint_free_air < point]
    none = len(films) - len(air)
    assert len(alarmed) <= 0.05 * none or point == 1
    assert len(missed) <= 0.05 * len(air) or any(
        f.faint_free_air >= point - 0.002 for f in films if f not in air
    )


def test_a_diagnosis_is_not_excluded_from_what_the_reader_gives_to_such_films() -> None:
    name = Finding.CONSTIPATION
    with_it = [replace(FILM, true=(name,), probabilities={name: p}) for p in (0.3, *[0.9] * 19)]
    without = [replace(FILM, probabilities={name: p}) for p in (0.6, *[0.02] * 19)]
    assert not_excluded(name, with_it + without) == 0.5, "at most where the reader affirms it"
    hardly = [replace(film, probabilities={name: 0.2}) for film in with_it]
    assert not_excluded(name, hardly + without) == 0.2
    assert not_excluded(name, without) == 0.5, "none was shown"


@given(st.lists(st.floats(0, 9), min_size=2, max_size=300), st.floats(0, 9), st.floats(0, 9))
def test_the_odder_the_more_surprising(good: list[float], one: float, other: float) -> None:
    table = {"spine_pieces": surprise_table(good)}
    low, high = (oddness({"spine_pieces": value}, table) for value in sorted((one, other)))
    assert 0 <= low <= high <= oddness({"spine_pieces": 99.0}, table)


def test_a_little_odd_in_several_ways_is_odder_than_very_odd_in_one() -> None:
    tables = {name: surprise_table([n / 1000 for n in range(1000)]) for name in "abc"}
    several = oddness({"a": 0.99, "b": 0.99, "c": 0.99}, tables)
    assert (
        several > oddness({"a": 5.0, "b": 0.3, "c": 0.3}, tables) > oddness(dict.fromkeys("abc", 0.5), tables)
    )
    assert oddness({"a": 5.0}, {}) == 0


@given(st.lists(SHARES, min_size=1, max_size=60))
def test_the_reader_alone_names_nineteen_in_twenty_of_free_air(probabilities: list[float]) -> None:
    films = [replace(FILM, has_free_air=True, free_air=p) for p in probabilities]
    point = free_air_suspicion(films)
    assert sum(p >= point for p in probabilities) >= 0.95 * len(probabilities)


@given(st.lists(SHARES, min_size=1, max_size=60))
def test_at_most_one_in_ten_right_reports_is_called_unsure(confidences: list[float]) -> None:
    films = [replace(FILM, confidence=c) for c in confidences]
    point = least_confidence(films)
    assert sum(c < point for c in confidences) <= 0.10 * len(confidences)


def test_each_set_of_good_films_keeps_to_the_limits() -> None:
    sets = {
        "ordinary": [
            replace(
                FILM,
                sureness=0.95 + n / 10_000,
                spine_offset=n / 5000,
                measures={"spine_pieces": 1.0, "no_l2": 0.98 + n / 20_000},
            )
            for n in range(200)
        ],
        "shifted": [
            replace(
                FILM,
                sureness=0.90 + n / 1000,
                spine_offset=n / 1000,
                measures={"spine_pieces": 1.0 + n % 2, "no_l2": 0.99},
            )
            for n in range(50)
        ],
    }
    points = choose(sets, {"segmentation": "cd"})
    for films in sets.values():
        assert sum(film.sureness < points.doubted_below for film in films) <= 0.005 * len(films)
        assert sum(film.spine_offset > points.spine_off_centre for film in films) <= 0.005 * len(films)
        assert not any(film.sureness < points.refused_below for film in films)
        odd = [oddness(film.measures, points.usual) > points.largest_oddness for film in films]
        assert sum(odd) <= 0.005 * len(films)
    odd_in_both = {"spine_pieces": 9.0, "no_l2": 1.0}
    assert oddness(odd_in_both, points.usual) > points.largest_oddness
    assert points.weights == {"segmentation": "cd"}


def test_the_table_says_what_each_point_does() -> None:
    sure = Support("constipation", 0.9, True)
    films = [
        replace(FILM, supports=(sure, Support("constipation", 0.7, False)), is_right=False, confidence=0.3),
        replace(FILM, has_free_air=True, free_air=0.4, sureness=0.8),
    ]
    table = points_table(replace(POINTS, least_support=dict.fromkeys(FINDINGS, 0.8)), {"validation": films})
    assert "| doubted below | 0.900 | films doubted | 0.500, 1 of 2 |" in table
    assert "| support of constipation | 0.800 | true sentences unhedged | 1.000, 1 of 1 |" in table
    assert "| `critical`: sensitivity | 1.000, 1 of 1 |" in table
    assert "| wrong reports flagged | 1.000, 1 of 1 |" in table
    assert "| films doubted by any rule | 0.500, 1 of 2 |" in table


def test_separation_is_the_chance_of_a_right_report_to_seem_surer() -> None:
    right, wrong = replace(FILM, confidence=0.9), replace(FILM, confidence=0.2, is_right=False)
    assert separation([right, wrong]) == 1.0
    assert separation([right, wrong], by_words=True) == 0.5, "both have the same words"
    assert separation([replace(right, confidence=0.1), wrong]) == 0.0
    assert separation([right]) is None


def test_second_looks_pay_for_films_that_hang_wrongly_and_spare_the_others() -> None:
    right = [0.25 + n / 1000 for n in range(100)]
    films = [HungTwice(u, u + 0.1, u, 2 * u) for u in right]
    turned, mirrored = choose_second_looks({"a": films[:50], "b": films[50:]})
    for rule, pairs in (
        (turned, [(film.upright, film.upright_turned) for film in films]),
        (mirrored, [(film.sides, film.sides_mirrored) for film in films]),
    ):
        assert not any(rule.doubts(*pair) for pair in pairs)
        assert sum(rule.doubts(wrong, stored) for stored, wrong in pairs) >= 97
        assert sum(wrong > rule.looked_from for _, wrong in pairs) >= 97
    assert sum(film.sides > mirrored.looked_from for film in films) < 10, "few are looked at again in vain"


def test_where_both_ways_look_alike_nothing_is_doubted() -> None:
    alike = [HungTwice(0.3 + n / 1000, 0.3 + n / 1000, 0.3, 0.3) for n in range(20)]
    turned, mirrored = choose_second_looks({"a": alike})
    assert not any(rule.doubts(0.3, 0.295) for rule in (turned, mirrored))
    blank = [HungTwice(math.inf, math.inf, math.inf, math.inf)]
    assert choose_second_looks({"a": blank})[0].looked_from == NEVER


@pytest.mark.parametrize("told", [0, 5, 24, 25, 40])
def test_a_second_look_is_made_where_it_tells_a_quarter_of_the_films_that_hang_wrongly(told: int) -> None:
    """Of unsure films it tells which way they hang; the others are as sure mirrored."""
    alike = [HungTwice(0.2 + n / 1000, 0.2 + n / 1000, 0.2, 0.2) for n in range(100 - told)]
    unsure = [HungTwice(0.6 + n / 1000, 0.9, 0.6, 0.9) for n in range(told)]
    turned, mirrored = choose_second_looks({"a": alike + unsure})
    assert not any(film.sides > mirrored.looked_from for film in alike), "it tells nothing of these"
    pays = told >= 25
    assert all(mirrored.doubts(film.sides_mirrored, film.sides) is pays for film in unsure)
    assert (mirrored.looked_from < NEVER) is (turned.looked_from < NEVER) is pays


def test_the_gate_lets_good_pictures_of_the_world_through_that_are_less_sure_than_the_films() -> None:
    film = replace(FILM, measures={"no_l2": 0.98}, hung=HungTwice(0.25, 0.3, 0.25, 0.5))
    films = [replace(film, sureness=0.95 + n / 10_000).gate for n in range(200)]
    world = [
        GoodPicture(0.8 + n / 1000, 0.15, 0.3, {"no_l2": 1.0}, HungTwice(0.6, 0.5, 0.7, 0.9))
        for n in range(22)
    ]
    alone, together = choose_gate({"a": films}), choose_gate({"a": films}, world)
    assert alone.doubted_below > 0.9 and together.doubted_below == 0.801, "one of 22 may be lost"
    assert together.refused_below < together.doubted_below < alone.refused_below
    assert together.spine_off_centre > 0.15 >= alone.spine_off_centre
    odd = [oddness(picture.measures, gate.usual) for gate in (alone, together) for picture in world[:1]]
    assert odd[0] > alone.largest_oddness and odd[1] <= together.largest_oddness
    assert together.mirrored_surer_by > surer_by(0.6, 0.5), "pictures that hang correctly are not doubted"
    table = pictures_table(replace(POINTS, **asdict(together)), world, 23)
    assert "| 23 | 0.043, 1 of 23 | 0.043, 1 of 23 |" in table


def test_least_shares_lose_hardly_a_true_outline_and_stay_small() -> None:
    air = Finding.PNEUMOPERITONEUM
    true = [Outlined(air, 0.004 + n / 1000, True) for n in range(100)]
    chosen = least_shares([*true, *(Outlined(air, 0.001, False) for _ in range(50))])
    assert sum(one.share < chosen[air] for one in true) <= 2 and chosen[air] > 0.001
    large = least_shares([Outlined(air, 0.2, True)] * 10)
    assert large[air] == MOST_SHARE[air] == 0.01
    assert set(large) == set(FINDINGS)
