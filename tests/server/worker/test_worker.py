"""The reading worker dies, hangs, hoards and is told to stop; the server notices, says so and goes on."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from pedaxr.errors import PedaxrError, StudyNotFound, WorkerFailed
from pedaxr_server.settings import Settings
from pedaxr_server.worker.process import Stopped, Worker, WorkerBug, worker_environment
from pedaxr_server.worker.readers import WorkerReader

from ..conftest import EXPECT

pytestmark = pytest.mark.anyio
PROGRAM = (sys.executable, str(Path(__file__).parents[1] / "quick_worker.py"))


@pytest.fixture(scope="module")
def shared() -> Iterator[Worker]:
    made = Worker(PROGRAM, timeout_s=15)
    yield made
    made.close()


@pytest.fixture
def worker(shared: Worker) -> Worker:
    """One that has worked before."""
    assert ask(shared, "echo", text="ready") == b"ready"
    return shared


def ask(worker: Worker, job: str, stop: threading.Event | None = None, **arguments: str) -> bytes:
    return worker.call(job, {"home": None, **arguments}, stop or threading.Event())


async def until_there(mark: Path) -> None:
    with anyio.fail_after(30):
        while not mark.exists():
            await anyio.sleep(0.005)


def test_an_error_of_ours_comes_back_as_itself(worker: Worker) -> None:
    with pytest.raises(StudyNotFound, match="Call find_patient"):
        ask(worker, "refuse")


@pytest.mark.parametrize("options", [(), ("unfiltered",)], ids=["as it is", "control: without the filter"])
def test_a_bug_stays_one_and_repeats_nothing(
    options: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    worker = Worker(PROGRAM, options=options, timeout_s=15)  # its own: it writes where this test listens
    try:
        with pytest.raises(WorkerBug) as caught:
            ask(worker, "bug")
    finally:
        worker.close()
    assert not isinstance(caught.value, PedaxrError)
    assert "KeyError" in str(caught.value) and "child" not in str(caught.value)
    written = capfd.readouterr().err
    assert "A job failed" in written
    assert ("a child's name" in written) == bool(options)


ENDS = {"crash": (15.0, "call again"), "hoard": (15.0, "more memory"), "deaf": (0.5, "too long")}


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("job", ENDS)
def test_a_worker_that_crashes_hoards_or_hangs_says_so_and_is_replaced(
    tmp_path: Path, job: str, rounds: int
) -> None:
    timeout_s, told = ENDS[job]
    worker, seen = Worker(PROGRAM, timeout_s=timeout_s), set()
    try:
        for number in range(rounds):
            assert ask(worker, "echo", text=str(number)) == str(number).encode(), "the call after works"
            seen.add(worker.process_id)
            with pytest.raises(WorkerFailed, match=told):
                ask(worker, job, **({"mark": str(tmp_path / "mark")} if job == "deaf" else {}))
        assert ask(worker, "echo", text="last") == b"last"
        assert len(seen | {worker.process_id}) == rounds + 1, "another process each time"
    finally:
        worker.close()


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_of_an_idle_or_working_worker_lose_no_later_call(
    worker: Worker, tmp_path: Path, kills: int
) -> None:
    failures = 0
    for number in range(kills):
        process = worker.process_id
        assert process is not None
        if number % 2:
            os.kill(process, signal.SIGKILL)
        else:
            mark = tmp_path / str(number)
            threading.Thread(target=_kill_when_there, args=(mark, process), daemon=True).start()
            with pytest.raises(WorkerFailed, match="ended"):
                ask(worker, "steps", mark=str(mark))
            failures += 1
        try:
            served = ask(worker, "echo", text=str(number))
        except WorkerFailed:  # killed between being looked at and being asked: the one after must work
            served = ask(worker, "echo", text=str(number))
        assert served == str(number).encode()
    assert failures == kills // 2, "control: a kill in mid-work is noticed"


def _kill_when_there(mark: Path, process: int) -> None:
    while not mark.exists():
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize("job", ["steps", "deaf"])
async def test_a_cancelled_call_frees_its_slot_within_a_second(
    worker: Worker, tmp_path: Path, job: str
) -> None:
    reader, mark, before = WorkerReader(Settings(), worker), tmp_path / "mark", worker.process_id
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(reader.read, job, mark=str(mark)))
        await until_there(mark)
        assert reader.slots.free == 0, "control: it runs"
        start = time.monotonic()
        tasks.cancel_scope.cancel()
    seconds = time.monotonic() - start
    assert reader.slots.free == 1
    assert seconds < 3, f"{seconds:.2f} s; on a machine that is not busy, under 1 s"
    assert (worker.process_id == before) == (job == "steps"), "only a deaf worker is killed"
    assert await reader.read("echo", text="next") == b"next"


async def test_a_report_is_begun_with_the_outlines_where_nobody_waits(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, object]] = []

    def answer(job: str, given: dict[str, object], *_: object, **__: object) -> bytes:
        asked.append((job, given.get("then")))
        time.sleep(0.05)
        return b""

    reader = WorkerReader(Settings(), worker)
    monkeypatch.setattr(worker, "call", answer)
    await reader.read("segment", study_id="S-1")
    await reader.read("report", study_id="S-1")
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(partial(reader.read, "segment", study_id="S-2"))
    assert asked[:2] == [("segment", "report"), ("report", None)]
    assert [then for _, then in asked[2:]].count(None) >= 1, "the last one alone has nobody behind it"
    assert asked[-1] == ("segment", "report")


async def test_a_call_that_is_cancelled_raises_no_error_of_its_own(worker: Worker, tmp_path: Path) -> None:
    reader = WorkerReader(Settings(), worker)
    mark = tmp_path / "mark"
    with anyio.move_on_after(0.1) as scope:
        await reader.read("steps", mark=str(mark))
    assert scope.cancelled_caught


def test_a_call_stopped_before_it_began_is_not_done(worker: Worker) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        ask(worker, "steps", stop, mark="/dev/null")
    assert ask(worker, "echo", text="next") == b"next"


def test_a_worker_that_dies_while_nobody_calls_is_ready_again_for_who_looks() -> None:
    worker = Worker(PROGRAM)
    worker.start(warm=True)
    try:
        for _ in range(2):
            deadline = time.monotonic() + 30
            while not worker.is_ready:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process = worker.process_id
            assert process is not None
            os.kill(process, signal.SIGKILL)
            os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
            assert not worker.is_ready, "control"
    finally:
        worker.close()


def test_who_expects_a_film_has_a_worker_before_one_is_asked_for() -> None:
    reader = WorkerReader(Settings(), Worker(PROGRAM))
    try:
        assert not reader.is_ready, "control"
        EXPECT(reader)
        deadline = time.monotonic() + 30
        while not reader.is_ready:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        reader.close()


def test_a_worker_ends_with_its_server(tmp_path: Path) -> None:
    worker = Worker(PROGRAM)
    ask(worker, "echo", text="up")
    process = worker.process_id
    assert process and _lives(process), "control"
    worker.close()
    assert not _lives(process)
    with pytest.raises(WorkerFailed, match="stopping"):
        ask(closed_worker(), "echo", text="late")


def closed_worker() -> Worker:
    worker = Worker(PROGRAM)
    worker.close()
    return worker


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_worker_gets_no_key_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDAXR_AUTH_SECRET", "canary")
    monkeypatch.setenv("PEDAXR_WEIGHTS", "kept")
    worker = Worker(PROGRAM)
    try:
        ask(worker, "echo", text="up")
        shown = Path(f"/proc/{worker.process_id}/environ").read_bytes()
    finally:
        worker.close()
    assert b"canary" not in shown
    assert b"PEDAXR_WEIGHTS=kept" in shown, "control"


@pytest.mark.parametrize("given", [None, "3"])
def test_small_products_use_one_thread_unless_the_operator_says_more(
    given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
    monkeypatch.setenv("PEDAXR_AUTH_SECRET", "canary")
    found = worker_environment()
    assert found["OPENBLAS_NUM_THREADS"] == (given or "1")
    assert "PEDAXR_AUTH_SECRET" not in found and "PATH" in found
