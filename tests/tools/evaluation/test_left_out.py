"""Networks on children they did not learn from: who is read by whom, and how free air is counted."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.evaluation.left_out import LeftOutRecord, call_for, left_out_figures, read_left_out, score_of
from pedaxr.evaluation.real_films import gate_verdict
from pedaxr_models.datasets.partial_truth import read_partial
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding
from pedaxr_models.segmentation.film_segmenter import FilmSegmenter
from pedaxr_models.segmentation.mixed.folds import child_folds, left_out, left_out_films, other_halves

AIR = CHANNELS.index(Finding.PNEUMOPERITONEUM)


class DarkIsAir(FilmSegmenter):
    """Calls free air whatever is dark below the lungs: enough to count with."""

    def __init__(self, sureness=0.999):
        super().__init__(size=128, min_area_px={"pneumoperitoneum": 20})
        self.sureness = sureness

    def _probabilities(self, film):
        said = np.zeros((len(film), len(CHANNELS), 512, 512), np.float32)
        large = np.stack([cv2.resize(one, (512, 512)) for one in film])
        said[:, AIR, 180:] = np.where(large[:, 180:] < large.min() + 0.15, self.sureness, 0)
        return said


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    rng = np.random.default_rng(5)
    for number in range(5):
        film = np.clip(rng.normal(140, 4, (512, 512)), 0, 255).astype(np.uint8)
        film[40:170, 90:230] = film[40:170, 290:430] = 60
        film[:, 245:268] = 225
        cv2.imwrite(str(folder / f"f{number}.png"), film)
        box = lambda a, b, c, d: [[a, b], [c, b], [c, d], [a, d]]  # noqa: E731
        polygons = {
            "body": [box(10, 2, 500, 510)],
            "lungs": [box(90, 40, 230, 170), box(290, 40, 430, 170)],
            "spine": [box(245, 0, 268, 511)],
            "abdominal_cavity": [box(40, 172, 470, 490)],
        }
        said = {f.value: "absent" for f in FINDINGS}
        if number == 4:
            said["pneumoperitoneum"] = "uncertain"
        described = {"id": f"f{number}", "size": [512, 512], "findings": said, "polygons": polygons}
        (folder / f"f{number}.json").write_text(json.dumps(described | {"child": f"c{number}"}))
    return read_partial(folder)


def test_every_child_is_left_out_of_exactly_one_fold_and_no_test_picture_is_learned_from(films):
    others = [replace(f, kind="chest", child=f"x{i}", id=f"x{i}00") for i, f in enumerate(films)]
    both = [*films, *others]
    skipped = [left_out(both, fold) for fold in range(5)]
    for film in films:
        assert sum(film.child in fold for fold in skipped) == 1
    for film in other_halves(both)[1]:
        assert all(film.child in fold for fold in skipped)
    assert left_out(both, None) == tuple(film.child for film in other_halves(both)[1])
    assert [film.child for fold in range(5) for film in left_out_films(both, fold)] == [
        child for fold in child_folds(both, 5) for child in fold
    ]


def test_each_film_is_read_by_the_run_that_left_its_child_out(films, monkeypatch):
    loaded = {"run0": DarkIsAir(), "run3": DarkIsAir(sureness=0.0)}
    monkeypatch.setattr("pedaxr.evaluation.left_out.is_second", lambda _: False)
    monkeypatch.setattr("pedaxr.evaluation.left_out.load_segmenter", lambda name: loaded[name])
    records = read_left_out({0: "run0", 3: "run3"}, films, DarkIsAir(), versions=3)
    by_child = {fold: [f.id for f in left_out_films(films, fold)] for fold in (0, 3)}
    assert {r.film for r in records} == {*by_child[0], *by_child[3]}
    assert all(r.score == 0 for r in records if r.film in by_child[3])
    pasted = [r for r in records if r.sign and r.film in by_child[0]]
    assert pasted and all(r.has_free_air and r.contrast > 0 for r in pasted)
    again = read_left_out({0: "run0", 3: "run3"}, films, DarkIsAir(), versions=3)
    assert again == records


def test_the_gate_judges_a_film_by_the_network_that_left_its_child_out(films, monkeypatch):
    looked = []

    def refusing(source, segmenter=None):
        looked.append((source.film.stem, segmenter))
        raise NotAnAbdominalFilm("no spine")

    loaded = {"run0": DarkIsAir(), "run3": DarkIsAir()}
    monkeypatch.setattr("pedaxr.evaluation.left_out.is_second", lambda _: False)
    monkeypatch.setattr("pedaxr.evaluation.left_out.load_segmenter", lambda name: loaded[name])
    monkeypatch.setattr("pedaxr.evaluation.real_films.read_film", refusing)
    good = [replace(film, suitable=True) for film in films]
    records = read_left_out({0: "run0", 3: "run3"}, good, DarkIsAir(), versions=1)
    expected = [(f.id, loaded[f"run{fold}"]) for fold in (0, 3) for f in left_out_films(good, fold)]
    assert looked == expected
    assert {r.verdict for r in records if not r.sign} == {"refused"}
    assert {r.verdict for r in records if r.sign} == {""}


def test_a_film_is_judged_without_the_network_in_use(films, monkeypatch):
    def in_use():
        raise AssertionError("the network in use looked")

    monkeypatch.setattr("pedaxr.reading.networks.segmenter", in_use)
    verdict, reason, reading = gate_verdict(films[0].image_path, DarkIsAir())
    assert (verdict, reading) == ("refused", None) and "spine" in reason


def test_a_gate_is_counted_on_suitable_films_and_babygrams_apart():
    records = [
        LeftOutRecord("a", False, 0.2, verdict="read", suitable=True),
        LeftOutRecord("b", False, 0.2, verdict="doubted", suitable=True),
        LeftOutRecord("c", False, 0.2, verdict="refused", suitable=True),
        LeftOutRecord("d", False, 0.2, verdict="doubted", is_babygram=True),
        LeftOutRecord("e", False, 0.2, verdict="doubted"),
        LeftOutRecord("a", True, 0.95, "pool", 9.0, 0.7),
    ]
    counted = {s.name: (s.count, s.of) for s in left_out_figures(records, 0.9).shares}
    assert counted["suitable films refused"] == (1, 3)
    assert counted["suitable films refused or doubted"] == (2, 3)
    assert counted["babygrams refused or doubted"] == (1, 1)


def test_nothing_is_put_into_a_film_of_which_nobody_can_say(films, monkeypatch):
    monkeypatch.setattr("pedaxr.evaluation.left_out.is_second", lambda _: False)
    monkeypatch.setattr("pedaxr.evaluation.left_out.load_segmenter", lambda _: DarkIsAir())
    uncertain = [f for f in films if f.child == "c4"]
    fold = next(i for i in range(5) if "c4" in child_folds(films, 5)[i])
    records = read_left_out({fold: "run"}, films, DarkIsAir(), versions=3)
    said = [r for r in records if r.film == uncertain[0].id]
    assert [(r.sign, r.has_free_air) for r in said] == [("", None)]


def test_a_score_is_what_enough_pixels_of_one_piece_reach():
    network = DarkIsAir()
    film = np.full((512, 512), 0.9, np.float32)
    film[300:310, 300:310] = film[400:403, 400:403] = 0.0
    seen = network.predict(film)
    assert score_of(seen, network) == pytest.approx(0.999)
    seen.probabilities[AIR] *= np.where(np.arange(512) < 350, 0.6, 1.0)[:, None]  # the small one is surer
    assert score_of(seen, network) == pytest.approx(0.999 * 0.6, abs=1e-6)
    network.min_area_px = {"pneumoperitoneum": 5000}
    assert score_of(seen, network) == 0


def test_at_most_a_tenth_of_the_films_without_free_air_lie_at_the_chosen_point():
    scores = [0.9, 0.8, *[0.1] * 18]
    point = call_for(scores)
    assert sum(s >= point for s in scores) == 2
    assert sum(s >= call_for(scores[:9]) for s in scores[:9]) == 0
    assert call_for([]) == 0.0


def test_crescents_and_pools_are_counted_apart():
    records = [
        LeftOutRecord("a", False, 0.2, structures={"spine": 0.8}),
        LeftOutRecord("b", None, 0.99, structures={"spine": 0.6}),
        LeftOutRecord("c", True, 0.95),
        LeftOutRecord("a", True, 0.95, "crescent", 9.0, 0.7),
        LeftOutRecord("a", True, 0.3, "flank", 9.0, 0.0),
        LeftOutRecord("a", True, 0.91, "pool", 9.0, 0.2),
    ]
    figures = left_out_figures(records, 0.9)
    counted = {share.name: (share.count, share.of) for share in figures.shares}
    assert counted["free air called where there is none"] == (0, 1)
    assert counted["true free air called"] == (1, 1)
    assert counted["free air put in, called"] == (2, 3)
    assert counted["free air put in as a crescent or along the flank, called"] == (1, 2)
    assert counted["free air put in otherwise, called"] == (1, 1)
    assert counted["free air put in, outlined where it lies (Dice 0.5)"] == (1, 3)
    assert figures.dice["spine"] == (pytest.approx(0.7), 2)
    json.dumps(figures.to_json())


def test_what_was_put_in_is_counted_by_how_dark_it_is():
    contrasts = {-3.0: 0.95, 9.9: 0.2, 10.0: 0.95, 19.9: 0.95, 20.0: 0.3, 255.0: 0.95}
    records = [LeftOutRecord("a", True, score, "pool", contrast) for contrast, score in contrasts.items()]
    counted = {s.name: (s.count, s.of) for s in left_out_figures(records, 0.9).shares}
    assert counted["less than 10 grey levels darker than around it"] == (1, 2)
    assert counted["10 to 20 grey levels darker than around it"] == (2, 2)
    assert counted["20 or more grey levels darker than around it"] == (1, 2)
