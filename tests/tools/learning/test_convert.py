"""Annotations of other programs as the table that trainings read, with the films and a sheet to look at."""

import csv
import io
import json
from pathlib import Path, PureWindowsPath
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from pedaxr.demo.synthetic_dicom import encode_dicom
from pedaxr.errors import InvalidRequest
from pedaxr.learning.convert import Converted, convert_annotations
from pedaxr.learning.film_pictures import as_film
from pedaxr_models.datasets import read_dataset
from pedaxr_models.datasets.film import outlined_masks, read_masks
from pedaxr_models.datasets.partial_truth import Presence, read_partial
from pedaxr_models.labels import CHANNELS, Finding
from pedaxr_models.phantom import make_film
from pedaxr_models.phantom.spec import sample_spec

AIR, STOOL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION
SQUARE = [[140.0, 140.0], [190.0, 140.0], [190.0, 190.0], [140.0, 190.0]]


def film(seed: int, size: tuple[int, int] = (300, 400)) -> NDArray[np.uint8]:
    grey = np.random.default_rng(seed).normal(120, 30, size)
    return np.clip(cv2.GaussianBlur(grey, (0, 0), 4) * 2 - 100, 0, 255).astype(np.uint8)


def labelme(folder: Path, name: str, *labels: str, size: tuple[int, int] = (300, 400), **more: Any) -> None:
    shapes = [{"label": label, "shape_type": "polygon", "points": SQUARE} for label in labels]
    document = {"shapes": shapes, "imagePath": name, "imageHeight": size[0], "imageWidth": size[1], **more}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{PureWindowsPath(name).stem}.json").write_text(
        json.dumps(document, ensure_ascii=False), encoding="utf-8"
    )


def save(path: Path, pixels: NDArray[np.uint8], **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "films.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Hangul, spaces, a TIFF of 16 bits, a photograph on its side, two copies, and what cannot be used."""
    folder = tmp_path / "내 라벨"
    save(folder / "아기 1.png", film(1))
    labelme(folder, "아기 1.png", "기복증")
    Image.fromarray(film(2).astype(np.uint16) * 256).save(folder / "b.TIF")
    labelme(folder, "..\\x\\b.TIF", "Constipation", "PNP")
    exif = Image.Exif()
    exif[0x0112] = 6
    save(folder / "c.jpg", np.rot90(film(3)).copy(), exif=exif)
    labelme(folder, "c.jpg")
    save(folder / "아기 9.png", film(1))
    labelme(folder, "아기 9.png", "constipation")
    labelme(folder, "gone.png", "free air")
    save(folder / "small.png", film(5, (150, 200)))
    labelme(folder, "small.png", "free air")
    pages = [Image.fromarray(film(6)), Image.fromarray(film(7))]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    labelme(folder, "pages.tif", "free air")
    save(folder / "unnamed.png", film(8))
    return folder


def test_what_is_converted_trains_and_everything_else_is_told(source: Path, tmp_path: Path) -> None:
    done = convert_annotations(source, tmp_path / "out", labels={"pnp": "pneumoperitoneum"})
    assert (done.kind, done.films, done.on_sheet) == ("labelme", 3, 3)
    assert done.outlined == {AIR: 2, STOOL: 2}
    reasons = {one.film: one.reason for one in done.unused}
    assert set(reasons) == {"gone", "small", "pages"}
    assert "picture is missing" in reasons["gone"] and "has 2 pages" in reasons["pages"]
    assert "400 x 300 pixels, and the film has 200 x 150" in reasons["small"]
    notes = " ".join(done.notes)
    assert "nothing is drawn: 1" in notes and "whose they are: 3" in notes
    assert "one film with it: 1" in notes and "left out: 1" in notes
    report = read_dataset(tmp_path / "out")
    assert not report.rejections and len(report.films) == 3
    by_name = {one.image_path.stem: one for one in report.films}
    assert set(by_name["아기 1"].polygons) == {AIR, STOOL}, "two copies of a film are one"
    assert by_name["아기 1"].label == AIR and by_name["b"].labelled_channels == {AIR, STOOL}
    assert by_name["c"].labelled_channels == set() and by_name["c"].label is None
    mask = outlined_masks(by_name["b"], (300, 400))[STOOL]
    assert mask[165, 165] and not mask[100, 165] and mask.sum() == 51 * 51
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert sheet.width > 1000


def test_what_is_not_drawn_is_absent_only_where_that_is_said_and_every_label_is_understood(
    source: Path, tmp_path: Path
) -> None:
    done = convert_annotations(source, tmp_path / "out", absent_unless_drawn=True)
    known = {Path(row["ImagePath"]).stem: row["Known"].split() for row in rows(tmp_path / "out")}
    assert len(known["아기 1"]) == len(known["c"]) == 5 and known["b"] == [STOOL.value]
    assert "--label 'PNP'=FINDING" in " ".join(done.notes)
    (tmp_path / "out" / "sheet.png").unlink()
    with pytest.raises(InvalidRequest, match="not empty"):
        convert_annotations(source, tmp_path / "out")


def test_the_picture_of_a_film_that_cannot_be_used_is_not_unnamed(source: Path, tmp_path: Path) -> None:
    labelme(source, "unnamed.png", "free air", size=(10, 10))
    done = convert_annotations(source, tmp_path / "out")
    assert "leaves the film" in {one.film: one.reason for one in done.unused}["unnamed"]
    assert not any("no annotation names" in note for note in done.notes)


def test_a_label_that_is_to_mean_nothing_known_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"PNP=pneumo: .*pneumoperitoneum.*nothing"):
        convert_annotations(source, tmp_path / "out", labels={"PNP": "pneumo"})
    done = convert_annotations(source, tmp_path / "o", labels={"PNP": "nothing"}, absent_unless_drawn=True)
    assert not any("PNP" in note for note in done.notes) and done.absent[AIR] == 2


