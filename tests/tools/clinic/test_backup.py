"""Backup, restore and verify: row-identical under load, into a new folder only, and every damage is found."""

import contextlib
import errno
import json
import os
import shutil
import sqlite3
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic import backup as backup_module
from pedaxr.clinic.backup import MANIFEST, back_up, restore
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic, orphans, remove_orphans
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.registry import REGISTRY_FILE
from pedaxr.storage.home import ACCESS_FILE

from ..small_clinic import a_report, small_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    clinic = small_clinic(tmp_path / "home")
    clinic.registry.save_report(a_report("R-1"))
    find_patient("김민", clinic=clinic)
    return clinic


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


def faults(clinic: Clinic) -> list[str]:
    return [fault for check in check_clinic(clinic) for fault in check.faults]


TABLES = ("patients", "studies", "reports", "patient_names", "name_keys", "near_keys", "merged_patients")


def test_a_restored_clinic_has_every_row_and_film(clinic: Clinic, tmp_path: Path) -> None:
    copied = back_up(clinic, tmp_path / "b.zip")
    again = restore(tmp_path / "b.zip", tmp_path / "new")
    assert (copied.films, copied.missing) == (3, 0)
    for table in TABLES:
        assert rows(again.registry.path, table) == rows(clinic.registry.path, table)
    for film in clinic.films.iterdir():
        assert (again.films / film.name).read_bytes() == film.read_bytes()
    assert faults(again) == []
    actions = [row[3] for row in rows(again.registry.path, "audit")]
    assert actions[-1] == "restore"


def test_a_backup_taken_while_reports_are_written_is_one_state_of_the_registry(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_module, "_PAGES", 3)  # many pauses in which the writers go on
    stop = threading.Event()
    saved: list[str] = []

    def write() -> None:
        while not stop.is_set():
            saved.append(clinic.registry.save_report(a_report(f"R-load-{len(saved)}")).report_id)
            time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(saved) < 3:
            time.sleep(0.005)
        before = list(saved)
        back_up(clinic, tmp_path / "b.zip")
        after = list(saved)
    finally:
        stop.set()
        writer.join()
    again = restore(tmp_path / "b.zip", tmp_path / "new")
    ours, theirs = (rows(path, "reports") for path in (clinic.registry.path, again.registry.path))
    assert set(theirs) <= set(ours), "row-identical"
    there = {row[0] for row in theirs}
    assert set(before) <= there <= {*after, *saved, "R-1"}
    assert len(after) >= len(before), "writers went on"
    assert faults(again) == []


def test_a_backup_in_the_middle_of_a_write_has_nothing_of_it(clinic: Clinic, tmp_path: Path) -> None:
    """The write is then taken back. Control: a plain copy of the file holds what never was."""
    before = rows(clinic.registry.path, "reports")
    copied = threading.Thread(target=back_up, args=(clinic, tmp_path / "b.zip"))
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size=5")
        connection.execute("BEGIN IMMEDIATE")
        for number in range(200):  # more than five pages, so that they go to the file
            report = f"SELECT 'R-x{number}', study_id, {number + 9}, status, created_at, image_sha256, model"
            connection.execute(
                f"INSERT INTO reports {report}, document, signed_by, supersedes FROM reports LIMIT 1"
            )
        shutil.copy(clinic.registry.path, tmp_path / "plain.sqlite3")
        copied.start()
        copied.join(1)  # time enough to copy what must not be copied
        connection.execute("ROLLBACK")
    copied.join(30)
    with contextlib.suppress(sqlite3.DatabaseError):  # "malformed": as bad
        assert rows(tmp_path / "plain.sqlite3", "reports") != before
    assert rows(restore(tmp_path / "b.zip", tmp_path / "new").registry.path, "reports") == before


def test_nothing_is_overwritten(clinic: Clinic, tmp_path: Path) -> None:
    back_up(clinic, tmp_path / "b.zip")
    with pytest.raises(InvalidRequest, match="exists already"):
        back_up(clinic, tmp_path / "b.zip")
    for occupied in (clinic.home, tmp_path / "b.zip"):
        with pytest.raises(InvalidRequest, match="not empty"):
            restore(tmp_path / "b.zip", occupied)
    (tmp_path / "empty").mkdir()
    assert restore(tmp_path / "b.zip", tmp_path / "empty").registry.counts()["studies"] == 3


def test_a_backup_into_a_folder_that_is_not_there_says_so_and_blames_no_clinic(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidRequest, match=r"no folder .*usb"):
        back_up(clinic, tmp_path / "usb" / "backup.zip")
    assert not (tmp_path / "usb").exists()

    def is_full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pedaxr.clinic.backup._write", is_full)
    with pytest.raises(StorageError, match=r"^The backup cannot be written \(ENOSPC\)"):
        back_up(clinic, tmp_path / "backup.zip")


def _shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-400])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"film 2")] ^= 1
    path.write_bytes(content)


