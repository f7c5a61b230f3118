"""A hospital's own names of columns and classes, in every command that reads a hospital's table."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pedaxr_server.cli.app import main

READERS = [
    *("import", "learn", "train segmentation", "train captioner", "train thresholds"),
    *("evaluate local", "evaluate segmentation", "evaluate captioner"),
]
NAMES = ("--map", "ImagePath=file", "--map", "Class=diagnosis", "--label", "PNP=pneumoperitoneum")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three films of three children, two of whom show what the hospital calls PNP."""
    for number in range(3):
        Image.new("L", (400, 300), 40 * number).save(tmp_path / f"{number}.png")
    rows = [f"{number}.png,{name},P{number}" for number, name in enumerate(("PNP", "pnp", "Normal"))]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["file,diagnosis,PatientID", *rows, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", READERS)
def test_every_command_that_reads_a_table_takes_its_names(name: str) -> None:
    command: click.Command = main
    for part in name.split():
        assert isinstance(command, click.Group)
        command = command.commands[part]
    assert {"columns", "labels"} <= {parameter.name for parameter in command.params}


def test_films_are_imported_and_learned_from_under_a_hospitals_own_names(table: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "3" in run("import", table, "--home", home, *NAMES).output
    learned = run("learn", "--home", home, "--data", table, *NAMES)
    assert learned.exit_code == 1 and "Of 2 more the class alone is known" in learned.output
    without = run("learn", "--home", home, "--data", table)
    assert without.exit_code == 1 and "--map" in without.output, "control"


@pytest.mark.parametrize("network", ["segmentation", "captioner"])
def test_a_training_refuses_a_name_that_means_nothing_known(
    network: str, table: Path, tmp_path: Path
) -> None:
    options = ("--data", table, "--out", tmp_path / "out", *NAMES, "--label", "NAD=fine")
    refused = run("train", network, *options)
    assert refused.exit_code == 1 and "NAD=fine" in refused.output
