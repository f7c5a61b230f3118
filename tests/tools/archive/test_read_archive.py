"""Reading an archive: every film one row, resumable, and no film stops it."""

import csv
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pedaxr.archive import read_archive as archive
from pedaxr.archive import rows as archive_rows
from pedaxr.archive.read_archive import PLAN, list_films, read_archive, write_shard
from pedaxr.archive.rows import Shard, read_row, rows_of
from pedaxr.clinic.import_films import import_films
from pedaxr.errors import InvalidRequest, ModelUnavailable
from pedaxr.reading import networks
from pedaxr.reading.read_film import forget_films
from pedaxr_models.phantom import make_film, sample_spec

from ..film_files import dicom_bytes


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Three films, a broken file and a blank picture, in two folders."""
    folder = tmp_path / "films"
    (folder / "sub").mkdir(parents=True)
    for index, name in enumerate(("a.png", "b.png", "sub/c.png")):
        Image.fromarray(make_film(sample_spec(0, index)).pixels).save(folder / name)
    (folder / "d.png").write_bytes((folder / "a.png").read_bytes()[:2000])
    Image.fromarray(np.full((300, 300), 90, np.uint8)).save(folder / "e.png")
    return folder


def rows_in(out: Path) -> list[dict[str, object]]:
    return [row for part in sorted(out.glob("part-*.parquet")) for row in pq.read_table(part).to_pylist()]


def test_every_film_is_one_row_and_a_broken_one_is_a_row_with_its_code(films: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    tally = read_archive(
        films, tmp_path / "out", processes=1, shard_size=2, progress=lambda *done: seen.append(done)
    )
    rows = {row["file"]: row for row in rows_in(tmp_path / "out")}
    assert sorted(rows) == ["a.png", "b.png", "d.png", "e.png", "sub/c.png"]
    assert rows["d.png"]["status"] == "failed" and rows["d.png"]["code"] == "unreadable_image"
    assert rows["e.png"]["status"] == "refused" and rows["e.png"]["code"] == "not_an_abdominal_film"
    assert rows["a.png"]["status"] == "read" and "Findings" in str(rows["a.png"]["report"])
    assert len(str(rows["a.png"]["sha256"])) == 64
    assert tally.counts == {"read": 3, "refused": 1, "failed": 1} and seen[-1] == (5, 5)
    again = read_archive(films, tmp_path / "out", processes=1, shard_size=2)
    assert (again.skipped, again.counts.total()) == (5, 0)


def test_a_stopped_run_goes_on_where_it_was(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_rows: list[str]
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(archive, "_run", run_here)
    files = list_films(films)[1]
    read_archive(films, out, shard_size=2)
    (out / "part-000001.parquet").unlink()
    fake_rows.clear()
    tally = read_archive(films, out, shard_size=2)
    assert fake_rows == files[2:4] and tally.skipped == 3
    assert [row["file"] for row in rows_in(out)] == files


def test_the_folder_is_one_table_for_pandas(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_rows: list[str]
) -> None:
    monkeypatch.setattr(archive, "_run", run_here)
    read_archive(films, tmp_path / "out", shard_size=2)
    assert list(pd.read_parquet(tmp_path / "out")["file"]) == list_films(films)[1]
    (tmp_path / "out" / PLAN).rename(tmp_path / "out" / "archive.json")  # as it was called before
    with pytest.raises(pa.ArrowInvalid):
        pd.read_parquet(tmp_path / "out")
    assert read_archive(films, tmp_path / "out", shard_size=2).skipped == 5
    assert len(pd.read_parquet(tmp_path / "out")) == 5


def test_parts_of_another_list_are_not_mixed(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_rows: list[str]
) -> None:
    monkeypatch.setattr(archive, "_run", run_here)
    read_archive(films, tmp_path / "out", shard_size=2)
    shutil.copy(films / "a.png", films / "z.png")
    with pytest.raises(InvalidRequest, match="another list"):
        read_archive(films, tmp_path / "out", shard_size=2)
    (tmp_path / "out" / PLAN).unlink()
    with pytest.raises(InvalidRequest, match="unknown origin"):
        read_archive(films, tmp_path / "out", shard_size=2)


def test_a_failed_write_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_rows: list[str]
) -> None:
    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[:10])
        raise OSError(28, "no space")

    monkeypatch.setattr(archive, "write_durably", full)
    with pytest.raises(OSError, match="no space"):
        write_shard(Shard(0, tmp_path, ("a.png",)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_csv_lists_films_beside_it(films: Path, tmp_path: Path) -> None:
    table = films / "films.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["ImagePath", "Class"], ["b.png", "x"], ["a.png", "y"], ["b.png", "z"]])
    assert list_films(table) == (films.absolute(), ["b.png", "a.png"])
    table.write_text("name\nx\n")
    with pytest.raises(InvalidRequest, match="ImagePath"):
        list_films(table)


@pytest.mark.parametrize(
    "head",
    [
        "ImagePath,Class,PatientID",
        "imagepath;class;patient id",
        "Image Path\tClass\tPatient_ID",
        "\ufeffIMAGE_PATH,CLASS,PATIENTID",
        "sep=;\n ImagePath ;Class; PatientID",
        "ＩｍａｇｅＰａｔｈ|Class|PatientID",
    ],
)
def test_a_table_lists_the_same_films_for_the_archive_and_for_the_clinic(tmp_path: Path, head: str) -> None:
    (tmp_path / "sub").mkdir()
    Image.fromarray(np.arange(40_000, dtype=np.uint8).reshape(200, 200)).save(tmp_path / "sub" / "a.png")
    sign = next(sign for sign in ";\t|," if sign in head)
    row = sign.join(("sub\\a.png", "Normal", "P1"))
    (tmp_path / "films.csv").write_text(f"{head}\n{row}\n", encoding="utf-8")
    assert list_films(tmp_path / "films.csv")[1] == ["sub/a.png"]
    assert import_films(tmp_path / "films.csv", clinic_home=tmp_path / "home").imported == 1


def test_dicom_files_are_found_whatever_they_are_called(tmp_path: Path) -> None:
    """As a PACS and its discs call them; the directory of a disc, notes and folders are no films."""
    dicom = bytes(128) + b"DICM" + bytes(20)
    names = ("IM000001", "1.2.840.113619.2.55", "a.DICOM", "b.ima", "c.DCM")
    for name in (*names, "DICOMDIR", "d.txt"):
        (tmp_path / name).write_bytes(dicom)
    (tmp_path / "README").write_text("no film")
    (tmp_path / "1.2").mkdir()
    assert list_films(tmp_path)[1] == sorted(names)


def test_no_networks_is_an_error_and_not_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModelUnavailable("No weights.")

    monkeypatch.setattr(archive_rows, "_read", missing)
    with pytest.raises(ModelUnavailable):
        read_row(tmp_path, "a.png")


def test_a_bug_is_a_row_without_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> None:
        raise KeyError("Kim Minjun")

    monkeypatch.setattr(archive_rows, "_read", bug)
    row = read_row(tmp_path, "a.png")
    assert (row["status"], row["code"], row["message"]) == ("failed", "bug", "KeyError")


@pytest.mark.slow
def test_a_killed_process_costs_nothing(films: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one() -> None:
        own, out = os.getpid(), tmp_path / "out"
        while not list(out.glob("part-*.parquet")):
            time.sleep(0.05)
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        workers = [int(c) for c in children if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]
        killed.append(workers[-1])
        os.kill(workers[-1], signal.SIGKILL)

    for number in range(12):
        shutil.copy(films / "a.png", films / f"copy{number:02}.png")
    threading.Thread(target=kill_one, daemon=True).start()
    tally = read_archive(films, tmp_path / "out", processes=2, shard_size=1)
    assert killed and tally.counts.total() == 17
    assert sorted(str(row["file"]) for row in rows_in(tmp_path / "out")) == list_films(films)[1]


@pytest.fixture
def fake_rows(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Rows without reading; the files that were asked for."""
    asked: list[str] = []

    def rows_of(shard: Shard, *, batch: int) -> list[dict[str, object]]:
        asked.extend(shard.files)
        return [{"file": file, "status": "read"} for file in shard.files]

    monkeypatch.setattr(archive, "rows_of", rows_of)
    return asked


