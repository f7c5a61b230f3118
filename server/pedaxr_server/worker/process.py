"""The server's side of the reading worker: starts it, gives it jobs, stops it and replaces it."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from pedaxr.errors import ERRORS_BY_CODE, PedaxrError, WorkerFailed
from pedaxr_models.runtime.threads import PRODUCT_THREADS
from pedaxr_server import metrics
from pedaxr_server.worker.main import BUG, CANCELLED, LOST_MEMORY

IS_POSSIBLE = os.name == "posix"
MEMORY_BYTES = 3 * 2**30
START_S = 120.0
_GRACE_S = 0.6  # for a cancelled job to be heard of again; with noticing and killing it makes less than 1 s
_LOOK_AGAIN_S = 0.03
_LONGEST_ANSWER = 256 * 2**20
_SECRETS = "PEDAXR_AUTH_"  # a process that touches films needs no keys
AGAIN = "Nothing is lost; call again in a few seconds."
OWN_PROGRAM = (sys.executable, "-P", "-c", "from pedaxr_server.worker.main import main; main()")


class Stopped(Exception):
    """The caller no longer wants the answer."""


class WorkerBug(RuntimeError):
    """A job raised what it must not; the worker's log says where."""


class _Lost(Exception):
    """The process ended before it answered."""


class Worker:
    """A child process that runs one job at a time; there is always at most one.

    Args:
        program: the child's command; the number of its socket is appended.
        options: further arguments.
        timeout_s: longest time of one job.
        count_stages: told a job's name and the seconds of its stages.
    """

    def __init__(
        self,
        program: Sequence[str] = OWN_PROGRAM,
        options: Sequence[str] = (),
        *,
        timeout_s: float = 120.0,
        count_stages: Callable[[str, Mapping[str, float]], None] = metrics.count_stages,
    ) -> None:
        self._program = tuple(program)
        self._options = tuple(options)
        self._timeout_s = timeout_s
        self._count_stages = count_stages
        self._child: _Child | None = None
        self._is_wanted_warm = False
        self._is_closed = False
        self._lock = threading.Lock()  # of the conversation: one at a time
        self._replacing = threading.Lock()  # of `_child`

    @property
    def process_id(self) -> int | None:
        """Of the child, if there is one."""
        child = self._child
        return child.process.pid if child and child.is_alive else None

    @property
    def is_ready(self) -> bool:
        """Whether a job given now would start at once, with the networks in memory.

        A warm worker that has died meanwhile is replaced by whoever looks: a service that is asked for its
        readiness gets no calls before it is ready again.
        """
        child = self._child
        if child is not None and not child.is_alive and self._is_wanted_warm:
            self.start(warm=True)
        return child is not None and child.is_alive and child.is_warm

    def start(self, *, warm: bool) -> None:
        """Start the child unless it is there; returns at once."""
        with self._replacing:
            self._is_wanted_warm |= warm
            if self._is_closed or (self._child and self._child.is_alive):
                return
            if self._child:
                self._child.end()
            self._child = _Child(self._program, (*self._options, *(("warm",) if warm else ())))
            threading.Thread(target=self._child.wait_until_ready, daemon=True).start()

    def call(
        self,
        job: str,
        arguments: Mapping[str, str | None],
        stop: threading.Event,
        *,
        caller: str | None = None,
    ) -> bytes:
        """The answer to one job. After `stop` it returns within a second, and the worker is free again.

        Args:
            job: its name.
            arguments: of the job.
            stop: set when the answer is no longer wanted.
            caller: for whom, as `Caller.to_json` writes it.

        Raises:
            Stopped: `stop` was set.
            WorkerFailed: the worker ended, ran out of memory, or took too long.
            PedaxrError: what the job raised.
            WorkerBug: the job raised anything else.
        """
        with self._lock:
            self.start(warm=self._is_wanted_warm)
            child = self._child
            if child is None:
                raise WorkerFailed("The server is stopping. Call it again when it is up.")
            try:
                self._until_ready(child, stop)
                request = {"job": job, "arguments": dict(arguments), "caller": caller}
                answer, content = child.ask(request, stop, self._timeout_s)
            except (_Lost, TimeoutError) as err:
                self._replace(child)
                why = "took too long" if isinstance(err, TimeoutError) else "ended unexpectedly"
                raise WorkerFailed(f"Reading the film {why} and was given up. {AGAIN}") from err
            except _Deaf as err:
                self._replace(child)
                raise Stopped from err
        self._is_wanted_warm = True
        self._count_stages(job, answer.get("stages", {}))
        return content_of(answer, content)

    def close(self) -> None:
        """End the child; no other is started."""
        with self._replacing:
            self._is_closed = True
            if self._child:
                self._child.end()

    def _until_ready(self, child: "_Child", stop: threading.Event) -> None:
        deadline = time.monotonic() + START_S
        while not child.ready.wait(_LOOK_AGAIN_S):
            if stop.is_set():
                raise Stopped
            if time.monotonic() > deadline:
                raise TimeoutError
        if not child.is_alive:
            raise _Lost

    def _replace(self, child: "_Child") -> None:
        """A new one begins to load at once, so that the next call waits less."""
        metrics.count_replacement()
        child.end()
        self.start(warm=True)


