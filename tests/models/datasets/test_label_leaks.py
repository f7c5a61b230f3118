"""The leak check finds what is planted, and nothing where labels are drawn by lot."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pedaxr_models.datasets import Film, FilmMetadata
from pedaxr_models.datasets.checks import label_leaks
from pedaxr_models.datasets.checks.label_leaks import LeakReport, find_leaks
from pedaxr_models.datasets.checks.leak_probes import cross_validated
from pedaxr_models.datasets.checks.near_duplicates import across_splits, fingerprint
from pedaxr_models.datasets.outline_areas import measure_areas
from pedaxr_models.labels import LABELS, Finding, View

HIDDEN = "film with the abdomen hidden"


@pytest.fixture
def as_large_as_they_are_made() -> Iterator[None]:
    """Films are probed at 128 x 128, a quarter of the side, and so is what is hidden of them."""
    with quarter_size():
        yield


@contextmanager
def quarter_size() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_SIDE", "_STRIP", "_BOX_UP", "_BOX_DOWN", "_BOX_HALF_WIDTH"):
            patch.setattr(label_leaks, name, getattr(label_leaks, name) // 4)
        yield


def picture(rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    coarse = rng.integers(40, 200, (12, 12)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (128, 128), interpolation=cv2.INTER_CUBIC), np.uint8)


def write_films(folder: Path, count: int, *, planted: str = "") -> list[Film]:
    """Random pictures with random labels; `planted` says where the label is written."""
    rng, films = np.random.default_rng(5), []
    for i in range(count):
        number, pixels = int(rng.integers(len(LABELS))), picture(rng)
        if planted == "corner":
            pixels[2 + 4 * number : 6 + 4 * number, 2:10] = 255
        if planted == "abdomen":
            pixels[60:80, 30 + 10 * number : 40 + 10 * number] = 255
        path = folder / f"{i:03d}.png"
        cv2.imwrite(str(path), pixels)
        age = 12.0 * number + rng.random() if planted == "age" else 100 * rng.random()
        request = f"word{number}" if planted == "request" else "pain"
        meta = FilmMetadata(patient_id=f"P{i}", age_months=age, view=View.SUPINE, indication=request)
        films.append(Film(path, LABELS[number], metadata=meta, split="train" if i % 2 else "test"))
    return films


@pytest.fixture(scope="module")
def told_by_the_abdomen(tmp_path_factory: pytest.TempPathFactory) -> LeakReport:
    """What is found in films whose abdomen tells the label."""
    with quarter_size():
        return find_leaks(write_films(tmp_path_factory.mktemp("abdomen"), 240, planted="abdomen"))


def accuracies(report: LeakReport) -> dict[str, float]:
    return {probe.name: probe.accuracy for probe in report.probes}


@pytest.mark.usefixtures("as_large_as_they_are_made")
def test_labels_drawn_by_lot_are_at_chance(tmp_path: Path) -> None:
    report = find_leaks(write_films(tmp_path, 240))
    assert max(accuracies(report).values()) < 0.32, "chance and its spread for 240 films of six labels"
    assert report.is_clean


@pytest.mark.usefixtures("as_large_as_they_are_made")
@pytest.mark.parametrize(
    ("planted", "probe"),
    [
        ("corner", HIDDEN),
        ("age", "metadata: age, sex, view"),
        ("request", "metadata with the request's words"),
    ],
)
def test_a_planted_leak_is_found(tmp_path: Path, planted: str, probe: str) -> None:
    report = find_leaks(write_films(tmp_path, 240, planted=planted))
    assert accuracies(report)[probe] > 0.8


def test_what_the_abdomen_tells_is_found(told_by_the_abdomen: LeakReport) -> None:
    assert accuracies(told_by_the_abdomen)["16 x 16 thumbnail"] > 0.8


def test_what_the_hidden_box_covers_gives_nothing_away(told_by_the_abdomen: LeakReport) -> None:
    assert accuracies(told_by_the_abdomen)[HIDDEN] < 0.32
    assert told_by_the_abdomen.is_clean, "the gut may and must tell the label"


def test_a_leak_above_the_limit_is_not_clean(tmp_path: Path) -> None:
    report = find_leaks(write_films(tmp_path, 120, planted="corner"))
    assert [probe.name for probe in report.probes if probe.is_leak] == [HIDDEN]
    assert not report.is_clean


def test_films_of_one_patient_do_not_teach_of_each_other() -> None:
    """Each patient's films are alike and labelled by lot: only a classifier that saw the patient can tell."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 4)
    features = rng.standard_normal((60, 8))[patients] + 0.01 * rng.standard_normal((240, 8))
    labels = rng.integers(0, 2, 60)[patients]
    grouped = (cross_validated(features, labels, patients) == labels).mean(1).max()
    mixed = (cross_validated(features, labels, np.arange(240)) == labels).mean(1).max()
    assert grouped < 0.66 < 0.9 < mixed


def test_copies_across_splits_are_found_and_within_a_split_are_not(tmp_path: Path) -> None:
    films = write_films(tmp_path, 40)
    pixels = cv2.imread(str(films[0].image_path), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    cv2.imwrite(str(films[1].image_path), pixels)  # the other split
    cv2.imwrite(str(films[2].image_path), pixels)  # the same split
    cv2.imwrite(str(films[3].image_path), np.asarray(pixels * 0.9 + 10, np.uint8))  # paler, the other split
    pairs = {(first, second): exact for first, second, exact in find_leaks(films).duplicates}
    assert pairs == {
        ("000.png", "001.png"): True,
        ("001.png", "002.png"): True,
        ("000.png", "003.png"): False,
        ("002.png", "003.png"): False,
    }


def test_different_films_are_no_duplicates() -> None:
    rng = np.random.default_rng(1)
    prints = [fingerprint(picture(rng) / np.float32(255)) for _ in range(40)]
    assert across_splits(prints, ["train", "test"] * 20) == []


def test_too_few_films_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 30"):
        find_leaks(write_films(tmp_path, 20))


def test_areas_are_percent_of_the_picture_and_overlaps_count_once(tmp_path: Path) -> None:
    film = write_films(tmp_path, 1)[0]
    square = np.array([[0, 0], [64, 0], [64, 64], [0, 64]], np.float32)  # a quarter of 128 x 128
    films: Sequence[Film] = [
        replace(film, polygons={Finding.CONSTIPATION: [square, square]}),
        replace(film, polygons={Finding.CONSTIPATION: [square / 2]}),
    ]
    found = measure_areas(films)
    assert list(found) == [Finding.CONSTIPATION]
    areas = found[Finding.CONSTIPATION]
    assert (areas.films, areas.vertices, areas.box) == (2, 6, (0, 0, 192, 192))
    assert areas.most == pytest.approx(25, abs=0.3) and areas.least == pytest.approx(6.25, abs=0.15)
