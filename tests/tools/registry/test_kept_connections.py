"""A connection that waits for the next search is used only on the file it was opened on, by its caller."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pedaxr.audit.callers import Caller, called_by
from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import StorageError
from pedaxr.registry import REGISTRY_FILE, Patient, Registry, kept_connections, schema
from pedaxr.registry.schema import reading
from pedaxr.storage import sqlite as storage_sqlite

KEPT = kept_connections.kept_connections


@pytest.fixture(autouse=True)
def none_waits() -> Iterator[None]:
    KEPT.close()
    yield
    KEPT.close()


@pytest.fixture(autouse=True)
def rollback_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever SQLite runs the tests: with a write-ahead log no connection is kept, as a test below shows."""
    monkeypatch.setattr(kept_connections, "journal_mode", lambda: "delete")
    monkeypatch.setattr(storage_sqlite, "journal_mode", lambda: "delete")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files opened since."""
    listed: list[Path] = []
    as_it_is = schema._opened

    def counted(path: Path, *, is_shared: bool = False) -> sqlite3.Connection:
        listed.append(path)
        return as_it_is(path, is_shared=is_shared)

    monkeypatch.setattr(schema, "_opened", counted)
    return listed


def clinic_of(home: Path, name: str) -> Clinic:
    home.mkdir()
    registry = Registry.create(home / REGISTRY_FILE)
    registry.add([Patient("P-1", name, department="surgery")], [])
    return Clinic(home, registry)


def found(clinic: Clinic) -> list[str]:
    return [match.patient_name for match in find_patient("P-1", clinic=clinic).matches]


def test_the_second_search_opens_nothing(tmp_path: Path, opened: list[Path]) -> None:
    clinic = clinic_of(tmp_path / "a", "Emma Wilson")
    opened.clear()
    assert found(clinic) == found(clinic) == ["Emma Wilson"]
    assert len(opened) == 1


def test_what_others_write_is_seen(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path / "a", "Emma Wilson")
    assert found(clinic) == ["Emma Wilson"]
    clinic.registry.rename("P-1", "Anna Smith")
    assert found(clinic) == ["Anna Smith"]


@pytest.mark.parametrize("how", ["moved over it", "copied into it"])
def test_a_file_put_in_its_place_is_the_one_searched(tmp_path: Path, how: str) -> None:
    """The two files have had as many writes, so that SQLite alone would take one for the other."""
    clinic, other = clinic_of(tmp_path / "a", "Emma Wilson"), clinic_of(tmp_path / "b", "Anna Smith")
    assert found(clinic) == ["Emma Wilson"]
    if how == "moved over it":
        other.registry.path.replace(clinic.registry.path)
    else:
        shutil.copyfile(other.registry.path, clinic.registry.path)
    assert found(clinic) == ["Anna Smith"]


def test_without_the_stamp_another_file_s_patients_would_be_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr(kept_connections, "_stamp_of", lambda path: (0,))
    clinic, other = clinic_of(tmp_path / "a", "Emma Wilson"), clinic_of(tmp_path / "b", "Anna Smith")
    assert found(clinic) == ["Emma Wilson"]
    other.registry.path.replace(clinic.registry.path)
    assert found(clinic) == ["Emma Wilson"]


def test_a_file_taken_away_is_not_searched_any_more(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path / "a", "Emma Wilson")
    assert found(clinic)
    clinic.registry.path.unlink()
    with pytest.raises(StorageError):
        found(clinic)


def test_a_change_of_permissions_alone_opens_it_anew(tmp_path: Path, opened: list[Path]) -> None:
    clinic = clinic_of(tmp_path / "a", "Emma Wilson")
    found(clinic)
    opened.clear()
    clinic.registry.path.chmod(0o640)
    found(clinic)
    assert len(opened) == 1


def test_callers_of_other_departments_never_share_one(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path / "a", "Emma Wilson")
    for _ in range(2):
        assert found(clinic) == ["Emma Wilson"]
        with called_by(Caller("n", "chat", departments=frozenset({"oncology"}))):
            assert found(clinic) == []
        with called_by(Caller("s", "chat", departments=frozenset({"surgery"}))):
            assert found(clinic) == ["Emma Wilson"]


def test_one_that_is_in_use_is_in_no_other_hand(tmp_path: Path) -> None:
    path = clinic_of(tmp_path / "a", "Emma Wilson").registry.path
    hands: list[sqlite3.Connection] = []

    def read() -> None:
        with reading(path, is_kept=True) as connection:
            hands.append(connection)

    with reading(path, is_kept=True) as held:
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        assert hands[0] is not held
    read()
    assert hands[1] in (held, hands[0]), "control: afterwards they wait for the next"


def test_after_an_error_it_is_closed(tmp_path: Path) -> None:
    path = clinic_of(tmp_path / "a", "Emma Wilson").registry.path
    with pytest.raises(KeyError), reading(path, is_kept=True) as connection:
        raise KeyError
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


def test_none_that_waits_holds_up_a_writer(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path / "a", "Emma Wilson")
    found(clinic)
    with closing(sqlite3.connect(clinic.registry.path, timeout=0, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("ROLLBACK")


def test_few_are_kept(tmp_path: Path) -> None:
    clinics = [clinic_of(tmp_path / str(number), "Emma Wilson") for number in range(12)]
    for clinic in clinics:
        found(clinic)
    assert len(KEPT._idle) == kept_connections._MOST


def test_with_a_write_ahead_log_none_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = clinic_of(tmp_path / "a", "Emma Wilson")
    monkeypatch.setattr(kept_connections, "journal_mode", lambda: "wal")
    assert found(clinic) == ["Emma Wilson"] and KEPT._idle == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_leaves_the_parent_s_alone(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path / "a", "Emma Wilson")
    found(clinic)
    child = os.fork()
    if child == 0:
        os._exit(0 if KEPT._idle == [] and len(KEPT._inherited) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(KEPT._idle) == 1, "control"
