"""Bounded concurrency: who runs, who waits, who is sent away, and what a cancelled call leaves behind."""

import threading
from collections.abc import Iterator

import anyio
import pytest

from pedaxr_server.slots import Busy, Slots

pytestmark = pytest.mark.anyio


class Work:
    """Blocking work that ends when it is told to."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.go = threading.Event()
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.started.release()
        self.go.wait(10)
        with self._lock:
            self.running -= 1
        return "done"

    async def has_started(self) -> None:
        assert await anyio.to_thread.run_sync(lambda: self.started.acquire(timeout=5))


@pytest.fixture
def work() -> Iterator[Work]:
    made = Work()
    yield made
    made.go.set()


async def test_only_so_many_run_at_once_and_all_that_wait_are_served(work: Work) -> None:
    slots, results = Slots(1, waiting=3), []

    async def call() -> None:
        results.append(await slots.run(work))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(call)
        await work.has_started()
        work.go.set()
    assert (results, work.most) == (["done"] * 4, 1)


async def test_one_more_than_may_wait_is_told_when_to_come_back(work: Work) -> None:
    slots = Slots(1, waiting=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slots.run, work)
        await work.has_started()
        tasks.start_soon(slots.run, work)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(0.5), pytest.raises(Busy, match=r"Call again in \d+ seconds"):
            await slots.run(work)
        work.go.set()
    assert await slots.run(lambda: "served again") == "served again"


async def test_a_cancelled_call_gives_its_slot_back_at_once(work: Work) -> None:
    slots = Slots(1, waiting=0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slots.run, work)
        await work.has_started()
        assert slots.free == 0, "control"
        tasks.cancel_scope.cancel()
    assert slots.free == 1
    assert work.running == 1, "the thread runs out"
    with anyio.fail_after(1):
        assert await slots.run(lambda: "next") == "next"


async def test_threads_of_cancelled_calls_do_not_pile_up(work: Work) -> None:
    slots = Slots(1, waiting=0)
    for _ in range(2):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slots.run, work)
            await work.has_started()
            tasks.cancel_scope.cancel()
    with pytest.raises(Busy):
        await slots.run(work)
    work.go.set()
    with anyio.fail_after(5):
        while work.running:
            await anyio.sleep(0.01)
        await anyio.sleep(0.05)
        assert await slots.run(lambda: "next") == "next"


async def test_an_error_frees_the_slot_too() -> None:
    slots = Slots(1, waiting=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await slots.run(lambda: 1 // 0)
    assert await slots.run(lambda: 1) == 1
