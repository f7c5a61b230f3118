"""What is read inside the block of another reading is read in its transaction, unless it is another's."""

import contextvars
import sqlite3
import threading
from pathlib import Path

import pytest

from pedaxr.audit.callers import Caller, called_by
from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.evaluation.population import synthetic_patients, synthetic_study
from pedaxr.registry import REGISTRY_FILE, Registry, schema
from pedaxr.registry.schema import reading


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    people = list(synthetic_patients(5, 0))
    registry.add(people, [synthetic_study(patient, number) for number, patient in enumerate(people)])
    return Clinic(tmp_path, registry)


def test_a_search_opens_the_registry_once(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    as_it_is = schema._opened

    def counted(path: Path, *, is_shared: bool = False) -> sqlite3.Connection:
        opened.append(path)
        return as_it_is(path, is_shared=is_shared)

    monkeypatch.setattr(schema, "_opened", counted)
    match = find_patient(next(synthetic_patients(1, 0)).patient_name, clinic=clinic)
    assert match.total >= 1 and match.matches[0].studies
    assert opened.count(clinic.registry.path) == 1


def test_it_is_one_connection_inside_and_another_one_afterwards(clinic: Clinic) -> None:
    path = clinic.registry.path
    with reading(path) as outer:
        with reading(path) as inner:
            assert inner is outer
        assert outer.execute("SELECT count(*) FROM patients").fetchone()[0] == 5, "still open"
    with reading(path) as later:
        assert later is not outer
    with pytest.raises(sqlite3.ProgrammingError):
        outer.execute("SELECT 1")


def test_a_caller_who_may_see_less_never_reads_in_a_transaction_that_shows_more(clinic: Clinic) -> None:
    path = clinic.registry.path
    nurse = Caller("nurse", "ward", frozenset({"elsewhere"}))
    with reading(path) as outer, called_by(nurse), reading(path) as inner:
        assert inner is not outer
        assert inner.execute("SELECT count(*) FROM patients").fetchone()[0] == 0


def test_another_registry_and_another_thread_have_their_own(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Registry.create(tmp_path / "other" / REGISTRY_FILE)
    found: list[object] = []

    def read() -> None:
        with reading(clinic.registry.path) as connection:
            found.append(connection.execute("SELECT count(*) FROM patients").fetchone()[0])

    with reading(clinic.registry.path) as outer, reading(other.path) as inner:
        assert inner is not outer
        assert inner.execute("SELECT count(*) FROM patients").fetchone()[0] == 0
        thread = threading.Thread(target=contextvars.copy_context().run, args=(read,))
        thread.start()
        thread.join()
    assert found == [5]


def test_a_failed_block_leaves_no_transaction_behind(clinic: Clinic) -> None:
    with pytest.raises(KeyError), reading(clinic.registry.path):
        raise KeyError
    assert schema._transaction.get() is None