def run_here(shards: list[Shard], out: Path, processes: int, batch: int) -> object:
    return (write_shard(shard, out, batch) for shard in shards)


def test_films_looked_at_together_are_read_as_one_by_one(
    films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = Shard(0, films, ("a.png", "d.png", "sub/c.png", "e.png", "b.png"))
    looked: list[int] = []
    segmenter = networks.segmenter()
    look = segmenter._look
    monkeypatch.setattr(segmenter, "_look", lambda film: looked.append(len(film)) or look(film))
    forget_films()
    alone = list(rows_of(shard))
    assert set(looked) == {1}, "control"
    for batch, most in ((2, 2), (3, 2), (64, 4)):
        forget_films()
        looked.clear()
        together = list(rows_of(shard, batch=batch))
        assert max(looked) == most, f"of {batch}; the broken film is in no batch"
        for one, other in zip(alone, together, strict=True):
            assert {**one, "seconds": 0} == {**other, "seconds": 0}, batch


def test_a_folder_that_may_not_be_opened_is_a_row_and_the_list_of_a_disc_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    film = dicom_bytes()
    for name, content in (("IM1", film), ("IM2", film[132:]), ("dicomdir", film), ("DICOMDIR", film)):
        (tmp_path / name).write_bytes(content)
    scan = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list_films(tmp_path)[1] == ["IM1", "IM2", "closed"]
    (row,) = rows_of(Shard(0, tmp_path, ("closed",)))
    assert row["status"] == "failed" and "film file" in row["message"]