def _with_manifest(change: Callable[[dict[str, object]], None]) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        with zipfile.ZipFile(path) as old:
            contents = {name: old.read(name) for name in old.namelist()}
        manifest = json.loads(contents[MANIFEST])
        change(manifest)
        contents[MANIFEST] = json.dumps(manifest).encode()
        with zipfile.ZipFile(path, "w") as new:
            for name, content in contents.items():
                new.writestr(name, content)

    return rewrite


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "no zip": lambda path: path.write_bytes(b"x" * 1000),
    "shortened": _shortened,
    "flipped bit": _flipped,
    "leaves its folder": _with_manifest(lambda m: m["files"].update({"../out": "0"})),  # type: ignore[attr-defined]
    "absolute": _with_manifest(lambda m: m["files"].update({"/tmp/out": "0"})),  # type: ignore[attr-defined]
    "names what is not there": _with_manifest(lambda m: m["files"].update({"films/9.png": "0"})),  # type: ignore[attr-defined]
    "wrong digest": _with_manifest(lambda m: m["files"].update({"films/1.png": "0"})),  # type: ignore[attr-defined]
    "another format": _with_manifest(lambda m: m.update({"format": 3})),
    "no registry": _with_manifest(lambda m: m.update({"files": {}})),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_backup_is_refused_and_leaves_nothing(clinic: Clinic, tmp_path: Path, damage: str) -> None:
    back_up(clinic, tmp_path / "b.zip")
    DAMAGE[damage](tmp_path / "b.zip")
    with pytest.raises(StorageError):
        restore(tmp_path / "b.zip", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "home"]


def test_a_backup_that_cannot_be_finished_leaves_nothing(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError):
        back_up(clinic, tmp_path / "b.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def _sql(statement: str, path: str = REGISTRY_FILE) -> Callable[[Clinic], None]:
    def run(clinic: Clinic) -> None:
        with closing(sqlite3.connect(clinic.home / path, isolation_level=None)) as connection:
            connection.execute("DROP TRIGGER IF EXISTS reports_stay_as_they_are")
            connection.execute(statement)

    return run


HARM: dict[str, tuple[Callable[[Clinic], object], str]] = {
    "film missing": (lambda c: (c.films / "1.png").unlink(), "missing"),
    "film changed": (lambda c: (c.films / "1.png").write_bytes(b"other"), "not the one"),
    "report changed": (
        _sql("UPDATE reports SET document = replace(document, 'Normal', 'Free air')"),
        "not as",
    ),
    "report removed": (_sql("DELETE FROM reports"), "is missing"),
    "report put in": (
        _sql(
            "INSERT INTO reports SELECT 'R-x', study_id, 9, status, created_at, image_sha256, model, "
            "document, "
            "signed_by, supersedes FROM reports"
        ),
        "alien",
    ),
    "study of nobody": (_sql("UPDATE studies SET patient_id = 'P-404' WHERE study_id = 'S-2'"), "refers"),
    "audit of accesses removed": (lambda c: (c.home / ACCESS_FILE).write_bytes(b""), ""),
}


@pytest.mark.parametrize("harm", HARM)
def test_verify_finds_every_harm(clinic: Clinic, harm: str) -> None:
    assert faults(clinic) == [], "control"
    do, word = HARM[harm]
    if harm == "audit of accesses removed":
        from pedaxr.clinic.integrity import check_audit, heads

        noted = heads(clinic)
        do(clinic)
        assert any(check.faults for check in check_audit(clinic, head=noted))
        return
    do(clinic)
    assert any(word in fault for fault in faults(clinic))


def test_a_damaged_registry_file_is_found(clinic: Clinic) -> None:
    content = bytearray(clinic.registry.path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = os.urandom(4096)
    clinic.registry.path.write_bytes(content)
    with contextlib.suppress(StorageError):  # too damaged to be opened
        assert faults(clinic)


def test_what_interrupted_writes_leave_is_listed_and_removed_when_it_is_old(clinic: Clinic) -> None:
    left = [clinic.films / ".4.png.x.part", clinic.films / "unnamed.png", clinic.overlays / ".overlay-x"]
    copy = clinic.home / ".backup-x"  # of a backup into the clinic's own folder that was killed
    copy.mkdir()
    for path in (*left, copy / "registry.sqlite3", clinic.overlays / "film-1.png", clinic.home / "DEMO.md"):
        path.write_bytes(b"x")
    assert orphans(clinic) == [], "they may belong to a write under way"
    for path in clinic.home.rglob("*"):
        if not path.name.startswith("access."):  # in use: one may be gone by now
            os.utime(path, (1, 1))
    assert orphans(clinic) == sorted([*left, copy])
    assert remove_orphans(clinic) == sorted([*left, copy])
    assert faults(clinic) == [] and not copy.exists()
    assert (clinic.overlays / "film-1.png").exists() and (clinic.films / "1.png").exists()


def test_a_full_disk_of_the_backup_is_not_called_the_clinic_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic, connect = small_clinic(tmp_path / "home"), sqlite3.connect

    def with_little_room(database: str | Path, **kwargs: bool) -> sqlite3.Connection:
        connection = connect(database, **kwargs)
        if ".backup-" in str(database):
            connection.execute("PRAGMA max_page_count=1")
        return connection

    monkeypatch.setattr("pedaxr.clinic.backup.sqlite3.connect", with_little_room)
    with pytest.raises(StorageError, match="disk of the backup is full and no backup was made"):
        back_up(clinic, tmp_path / "backup.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
