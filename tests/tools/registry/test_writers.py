"""Many writers and two programs on one clinic: a bounded wait, everything stored once, one whole chain."""

import multiprocessing
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from pedaxr.audit import chain as audit_chain
from pedaxr.audit.access_log import AccessLog
from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic
from pedaxr.errors import StorageBusy
from pedaxr.registry import schema as registry_schema
from pedaxr.storage.sqlite import BUSY_TIMEOUT_S

from ..small_clinic import a_report, small_clinic

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return small_clinic(tmp_path / "home")


def _write(home: Path, worker: int, count: int, told: Path) -> None:
    """Each report twice, as by a caller who did not hear the answer, and a search; note the longest wait."""
    clinic, longest, busy = open_clinic(home), 0.0, 0
    for number in range(count):
        for _ in range(2):
            start, is_stored = time.monotonic(), False
            while not is_stored:
                try:
                    clinic.registry.save_report(a_report(f"R-{worker}-{number}"))
                    is_stored = True
                except StorageBusy:
                    busy += 1
                longest, start = max(longest, time.monotonic() - start), time.monotonic()
        find_patient(f"nobody {worker}-{number}", clinic=clinic)
    told.write_text(f"{longest} {busy}")


def written_by(clinic: Clinic, tmp_path: Path, writers: int, count: int) -> dict[str, float]:
    """What as many processes at once met, and what is wrong afterwards."""
    told = [tmp_path / f"told-{worker}" for worker in range(writers)]
    children = [
        FORK.Process(target=_write, args=(clinic.home, n, count, path)) for n, path in enumerate(told)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(240)
    met = [tuple(map(float, path.read_text().split())) for path in told]
    wanted = [f"R-{n}-{number}" for n in range(writers) for number in range(count)]
    return {"longest_wait_s": max(wait for wait, _ in met), "busy": sum(busy for _, busy in met)} | _wrong(
        clinic, wanted
    )


def _wrong(clinic: Clinic, wanted: list[str]) -> dict[str, float]:
    reports = clinic.registry.reports("S-1")
    stored = [report.report_id for report in reports]
    access = AccessLog(clinic.home)
    access.fold()
    with access.connected() as connection:
        asked = [link.entry.query for link in audit_chain.links(connection)]
    faults = [fault for check in check_clinic(clinic) for fault in check.faults]
    return {
        "lost": len(set(wanted) - set(stored)),
        "doubled": len(stored) - len(set(stored)),
        "versions": len({report.version for report in reports} ^ set(range(1, len(wanted) + 1))),
        "searches": len({f"nobody {one[2:]}" for one in wanted} ^ set(map(str, asked))),
        "faults": len(faults),
    }


NOTHING = {"lost": 0, "doubled": 0, "versions": 0, "searches": 0, "faults": 0}


@pytest.mark.parametrize("count", [6, pytest.param(150, marks=pytest.mark.slow)])
def test_eight_writers_store_everything_once(clinic: Clinic, tmp_path: Path, count: int) -> None:
    met = written_by(clinic, tmp_path, 8, count)
    print(met)  # noqa: T201
    assert {name: met[name] for name in NOTHING} == NOTHING
    assert met["busy"] < count, "they wait for each other, and are seldom sent away"
    assert met["longest_wait_s"] < BUSY_TIMEOUT_S + 3, "a bounded wait, on a busy machine too"


def test_a_writer_that_only_promises_is_seen(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: every report that ends in 1 is not stored."""
    real = type(clinic.registry).save_report

    def save(registry: object, report: object) -> object:
        return report if str(report.report_id).endswith("1") else real(registry, report)  # type: ignore

    monkeypatch.setattr(type(clinic.registry), "save_report", save)
    assert written_by(clinic, tmp_path, 2, 3)["lost"] == 2


def test_a_deferred_transaction_would_fail_at_once(clinic: Clinic) -> None:
    """Control of `BEGIN IMMEDIATE`: a read that turns into a write does not wait, whatever the timeout."""
    path = clinic.registry.path
    with (
        closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as one,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        one.execute("BEGIN")
        one.execute("SELECT * FROM reports").fetchall()
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            one.execute("DELETE FROM merged_patients")
        assert time.monotonic() - start < 5


def test_time_is_bounded_where_another_program_holds_the_registry(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_schema, "BUSY_TIMEOUT_S", 0.2)
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        with pytest.raises(StorageBusy, match="retry_after=2") as raised:
            clinic.registry.save_report(a_report("R-1"))
        assert time.monotonic() - start < 5 and raised.value.code == "busy"
