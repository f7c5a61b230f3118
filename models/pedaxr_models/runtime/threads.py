"""How many cores one call may use: the one place where it is decided, for torch, graphs and OpenCV.

Calls that run at the same time each start as many threads as there are cores by default, and those wait for
one another by spinning: on two busy cores a film went from 90 ms to 2 s. Here threads that wait sleep. Two
take a third off a film; more gain little, and a batch of films is faster with one thread a film.
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
THREADS_VARIABLE = "PEDAXR_THREADS"
PRODUCT_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_USUAL = 2


def threads_per_call() -> int:
    """$PEDAXR_THREADS, at least 1 and at most the cores of the machine; 2 where it is not set."""
    given = os.environ.get(THREADS_VARIABLE, "")
    wanted = int(given) if given.isascii() and given.isdigit() else _USUAL
    return max(1, min(wanted, os.cpu_count() or 1))


def begin(work: Callable[[], T]) -> "Future[T]":
    """Begin `work` beside the caller, who asks for the result later; at once where a call has one core.

    The thread is of this call: one kept from before a fork would never run.
    """
    begun: Future[T] = Future()

    def run() -> None:
        try:
            begun.set_result(work())
        except BaseException as err:  # noqa: BLE001  (whoever asks for the result gets it)
            begun.set_exception(err)

    if threads_per_call() > 1:
        threading.Thread(target=run, name="beside", daemon=True).start()
    else:
        run()
    return begun


def share_cores() -> None:
    """Make this process's inference use `threads_per_call` threads. Not for training: it takes all.

    NumPy's small products get one, unless the environment says how many: a second one takes a core from what
    is done beside them, as it waits for the next product by spinning. A film took a fifth longer. OpenCV gets
    one for the same reason: its second thread spins too, and of a film shares hardly anything.
    """
    import cv2
    from threadpoolctl import ThreadpoolController

    if not any(map(os.environ.get, PRODUCT_THREADS)):
        ThreadpoolController().select(internal_api="openblas").limit(limits=1)

    cv2.setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads_per_call())
