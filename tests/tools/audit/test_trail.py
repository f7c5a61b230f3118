"""The audit trail: complete, in the act's own transaction, and every way of tampering with it is seen."""

import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pedaxr.audit import chain as audit_chain
from pedaxr.audit.access_log import PENDING_FILE, AccessLog
from pedaxr.audit.callers import Caller, called_by
from pedaxr.audit.chain import STATE, Entry, links
from pedaxr.audit.trail import accessing, note, record, refused
from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_audit, heads
from pedaxr.errors import InvalidRequest, PatientNotFound, StorageError, StudyNotFound
from pedaxr.registry import Patient
from pedaxr.registry.schema import connected, writing
from pedaxr.reports import sign_off as reports
from pedaxr.storage.home import ACCESS_FILE

from ..small_clinic import change_everything, small_clinic

NURSE = Caller("nurse-7", "chat", request_id="req-1")


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return small_clinic(tmp_path / "home")


def changes(clinic: Clinic) -> list[Entry]:
    with connected(clinic.registry.path) as connection:
        return [link.entry for link in links(connection)]


def accesses(clinic: Clinic) -> list[Entry]:
    log = AccessLog(clinic.home)
    log.fold()
    with log.connected() as connection:
        return [link.entry for link in links(connection)]


def faults(clinic: Clinic, head: str | None = None) -> list[str]:
    return [fault for check in check_audit(clinic, head=head) for fault in check.faults]


def test_every_change_leaves_an_entry_with_who_and_what(clinic: Clinic) -> None:
    with called_by(NURSE):
        change_everything(clinic)
    entries = [entry for entry in changes(clinic) if entry.action != STATE]
    assert [e.action for e in entries] == [
        "begin",
        *["register"] * 3,
        *["import"] * 3,
        *["report", "finalise", "amend", "rename", "assign", "move_film", "merge", "delete"],
    ]
    saved = entries[7]
    assert (saved.user, saved.client, saved.request_id) == ("nurse-7", "chat", "req-1")
    assert (saved.patient_ids, saved.study_id, saved.report_id) == (("P-1",), "S-1", "R-1")
    assert entries[4].image_sha256 is not None
    assert entries[-2].patient_ids == ("P-2", "P-1")
    assert faults(clinic) == []


