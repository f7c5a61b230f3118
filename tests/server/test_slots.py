"""Bounded concurrency: who runs, who waits, who is sent away, and what a cancelled call leaves behind."""

import threading
from collections.abc import Iterator

import anyio
import pytest

from pedaxr_server.admission import Busy, Slots

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


async def test_clients_take_turns_and_none_can_fill_the_queue() -> None:
    slots, served = Slots(1, waiting=8), []

    async def call(client: str) -> None:
        async with slots.place(client):
            served.append(client)

    async with anyio.create_task_group() as tasks, slots.place("first"):
        for client in "aaaaaa":
            tasks.start_soon(call, client)
        await anyio.wait_all_tasks_blocked()
        assert slots.queued == 6
        with pytest.raises(Busy):
            await call("a")
        tasks.start_soon(call, "b")
        tasks.start_soon(call, "c")
        await anyio.wait_all_tasks_blocked()
        assert slots.queued == 8, "control: there was room for others"
    assert "".join(served) == "abcaaaaa"
    assert (slots.free, slots.queued) == (1, 0)


async def test_a_call_cancelled_while_it_waits_leaves_no_trace(work: Work) -> None:
    slots = Slots(1, waiting=2)
    async with slots.place():
        with anyio.move_on_after(0.01):
            await slots.run(work, "impatient")
        assert slots.queued == 0
    assert slots.free == 1
    work.go.set()
    assert await slots.run(work) == "done"


async def test_a_slot_given_in_the_moment_of_a_cancellation_is_not_lost() -> None:
    slots = Slots(1, waiting=2)

    async def call() -> None:
        async with slots.place():
            await anyio.sleep(60)

    async with anyio.create_task_group() as tasks:
        async with slots.place():
            tasks.start_soon(call)
            await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()  # in the same step in which the slot was handed over
        assert slots.free == 0, "control: it was"
    assert slots.free == 1


async def test_busy_says_when_to_come_back_to_people_and_programs() -> None:
    assert Busy(7).retry_after_s == 7
    assert "Call again in 7 seconds (retry_after=7)" in str(Busy(7))


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
