"""The last few results of something slow: an agent outlines a film, then has it reported on."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
_LOOK_AGAIN_S = 0.05  # a call that waits for another's work still hears that it is cancelled


class Recent(Generic[T]):
    """At most `most` results, the longest unused dropped first. It may be used from several threads.

    What comes out is shared by all who ask: it must not be changed.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, Future[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result for `key`, made when it is not there; what is being made for another is waited for.

        An error of `make` is not kept: whoever waited makes it for themselves.
        """
        while True:
            with self._lock:
                known = self._kept.get(key)
                if known is None:
                    begun: Future[T] = Future()
                    self._keep(key, begun)
                    break
                self._kept.move_to_end(key)
            if _is_made(known):
                return known.result()
        return self._made(key, begun, make)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    def _keep(self, key: Hashable, begun: "Future[T]") -> None:
        self._kept[key] = begun
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def _made(self, key: Hashable, begun: "Future[T]", make: Callable[[], T]) -> T:
        try:
            begun.set_result(make())
        except BaseException as err:  # also a cancellation, which is this call's alone
            with self._lock:
                if self._kept.get(key) is begun:
                    del self._kept[key]
            begun.set_exception(err)
            raise
        return begun.result()


def _is_made(known: "Future[T]") -> bool:
    """Waits for its end; False where it failed."""
    while True:
        try:
            return known.exception(_LOOK_AGAIN_S) is None
        except TimeoutError:
            continue
