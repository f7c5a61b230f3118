"""Data sets on disk."""

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr_models.datasets import DatasetError, read_dataset, read_films
from pedaxr_models.datasets.aihub_writer import write_aihub
from pedaxr_models.datasets.film import FloatArray, read_masks, unpack_masks
from pedaxr_models.facts import FilmFacts
from pedaxr_models.labels import LABELS, Finding
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.phantom.dataset.films_csv import split_of
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.phantom.metadata import birth_date_for, dicom_age, months_between, sample_metadata
from pedaxr_models.phantom.spec import Domain
from pedaxr_models.report_text.parser import parse


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with a film of every label, seed 4."""
    folder = tmp_path_factory.mktemp("six")
    write_dataset(folder, count=6, seed=4)
    return folder


def test_a_data_set_can_be_interrupted_and_comes_out_the_same(tmp_path: Path, made_films: Any) -> None:
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    table = write_dataset(whole, count=3, seed=4)
    seen: list[tuple[int, int]] = []
    with made_films.forgotten():
        write_dataset(resumed, count=2, seed=4)
        (resumed / "rows" / "000001.json").unlink()  # killed between mask and row
        write_dataset(resumed, count=3, seed=4, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 3), (3, 3)]
    assert contents(whole).keys() == contents(resumed).keys()
    for name, data in contents(whole).items():
        assert name.endswith(".npz") or data == contents(resumed)[name], name
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 3
    film = make_film(sample_spec(4, 1))
    assert FilmFacts.from_json(json.loads(rows[1]["Facts"])) == film.facts
    stored = unpack_masks(read_masks(whole / rows[1]["MaskPath"]))
    assert np.array_equal(stored, np.stack(list(film.masks.values())))
    assert "synthetic" in (whole / "DATA_CARD.md").read_text(encoding="utf-8")


def test_caption_and_report_say_the_facts_in_both_languages(six: Path) -> None:
    for row in csv.DictReader((six / "films.csv").read_text(encoding="utf-8").splitlines()):
        facts = FilmFacts.from_json(json.loads(row["Facts"]))
        for column in ("Caption", "CaptionKorean"):
            said = {fact.finding: fact for fact in parse(row[column]).findings}
            assert {finding: fact.presence for finding, fact in said.items()} == {
                fact.finding: fact.presence for fact in facts.findings
            }
            assert all(said[finding].side is facts[finding].side for finding in facts.present)
        assert any("가" <= letter <= "힣" for letter in row["ReportKorean"])
        assert {"Technique", "Findings", "Impression"} <= set(json.loads(row["Report"]))


@pytest.mark.usefixtures("every_film_made_anew")
def test_one_film_alone_is_the_same_as_in_its_data_set(six: Path, tmp_path: Path) -> None:
    table = write_dataset(tmp_path / "alone", indices=[2], seed=4)
    for name in ("images/000002.png", "rows/000002.json"):
        assert (tmp_path / "alone" / name).read_bytes() == (six / name).read_bytes()
    masks = [read_masks(folder / "masks" / "000002.npz") for folder in (tmp_path / "alone", six)]
    assert np.array_equal(*masks)
    assert table.read_text().splitlines()[1] == (six / "films.csv").read_text().splitlines()[3]
    write_dataset(tmp_path / "alone", indices=[0], seed=4)
    assert [film.image_path.stem for film in read_films(tmp_path / "alone")] == ["000000", "000002"]


@pytest.mark.usefixtures("every_film_made_anew")
def test_two_processes_write_the_bytes_of_one(tmp_path: Path) -> None:
    for processes in (1, 2):
        write_dataset(tmp_path / str(processes), count=2, seed=9, processes=processes)
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert one.keys() == two.keys()
    assert all(name.endswith(".npz") or one[name] == two[name] for name in one)


def test_shifted_films_are_other_patients_and_all_for_testing(six: Path, tmp_path: Path) -> None:
    plain = read_films(six)
    shifted = read_films(write_dataset(tmp_path / "shifted", count=2, seed=4, domain=Domain.SHIFTED))
    assert {film.split for film in shifted} == {"test"}
    assert not {film.metadata.patient_id for film in plain} & {film.metadata.patient_id for film in shifted}
    assert plain[0].image_path.read_bytes() != shifted[0].image_path.read_bytes()
    assert "shifted test films" in (tmp_path / "shifted" / "DATA_CARD.md").read_text()
    assert "shifted test films" not in (six / "DATA_CARD.md").read_text()
    with pytest.raises(ValueError, match="another seed"):
        write_dataset(six, count=6, seed=4, domain=Domain.SHIFTED)


def test_coco_annotations_hold_the_outlines_of_the_table(six: Path) -> None:
    films = read_films(six)
    coco = json.loads((six / "annotations.json").read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in coco["categories"]}
    images = {image["id"]: image["file_name"] for image in coco["images"]}
    found = {
        (images[a["image_id"]], names[a["category_id"]]): [np.reshape(s, (-1, 2)) for s in a["segmentation"]]
        for a in coco["annotations"]
    }
    drawn = {
        (f"images/{film.image_path.name}", finding.value): pieces
        for film in films
        for finding, pieces in film.polygons.items()
    }
    assert found.keys() == drawn.keys() and drawn
    for key, pieces in drawn.items():
        assert all(np.array_equal(a, b) for a, b in zip(found[key], pieces, strict=True))
    first = coco["annotations"][0]
    left, top, width, height = first["bbox"]
    points = np.concatenate([np.reshape(s, (-1, 2)) for s in first["segmentation"]])
    assert (points.min(0) == (left, top)).all() and (points.max(0) == (left + width, top + height)).all()
    assert 0 < first["area"] <= width * height


def test_generated_films_survive_the_seed_table(six: Path) -> None:
    for index, film in enumerate(read_films(six)[:3]):
        made = make_film(sample_spec(4, index))
        assert (film.label, film.facts, film.metadata) == (made.label, made.facts, made.metadata)
        assert same_outlines(film.polygons, made.polygons)
        assert film.pixel_spacing_mm == pytest.approx(made.pixel_spacing_mm, abs=1e-5)


@pytest.mark.parametrize("korean", [False, True], ids=["english", "korean"])
def test_generated_films_survive_the_aihub_layout(six: Path, tmp_path: Path, korean: bool) -> None:
    films = read_films(six)
    left_out = write_aihub(tmp_path / "aihub", films, korean=korean)
    shown = [film for film in films if Finding.ABDOMINAL_DISTENSION not in film.polygons]
    assert len(left_out) == len(films) - len(shown) > 0
    report = read_dataset(tmp_path / "aihub")
    assert (report.layout, report.rejections) == ("aihub", ())
    back = {film.metadata.patient_id: film for film in report.films}
    assert len(back) == len(shown)
    for film in shown:
        again = back[film.metadata.patient_id]
        assert same_outlines(film.polygons, again.polygons)
        assert (again.facts, again.label, again.split) == (film.facts, film.label, film.split)
        assert again.metadata.age_months == pytest.approx(film.metadata.age_months)
        assert (again.caption, again.metadata.view) == (" ".join(film.caption.split()), film.metadata.view)
        assert again.image_path.read_bytes() == film.image_path.read_bytes()
    with pytest.raises(DatasetError, match="not empty"):
        write_aihub(tmp_path / "aihub", films)


def same_outlines(a: dict[Finding, list[FloatArray]], b: dict[Finding, list[FloatArray]]) -> bool:
    return a.keys() == b.keys() and all(
        len(a[f]) == len(b[f]) and all(map(np.array_equal, a[f], b[f])) for f in a
    )


def test_a_folder_of_another_seed_is_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path, count=0, seed=1)
    with pytest.raises(ValueError, match="another seed"):
        write_dataset(tmp_path, count=0, seed=2)


def test_patients_never_change_split() -> None:
    names = [split_of(f"SYN{i}") for i in range(2000)]
    assert 0.75 < names.count("train") / 2000 < 0.85
    assert split_of("SYN5") == split_of("SYN5")


@given(st.dates(date(2019, 1, 1), date(2025, 12, 31)), st.floats(0, 192))
def test_birth_dates_agree_with_ages(study: date, age_months: float) -> None:
    birth = birth_date_for(study, age_months)
    assert birth <= study
    assert abs(months_between(birth, study) - age_months) < 0.2
    assert len(dicom_age(age_months, birth, study)) == 4


def test_working_diagnoses_are_right_less_than_half_the_time() -> None:
    given_ = [sample_metadata(sample_spec(0, i), LABELS[i % 6]).working_diagnosis for i in range(1000)]
    right = np.mean([g == LABELS[i % 6] for i, g in enumerate(given_)])
    assert 0.40 < right < 0.50
    assert 0.30 < np.mean([g is None for g in given_]) < 0.40
