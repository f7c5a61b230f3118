"""A few calls at a time, a few more waiting by turns, and for all others an immediate, honest "busy"."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import anyio
import anyio.to_thread
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from pedaxr.errors import PedaxrError
from pedaxr.text import counted
from pedaxr_server import metrics

T = TypeVar("T")
_MOST_ABANDONED = 2
_FIRST_GUESS_S = 5.0


class Busy(PedaxrError):
    """More calls are waiting than may; nothing is wrong with this one.

    Attributes:
        retry_after_s: when a place is likely to be free.
    """

    code = "busy"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"All readers are busy. Call again in {counted(retry_after_s, 'second')} "
            f"(retry_after={retry_after_s})."
        )
        self.retry_after_s = retry_after_s


class Slots:
    """`at_once` calls run, `waiting` more wait; the clients that wait take turns, one call each.

    A client that is known by name can hold at most three quarters of the waiting places, so that none of them
    can shut out the others. All methods belong to one event loop, except `note`.

    Attributes:
        name: what the metrics call it.
    """

    def __init__(self, at_once: int, waiting: int, name: str = "reading") -> None:
        self.name = name
        self._at_once = at_once
        self._free = at_once
        self._waiting = waiting
        self._share = max(1, 3 * waiting // 4)
        self._queues: dict[str | None, deque[_Turn]] = {}  # in the order of their next turns
        self._abandoned = 0
        self._lock = threading.Lock()
        self._usual_s = _FIRST_GUESS_S
        metrics.watch(self)

    @property
    def free(self) -> int:
        """Slots that the next call could have now."""
        return self._free

    @property
    def queued(self) -> int:
        """Calls that wait."""
        return sum(map(len, self._queues.values()))

    @property
    def usual_s(self) -> float:
        """Seconds that a call takes, of late."""
        return self._usual_s

    @asynccontextmanager
    async def place(self, client: str | None = None) -> AsyncIterator[None]:
        """A slot for the block, after waiting for it.

        Raises:
            Busy: too many calls wait already, of all clients or of this one.
        """
        begin = time.monotonic()
        await self._enter(client)
        start = time.monotonic()
        metrics.count_wait(self.name, start - begin)
        try:
            yield
        finally:
            self.note(seconds=time.monotonic() - start)
            self._leave()

    async def run(self, work: Callable[[], T], client: str | None = None) -> T:
        """The result of blocking `work`, done in a thread.

        A cancelled call gives its slot back at once. Its thread cannot be stopped and runs out beside the
        next call; when too many do, new calls are refused rather than made slower and slower.

        Raises:
            Busy: as `place`, or too many cancelled calls are still running out.
        """
        if self._abandoned >= _MOST_ABANDONED:
            raise self._busy()
        async with self.place(client):
            call = _Call(self, work)
            try:
                return await anyio.to_thread.run_sync(call.run, abandon_on_cancel=True)
            finally:
                call.leave()

    def note(self, *, seconds: float | None = None, abandoned: int = 0) -> None:
        """Count an ended call's time, or one more or fewer that runs out unheard."""
        with self._lock:
            self._abandoned += abandoned
            if seconds is not None:
                self._usual_s += 0.3 * (seconds - self._usual_s)

    async def _enter(self, client: str | None) -> None:
        if self._free and not self._queues:
            self._free -= 1
            return
        own = len(self._queues.get(client, ()))
        if self.queued >= self._waiting or (client is not None and own >= self._share):
            raise self._busy()
        turn = _Turn()
        self._queues.setdefault(client, deque()).append(turn)
        try:
            await turn.event.wait()
        except BaseException:  # cancelled: the place, or the slot that was just given, goes to somebody else
            if turn.is_given:
                self._leave()
            else:
                self._forget(client, turn)
            raise

    def _leave(self) -> None:
        """Hand the slot to the client whose turn it is."""
        if not self._queues:
            self._free += 1
            return
        client, queue = next(iter(self._queues.items()))
        turn = queue.popleft()
        del self._queues[client]
        if queue:
            self._queues[client] = queue  # behind the others
        turn.is_given = True
        turn.event.set()

    def _forget(self, client: str | None, turn: "_Turn") -> None:
        queue = self._queues[client]
        queue.remove(turn)
        if not queue:
            del self._queues[client]

    def _busy(self) -> Busy:
        """With when a slot may be free, from how long the last calls took."""
        ahead = self.queued + self._at_once - self._free
        return Busy(max(1, round(self._usual_s * ahead / self._at_once)))


class _Turn:
    """One call that waits."""

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.is_given = False


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
        try:
            return self._work()
        finally:
            with self._lock:
                self._is_running = False
                was_left = self._is_left
            self._slots.note(abandoned=-1 if was_left else 0)

    def leave(self) -> None:
        with self._lock:
            if self._is_running and not self._is_left:
                self._is_left = True
                self._slots.note(abandoned=1)


_SESSION = "mcp-session-id"
_client: ContextVar[str | None] = ContextVar("client", default=None)


def current_client() -> str | None:
    """The client whose message is being answered; None where there is only one (stdio, in memory)."""
    return _client.get()


async def know_client(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware: remember the client while the message is handled."""
    token = _client.set(_name_of(ctx))
    try:
        return await call_next(ctx)
    finally:
        _client.reset(token)


def _name_of(ctx: ServerRequestContext[Any, Any]) -> str | None:
    """By login; without one by session, else by address."""
    if signed_in := get_access_token():
        return f"login:{signed_in.client_id}:{getattr(signed_in, 'subject', None) or ''}"
    request = ctx.request
    if request is None:
        return None
    if session := request.headers.get(_SESSION):
        return f"session:{session}"
    return f"address:{request.client.host}" if request.client else "unknown"


TURN = "pedaxr.turn"  # in the scope of a request over HTTP
_ROUTED_S = 0.05  # from the end of the work until its answer has left the SDK's queues


class Turn:
    """One request of a session over HTTP, whose answer finds it by its id.

    It is over when it was answered and its work has ended. Of a client that hung up the work goes on, and its
    answer would go to the next request of that id.

    Attributes:
        is_over: set then, after `ended` was called.
    """

    def __init__(self, ended: Callable[[], object]) -> None:
        self.is_over = anyio.Event()
        self._ended = ended
        self._has_left = False
        self._has_worked = False
        self._works = 0

    def leave(self) -> None:
        """The client has its answer, or hung up."""
        self._has_left = True
        self._end_after(0 if self._has_worked else _ROUTED_S)

    @contextmanager
    def work(self) -> Iterator[None]:
        """The block works for the request."""
        self._works += 1
        try:
            yield
        finally:
            self._works -= 1
            self._has_worked = True
            self._end_after(_ROUTED_S)

    def _end_after(self, seconds: float) -> None:
        if not seconds:
            self._end()
        elif self._has_left:
            asyncio.get_running_loop().call_later(seconds, self._end)

    def _end(self) -> None:
        if self._has_left and not self._works and not self.is_over.is_set():
            self._ended()
            self.is_over.set()


async def keep_turn(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware, outermost: the turn of a request lasts as long as this."""
    turn = ctx.request.scope.get(TURN) if ctx.request is not None else None
    with turn.work() if turn is not None else nullcontext():
        return await call_next(ctx)
