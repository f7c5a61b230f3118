"""How many cores one call may use: the one place where it is decided, for torch, graphs and OpenCV.

Calls that run at the same time each start as many threads as there are cores by default, and those wait for
one another by spinning: on two busy cores a film went from 90 ms to 2 s. With one thread a call takes little
longer than with two on an idle machine, and is not held up on a busy one.
"""

import os
import sys

THREADS_VARIABLE = "PEDAXR_THREADS"


def threads_per_call() -> int:
    """$PEDAXR_THREADS, at least 1 and at most the cores of the machine; 1 where it is not set."""
    given = os.environ.get(THREADS_VARIABLE, "")
    return max(1, min(int(given), os.cpu_count() or 1)) if given.isascii() and given.isdigit() else 1


def share_cores() -> None:
    """Make this process's inference use `threads_per_call` threads. Not for training: it takes all."""
    import cv2

    threads = threads_per_call()
    cv2.setNumThreads(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
