"""A reading worker without networks, whose jobs misbehave as told: a program for tests of its keeper."""

import os
import signal
import sys
import time
from pathlib import Path

from pedaxr.errors import StudyNotFound, UnreadableImage
from pedaxr_server.logs import log_to_stderr
from pedaxr_server.worker.main import serve_jobs

LIMIT = 700 * 2**20


def echo(home: str | None, text: str) -> bytes:
    return text.encode()


def who(home: str | None) -> bytes:
    """The numbers of this process and of the one that keeps it, after a third of a second."""
    time.sleep(0.3)
    return f"{os.getpid()} {os.getppid()}".encode()


def steps(home: str | None, mark: str) -> bytes:
    """Twenty seconds of Python steps, which a cancellation can interrupt."""
    Path(mark).touch()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.005)
    return b"done"


def deaf(home: str | None, mark: str) -> bytes:
    """One long step in a library."""
    Path(mark).touch()
    time.sleep(20)
    return b"done"


def crash(home: str | None) -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return b""


def hoard(home: str | None) -> bytes:
    return bytes(2 * LIMIT)


def refuse(home: str | None) -> bytes:
    raise StudyNotFound("There is no study 'x'. Call find_patient.")


def bug(home: str | None) -> bytes:
    raise KeyError("a child's name")


def segment(home: str | None, study_id: str, then: str | None = None) -> bytes:
    """A reply of the tool, after a tenth of a second of work; no report is begun, whatever comes `then`."""
    from pedaxr.types import SegmentationResult
    from pedaxr_server.replies.tool_results import segmentation_reply

    if study_id == "broken":
        raise UnreadableImage("The film is damaged. Export it again.")
    time.sleep(0.1)
    result = SegmentationResult(
        study_id=study_id,
        image_sha256="0" * 64,
        width=1,
        height=1,
        findings=[],
        structures=[],
        summary="Nothing.",
        overlay_path=None,
        model="quick",
    )
    return segmentation_reply(result).to_json()


JOBS = {job.__name__: job for job in (echo, who, steps, deaf, crash, hoard, refuse, bug, segment)}

if __name__ == "__main__":
    if "unfiltered" not in sys.argv:
        log_to_stderr()  # as the real one does
    serve_jobs(int(sys.argv[1]), JOBS, memory=LIMIT, warm_up=(lambda: None) if "warm" in sys.argv else None)