class _Deaf(Exception):
    """The worker did not answer a cancellation in time."""


class _Child:
    """One process and the socket to it.

    Attributes:
        ready: set when it takes jobs, or when it ended before.
        is_warm: whether the networks are in its memory.
    """

    def __init__(self, program: Sequence[str], options: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        command = [*program, str(theirs.fileno()), *options]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # the server's own belongs to the protocol
                env=worker_environment(),
                pass_fds=(theirs.fileno(),),
            )
        except OSError as err:
            ours.close()
            raise WorkerFailed("The reading worker cannot be started. Call again in a minute.") from err
        finally:
            theirs.close()
        self._connection = Connection(ours.detach())
        self._number = 0
        self.ready = threading.Event()
        self.is_warm = False
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, _kill, self.process)

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def wait_until_ready(self) -> None:
        try:
            self.is_warm = bool(json.loads(self._connection.recv_bytes(_LONGEST_ANSWER))["warm"])
        except (EOFError, OSError):
            _kill(self.process)
        self.ready.set()

    def ask(
        self, request: Mapping[str, Any], stop: threading.Event, timeout_s: float
    ) -> tuple[dict[str, Any], bytes]:
        """Raises _Lost, TimeoutError, Stopped, _Deaf."""
        self._number += 1
        self._send({"id": self._number, **request})
        deadline = time.monotonic() + timeout_s
        while not self._has_news(_LOOK_AGAIN_S):
            if stop.is_set():
                self._cancel()
                raise Stopped
            if time.monotonic() > deadline:
                raise TimeoutError
        answer, content = self._answer()
        self.is_warm |= "error" not in answer
        return answer, content

    def end(self) -> None:
        """Kill it; may be called again."""
        _kill(self.process)
        self.ready.wait(1)  # the thread that reads the first message leaves the socket
        with self._lock:
            self._connection.close()

    def _cancel(self) -> None:
        """Tell it and wait for its word; what it had ready meanwhile is dropped."""
        self._send({"cancel": self._number})
        if not self._has_news(_GRACE_S):
            raise _Deaf
        self._answer()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._connection.send_bytes(json.dumps(message).encode())
        except OSError as err:
            raise _Lost from err

    def _has_news(self, seconds: float) -> bool:
        try:
            return self._connection.poll(seconds)
        except OSError as err:
            raise _Lost from err

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        try:
            answer = json.loads(self._connection.recv_bytes(_LONGEST_ANSWER))
            content = b"" if "error" in answer else self._connection.recv_bytes(_LONGEST_ANSWER)
        except (EOFError, OSError) as err:
            raise _Lost from err
        if answer["is_last"]:
            _kill(self.process)
        return answer, content


def worker_environment() -> dict[str, str]:
    """This process's without secrets, and with one thread for NumPy's small products, unless it says more.

    Two threads wait for one another longer than they multiply: the report's figures took twice as long.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
    return dict.fromkeys(PRODUCT_THREADS, "1") | kept


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def content_of(answer: Mapping[str, Any], content: bytes) -> bytes:
    """The bytes of an answer, or the error it tells of: see `Worker.call`."""
    code = answer.get("error")
    if code is None:
        return content
    if code == CANCELLED:
        raise Stopped
    if code == LOST_MEMORY:
        raise WorkerFailed(f"Reading the film needed more memory than there is. {AGAIN}")
    if code == BUG:
        raise WorkerBug(answer.get("text"))
    raise ERRORS_BY_CODE.get(str(code), PedaxrError)(str(answer.get("text")))
