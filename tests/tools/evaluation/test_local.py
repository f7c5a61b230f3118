"""The quality page: what is known of a film is counted, what is not counts nowhere."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr.evaluation.local.figures import badness, films_to_tell, local_figures, mean_of, worst
from pedaxr.evaluation.local.judge import Judged, append_judged, judge_films, read_judged, reading_with
from pedaxr.evaluation.local.page import Page, quality_page
from pedaxr.evaluation.local.pictures import data_url, draw_case
from pedaxr.reading import networks as models
from pedaxr_models.datasets.film import Film
from pedaxr_models.labels import FINDINGS, Finding

from ..conftest import FILMS, PerfectSegmenter
from .test_evaluate_reports import Reader, films

__all__ = ["films"]  # the fixture
ALL = tuple(f.value for f in FINDINGS)
AIR = Finding.PNEUMOPERITONEUM.value


def judged(true: tuple[str, ...] = (), told: tuple[str, ...] = (), **more: object) -> Judged:
    plain = Judged("S", f"id {more.pop('patient', 'a')}", ALL, true, told, is_critical=AIR in told)
    return replace(plain, **more)  # type: ignore[arg-type]


@pytest.fixture
def read(films: list[Film], segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch) -> list[Judged]:
    monkeypatch.setattr(models, "reporter", lambda: Reader())
    return judge_films(films)


def test_two_truthful_witnesses_are_right_on_every_film(read: list[Judged]) -> None:
    figures = local_figures(read)
    assert figures.films == len(FILMS) and figures.right.value == 1
    assert figures.missed_critical.count == figures.false_critical.count == 0
    air = next(one for one in figures.findings if one.name == AIR)
    assert (air.sensitivity.value, air.specificity.value) == (1, 1)
    assert air.dice.value is not None and air.dice.value > 0.9 and air.dice.films == 1
    assert worst(read) == []


def test_a_class_for_each_film_is_enough(
    films: list[Film], segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "reporter", lambda: Reader())
    index = list(FILMS).index("free air")
    bare = replace(films[index], mask_path=None, label=AIR, polygons={})
    normal = replace(films[0], mask_path=None, label="normal", polygons={})
    nothing = replace(films[1], mask_path=None, label=None, polygons={})
    found = judge_films([bare, normal, nothing])
    assert [one.known for one in found] == [(AIR,), ALL], "a film of which nothing is known is left out"
    assert all(one.is_right and not one.dice for one in found)
    page = quality_page(local_figures(found), Page("ours", {"segmentation": "ab" * 32}, "made of films"))
    assert "no outline" in page and "Synthetic" not in page and "prove little" in page


def test_a_mistake_is_counted_once_and_where_it_belongs() -> None:
    missed = judged((AIR,), (), film="missed")
    false = judged((), (AIR,), film="false")
    stool = judged((), ("constipation",), film="stool")
    unknown = judged((), ("constipation",), known=(AIR,), film="unknown")
    figures = local_figures([missed, false, stool, unknown])
    assert figures.right.count == 1 and figures.right.of == 4, "what nobody decided on is not wrong"
    assert (figures.missed_critical.count, figures.missed_critical.of) == (1, 1)
    assert (figures.false_critical.count, figures.false_critical.of) == (1, 3)
    found = {one.name: one for one in figures.findings}
    assert (found["constipation"].specificity.count, found["constipation"].specificity.of) == (2, 3)
    assert found["constipation"].false_per_100 == pytest.approx(33.3)
    assert [film.film for film in worst([stool, unknown, false, missed])] == ["missed", "false", "stool"]
    assert badness(unknown) == 0


def test_a_refused_film_is_not_right_and_says_nothing_of_confidence() -> None:
    figures = local_figures([judged(refused="too small"), judged(confidence=0.9)])
    assert (figures.right.count, figures.read.count, len(figures.bins)) == (1, 1, 1)


def test_confidence_that_keeps_its_word_has_no_error_and_one_that_lies_has() -> None:
    kept = [judged(told=() if n % 4 else ("constipation",), confidence=0.75) for n in range(40)]
    assert local_figures(kept).calibration_error == pytest.approx(0, abs=0.01)
    lying = [judged(told=("constipation",), confidence=0.9)] * 20
    assert local_figures(lying).calibration_error == pytest.approx(0.9)


def test_drift_is_seen_when_more_films_are_odd_than_may_be() -> None:
    usual = [judged(oddness={"colon_share": 1.0})] * 95 + [judged(oddness={"colon_share": 3.5})] * 5
    odd = [judged(oddness={"colon_share": 3.5})] * 30 + usual[:70]
    (calm,), (drift,) = local_figures(usual).drift, local_figures(odd).drift
    assert calm.beyond.count == 5 and calm.p > 0.4
    assert drift.beyond.count == 30 and drift.p < 1e-6
    exact = 1 - sum(math.comb(100, k) * 0.05**k * 0.95 ** (100 - k) for k in range(5))
    assert calm.p == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize(("share", "change", "films"), [(0.5, 0.1, 388), (0.9, 0.05, 686), (0.8, 0.2, 82)])
def test_how_many_films_tell_a_difference_is_as_the_tables_say(
    share: float, change: float, films: int
) -> None:
    """Two independent groups, two-sided .05, power .8, as statistics packages give it without correction."""
    assert films_to_tell(share, change) == pytest.approx(films, rel=0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_mean_lies_in_its_interval(values: list[float]) -> None:
    mean = mean_of(values)
    assert mean.value is not None and mean.low is not None and mean.high is not None
    assert mean.low - 1e-4 <= mean.value <= mean.high + 1e-4


def test_groups_are_in_the_order_of_age_and_of_time() -> None:
    bands = ("12 years and older", "under 1 month", "unknown", "1 to 2 years")
    films = [judged(groups={"age": band, "month": f"2025-0{n}"}) for n, band in enumerate(bands, 1)]
    groups = local_figures(films[::-1]).groups
    assert list(groups["age"]) == ["under 1 month", "1 to 2 years", "12 years and older", "unknown"]
    assert list(groups["month"]) == [f"2025-0{n}" for n in range(1, 5)]


def test_the_page_shows_worst_cases_and_nothing_that_runs(films: list[Film], read: list[Judged]) -> None:
    index = list(FILMS).index("free air")
    wrong = replace(read[index], told=(), is_critical=False, film='<script>alert("x")</script>')
    picture = data_url(films[index])
    figures = local_figures([wrong, *read])
    page = quality_page(figures, Page("a & b", {}, "d", [(wrong, picture)], synthetic=True))
    assert "<script" not in page and "a &amp; b" in page and "Synthetic films" in page
    assert page.count("data:image/jpeg") == 1
    drawn = draw_case(films[index])
    assert (drawn.max(axis=2) != drawn.min(axis=2)).sum() > 200, "outlines are in colour"


def test_a_damaged_film_among_the_worst_costs_no_page(films: list[Film], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(films[0].image_path.read_bytes()[:500])
    film = replace(films[0], image_path=damaged)
    (refused,) = judge_films([film])
    assert "damaged" in refused.refused
    page = quality_page(
        local_figures([refused]), Page("a", {}, "d", [(refused, data_url(film))], synthetic=False)
    )
    assert "damaged.png" in page and "Refused: The picture is damaged" in page


def test_other_weights_are_in_use_only_inside_the_block(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import os

    monkeypatch.setenv("PEDAXR_WEIGHTS", "before")
    with pytest.raises(KeyError), reading_with(tmp_path):
        assert os.environ["PEDAXR_WEIGHTS"] == str(tmp_path)
        raise KeyError
    assert os.environ["PEDAXR_WEIGHTS"] == "before"
    monkeypatch.delenv("PEDAXR_WEIGHTS")
    with reading_with(tmp_path):
        pass
    assert "PEDAXR_WEIGHTS" not in os.environ


def test_what_was_judged_is_kept_and_half_a_line_is_not(tmp_path) -> None:  # type: ignore[no-untyped-def]
    first = judged((AIR,), (AIR,), film="a", dice={AIR: 0.5}, groups={"age": "unknown"}, confidence=0.7)
    second = judged(refused="too small", film="b")
    path = tmp_path / "new" / "kept.jsonl"
    assert read_judged(path) == []
    append_judged(path, first)
    append_judged(path, second)
    assert read_judged(path) == [first, second]
    path.write_text(path.read_text()[:-20])
    assert read_judged(path) == [first]
    append_judged(path, second)
    assert read_judged(path) == [first, second]