def test_a_change_that_fails_leaves_no_entry_and_one_whose_entry_fails_is_not_made(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(changes(clinic))
    with pytest.raises(InvalidRequest):
        clinic.registry.add([Patient("P-9", "New"), Patient("P-1", "Other")], [])
    assert len(changes(clinic)) == before
    monkeypatch.setattr(audit_chain, "_hash", lambda *_: (_ for _ in ()).throw(StorageError("no")))
    with pytest.raises(StorageError):
        clinic.registry.rename("P-1", "Someone Else")
    monkeypatch.undo()
    assert clinic.registry.patient("P-1").patient_name == "김민준"


def test_searches_reads_and_refusals_are_written_down(clinic: Clinic) -> None:
    with called_by(NURSE):
        find_patient("김민", clinic=clinic)
        with pytest.raises(InvalidRequest):
            find_patient("x", clinic=clinic)
        with pytest.raises(PatientNotFound), accessing(clinic.home, "read_patient"):
            clinic.registry.patient("P-404")
        with pytest.raises(StudyNotFound):
            reports.list_reports("S-404", clinic=clinic)
        refused(clinic.home, "segment_xray", "busy", caller=NURSE, study_id="S-1")
    found = accesses(clinic)
    assert [(e.action, e.outcome) for e in found] == [
        ("find_patient", "ok"),
        ("find_patient", "invalid_request"),
        ("read_patient", "patient_not_found"),
        ("list_reports", "study_not_found"),
        ("segment_xray", "busy"),
    ]
    assert found[0].query == "김민" and set(found[0].patient_ids) == {"P-1", "P-2"}
    assert found[3].study_id == "S-404" and found[3].patient_ids == ()
    assert all((e.user, e.request_id) == ("nurse-7", "req-1") for e in found)
    assert found[0].anchor is not None


def test_an_access_inside_an_access_is_one_entry_and_names_film_and_weights(clinic: Clinic) -> None:
    with accessing(clinic.home, "outer"):
        find_patient("Emma Wilson", clinic=clinic)
        clinic.registry.study("S-3")
        note(weights="w1")
        note(weights="w2")
    (entry,) = accesses(clinic)
    assert (entry.action, entry.patient_ids, entry.study_id) == ("outer", ("P-3",), "S-3")
    assert entry.weights == ("w1", "w2") and entry.image_sha256


def test_the_tables_refuse_changes(clinic: Clinic) -> None:
    find_patient("김민", clinic=clinic)
    AccessLog(clinic.home).fold()
    for path in (clinic.registry.path, clinic.home / ACCESS_FILE):
        with closing(sqlite3.connect(path)) as connection:
            for statement in ("UPDATE audit SET user = 'x'", "DELETE FROM audit"):
                with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                    connection.execute(statement)


def _drop_triggers(connection: sqlite3.Connection) -> list[str]:
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    return [sql for _, sql in triggers]


def _edit(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit SET user = 'somebody else' WHERE sequence = 3")


def _edit_and_rehash(connection: sqlite3.Connection) -> None:
    _edit(connection)
    row = list(connection.execute("SELECT * FROM audit WHERE sequence = 3").fetchone())
    own = audit_chain._hash(row[0], tuple(row[1:-2]), row[-2])
    connection.execute("UPDATE audit SET hash = ? WHERE sequence = 3", [own])


def _delete(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM audit WHERE sequence = 3")


def _delete_and_close_the_gap(connection: sqlite3.Connection) -> None:
    _delete(connection)
    connection.execute("UPDATE audit SET sequence = sequence - 1 WHERE sequence > 3")


def _delete_the_first(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM audit WHERE sequence = 1")


def _swap(connection: sqlite3.Connection) -> None:
    for before, after in ((3, -1), (4, 3), (-1, 4)):
        connection.execute("UPDATE audit SET sequence = ? WHERE sequence = ?", [after, before])


def _insert(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit SET sequence = -sequence - 1 WHERE sequence > 3")
    connection.execute("UPDATE audit SET sequence = -sequence WHERE sequence < 0")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(audit)")]
    copied = ", ".join({"sequence": "4", "entry_id": "'forged'"}.get(column, column) for column in columns)
    connection.execute(f"INSERT INTO audit SELECT {copied} FROM audit WHERE sequence = 3")


def _truncate(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM audit WHERE sequence > 4")


def _truncate_and_reset_the_counter(connection: sqlite3.Connection) -> None:
    _truncate(connection)
    connection.execute("UPDATE sqlite_sequence SET seq = 4 WHERE name = 'audit'")


def _write_anew(connection: sqlite3.Connection) -> None:
    """A forger who knows the format: everything from entry 3 on, with good hashes."""
    forged = [link.entry for link in links(connection) if link.sequence >= 3]
    connection.execute("DELETE FROM audit WHERE sequence >= 3")
    audit_chain.append(connection, [Entry(**{**entry.__dict__, "user": "x"}) for entry in forged])


def _nothing(connection: sqlite3.Connection) -> None:
    pass


TAMPERING = [
    _edit,
    _edit_and_rehash,
    _delete,
    _delete_and_close_the_gap,
    _delete_the_first,
    _swap,
    _insert,
    _truncate,
    _truncate_and_reset_the_counter,
    _write_anew,
]
NEEDS_HEAD = {_truncate_and_reset_the_counter, _write_anew}
Tamper = Callable[[sqlite3.Connection], None]


def tampered(path: Path, tamper: Tamper) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = _drop_triggers(connection)
        tamper(connection)
        for sql in triggers:
            connection.execute(sql)


@pytest.mark.parametrize("chain", ["registry.sqlite3", ACCESS_FILE])
@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda f: f.__name__.strip("_"))
def test_every_kind_of_tampering_is_found(clinic: Clinic, tamper: Tamper, chain: str) -> None:
    for _ in range(6):
        find_patient("김민", clinic=clinic)
    noted = heads(clinic)
    tampered(clinic.home / chain, _nothing)
    assert faults(clinic, noted) == [], "control: untouched"
    tampered(clinic.home / chain, tamper)
    assert faults(clinic, noted)
    if tamper not in NEEDS_HEAD:
        assert faults(clinic)
    elif chain == "registry.sqlite3":
        assert faults(clinic), "the accesses noted a later entry"
    else:
        assert not faults(clinic), "control: nothing but the head shows this"


def test_a_missing_trigger_is_found(clinic: Clinic) -> None:
    with closing(sqlite3.connect(clinic.registry.path)) as connection:
        connection.execute("DROP TRIGGER audit_refuses_delete")
    assert any("trigger" in fault for fault in faults(clinic))


def test_a_chain_of_another_clinic_is_found(clinic: Clinic, tmp_path: Path) -> None:
    noted = heads(clinic)
    other = small_clinic(tmp_path / "other")
    assert faults(other) == []
    assert faults(other, noted)


def test_what_is_no_head_is_refused(clinic: Clinic) -> None:
    for text in ("x", "changes=1", "changes=x:" + "0" * 64, "other=1:" + "0" * 64):
        with pytest.raises(InvalidRequest):
            check_audit(clinic, head=text)


def _search_until_killed(clinic: Clinic, log: Path) -> None:
    with log.open("a") as acknowledged:
        for number in range(100_000):
            find_patient(f"nobody{number}", clinic=clinic)
            acknowledged.write(f"nobody{number}\n")
            acknowledged.flush()


def test_no_answered_search_is_missing_after_kill_9(clinic: Clinic, tmp_path: Path) -> None:
    for run in range(3):
        log = tmp_path / f"acknowledged-{run}"
        child = multiprocessing.get_context("fork").Process(target=_search_until_killed, args=(clinic, log))
        child.start()
        while not log.exists() or log.read_text().count("\n") < 20:
            child.join(0.01)
        child.kill()
        child.join()
        asked = {entry.query for entry in accesses(clinic)}
        assert set(log.read_text().split()) <= asked
    assert faults(clinic) == []


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_fold_that_is_interrupted_neither_loses_nor_doubles(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    find_patient("김민", clinic=clinic)
    with monkeypatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise OSError(5, "Input/output error")

        if step == "before":
            patch.setattr(audit_chain, "append", fail)
        else:
            patch.setattr(Path, "unlink", fail)
        with pytest.raises(OSError, match="Input/output"):
            AccessLog(clinic.home).fold()
    find_patient("Emma", clinic=clinic)
    assert [e.query for e in accesses(clinic)] == ["김민", "Emma"]
    assert faults(clinic) == []


def test_a_torn_line_is_reported_and_the_next_entry_is_whole(clinic: Clinic) -> None:
    with (clinic.home / PENDING_FILE).open("a") as pending:
        pending.write('\n{"entry_id": "half')
    find_patient("Emma", clinic=clinic)
    assert [e.action for e in accesses(clinic)] == ["unreadable_entry", "find_patient"]


def test_threads_and_folds_at_once_give_one_chain_with_everything(clinic: Clinic) -> None:
    log = AccessLog(clinic.home)

    def search(worker: int) -> None:
        for number in range(12):
            refused(clinic.home, "test", f"{worker}-{number}", caller=NURSE)
            if number % 4 == 3:
                log.fold()

    threads = [threading.Thread(target=search, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {e.outcome for e in accesses(clinic)} == {f"{w}-{n}" for w in range(6) for n in range(12)}
    assert faults(clinic) == []


def test_no_search_waits_while_the_disk_takes_in_what_is_folded(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[bool] = []

    def slow_disk(descriptor: int) -> None:
        search = threading.Thread(target=find_patient, args=("Emma",), kwargs={"clinic": clinic}, daemon=True)
        search.start()
        search.join(10)
        answered.append(not search.is_alive())

    find_patient("김민", clinic=clinic)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", slow_disk)
        AccessLog(clinic.home).fold()
    assert answered and all(answered)
    assert [e.query for e in accesses(clinic)] == ["김민", *["Emma"] * len(answered)]


def test_a_full_disk_stops_no_search_and_the_gap_is_written_down(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(AccessLog, "add", full)
        assert find_patient("김민준", clinic=clinic).total == 1
        assert find_patient("김민준", clinic=clinic).total == 1
    find_patient("Emma", clinic=clinic)
    (entry,) = accesses(clinic)
    assert entry.detail == "2 entries before this one could not be written"


def test_an_entry_that_the_disk_took_in_part_is_counted_as_missed(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, content: real(file, content[: len(content) // 2]))
        assert find_patient("김민준", clinic=clinic).total == 1
    find_patient("Emma", clinic=clinic)
    torn, whole = accesses(clinic)
    assert (torn.action, whole.action) == ("unreadable_entry", "find_patient")
    assert whole.detail == "1 entry before this one could not be written"


def test_a_newer_access_log_is_refused_and_loses_nothing(clinic: Clinic) -> None:
    find_patient("김민", clinic=clinic)
    assert len(accesses(clinic)) == 1

    def set_version(version: int) -> None:
        with closing(sqlite3.connect(clinic.home / ACCESS_FILE)) as connection:
            connection.execute(f"PRAGMA user_version={version}")

    set_version(99)
    assert find_patient("Emma", clinic=clinic).total == 1, "searches go on"
    with pytest.raises(StorageError, match="newer"):
        accesses(clinic)
    set_version(1)
    assert [entry.query for entry in accesses(clinic)] == ["김민", "Emma"]


def test_an_entry_is_not_doubled(clinic: Clinic) -> None:
    with writing(clinic.registry.path) as database:
        record(database.conn, "backup")
        (last,) = list(links(database.conn))[-1:]
        audit_chain.append(database.conn, [last.entry])
        assert audit_chain.head_of(database.conn).sequence == last.sequence
