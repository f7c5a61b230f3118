"""`pedaxr train tubes` and `pedaxr evaluate tubes`, on a few films."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_server.cli.app import main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("tubes") / "films"
    write_dataset(data, count=12, seed=5, processes=1)
    return data


def test_a_finder_is_trained_measured_and_never_written_over(folder: Path, tmp_path: Path) -> None:
    out, figures = tmp_path / "run", tmp_path / "figures.json"
    trained = run("train", "tubes", "--data", folder, "--out", out, "--steps", "1", "--device", "cpu")
    assert trained.exit_code == 0, trained.output
    assert (out / "checkpoint" / "README.md").is_file()
    again = run("train", "tubes", "--data", folder, "--out", out, "--steps", "1")
    assert again.exit_code != 0 and "--resume" in again.output
    measured = run(
        "evaluate", "tubes", "--data", folder, "--split", "train",
        "--checkpoint", out / "checkpoint", "--json", figures,
    )  # fmt: skip
    assert measured.exit_code == 0, measured.output
    found = json.loads(figures.read_text())["synthetic, train"]
    assert found["tubes"] + found["without"] > 5 and found["seen"] <= found["tubes"]


def test_real_films_are_counted_by_the_ids_that_show_a_tube(folder: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    picture = next((folder / "images").glob("*.png"))
    for name in ("with", "without", "unknown"):
        (real / f"{name}.png").write_bytes(picture.read_bytes())
    rows = "".join(
        f"{name}.png,absent,absent,absent,absent,absent\n" for name in ("with", "without", "unknown")
    )
    header = "file,pyloric_stenosis,air_fluid_level,abdominal_distension,constipation,pneumoperitoneum\n"
    (real / "index.csv").write_text(header + rows)
    figures, sheet = tmp_path / "figures.json", tmp_path / "sheet.png"
    measured = run(
        "evaluate", "tubes", "--data", folder, "--split", "train", "--limit", "2", "--real", real,
        "--with-tube", "with", "--leave-out", "unknown", "--sheet", sheet, "--json", figures,
    )  # fmt: skip
    assert measured.exit_code == 0, measured.output
    found = json.loads(figures.read_text())["real"]
    assert (found["tubes"], found["without"]) == (1, 1) and found["seen"] == found["false"]
    assert sheet.read_bytes().startswith(b"\x89PNG")
