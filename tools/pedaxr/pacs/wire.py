"""What pynetdicom is held to: silence in the log, closed sockets, threads that end, bounds on a peer.

pynetdicom writes names into its log, at DEBUG and in errors; its loggers are silenced here, and everything
of this package that imports it imports this module.
"""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.events import Event
from pynetdicom.transport import AssociationSocket

_MOST_PDU = 2**20
_STALLED_S = 20.0
_log = logging.getLogger(__name__)

_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
for _name in ("pynetdicom", "pydicom"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


def _close(wire: AssociationSocket) -> None:
    """Close a socket whose peer may be gone: pynetdicom 3.0.4 then leaves it open."""
    if (one := wire.socket) is not None:  # another thread may take it away after this look
        _close_socket(one)


def _close_socket(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        one.close()


AssociationSocket._shutdown_socket = _close  # type: ignore[method-assign,assignment]


def _ending_with_its_connection(run: Callable[[Any], None]) -> Callable[[Any], None]:
    """A thread of pynetdicom that closes its socket and ends where it would die with a traceback.

    It does so where its connection ends meanwhile: version 3.0.4 aborts associations in states that know no
    abort (not begun, just refused) and uses sockets that its other thread has closed.
    """

    @wraps(run)
    def run_reactor(self: Any) -> None:
        try:
            run(self)
        except Exception as err:  # noqa: BLE001 - whatever it is, its traceback may name a child
            _log.warning("A DICOM connection ended in the middle of its dialogue [%s]", type(err).__name__)
            if (wire := getattr(self, "dul", self).socket) is not None:
                _close(wire)

    return run_reactor


for _thread in (Association, DULServiceProvider):
    _thread.run_reactor = _ending_with_its_connection(_thread.run_reactor)  # type: ignore[method-assign,assignment]


class Bound:
    """A handler of EVT_CONN_OPEN: the peer may send so much, and may not stop in the middle of a message."""

    def __init__(self, most_bytes: int, most_seconds: float = _STALLED_S) -> None:
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
        self._left = most_bytes
        self._socket: socket.socket | None = None

    def __call__(self, event: Event) -> None:
        """Put the bounds on the connection that was opened."""
        wire = event.assoc.dul.socket
        if wire is None or wire.socket is None:
            return
        self._socket = wire.socket
        wire.socket.settimeout(self._most_seconds)
        receive = wire.recv

        def receive_bounded(count: int) -> bytearray:
            self._left -= count
            try:
                if count > _MOST_PDU or self._left < 0:
                    raise OSError("the peer sends too much")
                return receive(count)
            except OSError:  # a peer that stalled or hung up too: pynetdicom takes the socket for closed
                _close(wire)
                raise

        wire.recv = receive_bounded  # type: ignore[method-assign,assignment]

    def close(self) -> None:
        """Close the connection's socket, which pynetdicom leaves open where sending failed."""
        if self._socket is not None:
            _close_socket(self._socket)

    def renew(self) -> None:
        """Let it send as much again: a film arrived whole."""
        self._left = self._most_bytes
