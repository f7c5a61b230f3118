"""Lead letters are read where they can be, and one on the wrong side doubts the film."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pedaxr.radiograph.orientation import Orientation
from pedaxr.reading.framing import Framing
from pedaxr.reading.markers import LetterSearch, SideLetter, letter_notes, letters_agree, side_letters
from pedaxr.reading.notes import Note, NoteKind
from pedaxr.reading.read_film import Source, read_film
from pedaxr_models.labels import View
from pedaxr_models.phantom import FilmSpec, make_film, sample_spec


@cache
def bare() -> np.ndarray:
    """Without letters of its own."""
    return make_film(FilmSpec(5, 7, View.SUPINE, 60.0, ())).pixels


def lettered(text: str, x: float, y: float = 0.3, *, height: int = 28, turn: float = 0.0) -> np.ndarray:
    """The bare film with letters of another font than those compared with, laid over it as lead is."""
    plate = Image.new("L", (240, 120), 0)
    ImageDraw.Draw(plate).text((20, 30), text, 255, ImageFont.load_default(size=round(1.35 * height)))
    plate = plate.rotate(turn, resample=Image.Resampling.BICUBIC)
    drawn = np.asarray(plate.crop(plate.getbbox()))
    film = bare().copy()
    top, left = round(y * film.shape[0]), round(x * film.shape[1]) - drawn.shape[1] // 2
    part = film[top : top + drawn.shape[0], left : left + drawn.shape[1]]
    part[:] = np.maximum(part, (0.95 * drawn[: part.shape[0], : part.shape[1]]).astype(film.dtype))
    return film


def unit(film: np.ndarray) -> np.ndarray:
    return np.asarray(film / 255, np.float32)


def notes_of(film: np.ndarray) -> list[str]:
    width = film.shape[1]
    return [note.text for note in letter_notes(side_letters(unit(film)), width / 2, width)]


@pytest.mark.parametrize("turn", [0, 8, -8])
@pytest.mark.parametrize("height", [28, 36])
@pytest.mark.parametrize("letter", ["L", "R"])
def test_a_letter_is_read_upright_and_mirrored(letter: str, height: int, turn: float) -> None:
    film = lettered(letter, 0.06, height=height, turn=turn)
    found = side_letters(unit(film))
    assert [(one.name, one.is_mirrored) for one in found] == [(letter, False)]
    assert found[0].x == pytest.approx(0.06 * film.shape[1], abs=4)
    mirrored = side_letters(unit(np.ascontiguousarray(film[:, ::-1])))
    assert [(one.name, one.is_mirrored) for one in mirrored] == [(letter, True)]


@pytest.mark.parametrize(("letter", "x"), [("L", 0.06), ("R", 0.94)])
def test_a_letter_on_the_wrong_side_is_a_doubt_and_on_the_right_side_none(letter: str, x: float) -> None:
    assert len(notes_of(lettered(letter, x))) == 1
    assert notes_of(lettered(letter, 1 - x)) == []
    # Laid face down, as happens: its side counts, not its face.
    assert notes_of(np.ascontiguousarray(lettered(letter, x)[:, ::-1])) == []


@pytest.mark.parametrize(
    "text", ["LEFT", "PORTABLE", "LR", "SUPINE", "E", "F", "P", "B", "K", "7", "T", "J", "1"]
)
def test_words_and_other_signs_are_no_letter_of_a_side(text: str) -> None:
    assert side_letters(unit(lettered(text, 0.12))) == []


@pytest.mark.parametrize(
    "draw",
    [
        lambda film: cv2.line(film, (20, 300), (20, 420), 250, 2),
        lambda film: cv2.polylines(film, [np.array([(15, 300), (15, 500), (300, 505)])], False, 250, 2),
        lambda film: cv2.rectangle(film, (8, 8), (60, 90), 250, 3),
        lambda film: cv2.circle(film, (40, 60), 18, 250, 4),
    ],
    ids=["wire", "bent wire", "plate", "ring"],
)
def test_wires_plates_and_rings_are_no_letters(draw) -> None:
    assert side_letters(unit(draw(bare().copy()))) == []


@pytest.mark.parametrize("seed", range(12))
def test_no_letter_of_a_good_film_is_a_doubt_and_of_the_same_film_mirrored_it_is(seed: int) -> None:
    film = make_film(sample_spec(0, seed)).pixels
    read = side_letters(unit(film))
    assert notes_of(film) == []
    assert bool(notes_of(np.ascontiguousarray(film[:, ::-1]))) is any(
        abs(one.x - film.shape[1] / 2) > 0.25 * film.shape[1] for one in read
    )


def test_some_letters_of_made_films_are_read() -> None:
    """Control of the test above: there is something to contradict."""
    found = [side_letters(unit(make_film(sample_spec(0, seed)).pixels)) for seed in range(12)]
    assert sum(map(bool, found)) >= 4


def test_near_the_midline_no_side_is_told() -> None:
    for x in (150.0, 230.0, 280.0, 370.0):
        assert letter_notes([SideLetter("L", False, x, 10.0, 0.99)], 256.0, 512) == []
    assert letter_notes([SideLetter("L", False, 100.0, 10.0, 0.99)], 256.0, 512)


@pytest.mark.parametrize(
    ("letters", "agree"),
    [
        ([("R", False, 0.1)], True),
        ([("L", False, 0.9)], True),
        ([("R", False, 0.1), ("L", False, 0.9)], True),
        ([], False),
        ([("R", False, 0.4)], False),
        ([("R", True, 0.1)], False),
        ([("R", True, 0.9)], False),
        ([("L", False, 0.1)], False),
        ([("R", False, 0.1), ("L", False, 0.05)], False),
    ],
)
def test_letters_agree_where_one_reads_as_on_paper_and_none_lies_elsewhere(letters, agree: bool) -> None:
    laid = [SideLetter(name, is_mirrored, 500 * x, 10.0, 0.9) for name, is_mirrored, x in letters]
    assert letters_agree(laid, 250.0, 500) is agree


@pytest.mark.parametrize(("letter", "is_doubted"), [("R", False), ("", True)])
def test_a_letter_in_its_place_settles_how_a_film_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letter: str, is_doubted: bool
) -> None:
    """A film that would be surer mirrored or upside down is doubted for that only where no letter says so."""
    doubt = Note(NoteKind.DOUBT, "surer mirrored")
    monkeypatch.setattr("pedaxr.reading.read_film.hanging_doubts", lambda looks, points: [doubt])
    path = tmp_path / "film.png"
    Image.fromarray(lettered(letter, 0.06) if letter else bare()).save(path)
    assert read_film(Source(path)).doubts == ([doubt.text] if is_doubted else [])


@pytest.mark.parametrize(("letter", "is_doubted"), [("L", True), ("R", False)])
def test_a_film_whose_letter_contradicts_it_gives_no_finding(
    tmp_path: Path, letter: str, is_doubted: bool
) -> None:
    path = tmp_path / "film.png"
    Image.fromarray(lettered(letter, 0.06)).save(path)
    reading = read_film(Source(path))
    assert any("lead letter" in doubt for doubt in reading.doubts) is is_doubted
    assert bool(reading.doubts) is is_doubted


@pytest.mark.parametrize("threads", ["1", "2"])
def test_letters_looked_for_beside_other_work_are_those_of_the_film_as_it_is_hung(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDAXR_THREADS", threads)
    film = unit(lettered("L", 0.85))
    height, width = film.shape
    search = LetterSearch(film)
    upright, mirrored = Framing(width, height), Framing(width, height, Orientation(is_mirrored=True))
    search.begin(upright)
    assert search.found(mirrored) == tuple(side_letters(np.ascontiguousarray(film[:, ::-1])))
    assert search.found(upright) == tuple(side_letters(film)) != search.found(mirrored)
