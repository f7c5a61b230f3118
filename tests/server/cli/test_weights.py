"""`pedaxr weights`, and that a command reads films with the weights of its clinic."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pedaxr_models.checkpoint import load_checkpoint, revise_checkpoint, weights_folder
from pedaxr_server.cli import main
from pedaxr_server.settings_sources import gather

pytestmark = pytest.mark.usefixtures("few_pictures_that_are_no_films")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """What a training wrote: the bundled segmentation under another name."""
    folder = tmp_path / "runs" / "mine" / "checkpoint"
    shutil.copytree(weights_folder("segmentation"), folder)
    revise_checkpoint(folder, metrics={"films": 1})
    return folder.parent


def test_weights_are_used_listed_and_rolled_back(clinic_home: Path, mine: Path) -> None:
    used = run("weights", "use", mine, "--home", clinic_home)
    assert used.exit_code == 0 and "captioner: bundled" in used.output and "restarted" in used.output
    rows = json.loads(run("weights", "list", "--home", clinic_home, "--json", "-").output)
    assert [row["name"] for row in rows if row["in_use"]] == [str(mine)]
    assert gather({"home": clinic_home}, {}).settings.weights == mine
    assert ("weights", str(mine), "clinic") in gather({"home": clinic_home}, {}).rows()
    assert gather({"home": clinic_home, "weights": Path("x")}, {}).settings.weights == Path("x")
    assert "bundled" in run("weights", "rollback", "--home", clinic_home).output
    assert gather({"home": clinic_home}, {}).settings.weights is None
    assert run("weights", "list", "--home", clinic_home).exit_code == 0
    again = run("weights", "rollback", "--home", clinic_home)
    assert again.exit_code == 1 and "no way back" in again.stderr


def test_a_command_reads_with_the_weights_of_the_clinic_it_is_given(
    clinic_home: Path, mine: Path, study_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDAXR_WEIGHTS", "")  # or the command would leave its choice to the tests after it
    (mine / "operating_points.json").write_text("no points")
    run("weights", "use", mine, "--home", clinic_home)
    refused = run("segment", study_id, "--home", clinic_home)
    assert refused.exit_code == 1 and "operating_points.json next to the weights is damaged" in refused.stderr
    run("weights", "rollback", "--home", clinic_home)


def documented(folder: Path) -> Path:
    """ImagePath, Point, Class, Age, PatientName, Caption of seven films: no facts, no masks, no split."""
    with (folder / "films.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:7]  # one to validate on and one to test on
    columns = ("ImagePath", "Point", "Class", "Age", "PatientName", "Caption")
    table = folder / "documented.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return table


def test_a_training_says_what_its_figures_prove_and_what_comes_next(films: Path, tmp_path: Path) -> None:
    trained = run(
        *("train", "segmentation", "--preset", "finetune", "--data", documented(films)),
        *("--out", tmp_path / "m", "--steps", "1", "--batch-size", "1"),
    )
    assert trained.exit_code == 0, trained.output
    assert f"next: pedaxr weights use {tmp_path / 'm'}" in trained.output
    assert "prove nothing" in trained.output
    assert load_checkpoint(tmp_path / "m" / "checkpoint", with_tensors=False).data["films"]["validation"] < 20


def test_the_report_writer_learns_from_the_documented_columns(films: Path, tmp_path: Path) -> None:
    trained = run(
        *("train", "captioner", "--preset", "finetune", "--data", documented(films), "--out", tmp_path),
        *("--steps", "1"),
    )
    assert trained.exit_code == 0, trained.output
    assert (tmp_path / "checkpoint" / "manifest.json").is_file()


def test_thresholds_are_chosen_on_the_documented_columns(films: Path, tmp_path: Path) -> None:
    table = documented(films)
    chosen = run(
        *("evaluate", "thresholds", "--data", table, "--shifted", table, "--limit", "3"),
        *("--out", tmp_path / "points.json"),
    )
    assert chosen.exit_code == 0, chosen.output
    assert json.loads((tmp_path / "points.json").read_text())["weights"]
