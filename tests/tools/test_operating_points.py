"""Operating points: read from beside the weights, refused when damaged, chosen by rules that can be told."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr import operating_points as module
from pedaxr.choose_points import Seen, Support, choose, free_air_suspicion, least_confidence, least_support
from pedaxr.errors import ModelUnavailable
from pedaxr.operating_points import (
    POINTS_FILE,
    OperatingPoints,
    operating_points,
    parse_points,
    using,
    write_points,
)
from pedaxr.points_table import points_table, separation
from pedaxr.verify import FAINT
from pedaxr_models.labels import FINDINGS, Finding

POINTS = OperatingPoints(
    0.9, 0.87, 0.1, 0.5, 0.2, 0.6, {Finding.CONSTIPATION: 0.8}, {"captioner": "ab"}, ((0.2, 0.4), (0.9, 0.95))
)
FILM = Seen(0.95, 0.01, 0.2, (), False, 0.02, False, 0.9, 0.95, True)
SHARES = st.floats(0, 1)


def shipped() -> OperatingPoints:
    return parse_points((Path(module.__file__).parent / POINTS_FILE).read_text())


def test_the_shipped_points_are_of_the_shipped_kind() -> None:
    points = shipped()
    assert points.refused_below < points.doubted_below
    assert 0 < points.free_air_suspicion <= 0.5, "free air is told on less than an even chance"


def test_points_beside_ones_own_weights_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDAXR_WEIGHTS", str(tmp_path))
    module._given.set(None)
    assert operating_points() == shipped()
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
        lambda data: {name: value for name, value in data.items() if name != "refused_below"},
        lambda data: [],
    ],
    ids=["above one", "unknown finding", "unknown point", "falling curve", "missing point", "no object"],
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
    assert all(s.confidence < point or point == 1 for s in supports if not s.is_true)
    assert least_support(Finding.AIR_FLUID_LEVEL, [replace(FILM, supports=supports)]) == FAINT


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
        "ordinary": [replace(FILM, sureness=0.95 + n / 10_000, spine_offset=n / 5000) for n in range(200)],
        "shifted": [replace(FILM, sureness=0.90 + n / 1000, spine_offset=n / 1000) for n in range(50)],
    }
    points = choose(sets, {"segmentation": "cd"})
    for films in sets.values():
        assert sum(film.sureness < points.doubted_below for film in films) <= 0.01 * len(films)
        assert sum(film.spine_offset > points.spine_off_centre for film in films) <= 0.005 * len(films)
        assert not any(film.sureness < points.refused_below for film in films)
    assert points.weights == {"segmentation": "cd"}


def test_the_table_says_what_each_point_does() -> None:
    sure = Support("constipation", 0.9, True)
    films = [
        replace(FILM, supports=(sure, Support("constipation", 0.7, False)), is_right=False, confidence=0.3),
        replace(FILM, has_free_air=True, free_air=0.4, sureness=0.8),
    ]
    table = points_table(replace(POINTS, least_support=dict.fromkeys(FINDINGS, 0.8)), {"validation": films})
    assert "| doubted below | 0.900 | films doubted | 0.500, 1 of 2 |" in table
    assert "| outline of constipation | 0.800 | true sentences unhedged | 1.000, 1 of 1 |" in table
    assert "| `critical`: sensitivity | 1.000, 1 of 1 |" in table
    assert "| wrong reports flagged | 1.000, 1 of 1 |" in table


def test_separation_is_the_chance_of_a_right_report_to_seem_surer() -> None:
    right, wrong = replace(FILM, confidence=0.9), replace(FILM, confidence=0.2, is_right=False)
    assert separation([right, wrong]) == 1.0
    assert separation([right, wrong], by_words=True) == 0.5, "both have the same words"
    assert separation([replace(right, confidence=0.1), wrong]) == 0.0
    assert separation([right]) is None
