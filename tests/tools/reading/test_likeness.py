import math
from dataclasses import replace

import numpy as np
import pytest

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.reading.ood_score import learn_rule, likeness, plane_figures
from pedaxr.reading.operating_points import operating_points, parse_points, using, write_points
from pedaxr.reading.quality import check_likeness
from pedaxr_models.labels import CHANNELS
from pedaxr_models.segmentation.film_segmenter import Segmentation
from pedaxr_models.segmentation.transforms import Letterbox


def planes(seed, *, lungs):
    """Probabilities (C, 64, 64) of a film whose lungs fill that share of it from above, and a spine."""
    rng = np.random.default_rng(seed)
    seen = np.full((len(CHANNELS), 64, 64), 1e-5, np.float32)
    seen[CHANNELS.index("lungs"), : int(64 * lungs)] = 0.9 + 0.05 * rng.random()
    seen[CHANNELS.index("spine"), :, 30:34] = 0.95
    seen[CHANNELS.index("pelvis"), 50:] = 0.9 if lungs < 0.5 else 0.05
    return seen


@pytest.fixture(scope="module")
def rule():
    rng = np.random.default_rng(1)
    abdomens = [plane_figures(planes(i, lungs=rng.uniform(0.05, 0.3))) for i in range(20)]
    chests = [plane_figures(planes(i, lungs=rng.uniform(0.7, 0.95))) for i in range(20)]
    return learn_rule(abdomens + chests, np.array([True] * 20 + [False] * 20))


def test_what_was_not_learned_on_is_told_apart(rule):
    assert likeness(plane_figures(planes(99, lungs=0.2)), rule) > 1
    assert likeness(plane_figures(planes(99, lungs=0.8)), rule) < -1


def test_no_rule_judges_nothing():
    assert likeness({}, {}) == math.inf


def test_figures_do_not_hang_on_the_size_of_the_frame():
    small = plane_figures(planes(3, lungs=0.25))
    large = plane_figures(planes(3, lungs=0.25).repeat(4, axis=1).repeat(4, axis=2))
    assert small.keys() == large.keys() and all(abs(small[k] - large[k]) < 0.02 for k in small)


def test_a_channel_that_is_not_there_lies_nowhere():
    figures = plane_figures(np.zeros((len(CHANNELS), 8, 8), np.float32))
    assert figures["liver height"] == 0.5 and figures["liver share"] == 0


def segmentation(seen):
    return Segmentation(seen.repeat(8, axis=1).repeat(8, axis=2), Letterbox(512, 512))


def test_a_picture_unlike_a_film_is_doubted_and_one_far_from_it_refused(rule):
    points = replace(operating_points(), likeness=rule, unlike_doubted_below=0.0, unlike_refused_below=-1e6)
    with using(points):
        assert check_likeness(segmentation(planes(5, lungs=0.2))) == []
        assert "unlike an abdominal film" in check_likeness(segmentation(planes(5, lungs=0.9)))[0].text
    with using(replace(points, unlike_refused_below=0.0)), pytest.raises(NotAnAbdominalFilm):
        check_likeness(segmentation(planes(5, lungs=0.9)))


def test_a_rule_is_written_and_read_as_it_is(rule, tmp_path):
    points = replace(operating_points(), likeness=rule, unlike_doubted_below=-1.4)
    write_points(points, tmp_path / "points.json")
    assert parse_points((tmp_path / "points.json").read_text()) == points
