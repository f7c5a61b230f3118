"""Two users and a whole server at random, against a model of what each may see."""

import os
import time
from pathlib import Path

import pytest

from pedaxr.audit import access_log
from pedaxr.registry import departments, schema

from .conftest import canned_report
from .whole_server import WholeServer, whole_server

STEPS = int(os.environ.get("PEDAXR_TEST_STEPS", "0")) or 300


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch, canned_networks: None) -> None:
    """Whoever holds the registry in these runs holds it for ever."""
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_S", 0.05)


@pytest.mark.timeout(3600)
def test_no_user_is_shown_another_department_s_child_whatever_happens_between(tmp_path: Path) -> None:
    """300 steps; with PEDAXR_TEST_STEPS=10000 (`make whole`) as many as that."""
    start = time.monotonic()
    with whole_server(tmp_path, seed=STEPS) as run:
        run.run(STEPS)
    print(f"{STEPS} steps in {time.monotonic() - start:.0f} s: {dict(sorted(run.met.items()))}")  # noqa: T201
    assert run.met["ask"] > STEPS / 3 and run.met["sign"] > STEPS / 100


def test_each_fault_by_itself(tmp_path: Path) -> None:
    """Three times over, with signatures between; at random some of them come late."""
    with whole_server(tmp_path, seed=5) as run:
        for _ in range(3):
            for act in (run.locked, run.film_lost, run.garbage, run.restart, run.sign, run.restored, run.ask):
                act()
        run.check_audit()
        run.check_clinic()


def fails(run: WholeServer) -> bool:
    try:
        run.run(200)
    except AssertionError:
        return True
    return False


def test_a_server_that_shows_everybody_everything_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departments, "show_only", lambda connection, seen: None)
    with whole_server(tmp_path, seed=1) as run:
        assert fails(run)


def test_a_writer_that_does_not_ask_whose_child_it_is_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedaxr.reports import sign_off

    with whole_server(tmp_path, seed=2) as run:
        for child in run.children:
            film = child.films[0]
            run.clinic.registry.save_report(canned_report(film.study_id, ""))
            film.drafted, film.newest_report = True, f"R-{film.study_id}"
        for _ in range(20):
            run.sign()  # control: no fault is seen as it is
        monkeypatch.setattr(sign_off, "is_hidden", lambda connection, patient_id: False)
        with pytest.raises(AssertionError):
            for _ in range(100):
                run.sign()


def test_an_access_log_that_loses_entries_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log.AccessLog, "add", lambda log, entry: None)
    with whole_server(tmp_path, seed=3) as run:
        assert fails(run)
