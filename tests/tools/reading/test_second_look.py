"""Films hung wrongly and two in one picture, with the bundled weights: through files, not masks."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.evaluation.hanging import WAYS, beside, stacked
from pedaxr.reading.operating_points import POINTS_FILE, parse_points, using
from pedaxr.reading.read_film import Reading, Source, read_film
from pedaxr.reading.second_look import has_two_spines, surer_by
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.phantom.spec import Domain

FILMS = range(6)


@pytest.fixture(autouse=True)
def _bundled_points(_points_that_no_choice_moves: None) -> Iterator[None]:
    with using(parse_points((files("pedaxr") / POINTS_FILE).read_text(encoding="utf-8"))):
        yield


@cache
def film(number: int) -> np.ndarray:
    """Of a seed that nothing was chosen on."""
    return np.asarray(make_film(sample_spec(90_210, number)).pixels, np.float32) / 255


def read(folder: Path, pixels: np.ndarray) -> Reading | None:
    """None where it is refused."""
    cv2.imwrite(str(folder / "film.png"), np.round(pixels * 255).astype(np.uint8))
    try:
        return read_film(Source(folder / "film.png"))
    except NotAnAbdominalFilm:
        return None


def test_films_that_hang_correctly_are_read_in_one_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look takes as long as the first, and tells nothing of a film that is as sure as most."""
    from pedaxr.reading import networks

    looked: list[object] = []
    segmenter = networks.segmenter()
    glance = segmenter.glance
    monkeypatch.setattr(segmenter, "glance", lambda *given: looked.append(given) or glance(*given))
    readings = [read(tmp_path, film(number)) for number in FILMS]
    assert [reading is not None and reading.doubts for reading in readings] == [[] for _ in FILMS]
    assert len(looked) <= 1


@pytest.mark.parametrize("way", ["mirrored", "turned by half", "mirrored head to foot"])
def test_films_that_hang_wrongly_give_no_finding(tmp_path: Path, way: str) -> None:
    readings = [read(tmp_path, WAYS[way](film(number), film(number))) for number in FILMS]
    stopped = [reading is None or bool(reading.doubts) for reading in readings]
    assert sum(stopped) >= len(FILMS) - 1
    assert all(reading is None or not (reading.doubts and reading.findings) for reading in readings)
    if way == "mirrored":
        told = [reading.in_doubt or "" for reading in readings if reading]
        assert sum("left and right" in text and "exchanged" in text for text in told) >= len(FILMS) - 1


@pytest.mark.parametrize("together", [beside, stacked])
@pytest.mark.parametrize("border", [0, 40], ids=["as they are", "on a wide black ground"])
def test_two_films_in_one_picture_are_refused(tmp_path: Path, together, border: int) -> None:
    for number in (0, 2, 4):
        pair = np.pad(together(film(number), film(number + 1)), border)
        cv2.imwrite(str(tmp_path / "pair.png"), np.round(pair * 255).astype(np.uint8))
        with pytest.raises(NotAnAbdominalFilm, match="two bodies"):
            read_film(Source(tmp_path / "pair.png"))


@cache
def shifted(number: int) -> np.ndarray:
    """Of sizes, poses and doses that no network has learned from."""
    return np.asarray(make_film(sample_spec(90_211, number, Domain.SHIFTED)).pixels, np.float32) / 255


@pytest.mark.parametrize("together", [beside, stacked])
def test_two_unusual_films_in_one_picture_are_refused(tmp_path: Path, together) -> None:
    """No half need be surer: each has a spine, a liver and a pelvis."""
    pairs = [together(shifted(number), shifted(number + 1)) for number in range(0, 12, 2)]
    assert [read(tmp_path, pair) for pair in pairs] == [None] * len(pairs)


@pytest.mark.parametrize("number", range(0, 10, 3))
def test_a_narrow_or_wide_part_of_one_film_is_not_taken_for_two(tmp_path: Path, number: int) -> None:
    whole = shifted(number)
    height, width = whole.shape
    parts = whole[:, int(0.24 * width) : int(0.76 * width)], whole[int(0.3 * height) : int(0.95 * height)]
    for part in parts:
        cv2.imwrite(str(tmp_path / "film.png"), np.round(part * 255).astype(np.uint8))
        try:
            read_film(Source(tmp_path / "film.png"))
        except NotAnAbdominalFilm as err:
            assert "two bodies" not in str(err)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)], ids=["tall", "wide"])
def test_one_child_on_a_long_film_is_not_taken_for_two(tmp_path: Path, shape: tuple[int, int]) -> None:
    pixels = film(1)
    height, width = (side * 250 for side in shape)
    ground = np.full((height * 2, width * 2), 0.05, np.float32)
    y, x = (ground.shape[0] - pixels.shape[0]) // 2, (ground.shape[1] - pixels.shape[1]) // 2
    ground[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    reading = read(tmp_path, ground)
    assert reading is not None and not any("two" in note.text for note in reading.notes)


def test_both_tools_look_a_second_time_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pedaxr.reading import networks

    calls = 0
    segmenter = networks.segmenter()
    predict, glance = segmenter.predict, segmenter.glance

    def counted(*given: object, **how: object) -> object:
        nonlocal calls
        calls += 1
        return glance(*given) if len(given) > 1 else predict(*given, **how)

    monkeypatch.setattr(segmenter, "predict", counted)
    monkeypatch.setattr(segmenter, "glance", counted)
    points = replace(parse_points((files("pedaxr") / POINTS_FILE).read_text()), mirrored_looked_from=0.0)
    with using(points):
        assert read(tmp_path, film(0)) is not None
        first, calls = calls, 0
        assert read(tmp_path, film(0)) is not None
    assert 2 <= first <= 4 and calls == 0


def test_a_broken_spine_is_one_spine_and_two_columns_are_two() -> None:
    spine = np.zeros((100, 100), bool)
    spine[10:45, 48:53] = spine[55:90, 49:54] = True
    assert not has_two_spines(spine)
    spine[20:80, 80:85] = True
    assert has_two_spines(spine)
    assert not has_two_spines(np.zeros((100, 100), bool))


def test_a_look_that_shows_nothing_is_no_surer() -> None:
    assert surer_by(0.4, float("inf")) == surer_by(float("inf"), 0.4) == 0
    assert surer_by(0.4, 0.2) > 0 > surer_by(0.2, 0.4)
