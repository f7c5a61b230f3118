"""Loading the networks before the first film asks for them, in a thread that nobody waits for."""

import logging
import threading

from pedaxr.errors import PedaxrError

_log = logging.getLogger(__name__)


class Warming:
    """At most one warm-up of this process.

    Attributes:
        is_done: whether both networks are in memory.
    """

    def __init__(self) -> None:
        self.is_done = False
        self._thread: threading.Thread | None = None

    def start(self, delay_s: float = 0.0) -> None:
        """Begin after `delay_s`; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Timer(delay_s, self._load)
            self._thread.daemon = True
            self._thread.start()

    def _load(self) -> None:
        from pedaxr import models

        try:
            models.segmenter()
            models.reporter()
            self.is_done = True
        except PedaxrError as err:  # the first call that needs them says what to do
            _log.warning("The networks could not be loaded in the background [%s]", err.code)


warming = Warming()
