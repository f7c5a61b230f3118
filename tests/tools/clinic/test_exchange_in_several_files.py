"""Annotations of one film in several files, beside damaged ones, and of films that were renamed since."""

import json
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import annotations_of, merged
from pedaxr.errors import InvalidRequest
from pedaxr_models.labels import Finding

from .test_exchange import coco, imported
from .test_exchange_as_it_is import SQUARE, labelme, shape

AIR, STOOL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION
HERE, THERE = ((40.0, 40.0), (90.0, 40.0), (90.0, 90.0)), ((140.0, 40.0), (190.0, 40.0), (190.0, 90.0))


def test_one_damaged_file_is_listed_and_keeps_no_other_out(film_clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(labelme(shape("polygon", *HERE)))
    (tmp_path / "cut.json").write_text("")
    (tmp_path / "notes.json").write_text("{ not JSON")
    done = imported(film_clinic, tmp_path)
    assert done.films == 1
    assert [(one.film, one.reason) for one in done.unused] == [
        ("cut.json", "is not JSON. Export it again."),
        ("notes.json", "is not JSON. Export it again."),
    ]


def test_a_damaged_file_alone_is_called_by_its_name(film_clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text("{")
    with pytest.raises(InvalidRequest, match=r"cut\.json is not JSON"):
        imported(film_clinic, tmp_path)


def test_two_files_of_one_film_are_one_version_and_nothing_drawn_in_one_is_absent(
    film_clinic: Clinic, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(labelme(shape("polygon", *HERE)))
    (tmp_path / "b.json").write_text(labelme(shape("polygon", *HERE, label="constipation")))
    assert imported(film_clinic, tmp_path, absent_unless_drawn=True).films == 1
    versions = annotations_of("normal", clinic=film_clinic)
    current = merged(versions)
    assert len(versions) == 1 and current is not None
    assert {f for f, one in current.findings.items() if one.mask is not None} == {AIR, STOOL}
    again = imported(film_clinic, tmp_path, absent_unless_drawn=True)
    assert (again.films, again.already_there) == (0, 1)


@pytest.mark.parametrize("kind", ["labelme", "coco"])
def test_of_two_readers_who_drew_one_finding_otherwise_none_is_chosen(
    film_clinic: Clinic, tmp_path: Path, kind: str
) -> None:
    moved = [[x + 100 if at % 2 == 0 else x for at, x in enumerate(SQUARE)]]
    texts = {
        "labelme": (labelme(shape("polygon", *HERE)), labelme(shape("polygon", *THERE))),
        "coco": tuple(json.dumps(coco("normal.png", (512, 512), one)) for one in ([SQUARE], moved)),
    }[kind]
    for name, text in zip("ab", texts, strict=True):
        (tmp_path / f"{name}.json").write_text(text)
    done = imported(film_clinic, tmp_path)
    assert done.films == 0 and annotations_of("normal", clinic=film_clinic) == []
    assert "import one of them at a time" in done.unused[0].reason
    (tmp_path / "b.json").write_text(texts[0])
    assert imported(film_clinic, tmp_path).films == 1, "they agree"


def test_a_film_is_found_by_the_name_of_its_labelme_file_where_the_picture_was_renamed(
    film_clinic: Clinic, tmp_path: Path
) -> None:
    (tmp_path / "normal.json").write_text(labelme(shape("polygon", *HERE), name="..\\scans\\IMG_0001.png"))
    assert imported(film_clinic, tmp_path).films == 1
    assert len(annotations_of("normal", clinic=film_clinic)) == 1


@pytest.mark.parametrize("name", ["rest.zip", "rest.7z", "rest.tar.gz"])
def test_an_archive_beside_what_is_read_is_told(film_clinic: Clinic, tmp_path: Path, name: str) -> None:
    (tmp_path / "good.json").write_text(labelme(shape("polygon", *HERE)))
    (tmp_path / name).write_bytes(b"PK\3\4")
    done = imported(film_clinic, tmp_path)
    assert done.films == 1
    assert [(one.film, one.reason[:27]) for one in done.unused] == [(name, "the archive is not unpacked")]


def test_an_archive_alone_in_a_folder_is_to_be_unpacked(film_clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "export.zip").write_bytes(b"PK\3\4")
    with pytest.raises(InvalidRequest, match=r"export\.zip is an archive .* Unpack it"):
        imported(film_clinic, tmp_path)
