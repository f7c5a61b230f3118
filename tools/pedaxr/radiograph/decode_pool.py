"""Decode films in processes that may die of them: warm, few, watched, and replaced when they misbehave.

What comes back is small and typed: a JSON object whose every field is checked, and as many floats as it
promises. The file's bytes and the pixels travel through anonymous memory, not through the socket.
"""

import atexit
import json
import logging
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from pedaxr.errors import UnreadableImage, WorkerFailed
from pedaxr.radiograph.orientation import ORIENTATIONS, Orientation, Stored
from pedaxr.radiograph.raster import (
    MAX_PIXELS,
    FloatArray,
    Raster,
    Spacing,
    SpacingOrigin,
    plausible_spacing,
)
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import View

MEMORY_BYTES = 1536 * 2**20  # of one decoder; 64 million pixels as floats are 256 MiB
DEADLINE_S = 25.0
_START_S = 60.0
_AT_ONCE = 2
_RETIRE_FILMS = 500
_RETIRE_BYTES = 256 * 2**20
_KEPT_BYTES = 32 * 2**20
_MOST_TEXT = 1000
_LONGEST_ANSWER = 64 * 1024
_AGAIN = "Export the film again, as PNG or as uncompressed DICOM."
_CONFINED = {"calls", "files"}
_log = logging.getLogger(__name__)
# Enough for Python to start; no setting and no secret of the server goes to a process that may be taken over.
_INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class _Lost(Exception):
    """The process ended before it answered."""


