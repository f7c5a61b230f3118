"""Tubes drawn onto films, where they run and what is drawn beside them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.partial_truth import PartialFilm
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.phantom.film import PhantomFilm
from pedaxr_models.tubes.backgrounds import (
    Background,
    real_backgrounds,
    synthetic_backgrounds,
    torso_of,
)
from pedaxr_models.tubes.batches import TubeBatches, crossed
from pedaxr_models.tubes.courses import LINES, Torso, gastric_tube
from pedaxr_models.tubes.drawing import lay_lines, lay_tube, trace

SEEDS = range(60)


@pytest.fixture(scope="module")
def torso(background: PhantomFilm) -> Torso:
    found = torso_of(*(background.masks[name] for name in ("spine", "liver", "pelvis")))
    assert found is not None
    return found


def drawn(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_torso_is_read_off_the_masks(torso: Torso, background: PhantomFilm) -> None:
    spine = background.masks["spine"]
    row = int(np.flatnonzero(spine.any(axis=1)).mean())
    assert abs(torso.at(row) - np.flatnonzero(spine[row]).mean()) < 2
    liver = np.flatnonzero(background.masks["liver"].any(axis=1))
    assert liver[0] - 1 <= torso.dome <= liver[-1] and torso.floor > liver[-1]
    assert torso_of(spine, np.zeros_like(spine), spine) is None, "too little of the child"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gastric_tube_comes_from_above_and_ends_below_the_diaphragm_on_the_left(
    seed: int, torso: Torso
) -> None:
    course = gastric_tube(torso, drawn(seed))
    assert course[0, 1] < 0 and np.abs(course[0, 0] - torso.at(0)) < 0.35 * torso.half_width
    lowest = course[course[:, 1].argmax()]
    assert torso.dome < lowest[1] < torso.floor
    beyond = course[course[:, 1] > torso.dome]
    assert (beyond[:, 0] > torso.at(torso.dome) - 0.5 * torso.half_width).all()
    assert beyond[:, 0].max() > torso.at(torso.dome), "to the patient's left"


@pytest.mark.parametrize(("often", "course"), LINES)
def test_other_lines_do_not_run_from_above_into_the_stomach(often: float, course, torso: Torso) -> None:
    """A tube does both; of a shunt and of a lead some may, by chance."""
    assert 0 < often < 1
    alike = 0
    for seed in SEEDS:
        line = course(torso, drawn(seed))
        beside_spine = abs(float(line[0, 0]) - torso.at(0)) < 0.15 * torso.half_width
        ends_in_stomach = torso.dome < line[-1, 1] < torso.dome + 0.5 * torso.height
        alike += bool(line[0, 1] < 0 and beside_spine and ends_in_stomach)
    assert alike <= len(SEEDS) // 20


@pytest.mark.parametrize("seed", range(12))
def test_a_tube_brightens_the_film_where_it_runs_and_nowhere_else(
    seed: int, torso: Torso, background: PhantomFilm
) -> None:
    film = background.pixels.astype(np.float32) / np.float32(255)
    with_tube, where, unseen = lay_tube(film, torso, drawn(seed))
    added = with_tube - film
    assert where.any() and float(added[where].mean()) > 0.01 and float(added.min()) >= 0
    assert not (where & unseen).any()
    wide = cv2.dilate((where | unseen).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert float(np.abs(added[~wide]).max()) < 0.01
    assert 1 - float(with_tube.max()) > -0.05, "what is white stays white"


def test_lines_are_drawn_on_most_films_and_not_always_the_same(torso: Torso) -> None:
    film = np.full((512, 512), 0.4, np.float32)
    changed = [float(np.abs(lay_lines(film, torso, drawn(seed)) - film).sum()) for seed in range(30)]
    assert sum(amount > 0 for amount in changed) > 15 and len({round(a, 3) for a in changed}) > 10


def test_a_tube_that_is_not_to_be_seen_on_white_is_not_asked_for(torso: Torso) -> None:
    white, grey = np.full((512, 512), 0.99, np.float32), np.full((512, 512), 0.4, np.float32)
    on_white = [lay_tube(white, torso, drawn(seed))[1:] for seed in range(12)]
    assert all(unseen.any() and not where.any() for where, unseen in on_white)
    on_grey = [lay_tube(grey, torso, drawn(seed))[1:] for seed in range(12)]
    seen, unseen = (sum(int(one[which].sum()) for one in on_grey) for which in (0, 1))
    assert seen > 5 * unseen, "control"
    frame = (white * 255).astype(np.uint8)
    film = Background(frame, (0, 512, 0, 512), torso, is_real=False)
    _, tubes, known = TubeBatches([film], seed=3, batch_size=4, tubes=1.0)[0]
    assert tubes.sum() == 0 and (known == 0).sum(dim=(1, 2)).min() > 10, "nor denied"


def test_a_square_is_crossed_where_a_tube_runs_through_any_of_its_pixels() -> None:
    tube = np.zeros((512, 512), bool)
    tube[9, 13] = True
    found = crossed(tube)
    assert found.shape == (128, 128) and found.sum() == 1 and found[2, 3] == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("films")
    write_dataset(made, count=6, seed=5, processes=1)
    return made


def test_films_that_show_a_tube_are_no_background(folder: Path) -> None:
    films = read_films(folder)
    without = [film for film in films if film.facts is not None and not film.facts.gastric_tube]
    found = synthetic_backgrounds(films)
    assert len(found) == len(without) and all(one.torso is not None and not one.is_real for one in found)


def test_a_real_film_needs_spine_and_cavity_for_a_tube(tmp_path: Path) -> None:
    picture = tmp_path / "film.png"
    cv2.imwrite(str(picture), drawn(0).integers(60, 200, (400, 300)).astype(np.uint8))
    spine = [np.array([[140, 0], [160, 0], [160, 399], [140, 399]], np.float32)]
    cavity = [np.array([[20, 112], [280, 112], [280, 380], [20, 380]], np.float32)]
    whole = PartialFilm("a", picture, outlines={"spine": spine, "abdominal_cavity": cavity})
    part = PartialFilm("b", picture, outlines={"spine": spine})
    first, second = real_backgrounds([whole, part])
    assert first.torso is not None and second.torso is None and first.is_real
    _, tubes, _ = TubeBatches([second], seed=0, batch_size=6, real=1.0, tubes=1.0)[0]
    assert tubes.sum() == 0, "and is shown without one"


def test_a_batch_follows_from_its_number(folder: Path) -> None:
    films = synthetic_backgrounds(read_films(folder))
    batches = TubeBatches(films, seed=1, batch_size=3)
    (one, tubes, known), (again, same, _), (other, _, _) = batches[4], batches[4], batches[5]
    assert one.shape == (3, 1, 512, 512) and tubes.shape == known.shape == (3, 128, 128)
    assert bool((one == again).all()) and bool((tubes == same).all()) and not bool((one == other).all())
    always = TubeBatches(films, seed=1, batch_size=8, tubes=1.0)[0][1]
    never = TubeBatches(films, seed=1, batch_size=8, tubes=0.0)[0][1]
    assert int((always.sum(dim=(1, 2)) > 0).sum()) >= 7 and never.sum() == 0


def test_a_tube_beyond_what_holds_film_is_not_asked_for(background: PhantomFilm, torso: Torso) -> None:
    narrow = Background(background.pixels, (500, 512, 0, 512), torso, is_real=False)
    _, tubes, _ = TubeBatches([narrow], seed=2, batch_size=6, tubes=1.0)[0]
    assert tubes.sum() == 0


def test_a_trace_is_as_wide_as_a_tube_and_its_edges() -> None:
    line = np.array([[100.0, 50.0], [100.0, 200.0]], np.float32)
    across = np.flatnonzero(trace(line, (512, 512))[120])
    assert across.mean() == 100 and 5 <= len(across) <= 7
