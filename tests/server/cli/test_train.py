"""Training and evaluation from the command line; the networks themselves are tested in tests/models."""

import csv
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pedaxr.errors import InvalidRequest
from pedaxr_models.checkpoint import load_checkpoint, weights_folder
from pedaxr_server.cli.app import main
from pedaxr_server.cli.publish import publish
from pedaxr_server.cli.train.segmentation import BACKBONES, HEADS

pytestmark = pytest.mark.usefixtures("few_pictures_that_are_no_films")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize("network", ["segmentation", "captioner"])
def test_missing_weights_are_one_line(network: str, films: Path, tmp_path: Path) -> None:
    result = run("evaluate", network, "--data", films, "--checkpoint", tmp_path, "--split", "train")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "pedaxr train" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("network", ["segmentation", "captioner"])
def test_a_folder_without_films_is_one_line(network: str, tmp_path: Path) -> None:
    result = run("train", network, "--data", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "CSV" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("quick_networks")
@pytest.mark.parametrize("network", ["segmentation", "captioner"])
def test_figures_are_published_in_card_and_document(network: str, films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(weights_folder(network), folder)
    document = tmp_path / "README.md"
    document.write_text(
        f"before\n<!-- {network} figures -->\nold\n<!-- end of {network} figures -->\nafter\n"
    )
    table = (films / "films.csv").read_text(encoding="utf-8").replace(",validation,", ",test,")
    (films / "test.csv").write_text(table, encoding="utf-8")
    measured = run(
        *("evaluate", network, "--data", films / "test.csv", "--shifted", films / "test.csv"),
        *("--checkpoint", folder),
        *("--split", "test", "--limit", "2", "--publish", document),
    )
    assert measured.exit_code == 0
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| shifted |" in text
    assert "Shifted films" in load_checkpoint(folder).card  # and the manifest still fits


def rows_of(films: Path) -> list[dict[str, str]]:
    with (films / "films.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def listed(rows: Iterable[dict[str, str]], table: Path) -> Path:
    """A CSV of the six usual columns that names some of the films and no split."""
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("ImagePath", "Point", "Class", "Age"))
        writer.writerows((row["ImagePath"], row["Point"], row["Class"], row["Age"]) for row in rows)
    return table


@pytest.mark.usefixtures("quick_networks")
def test_best_median_and_worst_films_are_drawn_for_every_finding_shown(films: Path, tmp_path: Path) -> None:
    rows = rows_of(films)
    shown = [row for row in rows if row["Class"] == "Constipation"]
    data = listed(rows[:7], films / "some.csv")
    shifted = listed(shown, films / "constipation.csv")
    drawn = run(
        *("evaluate", "segmentation", "--data", data, "--shifted", shifted),
        *("--cases", tmp_path / "cases.png"),
    )
    assert drawn.exit_code == 0, drawn.stderr
    with Image.open(tmp_path / "cases.png") as every, Image.open(tmp_path / "cases_shifted.png") as one:
        assert every.width == one.width == (3 * (512 + 8) - 8) // 2  # three films a row
        assert one.height == 256 and every.height > 3 * 256  # a row for each finding that is shown


def test_films_without_findings_have_no_cases(films: Path, tmp_path: Path) -> None:
    normal = [row for row in rows_of(films) if row["Class"] == "Normal"]
    table = listed(normal[:1], films / "normal.csv")
    refused = run("evaluate", "segmentation", "--data", table, "--cases", tmp_path / "cases.png")
    assert refused.exit_code == 1 and "None of the films shows a finding" in refused.stderr


def test_a_document_without_markers_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("no markers")
    with pytest.raises(InvalidRequest, match="lacks the lines"):
        publish(tmp_path / "README.md", "segmentation", "| a |")


@pytest.mark.usefixtures("quick_networks")
def test_the_network_may_be_chosen_but_not_against_a_checkpoint(films: Path, tmp_path: Path) -> None:
    from pedaxr_models.segmentation.network import BACKBONES as BUILT
    from pedaxr_models.segmentation.network import HEADS as BUILT_HEADS

    assert (BACKBONES, HEADS) == (BUILT, BUILT_HEADS)  # repeated so that --help loads no torch
    table = listed(rows_of(films), films / "unsplit.csv")
    common = ("train", "segmentation", "--data", table, "--out", tmp_path / "out", "--steps", "1")
    refused = run(*common, "--backbone", "resnet50", "--start-from", weights_folder("segmentation"))
    assert refused.exit_code == 1 and "Leave out --backbone" in refused.stderr
    trained = run(*common, "--head", "deeplabv3", "--batch-size", "2", "--accumulate", "1", "--threads", "1")
    assert trained.exit_code == 0, trained.stderr
    network = load_checkpoint(tmp_path / "out" / "checkpoint").config["network"]
    assert (network["head"], network["backbone"]) == ("deeplabv3", "mobilenet_v3_large")


def test_thresholds_are_chosen_anew_and_the_weights_stay(films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(weights_folder("segmentation"), folder)
    bundled = load_checkpoint(folder)
    table = listed(rows_of(films), films / "hospital.csv")
    chosen = run("train", "thresholds", "--data", table, "--checkpoint", folder)
    assert chosen.exit_code == 0, chosen.stderr
    assert "thresholds of" in chosen.stdout
    revised = load_checkpoint(folder)  # the manifest fits
    assert revised.weights_sha256 == bundled.weights_sha256
    assert revised.config["thresholds"] != bundled.config["thresholds"]
    assert revised.config["probe"] == pytest.approx(bundled.config["probe"], abs=1e-3)
    assert revised.card == bundled.card and revised.metrics == bundled.metrics


@pytest.mark.slow
def test_both_networks_are_trained_and_measured(films: Path, tmp_path: Path) -> None:
    outliner = tmp_path / "segmentation" / "checkpoint"
    writer = tmp_path / "captioner" / "checkpoint"
    common = ("--data", films, "--steps", "2", "--threads", "1")
    trained = run("train", "segmentation", *common, "--out", outliner.parent)
    assert (trained.exit_code, trained.stdout) == (0, f"checkpoint: {outliner}\n")
    trained = run("train", "captioner", *common, "--out", writer.parent, "--segmenter", outliner)
    assert (trained.exit_code, trained.stdout) == (0, f"checkpoint: {writer}\n")
    measured = run(
        *("evaluate", "segmentation", "--data", films, "--checkpoint", outliner),
        *("--split", "train", "--limit", "3", "--json", "-"),
    )
    assert json.loads(measured.stdout)["films"] == 3
    measured = run(
        *("evaluate", "captioner", "--data", films, "--checkpoint", writer, "--segmenter", outliner),
        *("--split", "train", "--limit", "3", "--json", tmp_path / "captioner.json"),
    )
    assert json.loads((tmp_path / "captioner.json").read_text())["films"] == 3
    assert "fact F1" in measured.stdout
