"""Work shared among processes that end with whoever started them."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_in_processes(work: Callable[[T], R], items: Sequence[T], processes: int) -> Iterator[R]:
    """The results of `work` in the order of `items`, from as many processes; in this one for 1 or fewer.

    Processes are spawned, not forked, as the caller may be a server with threads: a script that calls this
    needs the usual `if __name__ == "__main__":`. Ctrl-C reaches the caller alone, and what has not begun is
    then dropped; items are handed out one by one, so that it waits for few.

    Raises:
        concurrent.futures.process.BrokenProcessPool: a process could not start, or was killed.
    """
    if processes <= 1 or len(items) < 2:
        yield from map(work, items)
        return
    pool = ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)
