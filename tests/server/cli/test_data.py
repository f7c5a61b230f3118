"""The commands that make data and judge it."""

import json
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from pedaxr_models.datasets import read_dataset, read_films
from pedaxr_models.datasets.splits import complete_splits
from pedaxr_models.labels import LABELS
from pedaxr_server.cli.app import main
from pedaxr_server.cli.evaluate.films import films_of_split

Run = Callable[..., "click.testing.Result"]


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: str | Path) -> click.testing.Result:
        return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)

    return invoke


def planted(folder: Path, *, leak: bool) -> Path:
    """Random pictures, labelled by lot; with a leak the label stands in the first column too."""
    rng, lines = np.random.default_rng(0), ["ImagePath,Point,Class,PatientID,Split"]
    for i in range(90):
        number = int(rng.integers(len(LABELS)))
        pixels = cv2.resize(rng.integers(0, 255, (12, 12)).astype(np.uint8), (128, 128))
        if leak:
            pixels[20 * number : 20 * number + 10, :8] = 255
        cv2.imwrite(str(folder / f"{i}.png"), pixels)
        lines.append(f"{i}.png,,{LABELS[number]},P{i},{'train' if i % 2 else 'test'}")
    (folder / "films.csv").write_text("\n".join(lines))
    return folder


def test_findings_are_put_into_films_that_the_bundled_network_outlines(run: Run, tmp_path: Path) -> None:
    assert run("films", tmp_path / "made", "--count", "2", "--seed", "6", "--processes", "1").exit_code == 0
    said = run(
        *("films", tmp_path / "out", "--onto", tmp_path / "made" / "images", "--per-film", "2"),
        *("--finding", "pneumoperitoneum"),
    )
    assert said.exit_code == 0
    rows = (tmp_path / "out" / "pairs.csv").read_text().splitlines()
    assert f"{len(rows) - 1} pairs" in said.output and len(rows) > 1
    assert all(",pneumoperitoneum," in row for row in rows[1:])


def test_one_film_is_made_alone_as_in_its_data_set(run: Run, tmp_path: Path) -> None:
    assert run("films", tmp_path / "all", "--count", "2", "--seed", "6", "--processes", "1").exit_code == 0
    assert run("films", tmp_path / "one", "--index", "1", "--seed", "6").exit_code == 0
    name = "images/000001.png"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "all" / name).read_bytes()
    assert len((tmp_path / "one" / "films.csv").read_text().splitlines()) == 2


def test_count_and_index_together_are_wrong_usage(run: Run, tmp_path: Path) -> None:
    result = run("films", tmp_path, "--count", "2", "--index", "1")
    assert result.exit_code == 2 and "not both" in result.stderr


def test_shifted_dicom_films_are_written_and_imported(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "films"
    assert run("films", out, "--count", "2", "--shifted", "--dicom", "--processes", "1").exit_code == 0
    report = read_dataset(out)
    assert [film.image_path.suffix for film in report.films] == [".dcm", ".dcm"]
    assert {film.split for film in report.films} == {"test"}
    summary = json.loads(run("import", out, "--home", tmp_path / "clinic", "--json", "-").stdout)
    assert (summary["imported"], summary["rejected"]) == (2, [])
    refused = run("films", out, "--count", "2", "--processes", "1")
    assert refused.exit_code == 1 and "empty folder" in refused.stderr


def test_ood_images_are_written_with_a_sheet(run: Run, tmp_path: Path) -> None:
    result = run("ood-images", tmp_path, "--count", "2")
    assert result.exit_code == 0 and str(tmp_path / "sheet.png") in result.stdout
    assert len((tmp_path / "ood_images.csv").read_text().splitlines()) == 3


def test_leaks_are_told_written_and_end_with_code_1(run: Run, tmp_path: Path) -> None:
    result = run("leaks", planted(tmp_path, leak=True), "--write")
    assert result.exit_code == 1 and "over" in result.stdout
    stored = json.loads((tmp_path / "leaks.json").read_text())
    assert not stored["is_clean"] and stored["films"] == 90
    assert "abdomen hidden" in (tmp_path / "leaks.md").read_text()


def test_data_without_leaks_end_with_code_0(run: Run, tmp_path: Path) -> None:
    result = run("leaks", planted(tmp_path, leak=False), "--json", "-")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["duplicates"] == []
    assert not (tmp_path / "leaks.json").exists()


def test_areas_and_export_work_on_made_films(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "films"
    assert run("films", out, "--count", "6", "--seed", "4", "--processes", "1").exit_code == 0
    shown = json.loads(run("areas", out, "--json", "-").stdout)
    assert 3 < shown["constipation"]["mean"] < 60
    assert "public labels" in run("areas", out).stdout
    result = run("export", out, tmp_path / "aihub", "--korean")
    assert result.exit_code == 0 and "abdominal distension" in result.stderr
    assert read_dataset(tmp_path / "aihub").layout == "aihub"


def test_films_without_a_split_are_measured_as_they_were_divided_for_training(tmp_path: Path) -> None:
    data = planted(tmp_path, leak=False)
    table = data / "films.csv"
    table.write_text(table.read_text().replace(",train", ",").replace(",test", ","))
    assert len(films_of_split(data, "test", None)) == 90, "of weights that saw none of them"
    run_folder = tmp_path / "run"
    run_folder.mkdir()
    trained = complete_splits(read_films(data)[:60], run_folder / "splits.json")
    seen = {film.metadata.patient_id for film in trained if film.split != "test"}
    measured = films_of_split(data, "test", None, trained_in=run_folder)
    assert len(measured) == 90 - len(seen) and len(seen) > 40
    assert not seen & {film.metadata.patient_id for film in measured}


@pytest.mark.parametrize("twice", [("Class=label", "class=grade"), ("Class=label", "Findings=label")])
def test_a_column_that_is_mapped_twice_is_refused_at_once(
    run: Run, tmp_path: Path, twice: tuple[str, str]
) -> None:
    options = [part for pair in twice for part in ("--map", pair)]
    result = run("import", tmp_path, *options)
    assert result.exit_code == 2 and "is named twice" in result.output
