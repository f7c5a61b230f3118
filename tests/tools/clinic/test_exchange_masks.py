"""Masks as programs save them: one a finding or one a class, PNG or TIFF; and what is no format read here."""

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pedaxr.clinic.exchange.outlined import OutlinedFilm
from pedaxr.clinic.exchange.read import read_annotations
from pedaxr.errors import InvalidRequest
from pedaxr_models.labels import Finding

from .test_exchange import coco

AIR, STOOL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION


def painted(shift: int = 0) -> NDArray[np.uint8]:
    mask = np.zeros((200, 300), np.uint8)
    cv2.circle(mask, (100 + shift, 90), 30, 1, -1)
    return mask


def save(path: Path, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def read(folder: Path, kind: str = "masks") -> dict[str, OutlinedFilm]:
    found, films = read_annotations(folder)
    assert found == kind
    return {film.name: film for film in films}


@pytest.mark.parametrize(
    "name",
    [
        "아기 1_free air.png",
        "아기 1.png_Free-Air.TIF",
        "아기 1/기복증.tiff",
        "masks/Free Air/아기 1.png",
        "masks/free_air/아기 1_mask.png",
        "아기 1_pneumoperitoneum_mask.bmp",
        "아기 1_mask_pneumoperitoneum.png",
    ],
)
@pytest.mark.parametrize("bright", [1, 255])
def test_a_mask_is_of_the_film_and_finding_that_its_path_says(tmp_path: Path, name: str, bright: int) -> None:
    save(tmp_path / name, painted() * np.uint8(bright))
    assert np.array_equal(read(tmp_path)["아기 1"].masks[AIR], painted() > 0)


def test_a_mask_of_sixteen_bits_is_read_and_one_of_several_pages_is_told(tmp_path: Path) -> None:
    save(tmp_path / "a_free air.tif", painted().astype(np.uint16) * 4095)
    pages = [Image.fromarray(painted(shift) * np.uint8(255)) for shift in (0, 50)]
    pages[0].save(tmp_path / "b_free air.tif", save_all=True, append_images=pages[1:])
    found = read(tmp_path)
    assert np.array_equal(found["a"].masks[AIR], painted() > 0)
    assert "2 pages" in found["b"].problem


def test_films_sorted_into_folders_of_classes_are_not_taken_for_masks(tmp_path: Path) -> None:
    """And are found as the films of other annotations."""
    save(tmp_path / "기복증" / "a.png", (painted() * 90 + 40).astype(np.uint8))
    (tmp_path / "a.json").write_text(json.dumps(coco("a.png", (200, 300), [[40, 40, 90, 40, 90, 90]])))
    assert read(tmp_path, "coco")["a"].sha256


COLOURS = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 255: (224, 224, 192)}


def classes() -> NDArray[np.uint8]:
    numbers = painted() + painted(120) * np.uint8(2)
    numbers[0:4] = 255
    return numbers


