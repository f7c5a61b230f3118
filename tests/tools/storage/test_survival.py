"""Killed, out of space, or with a failing disk: what was acknowledged is there, and nothing is there in half.

Quick versions run always; `-m slow` runs 200 kills and all positions.
"""

import hashlib
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr.audit import chain as audit_chain
from pedaxr.audit.access_log import AccessLog
from pedaxr.clinic import Clinic, import_films, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic, remove_orphans
from pedaxr.errors import StorageError
from pedaxr.registry import patient_writes
from pedaxr.registry import report_versions as report_store
from pedaxr.reports import sign_off as reports
from pedaxr.storage import files as durable
from pedaxr.types import Report

from ..small_clinic import a_report, small_clinic

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return small_clinic(tmp_path / "home")


def source(folder: Path, films: int = 2) -> Path:
    """A data set of small films, different ones for each folder name."""
    folder.mkdir()
    noise = np.random.default_rng(int(hashlib.sha256(folder.name.encode()).hexdigest()[:8], 16))
    rows = ["ImagePath,Class,PatientID"]
    for number in range(films):
        pixels = noise.integers(0, 255, (80, 64), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append(f"{number}.png,Normal,I-{folder.name}-{number}")
    (folder / "films.csv").write_text("\n".join(rows))
    return folder


def faults(clinic: Clinic) -> list[str]:
    return [fault for check in check_clinic(clinic) for fault in check.faults]


def hashes(folder: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.png"))]


# --- kill -9 at any moment ----------------------------------------------------------------------------------


def _write_until_killed(home: Path, sources: list[Path], acknowledged: Path, run: int) -> None:
    clinic = open_clinic(home)
    with acknowledged.open("a") as log:
        for number, folder in enumerate(sources):
            import_films.import_films(folder, clinic_home=home)
            log.write("".join(f"film {digest}\n" for digest in hashes(folder)))
            log.flush()
            report_id = clinic.registry.save_report(a_report(f"R-{run}-{number}")).report_id
            log.write(f"report {report_id}\n")
            log.flush()
            find_patient(f"nobody {run}-{number}", clinic=clinic)
            log.write(f"search nobody {run}-{number}\n")
            log.flush()


_ACKNOWLEDGED_OF_ONE = 16  # by a writer that nobody kills


def kill_at_random(
    clinic: Clinic, tmp_path: Path, kills: int, seed: int, *, after: str = ""
) -> dict[str, int]:
    """Kill as many writers, each at a moment after a number of its writes was acknowledged, both drawn.

    Writes are counted and not seconds: on a busy machine most would be killed before their first. None is
    killed before the log has the word `after`.

    Returns: the number of acknowledged writes, and of those that were lost.
    """
    draw, log = random.Random(seed), tmp_path / "acknowledged"
    log.touch()
    for run in range(kills):
        sources = [source(tmp_path / f"s{run}-{n}") for n in range(4)]
        child = FORK.Process(target=_write_until_killed, args=(clinic.home, sources, log, run))
        awaited = len(log.read_text().splitlines()) + draw.randrange(_ACKNOWLEDGED_OF_ONE)
        child.start()
        while child.is_alive() and not (
            after in (written := log.read_text()) and len(written.splitlines()) >= awaited
        ):
            child.join(0.003)
        child.join(draw.uniform(0.0, 0.05))
        child.kill()
        child.join()
    kept = {f"film {digest}" for digest in clinic.registry.image_hashes()}
    kept |= {f"report {report.report_id}" for report in clinic.registry.reports("S-1")}
    access = AccessLog(clinic.home)
    access.fold()
    with access.connected() as connection:
        kept |= {f"search {link.entry.query}" for link in audit_chain.links(connection)}
    written = log.read_text().splitlines()
    return {"acknowledged": len(written), "lost": len(set(written) - kept)}


def test_random_kills_lose_nothing(clinic: Clinic, tmp_path: Path) -> None:
    counted = kill_at_random(clinic, tmp_path, 15, seed=1)
    assert counted["acknowledged"] > 50 and counted["lost"] == 0
    assert faults(clinic) == []
    remove_orphans(clinic, older_than_s=0)
    assert {f"films/{path.name}" for path in clinic.films.iterdir()} == _registered(clinic)


@pytest.mark.slow
def test_two_hundred_random_kills_lose_nothing(clinic: Clinic, tmp_path: Path) -> None:
    counted = kill_at_random(clinic, tmp_path, 200, seed=2)
    print(counted)  # noqa: T201
    assert counted["acknowledged"] > 500 and counted["lost"] == 0
    assert faults(clinic) == []


def test_the_loop_would_see_a_write_that_was_acknowledged_too_early(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: reports that are only promised."""
    monkeypatch.setattr(type(clinic.registry), "save_report", lambda _, report: report)
    assert kill_at_random(clinic, tmp_path, 2, seed=3, after="report")["lost"] > 0


def _registered(clinic: Clinic) -> set[str]:
    with closing(sqlite3.connect(clinic.registry.path)) as connection:
        return {row[0] for row in connection.execute("SELECT image_path FROM studies")}


# --- kill -9 at each named step -----------------------------------------------------------------------------


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: object, name: str) -> Callable[[], None]:
    return lambda: setattr(owner, name, _die)


def _after(owner: object, name: str) -> Callable[[], None]:
    def arm() -> None:
        real = getattr(owner, name)

        def then_die(*args: object, **kwargs: object) -> None:
            real(*args, **kwargs)
            _die()

        setattr(owner, name, then_die)

    return arm


class _DiesAtCommit(sqlite3.Connection):
    """Before the commit, or right after it and before anybody is told."""

    is_after = False

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        if sql == "COMMIT" and not self.is_after:
            _die()
        cursor = super().execute(sql, *parameters)  # type: ignore[arg-type]
        if sql == "COMMIT":
            _die()
        return cursor


class _DiesAfterCommit(_DiesAtCommit):
    is_after = True


def _connecting(kind: type[sqlite3.Connection]) -> Callable[[], None]:
    return lambda: setattr(sqlite3, "connect", partial(sqlite3.connect, factory=kind))


STEPS: dict[str, Callable[[], None]] = {
    "film: before it is written": _before(import_films, "replace_durably"),
    "film: written, not synced": _before(os, "fsync"),
    "film: synced, not renamed": _before(os, "replace"),
    "film: renamed, name not synced": _before(import_films, "sync_folder"),
    "film: there, no row": _after(import_films, "sync_folder"),
    "row: patient, no film": _before(patient_writes, "study_row"),
    "row: film, no entry": _before(audit_chain, "append"),
    "report: nothing yet": _before(report_store, "insert_version"),
    "report: row, no entry": _before(report_store, "stored_as"),
    "report: not committed": _after(report_store, "insert_version"),
    "commit: not yet": _connecting(_DiesAtCommit),
    "commit: done, not told": _connecting(_DiesAfterCommit),
}


def _act(home: Path, folder: Path, arm: Callable[[], None]) -> None:
    clinic = open_clinic(home)
    arm()
    clinic.registry.save_report(a_report("R-1"))
    import_films.import_films(folder, clinic_home=home)


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_each_step_leaves_the_old_state_or_the_new(
    clinic: Clinic, tmp_path: Path, step: str
) -> None:
    folder = source(tmp_path / "s")
    child = FORK.Process(target=_act, args=(clinic.home, folder, STEPS[step]))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL, "the step was reached"
    assert len(clinic.registry.reports("S-1")) in (0, 1)
    assert clinic.registry.counts()["studies"] in (3, 5)
    assert faults(clinic) == []
    clinic.registry.save_report(a_report("R-1"))
    import_films.import_films(folder, clinic_home=clinic.home)
    assert len(clinic.registry.reports("S-1")) == 1 and clinic.registry.counts()["studies"] == 5
    remove_orphans(clinic, older_than_s=0)
    assert {f"films/{path.name}" for path in clinic.films.iterdir()} == _registered(clinic)
    assert faults(clinic) == []


# --- a failing disk -----------------------------------------------------------------------------------------


class Faults:
    """Makes the n-th operation on the disk fail."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0
        self.is_on = True

    @property
    def was_met(self) -> bool:
        return self.count > self.at

    def step(self) -> bool:
        if not self.is_on:
            return False
        self.count += 1
        return self.count - 1 == self.at


_WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "CREATE")


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, at: int, code: int) -> Iterator[Faults]:
    """The n-th fsync, rename, write or statement that writes fails, as with a full or a broken disk."""
    faults = Faults(at)
    number = {sqlite3.SQLITE_FULL: 28, sqlite3.SQLITE_IOERR: 5}[code]

    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            if sql.lstrip().startswith(_WRITES) and faults.step():
                error = sqlite3.OperationalError("injected")
                error.sqlite_errorcode = code
                raise error
            return super().execute(sql, *parameters)  # type: ignore[arg-type]

    def wrapped(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            if faults.step():
                raise OSError(number, os.strerror(number))
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in ("fsync", "replace", "rename", "write"):
            patch.setattr(os, name, wrapped(getattr(os, name)))
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Failing))
        yield faults
        faults.is_on = False


