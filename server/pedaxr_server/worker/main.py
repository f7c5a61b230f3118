"""The process that holds the networks: one job at a time, to be stopped between two steps of Python code.

Messages are JSON objects on a socket that the server made; the bytes of an answer follow as a message.

    worker: {"warm": true}                                       once, when it takes jobs
    server: {"id": 1, "job": "segment", "arguments": {...}, "caller": ...}       or {"cancel": 1}
    worker: {"id": 1, "is_last": false, "stages": {...}} and bytes   or {"id": 1, "error": code, "text": ...}

A job that is cancelled gets an exception at its next step: between stages of a reading, layers of a network
and words of a report. One that is deep inside a library meanwhile does not hear it, and the server kills the
process. It also ends by itself when the server does.
"""

import ctypes
import gc
import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pedaxr.audit.callers import Caller, called_by
from pedaxr.errors import PedaxrError
from pedaxr.radiograph.isolation import decode_in_worker, is_in_worker
from pedaxr.stage_times import timed_stages
from pedaxr_server.logs import log_to_stderr
from pedaxr_server.worker.jobs import JOBS, Job, load

LOST_MEMORY = "out_of_memory"
BUG = "bug"
CANCELLED = "cancelled"
_MEMORY_WORDS = ("can't allocate memory", "not enough memory", "bad_alloc")  # of torch's RuntimeError
_LONGEST_REQUEST = 64 * 1024
_SWITCH_S = (
    0.0005  # of Python's 5 ms a call would lose several to what is begun beside it: a tenth of its time
)
_NICENESS = 5  # searches and refusals are answered at once while a film is being read
_log = logging.getLogger(__name__)


class Cancelled(BaseException):
    """Nobody wants the result any more."""


class WorkerLoop:
    """Reads requests in one thread and works in the main one."""

    def __init__(self, connection: Connection, jobs: Mapping[str, Job], is_warm: bool) -> None:
        self._connection = connection
        self._is_warm = is_warm
        self._jobs = jobs
        self._requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._worker = threading.get_ident()
        self._current: int | None = None
        self._unwanted: int | None = None

    def run(self) -> None:
        """Until the server closes its end, which ends the process."""
        threading.Thread(target=self._listen, daemon=True).start()
        self._connection.send_bytes(json.dumps({"warm": self._is_warm}).encode())
        while True:
            with suppress(Cancelled):  # one that comes too late to mean anything
                self._serve(self._requests.get())

    def _listen(self) -> None:
        try:
            while True:
                message = json.loads(self._connection.recv_bytes(_LONGEST_REQUEST))
                if "cancel" in message:
                    self._cancel(message["cancel"])
                else:
                    self._requests.put(message)
        except (EOFError, OSError):
            os._exit(0)

    def _cancel(self, number: int) -> None:
        with self._lock:
            self._unwanted = number
            if self._current == number:
                _raise_in(self._worker, Cancelled)

    def _serve(self, request: dict[str, Any]) -> None:
        before = len(sys.modules)
        answer, content = self._answer(request)
        is_torn = answer.get("error") == CANCELLED and len(sys.modules) != before  # an import was interrupted
        is_last = is_torn or answer.get("error") == LOST_MEMORY
        message = {"id": request["id"], "is_last": is_last, **answer}
        self._connection.send_bytes(json.dumps(message).encode())
        if content is not None:
            self._connection.send_bytes(content)
        if is_last:
            os._exit(0)

    def _answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes | None]:
        try:
            try:
                self._begin(request["id"])
                with timed_stages() as stages:
                    content = self._do(request)
                return {"stages": stages}, content
            finally:
                self._end()
        except Cancelled:
            return {"error": CANCELLED}, None
        except PedaxrError as err:
            return {"error": err.code, "text": str(err)}, None
        except MemoryError:
            return {"error": LOST_MEMORY}, None
        except Exception as err:  # noqa: BLE001  (an entry point: the server hears that it was a bug)
            if any(words in str(err) for words in _MEMORY_WORDS):
                return {"error": LOST_MEMORY}, None
            _log.error("A job failed", exc_info=err)
            return {"error": BUG, "text": type(err).__name__}, None

    def _do(self, request: dict[str, Any]) -> bytes:
        job, arguments = self._jobs[request["job"]], request["arguments"]
        if request["caller"] is None:
            return job(**arguments)
        with called_by(Caller.from_json(request["caller"])):
            return job(**arguments)

    def _begin(self, number: int) -> None:
        with self._lock:
            self._current = number
            if self._unwanted == number:
                raise Cancelled

    def _end(self) -> None:
        with self._lock:
            self._current = None
            _raise_in(self._worker, None)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have `thread` raise at its next step of Python code; None takes back what it has not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(error) if error else None
    )


def serve_jobs(
    socket: int, jobs: Mapping[str, Job] = JOBS, *, memory: int = 0, warm_up: Callable[[], None] | None = None
) -> None:
    """The whole life of a worker.

    Args:
        socket: its file descriptor.
        jobs: by name.
        memory: most bytes of data; 0 means no limit.
        warm_up: what to do before the first job is asked for.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the server, which lets calls finish
        signal.signal(number, signal.SIG_IGN)
    _limit_itself(memory)
    is_warm = warm_up is not None
    if warm_up is not None:
        try:
            warm_up()
        except PedaxrError as err:  # the first call that needs them says what to do
            is_warm = False
            _log.warning("The networks could not be loaded in the background [%s]", err.code)
    WorkerLoop(Connection(socket), jobs, is_warm).run()


def _limit_itself(memory: int) -> None:
    import resource

    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold films
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    score = Path("/proc/self/oom_score_adj")
    if score.exists():  # when the machine runs short, the server itself is the last to go
        score.write_text("600")


def main() -> None:
    """Arguments: socket, bytes of memory, and the words `warm` and `decode-apart` where wanted."""
    log_to_stderr()
    gc.disable()  # until all is loaded, which stays: looking through it again and again takes a tenth of that
    sys.setswitchinterval(_SWITCH_S)
    decode_in_worker("decode-apart" in sys.argv)
    if "warm" not in sys.argv:  # there is a call already
        threading.Thread(target=_get_ready, daemon=True).start()
    serve_jobs(int(sys.argv[1]), memory=int(sys.argv[2]), warm_up=_warm_up if "warm" in sys.argv else None)


def _get_ready() -> None:
    """Load beside the first call what it will need; a call says what is wrong with it."""
    with suppress(PedaxrError):
        _load_beside_the_decoder()


def _warm_up() -> None:
    _load_beside_the_decoder()
    load()


def _load_beside_the_decoder() -> None:
    """All that reading and answering need, in that order; meanwhile the decoder's process comes up."""
    from pedaxr.reading import networks
    from pedaxr_models.runtime.threads import begin

    decoder = begin(_start_decoder)
    try:
        networks.segmenter()
        import_module("pedaxr_server.replies.tool_results")
        networks.reporter()
        import_module("pedaxr.reports.generate_report")
        import_module("sqlite_utils")  # to store the first report; half a second where there is a pandas
        decoder.result()
    finally:
        gc.freeze()
        gc.enable()


def _start_decoder() -> None:
    if is_in_worker():
        from pedaxr.radiograph.decode_pool import the_pool

        the_pool().warm()
