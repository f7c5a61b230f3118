"""The process that decodes films of unknown origin: confined, limited in memory and time, and expendable.

Started by `pedaxr.radiograph.decode_pool` with three open files: a socket for short JSON messages, one that
holds the film file's bytes, and one for the pixels. It never learns where a file lies or whose film it is
from anywhere but the bytes themselves.
"""

import json
import os
import resource
import sys
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph import dicom  # loaded now, so that the first film does not wait for it
from pedaxr.radiograph.decoding import decode
from pedaxr.radiograph.raster import MAX_PIXELS, Raster
from pedaxr.radiograph.sandbox import confine

_CPU_S = 20  # for one film; the parent's clock is the other limit
_MOST_OPEN = 64
_MEMORY_USE = Path("/proc/self/statm")
_memory_use = os.open(_MEMORY_USE, os.O_RDONLY) if _MEMORY_USE.exists() else None  # before it is confined

__all__ = ["dicom", "main"]


def main() -> None:
    """Answer until the parent closes its end. Arguments: socket, input, output, bytes of memory."""
    control, inbox, outbox, memory = map(int, sys.argv[1:5])
    _limit_itself(memory)
    connection = Connection(control)
    connection.send_bytes(json.dumps({"confined": confine()}).encode())  # ready
    while True:
        try:
            size = json.loads(connection.recv_bytes(100))["size"]
        except EOFError:
            return
        _limit_time()
        connection.send_bytes(json.dumps(_answer(inbox, outbox, size)).encode())


def _limit_itself(memory: int) -> None:
    for what, limit in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, 4 * MAX_PIXELS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MOST_OPEN),
    ):
        resource.setrlimit(what, (limit, limit))
    score = Path("/proc/self/oom_score_adj")
    if score.exists():  # when the machine runs short, this process goes before any other of ours
        score.write_text("900")


def _limit_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + _CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _answer(inbox: int, outbox: int, size: int) -> dict[str, object]:
    try:
        raster = decode(os.pread(inbox, size, 0))
        _write(outbox, raster)
    except UnreadableImage as err:
        is_short = isinstance(err.__cause__, MemoryError)
        return {"error": "memory" if is_short else "unreadable", "text": str(err)}
    except MemoryError:
        return {"error": "memory"}
    return {
        "shape": raster.pixels.shape,
        "spacing": raster.spacing,
        "metadata": asdict(raster.metadata),
        "notes": raster.notes,
        "colourfulness": raster.colourfulness,
        "stored": asdict(raster.stored),
        "resident": _resident_bytes(),
    }


def _write(outbox: int, raster: Raster) -> None:
    rest = np.ascontiguousarray(raster.pixels, np.float32).data.cast("B")
    at = 0
    while at < len(rest):
        at += os.pwrite(outbox, rest[at:], at)


def _resident_bytes() -> int:
    """Memory in use now, or the most that ever was where the system does not say."""
    if _memory_use is None:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(os.pread(_memory_use, 200, 0).split()[1]) * resource.getpagesize()
