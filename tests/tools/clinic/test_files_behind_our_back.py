"""Files of a clinic that somebody exchanged for links, older copies, logs or devices."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pedaxr.audit import access_log
from pedaxr.audit.access_log import PENDING_FILE, AccessLog
from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.backup import back_up
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic, heads
from pedaxr.errors import StorageBusy
from pedaxr.registry import REGISTRY_FILE
from pedaxr.reports import sign_off
from pedaxr.storage.home import ACCESS_FILE

from ..small_clinic import a_report, small_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    clinic = small_clinic(tmp_path / "home")
    clinic.registry.save_report(a_report("R-1"))
    return clinic


def faults(clinic: Clinic, head: str | None = None) -> list[str]:
    return [fault for check in check_clinic(clinic, head=head) for fault in check.faults]


def test_an_older_copy_of_the_registry_is_seen_by_the_log_of_reads(clinic: Clinic, tmp_path: Path) -> None:
    """Who signed is undone without a trace in that file: every read since then names what is missing."""
    shutil.copy(clinic.registry.path, tmp_path / "before")
    sign_off.finalise("R-1", by="Dr. Han", clinic=clinic)
    find_patient("Emma", clinic=clinic)
    assert faults(clinic) == [], "control"
    shutil.copy(tmp_path / "before", clinic.registry.path)
    assert any("noted is missing" in fault for fault in faults(clinic))


def test_older_copies_of_both_are_seen_by_the_head_kept_elsewhere(clinic: Clinic, tmp_path: Path) -> None:
    find_patient("Emma", clinic=clinic)
    assert faults(clinic) == []
    for name in (REGISTRY_FILE, ACCESS_FILE):
        shutil.copy(clinic.home / name, tmp_path / name)
    sign_off.finalise("R-1", by="Dr. Han", clinic=clinic)
    find_patient("Emma", clinic=clinic)
    noted = heads(clinic)
    assert faults(clinic, noted) == [], "control"
    for name in (REGISTRY_FILE, ACCESS_FILE):
        shutil.copy(tmp_path / name, clinic.home / name)
    assert faults(clinic) == [], "in themselves they are whole, as docs/safety.md says"
    assert any("noted outside" in fault for fault in faults(clinic, noted))


def test_rows_put_in_through_a_log_of_writes_are_seen(clinic: Clinic) -> None:
    """A write-ahead log beside the file holds rows that the file itself has not."""
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA wal_autocheckpoint=0")
        database.execute("UPDATE patients SET patient_birth_date = '2001-01-01' WHERE patient_id = 'P-1'")
        kept = {name: Path(f"{clinic.registry.path}{name}").read_bytes() for name in ("", "-wal")}
    for name, content in kept.items():
        Path(f"{clinic.registry.path}{name}").write_bytes(content)
    assert any("'P-1' is not as it was stored" in fault for fault in faults(open_clinic(clinic.home)))


@pytest.mark.parametrize("kind", ["link to a secret", "link to another film", "pipe", "folder", "device"])
def test_what_stands_in_the_place_of_a_film_is_neither_packed_nor_passed(
    clinic: Clinic, tmp_path: Path, kind: str
) -> None:
    from pedaxr.clinic.backup import back_up

    film = clinic.films / "1.png"
    secret = tmp_path / "secret"
    secret.write_bytes(b"CANARY")
    film.unlink()
    {
        "link to a secret": lambda: film.symlink_to(secret),
        "link to another film": lambda: film.symlink_to(clinic.films / "2.png"),
        "pipe": lambda: os.mkfifo(film),
        "folder": lambda: film.mkdir(),
        "device": lambda: film.symlink_to("/dev/zero"),
    }[kind]()
    assert any("film of study S-1" in fault for fault in faults(clinic))
    assert back_up(clinic, tmp_path / "b.zip").missing == 1
    assert b"CANARY" not in (tmp_path / "b.zip").read_bytes()


def test_a_clinic_that_cannot_be_written_is_verified_and_blamed_by_its_own_name(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a copy on one that takes no writing."""
    find_patient("Emma", clinic=clinic)
    AccessLog(clinic.home).fold()
    monkeypatch.setattr("pedaxr.audit.access_log._opened", _refusing(clinic.home, access_log._opened))
    assert faults(clinic) == [], "nothing waits to be written"
    (clinic.home / PENDING_FILE).write_bytes(b"")
    (fault,) = faults(clinic)
    assert fault.startswith("the last accesses wait outside the chain: the clinic's folder cannot be written")
    assert back_up(clinic, tmp_path / "backup.zip").missing == 0, "it is wanted all the more"


def test_a_log_that_others_write_to_is_no_fault(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_busy(self: AccessLog) -> NoReturn:
        raise StorageBusy("The registry is busy.")

    monkeypatch.setattr(AccessLog, "fold", is_busy)
    with pytest.raises(StorageBusy):
        faults(clinic)


def _refusing(folder: Path, opened: Callable[[Path], Any]) -> Callable[[Path], Any]:
    def opened_elsewhere(path: Path) -> Any:
        if path.parent == folder:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path)

    return opened_elsewhere