def coloured(numbers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    pixels = np.zeros((*numbers.shape, 3), np.uint8)
    for number, colour in COLOURS.items():
        pixels[numbers == number] = colour
    return pixels


@pytest.mark.parametrize("form", ["colours", "palette", "numbers"])
def test_a_mask_with_a_colour_for_each_class_needs_the_list_of_them(tmp_path: Path, form: str) -> None:
    """As CVAT ("Segmentation mask 1.1") and labelme2voc write them, instances and films beside."""
    save(tmp_path / "SegmentationClass" / "아기 1.png", coloured(classes()))
    if form != "colours":
        indexed = Image.fromarray(classes(), "P")
        indexed.putpalette([v for n in range(256) for v in COLOURS.get(n, (7, 7, 7))])
        indexed.save(tmp_path / "SegmentationClass" / "아기 1.png")
    save(tmp_path / "SegmentationObject" / "아기 1.png", coloured(classes()))
    save(tmp_path / "JPEGImages" / "아기 1.jpg", painted() * np.uint8(90))
    with pytest.raises(InvalidRequest, match="a colour for each class, and no labelmap"):
        read(tmp_path)
    if form == "numbers":
        (tmp_path / "class_names.txt").write_text("_background_\nFree Air\n변비\n")
    else:
        lines = (
            "\ufeff# label:color_rgb:parts:actions\nbackground:0,0,0::\nFree Air:128,0,0::\n변비:0,128,0::\n"
        )
        (tmp_path / "labelmap.txt").write_text(lines)
    film = read(tmp_path, "class-masks")["아기 1"]
    assert set(film.masks) == {AIR, STOOL} and film.sha256
    assert np.array_equal(film.masks[AIR][4:], painted()[4:] > 0)


def test_a_colour_that_no_list_names_is_told(tmp_path: Path) -> None:
    pixels = coloured(classes())
    pixels[50, 50] = (1, 2, 3)
    save(tmp_path / "SegmentationClass" / "a.png", pixels)
    save(tmp_path / "SegmentationClass" / "b.png", coloured(classes()))
    (tmp_path / "labelmap.txt").write_text("Free Air:128,0,0::\nkidney:0,128,0::\n")
    found = read(tmp_path, "class-masks")
    assert "(1, 2, 3)" in found["a"].problem and found["b"].unknown_labels == ("kidney",)


OTHERS = {
    "video.xml": ("<annotations><track id='0'><polygon/></track></annotations>", "CVAT for images 1.1"),
    "voc.xml": ("<annotation><object><bndbox/></object></annotation>", "boxes, which outline nothing"),
    "super.json": ('{"description": "", "size": {}, "objects": []}', "Supervisely.*COCO"),
    "results.json": ('[{"data_row": {"id": 1}}]', "Labelbox.*COCO"),
    "anything.json": ('{"a": 1}', "anything.json is JSON of another form. Export it as COCO"),
    "mask.nii.gz": ("x", "NIfTI.*FILM_FINDING.png"),
    "a.roi": ("Iout", "ImageJ.*Create Mask"),
    "task-1-annotation-2-by-1-tag-Free Air-0.png": ("x", "Label Studio.*Export JSON"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_of_no_format_read_here_is_called_by_its_name_with_what_to_export(
    tmp_path: Path, name: str
) -> None:
    text, cause = OTHERS[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidRequest, match=f"no annotations that are understood.*{cause}"):
        read_annotations(tmp_path)


def test_a_second_format_in_the_source_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(coco("a.png", (200, 300), [[40, 40, 90, 40, 90, 90]])))
    image = '<image name="a.png" width="300" height="200"/>'
    (tmp_path / "annotations.xml").write_text(f"<annotations>{image}</annotations>")
    found = read(tmp_path, "coco")
    assert AIR in found["a"].masks and "second format" in found["cvat"].problem


def test_a_single_file_finds_the_pictures_beside_it(tmp_path: Path) -> None:
    save(tmp_path / "a.png", painted())
    region = {"shape_attributes": {"name": "rect", "x": 9, "y": 9, "width": 50, "height": 50}}
    region["region_attributes"] = {"class": "free air"}
    entry = {"filename": "a.png", "size": 1, "regions": [region], "file_attributes": {}}
    (tmp_path / "v.json").write_text(json.dumps({"a.png1": entry}))
    assert read_annotations(tmp_path / "v.json")[1][0].masks[AIR].shape == (200, 300)


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
def test_an_archive_of_a_korean_windows_has_its_names(tmp_path: Path, encoding: str) -> None:
    """Its Explorer writes code page 949 into ZIP archives, with backslashes in some tools' and no flag."""
    save(tmp_path / "m.png", painted() * np.uint8(255))
    name = "라벨/복부 1_기복증.png"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "m.png", "x" * len(name.encode(encoding)))
    data = (tmp_path / "a.zip").read_bytes()
    packed = data.replace(b"x" * len(name.encode(encoding)), name.replace("/", "\\").encode(encoding))
    (tmp_path / "a.zip").write_bytes(packed)
    (film,) = read_annotations(tmp_path / "a.zip")[1]
    assert film.name == "복부 1" and np.array_equal(film.masks[AIR], painted() > 0)
