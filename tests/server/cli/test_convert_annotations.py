"""`pedaxr annotations convert` and `import` as a hospital runs them, on what its tool exported."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pedaxr_server.cli import main

SQUARE = [[10, 20], [50, 20], [50, 60], [10, 60]]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Label Studio's JSON beside the pictures that were uploaded."""
    tasks = []
    for number, label in enumerate(("기복증", "PNP", "Kidney", None)):
        folder = tmp_path / "아이들"
        folder.mkdir(exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (200, 300), np.uint8)
        Image.fromarray(pixels).save(folder / f"film {number}.png")
        value = {"points": SQUARE, "polygonlabels": [label]}
        region = {"type": "polygonlabels", "original_width": 300, "original_height": 200, "value": value}
        done = [{"result": [region]}] if label else []
        image = f"/data/upload/1/0a1b2c3d-film_{number}.png"
        tasks.append({"id": number, "data": {"image": image}, "annotations": done})
    (tmp_path / "아이들" / "project-1-at-2026.json").write_text(json.dumps(tasks), encoding="utf-8")
    return tmp_path / "아이들"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["annotations", *map(str, arguments)])


def test_a_hospital_sees_what_was_converted_what_was_not_and_what_to_do_next(
    export: Path, tmp_path: Path
) -> None:
    result = run("convert", export, tmp_path / "out", "--absent-unless-drawn")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "label-studio: 3 films" in said and "pneumoperitoneum: 1 outlined, 0 absent" in said
    assert "not used: film 3: nobody has annotated it yet" in said
    assert "('Kidney', 'PNP'). --label 'Kidney'=FINDING" in said and "sheet.png (3 films)" in said
    result = run(
        *("convert", export, tmp_path / "o2", "--absent-unless-drawn", "--label", "PNP=free air"),
        *("--label", "Kidney=nothing", "--json", tmp_path / "o2.json"),
    )
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "o2.json").read_text())
    assert (written["outlined"], written["absent"]["pneumoperitoneum"]) == ({"pneumoperitoneum": 2}, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--label", "PNP"), "is not THEIRS=OURS"),
        (("--label", "PNP=pneumo"), "'pneumo' is not one of pyloric_stenosis"),
    ],
)
def test_a_label_that_says_nothing_is_refused(
    export: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run("convert", export, tmp_path / "out", *arguments)
    assert result.exit_code != 0 and said in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
