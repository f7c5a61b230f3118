"""Masks that a table names: those of another size would be stretched over the film and learned from."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr_models.datasets import DatasetError, read_dataset
from pedaxr_models.datasets.film import read_masks, write_masks
from pedaxr_models.labels import Finding

HEIGHT, WIDTH = 48, 64
Spoil = Callable[[Path], object]


def masks(path: Path, height: int = HEIGHT, width: int = WIDTH) -> None:
    mask = np.zeros((height, width), bool)
    mask[4:20, 5:30] = True
    write_masks(path, {Finding.CONSTIPATION.value: mask})


def table(folder: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH), np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    masks(folder / "a.npz")
    (folder / "films.csv").write_text("ImagePath,Class,MaskPath\na.png,Constipation,a.npz\n")
    return folder


def test_masks_of_the_film_s_size_are_taken(tmp_path: Path) -> None:
    report = read_dataset(table(tmp_path))
    assert not report.rejections
    assert read_masks(tmp_path / "a.npz", (HEIGHT, WIDTH)).any()


def damaged_inside(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[40:60] = bytes(20)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: masks(path, WIDTH, HEIGHT), "of 48x64 pixels, the film of 64x48"),
        (lambda path: masks(path, 24, 32), "of 32x24 pixels, the film of 64x48"),
        (lambda path: path.write_bytes(path.read_bytes()[:100]), "or is damaged"),
        (lambda path: path.write_text("no masks"), "or is damaged"),
        (lambda path: path.write_bytes(b""), "or is damaged"),
        (lambda path: np.savez(path, other=np.zeros((HEIGHT, WIDTH), np.uint32)), "or is damaged"),
    ],
    ids=["turned", "smaller", "cut off", "text", "empty", "other arrays"],
)
def test_other_masks_cost_the_row_and_say_why(tmp_path: Path, spoil: Spoil, reason: str) -> None:
    spoil(table(tmp_path) / "a.npz")
    report = read_dataset(tmp_path)
    assert not report.films
    assert reason in report.rejections[0].reason and "pickle" not in report.rejections[0].reason


@pytest.mark.parametrize(
    "spoil", [damaged_inside, lambda path: path.write_text("no masks")], ids=["inside", "text"]
)
def test_damaged_masks_are_named_when_they_are_read(tmp_path: Path, spoil: Spoil) -> None:
    spoil(table(tmp_path) / "a.npz")
    with pytest.raises(ValueError, match=r"a\.npz holds no masks as pedaxr writes them, or is damaged"):
        read_masks(tmp_path / "a.npz")


def test_annotations_of_another_program_are_sent_where_they_are_read(tmp_path: Path) -> None:
    noise = np.zeros((8, 8), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    (tmp_path / "via.json").write_text(json.dumps({"a.png1": {"filename": "a.png", "regions": []}}))
    for source in (tmp_path, tmp_path / "via.json"):
        with pytest.raises(DatasetError, match="pedaxr annotations import"):
            read_dataset(source)
    (tmp_path / "via.json").unlink()
    with pytest.raises(DatasetError) as bare:
        read_dataset(tmp_path)
    assert "annotations import" not in str(bare.value)
