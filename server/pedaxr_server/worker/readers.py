"""Where films are read: in the reading worker, or in threads of this process."""

import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

import anyio
import anyio.lowlevel
import anyio.to_thread

from pedaxr.audit.callers import current_caller
from pedaxr.errors import PedaxrError
from pedaxr.stage_times import timed_stages
from pedaxr_server import metrics
from pedaxr_server.admission import Slots, current_client
from pedaxr_server.settings import Settings
from pedaxr_server.worker.jobs import JOBS, load
from pedaxr_server.worker.process import IS_POSSIBLE, MEMORY_BYTES, Worker

_log = logging.getLogger(__name__)


class Reader(Protocol):
    """Runs the jobs of `pedaxr_server.worker.jobs`, one film at a time: more would only share the same cores.

    Attributes:
        slots: who runs, who waits.
    """

    slots: Slots

    async def read(self, job: str, **arguments: str | None) -> bytes:
        """The answer to one job; a cancelled call's slot is free within a second.

        Raises:
            Busy: too many wait already.
            PedaxrError: what the job raised.
        """

    @property
    def is_ready(self) -> bool:
        """Whether both networks are in memory."""

    def warm(self, delay_s: float = 0.0) -> None:
        """Load the networks in the background; a second call does nothing."""

    def expect(self) -> None:
        """A film will be asked for soon: load the networks, where the server itself is not held up by it."""

    def close(self) -> None:
        """End what was started."""


def reader_of(settings: Settings) -> Reader:
    """As the settings want it."""
    if settings.readers is not None:
        from pedaxr_server.worker.shared_reader import SharedReader

        return SharedReader(settings)
    return WorkerReader(settings) if settings.worker and IS_POSSIBLE else ThreadReader(settings)


class WorkerReader:
    """The networks live in a child process that can be killed."""

    def __init__(self, settings: Settings, worker: Worker | None = None) -> None:
        self.slots = Slots(1, settings.waiting)
        self._home = None if settings.home is None else os.fspath(settings.home.resolve())
        options = [str(MEMORY_BYTES), *(("decode-apart",) if settings.decode_in_worker else ())]
        self.worker = worker or Worker(options=options, timeout_s=settings.reading_s)
        self._threads = anyio.CapacityLimiter(2)
        self._timer: threading.Timer | None = None

    async def read(self, job: str, **arguments: str | None) -> bytes:
        """See `Reader`."""
        async with self.slots.place(current_client()):
            stop = threading.Event()
            given = {"home": self._home, **arguments}
            if job == "segment" and not self.slots.queued:  # else the core is wanted for whoever waits
                given["then"] = "report"
            work = partial(self.worker.call, job, given, stop, caller=current_caller().to_json())
            return await self._stoppable(work, stop)

    async def _stoppable(self, work: Callable[[], bytes], stop: threading.Event) -> bytes:
        """The thread is waited for even when the call is cancelled: it leaves as soon as `stop` is set."""
        outcome: bytes | Exception = b""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_set_when_cancelled, stop)
            try:
                outcome = await anyio.to_thread.run_sync(work, limiter=self._threads)
            except Exception as err:  # noqa: BLE001  (kept out of the group, which would wrap it)
                outcome = err
            tasks.cancel_scope.cancel()
        await anyio.lowlevel.checkpoint_if_cancelled()  # a cancelled call ends as such, not as Stopped
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def is_ready(self) -> bool:
        """See `Reader`."""
        return self.worker.is_ready

    def warm(self, delay_s: float = 0.0) -> None:
        """See `Reader`."""
        if self._timer is None:
            self._timer = _after(delay_s, partial(self.worker.start, warm=True))

    def expect(self) -> None:
        """See `Reader`."""
        self.warm()

    def close(self) -> None:
        """See `Reader`."""
        if self._timer is not None:
            self._timer.cancel()
        self.worker.close()


class ThreadReader:
    """The networks live here; a cancelled call's thread runs out unheard."""

    def __init__(self, settings: Settings) -> None:
        self.slots = Slots(1, settings.waiting)
        self._home = None if settings.home is None else os.fspath(settings.home.resolve())
        self._is_ready = False
        self._timer: threading.Timer | None = None

    async def read(self, job: str, **arguments: str | None) -> bytes:
        """See `Reader`."""
        work = partial(_timed, job, partial(JOBS[job], home=self._home, **arguments))
        return await self.slots.run(work, current_client())

    @property
    def is_ready(self) -> bool:
        """See `Reader`."""
        return self._is_ready

    def warm(self, delay_s: float = 0.0) -> None:
        """See `Reader`."""
        if self._timer is None:
            self._timer = _after(delay_s, self._load)

    def expect(self) -> None:
        """See `Reader`; here loading would hold up the server."""

    def close(self) -> None:
        """See `Reader`."""
        if self._timer is not None:
            self._timer.cancel()

    def _load(self) -> None:
        try:
            load()
            self._is_ready = True
        except PedaxrError as err:  # the first call that needs them says what to do
            _log.warning("The networks could not be loaded in the background [%s]", err.code)


def _timed(job: str, work: Callable[[], bytes]) -> bytes:
    """The answer; its stages go to the metrics, as the worker's do."""
    with timed_stages() as stages:
        answer = work()
    metrics.count_stages(job, stages)
    return answer


async def _set_when_cancelled(stop: threading.Event) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        stop.set()


def _after(delay_s: float, work: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(delay_s, work)
    timer.daemon = True
    timer.start()
    return timer