def fault_positions(clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> int:
    """Break every `step`-th operation of an import, a report and its signature; how many were broken."""
    monkeypatch.setattr(import_films, "_BATCH", 1)
    positions = at = 0

    def act(folder: Path, at: int) -> Report:
        import_films.import_films(folder, clinic_home=clinic.home)
        clinic.registry.rename("P-3", f"Emma {at}")
        draft = clinic.registry.save_report(a_report(f"R-{at}", f"S-{hashes(folder)[0][:12]}"))
        return reports.finalise(draft.report_id, by="Dr. Han", clinic=clinic)

    while True:
        folder = source(tmp_path / f"f{at}", films=3)
        code = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)[at % 2]
        with failing(monkeypatch, at, code) as injected:
            try:
                act(folder, at)
            except StorageError:
                assert injected.was_met
        if not injected.was_met:
            return positions
        positions += 1
        assert find_patient("김민준", clinic=clinic).total == 1, "reads go on"
        final = act(folder, at)
        stored = [report for report in clinic.registry.reports(final.study_id or "") if report.signed_by]
        assert stored == [final], "one report, once"
        assert set(hashes(folder)) <= clinic.registry.image_hashes()
        at += step


def test_a_disk_that_fails_anywhere_gives_a_clear_error_and_a_retry_succeeds(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fault_positions(clinic, tmp_path, monkeypatch, step=5) >= 8
    assert faults(clinic) == []


@pytest.mark.slow
def test_a_disk_that_fails_at_every_position_loses_and_doubles_nothing(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = fault_positions(clinic, tmp_path, monkeypatch, step=1)
    print({"positions": positions})  # noqa: T201
    assert positions >= 50
    assert faults(clinic) == []


def _with_file_limit(home: Path, number: int, limit: int, answer: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    clinic = open_clinic(home)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        clinic.registry.save_report(a_report(f"R-{number}", narrative="x" * 60_000))
        told = "stored"
    except StorageError:
        told = "error"
    except BaseException as err:  # noqa: BLE001
        told = f"undeclared {type(err).__name__}"
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    os.write(os.open(answer, os.O_CREAT | os.O_WRONLY), told.encode())


def limited_writes(clinic: Clinic, tmp_path: Path, limits: list[int]) -> list[str]:
    """What writers are told whose files may not grow beyond a limit: really full, from below."""
    told = []
    for number, limit in enumerate(limits):
        answer = tmp_path / f"answer-{number}"
        child = FORK.Process(target=_with_file_limit, args=(clinic.home, number, limit, answer))
        child.start()
        child.join(60)
        assert child.exitcode == 0
        told.append(answer.read_text())
        stored = {report.report_id for report in clinic.registry.reports("S-1")}
        assert (f"R-{number}" in stored) == (told[-1] == "stored")
    return told


def test_a_file_that_may_not_grow_is_a_storage_error_and_nothing_is_half_there(
    clinic: Clinic, tmp_path: Path
) -> None:
    size = clinic.registry.path.stat().st_size
    told = limited_writes(clinic, tmp_path, [size // 2, size, size + 8192, size + 30_000, size + 400_000])
    assert set(told[:-1]) == {"error"} and told[-1] == "stored", told
    assert faults(clinic) == []


@pytest.mark.slow
def test_fifty_limits_of_file_size_give_an_error_or_a_report(clinic: Clinic, tmp_path: Path) -> None:
    size = clinic.registry.path.stat().st_size
    told = limited_writes(clinic, tmp_path, [max(4096, size // 2) + 4096 * n for n in range(56)])
    assert set(told) <= {"error", "stored"} and "error" in told
    assert faults(clinic) == []


def test_a_film_that_could_not_be_written_leaves_no_unfinished_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            durable.replace_durably(tmp_path / "a.png", b"x")
    assert list(tmp_path.iterdir()) == []
    durable.replace_durably(tmp_path / "a.png", b"x")
    assert (tmp_path / "a.png").read_bytes() == b"x"
