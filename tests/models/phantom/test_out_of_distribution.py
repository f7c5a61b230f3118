"""Out-of-distribution images: of every kind, reproducible, and useless for training by mistake."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from pedaxr_models.datasets import DatasetError, read_films
from pedaxr_models.phantom.out_of_distribution.dataset import KINDS, make_ood_image, write_ood_images


@pytest.mark.usefixtures("every_film_made_anew")
@pytest.mark.parametrize("index", range(len(KINDS)), ids=list(KINDS))
def test_an_ood_image_is_a_picture_and_comes_out_the_same(index: int) -> None:
    one, again, other = make_ood_image(3, index), make_ood_image(3, index), make_ood_image(4, index)
    assert one.kind == list(KINDS)[index]
    assert one.pixels.dtype == np.uint8 and one.pixels.shape[:2] == (512, 512)
    assert (one.pixels.ndim == 3) == (one.kind == "photograph"), "nothing else has colour"
    assert np.array_equal(one.pixels, again.pixels)
    assert not np.array_equal(one.pixels, other.pixels)
    assert one.kind == "blank" or one.pixels.std() > 8, "something is to be seen"


def test_the_folder_lists_every_picture_and_cannot_be_read_as_films(tmp_path: Path) -> None:
    table = write_ood_images(tmp_path, count=3, seed=2)
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["Kind"] for row in rows] == list(KINDS)[:3]
    for row in rows:
        picture = cv2.imread(str(tmp_path / row["ImagePath"]), cv2.IMREAD_GRAYSCALE)
        assert np.array_equal(picture, make_ood_image(int(row["Seed"]), int(row["Index"])).pixels)
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    with pytest.raises(DatasetError, match="Class"):
        read_films(tmp_path)
