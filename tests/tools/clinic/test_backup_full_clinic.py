"""A clinic whose disk is full, or was made read-only since it fails, can be backed up all the same."""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pedaxr.audit import access_log
from pedaxr.audit.access_log import PENDING_FILE, AccessLog
from pedaxr.clinic import Clinic
from pedaxr.clinic import backup as backup_module
from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic
from pedaxr.errors import StorageError

from ..small_clinic import small_clinic

FULL = "The disk of the clinic is full and nothing was stored."


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """Searched twice; the second search waits outside the chain, and nothing more can be written there."""
    made = small_clinic(tmp_path / "home")
    find_patient("김민", clinic=made)
    AccessLog(made.home).fold()
    monkeypatch.setattr(access_log._folder, "wake", lambda home: None)
    find_patient("이서", clinic=made)
    assert (made.home / PENDING_FILE).exists()
    _fill(made, monkeypatch)
    return made


def _fill(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    def unless_there(write: Callable[..., object]) -> Callable[..., object]:
        def writing(path: Path, *rest: object) -> object:
            if Path(path).parent == clinic.home:
                raise StorageError(FULL)
            return write(path, *rest)

        return writing

    def is_full(log: AccessLog) -> None:
        if log.home == clinic.home:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fold(log)

    fold = AccessLog.fold
    monkeypatch.setattr(AccessLog, "fold", is_full)
    monkeypatch.setattr(backup_module, "writing", unless_there(backup_module.writing))


def searches(home: Path) -> int:
    with closing(sqlite3.connect(home / "access.sqlite3")) as connection:
        return int(
            connection.execute("SELECT count(*) FROM audit WHERE action = 'find_patient'").fetchone()[0]
        )


def test_it_is_backed_up_with_the_accesses_that_wait_and_says_that_it_is_not_recorded(
    clinic: Clinic, tmp_path: Path
) -> None:
    copied = back_up(clinic, tmp_path / "b.zip")
    assert copied.unrecorded == FULL
    assert searches(clinic.home) == 1, "control: the second waits"
    again = restore(tmp_path / "b.zip", tmp_path / "new")
    assert searches(again.home) == 2
    assert [fault for check in check_clinic(again) for fault in check.faults] == []


def test_accesses_that_are_being_taken_in_count_once(clinic: Clinic, tmp_path: Path) -> None:
    waiting = (clinic.home / PENDING_FILE).read_bytes()
    (clinic.home / "access.folding").write_bytes(waiting)
    (clinic.home / PENDING_FILE).write_bytes(waiting + b'\n{"torn')
    back_up(clinic, tmp_path / "b.zip")
    again = restore(tmp_path / "b.zip", tmp_path / "new")
    assert searches(again.home) == 2
    with closing(sqlite3.connect(again.home / "access.sqlite3")) as connection:
        assert not connection.execute("SELECT 1 FROM audit WHERE outcome = 'storage'").fetchall()
