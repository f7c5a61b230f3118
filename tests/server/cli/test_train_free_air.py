"""`pedaxr train free-air`, `train second-look` and `evaluate left-out`, on a few films."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from pedaxr_models.checkpoint import load_checkpoint
from pedaxr_models.free_air.train import BASE
from pedaxr_models.labels import FINDINGS
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_server.cli.app import main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("free_air") / "films"
    write_dataset(folder, count=12, seed=5, processes=1)
    return folder


@pytest.fixture(scope="module")
def real(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five of the films as if of real children, drawn coarsely, and two pictures of something else."""
    folder = tmp_path_factory.mktemp("real")
    for number, picture in enumerate(sorted((data / "images").glob("*.png"))[:5]):
        film = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
        assert film is not None
        height, width = film.shape
        box = [[0.15, 0.3], [0.85, 0.3], [0.85, 0.9], [0.15, 0.9]]
        cavity = [[round(x * width), round(y * height)] for x, y in box]
        cv2.imwrite(str(folder / f"film{number}.png"), film)
        said = {
            "id": f"film{number}",
            "findings": dict.fromkeys(FINDINGS, "absent"),
            "polygons": {"abdominal_cavity": [cavity]},
        }
        (folder / f"film{number}.json").write_text(json.dumps(said))
    for number in (10, 90):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((64, 48), number, np.uint8))
    (folder / "index.csv").write_text("file,kind,source_id\n10.png,chest,case10\n90.png,chest,case90\n")
    return folder


def test_a_fold_is_trained_measured_on_its_child_and_put_beside_the_segmentation(
    data: Path, real: Path, tmp_path: Path
) -> None:
    out, figures = tmp_path / "run", tmp_path / "figures.json"
    given = ("train", "free-air", "--data", data, "--real", real, "--out", out, "--fold", "2", "--side", "64")
    trained = run(*given, "--steps", "1", "--batch", "1", "1", "1", "--device", "cpu")
    assert trained.exit_code == 0, trained.output
    recipe = load_checkpoint(out / "checkpoint").recipe
    assert recipe["fold"] == 2 and recipe["shares"]["synthetic"] == 1
    assert str(tmp_path) not in json.dumps(recipe)
    again = run(*given)
    assert again.exit_code != 0 and "--resume" in again.output

    measured = run("evaluate", "left-out", out, "--real", real, "--versions", "2", "--json", figures)
    assert measured.exit_code == 0, measured.output
    assert {film["film"] for film in json.loads(figures.read_text())["films"]} == {"film2"}

    points = ("--outlined-from", "1", "--called-from", "3")
    joined = run("train", "second-look", out, *points, "--out", tmp_path / "weights" / "segmentation")
    assert joined.exit_code == 0, joined.output
    config = load_checkpoint(tmp_path / "weights" / "segmentation").config
    assert config["network"]["second"]["outputs"] == 1


def test_a_run_without_real_abdomens_goes_on_from_the_bundled_one_and_is_measured_on_all(
    data: Path, real: Path, tmp_path: Path
) -> None:
    others, out, figures = tmp_path / "others", tmp_path / "run", tmp_path / "figures.json"
    others.mkdir()
    for name in ("10.png", "90.png", "index.csv"):
        shutil.copy(real / name, others)
    given = (
        "train",
        "free-air",
        "--data",
        data,
        "--real",
        others,
        "--out",
        out,
        "--side",
        "64",
        "--from-bundled",
    )
    trained = run(*given, "--steps", "1", "--batch", "1", "0", "1", "--device", "cpu")
    assert trained.exit_code == 0, trained.output
    learned, bundled = (load_checkpoint(folder).tensors["stem.0.weight"] for folder in (out / "base", BASE))
    assert torch.allclose(learned, bundled, atol=0.02)
    measured = run("evaluate", "left-out", out, "--real", real, "--versions", "1", "--json", figures)
    assert measured.exit_code == 0, measured.output
    assert {film["film"] for film in json.loads(figures.read_text())["films"]} == {
        f"film{n}" for n in range(5)
    }

    twice = run(*given, "--start-from", out / "average.pt")
    assert twice.exit_code != 0 and "not both" in twice.output


def test_points_that_do_not_rise_are_refused(data: Path, real: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    given = ("train", "free-air", "--data", data, "--real", real, "--out", out, "--side", "64")
    assert run(*given, "--steps", "1", "--batch", "1", "0", "1", "--device", "cpu").exit_code == 0
    no_fold = run("evaluate", "left-out", out, "--real", real)
    assert no_fold.exit_code != 0 and "no real abdomen" in " ".join(no_fold.output.split())
    points = ("--outlined-from", "3", "--called-from", "3")
    refused = run("train", "second-look", out, *points, "--out", tmp_path / "segmentation")
    assert refused.exit_code != 0 and "higher log-odds" in refused.output
