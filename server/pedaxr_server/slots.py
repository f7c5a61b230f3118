"""A few calls at a time, a few more waiting, and for all others an immediate, honest "busy"."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

from pedaxr.errors import PedaxrError

T = TypeVar("T")
_MOST_ABANDONED = 2
_FIRST_GUESS_S = 5.0


class Busy(PedaxrError):
    """More calls are waiting than may; nothing is wrong with this one."""

    code = "busy"


class Slots:
    """Runs blocking work in threads, `at_once` at a time.

    A cancelled call gives its slot back at once. Its thread cannot be stopped and runs out beside the next
    call; when too many do, new calls are refused rather than made slower and slower.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)
        self._most = at_once + waiting
        self._inside = 0
        self._abandoned = 0
        self._lock = threading.Lock()
        self._usual_s = _FIRST_GUESS_S

    @property
    def free(self) -> int:
        """Slots that the next call could have now."""
        return int(self._limiter.total_tokens - self._limiter.borrowed_tokens)

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`.

        Raises:
            Busy: too many calls wait already, or too many cancelled ones are still running out.
        """
        if self._inside >= self._most or self._abandoned >= _MOST_ABANDONED:
            raise Busy(f"All readers are busy. Call again in {self._guess_s()} seconds.")
        self._inside += 1
        call = _Call(self, work)
        try:
            return await anyio.to_thread.run_sync(call.run, limiter=self._limiter, abandon_on_cancel=True)
        finally:
            self._inside -= 1
            call.leave()

    def _guess_s(self) -> int:
        """When a slot may be free, from how long the last calls took."""
        return max(1, round(self._usual_s * self._inside / self._limiter.total_tokens))

    def note(self, *, seconds: float | None = None, abandoned: int = 0) -> None:
        """Count an ended call's time, or one more or fewer that runs out unheard."""
        with self._lock:
            self._abandoned += abandoned
            if seconds is not None:
                self._usual_s += 0.3 * (seconds - self._usual_s)


class _Call(Generic[T]):
    """One piece of work in its thread, known to be abandoned when its caller leaves before its end."""

    def __init__(self, slots: Slots, work: Callable[[], T]) -> None:
        self._slots = slots
        self._work = work
        self._lock = threading.Lock()
        self._is_running = False
        self._is_left = False

    def run(self) -> T:
        with self._lock:
            self._is_running = True
        start = time.monotonic()
        try:
            return self._work()
        finally:
            with self._lock:
                self._is_running = False
                was_left = self._is_left
            self._slots.note(seconds=time.monotonic() - start, abandoned=-1 if was_left else 0)

    def leave(self) -> None:
        with self._lock:
            if self._is_running and not self._is_left:
                self._is_left = True
                self._slots.note(abandoned=1)