def test_what_is_converted_is_read_by_those_who_know_real_films_in_part(source: Path, tmp_path: Path) -> None:
    """`evaluate real` and `train mixed`, without a conversion of their own."""
    convert_annotations(source, tmp_path / "out", absent_unless_drawn=True)
    films = {film.id: film for film in read_partial(tmp_path / "out")}
    assert set(films) == {"아기 1", "b", "c"}
    assert films["아기 1"].says(AIR) is Presence.PRESENT and films["c"].says(AIR) is Presence.ABSENT
    assert films["b"].says(AIR) is None and films["b"].says(STOOL) is Presence.PRESENT
    (outline,) = films["아기 1"].outlines["free_air"]
    assert outline.min() == 140 and outline.max() == 190


def test_the_films_may_lie_in_a_folder_of_their_own(source: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels only"
    labels.mkdir()
    for path in source.glob("*.json"):
        path.rename(labels / path.name)
    with pytest.raises(InvalidRequest, match=r"No film can be used, of 7.*--films"):
        convert_annotations(labels, tmp_path / "a")
    assert convert_annotations(labels, tmp_path / "b", films=source).films == 4


def test_masks_that_no_polygon_holds_are_kept_to_the_pixel(tmp_path: Path) -> None:
    mask = np.zeros((300, 400), np.uint8)
    mask[10:60, 10:60], mask[20:30, 20:30], mask[200, 200] = 255, 0, 255
    save(tmp_path / "in" / "a.png", film(1))
    save(tmp_path / "in" / "masks" / "a_free air.png", mask)
    done = convert_annotations(tmp_path / "in", tmp_path / "out")
    (read,) = read_dataset(tmp_path / "out").films
    assert done.kind == "masks" and read.mask_path is not None
    stored = read_masks(read.mask_path, (300, 400)) >> np.uint32(CHANNELS.index(AIR)) & np.uint32(1)
    assert np.array_equal(stored > 0, mask > 0)


def test_a_dicom_header_says_whose_the_film_is_and_names_nobody(tmp_path: Path) -> None:
    """Two films of one child stay together."""
    for number in (1, 2):
        dataset = pydicom.dcmread(io.BytesIO(encode_dicom(make_film(sample_spec(0, 1)))))
        dataset.PatientID, dataset.PatientName = "H-77", "Kim^Minjun"
        dataset.SOPInstanceUID = f"1.2.3.{number}"
        (tmp_path / "in").mkdir(exist_ok=True)
        dataset.save_as(tmp_path / "in" / f"{number}.dcm")
        labelme(tmp_path / "in", f"{number}.dcm", "free air", size=(dataset.Rows, dataset.Columns))
    convert_annotations(tmp_path / "in", tmp_path / "out")
    assert [row["PatientID"] for row in rows(tmp_path / "out")] == ["C00001", "C00001"]
    assert "Kim" not in (tmp_path / "out" / "films.csv").read_text("utf-8")


def tiff(tmp_path: Path, pixels: NDArray[Any], **options: Any) -> bytes:
    Image.fromarray(pixels).save(tmp_path / "a.tif", **options)
    return (tmp_path / "a.tif").read_bytes()


def test_a_tiff_keeps_its_bits_and_is_bone_bright(tmp_path: Path) -> None:
    deep = film(1).astype(np.uint16) * 200 + np.arange(400, dtype=np.uint16)
    for given, expected in ((tiff(tmp_path, deep), deep), (tiff(tmp_path, deep, tiffinfo={262: 0}), ~deep)):
        kept, suffix, read = as_film(given)
        stored = cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_UNCHANGED)
        assert suffix == ".png" and np.array_equal(stored, expected)
        assert read.pixels.shape == (300, 400)
    turned = Image.Exif()
    turned[0x0112] = 6
    assert as_film(tiff(tmp_path, deep, exif=turned))[2].pixels.shape == (400, 300)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "jpeg"])
def test_a_tiff_of_eight_bits_is_read_however_it_is_packed(tmp_path: Path, compression: str | None) -> None:
    kept = as_film(tiff(tmp_path, film(1), compression=compression))[0]
    stored = cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.abs(stored.astype(int) - film(1)).max() <= (12 if compression == "jpeg" else 0)


@pytest.mark.parametrize("wrong", ["fractions", "damaged"])
def test_a_tiff_that_is_no_film_is_told(tmp_path: Path, wrong: str) -> None:
    data = tiff(tmp_path, film(1).astype(np.float32) / 255 if wrong == "fractions" else film(1))
    with pytest.raises(InvalidRequest, match=wrong):
        as_film(data if wrong == "fractions" else data[:500])


def test_what_was_converted_says_so_in_json(source: Path, tmp_path: Path) -> None:
    done = convert_annotations(source, tmp_path / "out")
    assert Converted.model_validate_json(done.model_dump_json()) == done
