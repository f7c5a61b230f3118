"""Tables whose files are named, packed or placed otherwise than they should be."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr_models.datasets import DatasetError, read_dataset


def film(path: Path, number: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(noise).save(path)


def test_capital_letters_do_not_hide_a_film(tmp_path: Path) -> None:
    film(tmp_path / "Bilder" / "a.png"), film(tmp_path / "Bilder" / "필름.PNG", 1)
    (tmp_path / "films.csv").write_text("ImagePath,Class\nBILDER\\A.PNG,Normal\nbilder/필름.png,Normal\n")
    report = read_dataset(tmp_path)
    assert [one.image_path.name for one in report.films] == ["a.png", "필름.PNG"]
    assert report.notes == ()


def test_of_two_films_that_differ_in_capitals_none_is_guessed(tmp_path: Path) -> None:
    film(tmp_path / "a.png"), film(tmp_path / "A.png", 1)
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("a file system that makes one of them")
    (tmp_path / "films.csv").write_text("ImagePath,Class\na.png,Normal\nA.PNG,Normal\n")
    report = read_dataset(tmp_path)
    assert [one.image_path.name for one in report.films] == ["a.png"]
    assert "but for capital letters" in report.rejections[0].reason


def test_empty_cells_behind_the_last_column_do_not_cost_a_row(tmp_path: Path) -> None:
    film(tmp_path / "a.png"), film(tmp_path / "b.png", 1)
    (tmp_path / "films.csv").write_text("ImagePath;Class\na.png;Normal;;\nb.png;Normal;; x\n")
    report = read_dataset(tmp_path)
    assert [one.image_path.name for one in report.films] == ["a.png"]
    assert "4 cells instead of 2" in report.rejections[0].reason


def test_a_whole_path_is_refused_with_what_to_write(tmp_path: Path) -> None:
    film(tmp_path / "a.png")
    (tmp_path / "films.csv").write_text(f"ImagePath,Class\n{tmp_path / 'a.png'},Normal\n,Normal\n")
    absolute, empty = (row.reason for row in read_dataset(tmp_path).rejections)
    assert absolute.endswith("write it from that folder on, such as images/1.png")
    assert empty == "the path is empty"


def packed(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return path


def test_an_archive_of_films_is_not_called_a_workbook(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"films\.zip is a ZIP archive.*Unpack it"):
        read_dataset(packed(tmp_path / "films.zip", "films.csv", "a.png"))
    with pytest.raises(DatasetError, match=r"is an Excel workbook.*Save it as CSV"):
        read_dataset(packed(tmp_path / "films.xlsx", "[Content_Types].xml", "xl/workbook.xml"))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\0" * 128 + b"DICM" + b"\2\0" * 50, "is a DICOM file"), (b"\x89PNG\r\n", "is a picture")],
)
def test_a_film_alone_needs_a_table_and_is_not_to_be_saved_as_one(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "film").write_bytes(content)
    with pytest.raises(DatasetError, match=said) as refused:
        read_dataset(tmp_path / "film")
    assert "Save it" not in str(refused.value) and "a row for each film" in str(refused.value)


@pytest.mark.parametrize("name", ["LIST.CSV", "list.tsv", "list.TSV"])
def test_a_table_is_found_whatever_the_case_of_its_ending(tmp_path: Path, name: str) -> None:
    film(tmp_path / "a.png")
    (tmp_path / name).write_text("ImagePath\tClass\na.png\tNormal\n")
    assert len(read_dataset(tmp_path).films) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("inside/list.csv", "deeper there is inside/list.csv"),
        ("list.xlsx", "holds list.xlsx, a workbook"),
        ("nothing.txt", "no table of them"),
    ],
)
def test_a_folder_without_a_table_says_what_it_holds_instead(tmp_path: Path, name: str, said: str) -> None:
    film(tmp_path / "inside" / "a.png")
    packed(tmp_path / name, "a")
    with pytest.raises(DatasetError, match=said):
        read_dataset(tmp_path)


def test_a_folder_of_archives_says_to_unpack_them(tmp_path: Path) -> None:
    packed(tmp_path / "films.zip", "a.png")
    with pytest.raises(DatasetError, match=r"holds films\.zip, which is not unpacked"):
        read_dataset(tmp_path)
