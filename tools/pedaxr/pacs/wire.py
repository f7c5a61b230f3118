"""What pynetdicom is held to: silence in the log, sockets that are closed, bounds on what a peer sends.

pynetdicom writes names into its log, at DEBUG and in errors; its loggers are silenced here, and everything
of this package that imports it imports this module.
"""

import logging
from contextlib import suppress

from pynetdicom import _config
from pynetdicom.events import Event
from pynetdicom.transport import AssociationSocket

_MOST_PDU = 2**20
_STALLED_S = 20.0

_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
for _name in ("pynetdicom", "pydicom"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


def _close(wire: AssociationSocket) -> None:
    """Close a socket whose peer may be gone: pynetdicom 3.0.4 then leaves it open."""
    if wire.socket is not None:
        with suppress(OSError):
            wire.socket.shutdown(2)
        with suppress(OSError):
            wire.socket.close()


AssociationSocket._shutdown_socket = _close  # type: ignore[method-assign,assignment]


class Bound:
    """A handler of EVT_CONN_OPEN: the peer may send so much, and may not stop in the middle of a message."""

    def __init__(self, most_bytes: int, most_seconds: float = _STALLED_S) -> None:
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
        self._left = most_bytes

    def __call__(self, event: Event) -> None:
        """Put the bounds on the connection that was opened."""
        wire = event.assoc.dul.socket
        if wire is None or wire.socket is None:
            return
        wire.socket.settimeout(self._most_seconds)
        receive = wire.recv

        def receive_bounded(count: int) -> bytearray:
            self._left -= count
            if count > _MOST_PDU or self._left < 0:
                raise OSError("the peer sends too much")
            return receive(count)

        wire.recv = receive_bounded  # type: ignore[method-assign,assignment]

    def renew(self) -> None:
        """Let it send as much again: a film arrived whole."""
        self._left = self._most_bytes