class DecodeProcess:
    """One decoder. Not to be used by two threads at once.

    Attributes:
        confined: what it gave up, as `pedaxr.radiograph.sandbox.confine` says; nothing before it is ready.
    """

    def __init__(self, memory: int = MEMORY_BYTES, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self.confined: frozenset[str] = frozenset()
        self._films = 0
        self._resident = 0
        self._inbox, self._outbox = _anonymous_file(), _anonymous_file()
        ours, theirs = socket.socketpair()
        given = (theirs.fileno(), self._inbox, self._outbox)
        code = "from pedaxr.radiograph.decode_worker import main; main()"
        # -P: a numpy.py in the folder where somebody started us is not imported.
        command = [sys.executable, "-P", "-c", code, *map(str, given), str(memory)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # libraries complain there, quoting headers
                env=_environment(),
                pass_fds=given,
            )
        except OSError as err:
            ours.close()
            raise WorkerFailed("The decoder's process cannot be started. Call again in a minute.") from err
        finally:
            theirs.close()
        self._connection = Connection(ours.detach())
        self._is_ready = False

    @property
    def process_id(self) -> int:
        """Of the child."""
        return self._process.pid

    @property
    def is_usable(self) -> bool:
        """Whether it lives and need not be retired."""
        is_young = self._films < _RETIRE_FILMS and self._resident < _RETIRE_BYTES
        return is_young and self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Raises WorkerFailed when it does not come up."""
        if not self._is_ready:
            try:
                ready = self._receive(time.monotonic() + _START_S)
            except (_Lost, TimeoutError) as err:
                raise WorkerFailed("The decoder's process does not start. Call again in a minute.") from err
            self.confined = frozenset(map(str, ready.get("confined", ())))
            if missing := _CONFINED - self.confined:
                _log.warning("This system cannot confine the decoder [%s]", ", ".join(sorted(missing)))
            self._is_ready = True

    def decode(self, data: bytes) -> Raster:
        """The picture; whatever goes wrong, this process is then not to be used again.

        Raises:
            UnreadableImage: the file is to blame.
            WorkerFailed: the process does not come up.
        """
        self.wait_until_ready()
        self._films += 1
        try:
            _write(self._inbox, data)
            self._connection.send_bytes(json.dumps({"size": len(data)}).encode())
            answer = self._receive(time.monotonic() + self._deadline_s)
        except TimeoutError as err:
            self.close()
            raise UnreadableImage(f"Decoding the film takes longer than any film may. {_AGAIN}") from err
        except _Lost as err:
            self.close()
            raise UnreadableImage(
                f"The film's decoder ended: the file is damaged or needs too much memory. {_AGAIN}"
            ) from err
        return self._raster(answer)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        for file in (self._inbox, self._outbox):
            if file >= 0:
                os.close(file)
        self._inbox = self._outbox = -1

    def _receive(self, deadline: float) -> dict[str, Any]:
        try:
            if not self._connection.poll(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            answer = json.loads(self._connection.recv_bytes(_LONGEST_ANSWER))
        except (EOFError, OSError, ValueError) as err:
            if isinstance(err, TimeoutError):
                raise
            raise _Lost from err
        if not isinstance(answer, dict):
            raise _Lost
        return answer

    def _raster(self, answer: dict[str, Any]) -> Raster:
        if answer.get("error") == "memory":
            raise UnreadableImage(f"The film needs more memory to decode than any film may. {_AGAIN}")
        if "error" in answer:
            raise UnreadableImage(str(answer.get("text"))[:_MOST_TEXT])
        try:
            self._resident = int(answer["resident"])
            return _checked_raster(answer, self._outbox)
        except (KeyError, TypeError, ValueError, OSError) as err:
            self.close()
            raise UnreadableImage(f"The film's decoder gave no picture. {_AGAIN}") from err
        finally:
            for file in (self._inbox, self._outbox):
                _shrink(file)


class DecodePool:
    """At most two decoders, started when they are needed."""

    def __init__(self, memory: int = MEMORY_BYTES, deadline_s: float = DEADLINE_S) -> None:
        self._limits = memory, deadline_s
        self._turn = threading.BoundedSemaphore(_AT_ONCE)
        self._idle: list[DecodeProcess] = []

    def decode(self, data: bytes) -> Raster:
        """The picture of a file's bytes.

        Raises:
            UnreadableImage, WorkerFailed.
        """
        with self._turn:
            process = self._take()
            try:
                return process.decode(data)
            finally:
                self._put_back(process)

    def warm(self) -> None:
        """Have one decoder ready."""
        with self._turn:
            process = self._take()
            try:
                process.wait_until_ready()
            finally:
                self._put_back(process)

    def close(self) -> None:
        """End the idle ones."""
        while self._idle:
            self._idle.pop().close()

    @property
    def process_ids(self) -> list[int]:
        """Of the idle decoders."""
        return [process.process_id for process in self._idle]

    def _take(self) -> DecodeProcess:
        while self._idle:
            process = self._idle.pop()
            if process.is_usable:
                return process
            process.close()
        return DecodeProcess(*self._limits)

    def _put_back(self, process: DecodeProcess) -> None:
        if process.is_usable:
            self._idle.append(process)
        else:
            process.close()


_pools: list[DecodePool] = []
_lock = threading.Lock()


def the_pool() -> DecodePool:
    """The one of this process."""
    with _lock:
        if not _pools:
            _pools.append(DecodePool())
            atexit.register(_pools[0].close)
        return _pools[0]


def decode_apart(data: bytes) -> Raster:
    """As `pedaxr.radiograph.decoding.decode`, in another process."""
    return the_pool().decode(data)


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("film")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _shrink(file: int) -> None:
    """Give large memory back; what films usually take is kept, since clearing new pages costs time."""
    if file >= 0 and os.fstat(file).st_size > _KEPT_BYTES:
        os.ftruncate(file, 0)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _INHERITED or name[:3] == "LC_"}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # their stacks count as memory
    return kept | threads


def _write(file: int, data: bytes) -> None:
    rest, at = memoryview(data), 0
    while at < len(rest):
        at += os.pwrite(file, rest[at:], at)


def _checked_raster(answer: dict[str, Any], outbox: int) -> Raster:
    """Raises KeyError, TypeError, ValueError when anything is not what it must be."""
    height, width = (int(side) for side in answer["shape"])
    if not (0 < height <= MAX_PIXELS and 0 < width <= MAX_PIXELS and height * width <= MAX_PIXELS):
        raise ValueError
    colourfulness = float(answer["colourfulness"])
    if not 0 <= colourfulness <= 1:
        raise ValueError
    return Raster(
        _read_pixels(outbox, height, width),
        _checked_spacing(answer["spacing"]),
        _checked_metadata(answer["metadata"]),
        tuple(str(note)[:_MOST_TEXT] for note in answer["notes"]),
        colourfulness,
        _checked_stored(answer["stored"]),
    )


def _checked_spacing(found: list[Any] | None) -> Spacing | None:
    if found is None:
        return None
    row, column, origin = found
    if plausible_spacing(float(row), float(column)) is None:
        raise ValueError
    return Spacing(float(row), float(column), SpacingOrigin(origin))


def _checked_stored(found: dict[str, Any]) -> Stored:
    orientation = ORIENTATIONS[ORIENTATIONS.index(Orientation(**found["orientation"]))]
    aspect = float(found["pixel_aspect"])
    if not 0.2 <= aspect <= 5:
        raise ValueError
    return Stored(orientation, bool(found["is_certain"]), aspect, bool(found["is_from_the_side"]))


def _read_pixels(outbox: int, height: int, width: int) -> FloatArray:
    pixels = np.empty((height, width), np.float32)
    if os.preadv(outbox, [pixels.data.cast("B")], 0) != pixels.nbytes or not np.isfinite(pixels).all():
        raise ValueError
    return pixels


def _checked_metadata(fields: dict[str, Any]) -> FilmMetadata:
    age, view = fields.pop("age_months"), fields.pop("view")
    if age is not None and not (isinstance(age, float | int) and math.isfinite(age)):
        raise ValueError
    texts = {name: None if text is None else str(text)[:_MOST_TEXT] for name, text in fields.items()}
    return FilmMetadata(**texts, age_months=age, view=None if view is None else View(view))
