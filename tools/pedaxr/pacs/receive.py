"""The C-STORE service that takes films from a PACS: from callers on a list, under one title, in bounds.

It writes bytes and decodes nothing. A caller is an AE title and an address together, since titles are no
secret; over TLS it also has to show a certificate. What another process asked the PACS for by C-MOVE comes
in here too, and goes to whoever asked.
"""

import ipaddress
import logging
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from pedaxr.dicom_objects.kinds import KINDS
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.pacs.asked import hand_over
from pedaxr.pacs.dimse import FILM_CLASSES, FILM_SYNTAXES, OBJECT_SYNTAXES, VERIFICATION
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.spool import Full, Spool
from pedaxr.pacs.wire import Bound
from pedaxr.radiograph.raster import MAX_BYTES

_SUCCESS, _NOT_AUTHORISED, _NO_ROOM, _NOT_UNDERSTOOD = 0x0000, 0x0124, 0xA700, 0xC000
_NO_SUCH_CLASS = 0x0122
_AT_ONCE = 8
_IDLE_S = 60
_GREETING_S = 10.0
_UID = re.compile(r"[0-9.]{1,64}")
_log = logging.getLogger(__name__)


@contextmanager
def receiving(
    node: PacsNode, spool: Spool, on_film: Callable[[], None], *, asked_only: bool = False
) -> Iterator[int]:
    """Take films for the block; the port that is listened on.

    Args:
        node: the port, the callers and the certificates.
        spool: where films go.
        on_film: called after each new one.
        asked_only: take what this clinic asked for by C-MOVE and nothing else.

    Raises:
        InvalidRequest: no caller is allowed, or the certificates cannot be read.
        StorageError: the port is taken.
    """
    if not node.allowed:
        raise InvalidRequest("Nobody may send films here. Set pacs_callers, such as ORTHANC@192.0.2.7.")
    ae, gate = _application_entity(node), _Gate(node, spool, on_film, asked_only)
    server = _server_of(ae, node, gate)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        ae.shutdown()
        thread.join()
        gate.close()


def _application_entity(node: PacsNode) -> AE:
    """Who is let in under which title, for how long, and what may be sent."""
    ae = AE(ae_title=node.aet)
    ae.require_called_aet, ae.require_calling_aet = True, sorted(node.allowed)
    ae.maximum_associations = _AT_ONCE
    ae.network_timeout = ae.dimse_timeout = _IDLE_S
    ae.acse_timeout = _GREETING_S  # whoever connects and says nothing takes no place for long
    ae.add_supported_context(VERIFICATION)
    for sop_class in FILM_CLASSES:
        ae.add_supported_context(sop_class, list(FILM_SYNTAXES))
    if node.web_url is None:  # what we sent is read back by DICOMweb, or comes this way
        for sop_class in dict.fromkeys(kind.sop_class_uid for kind in KINDS.values()):
            ae.add_supported_context(sop_class, list(OBJECT_SYNTAXES))
    return ae


def _server_of(ae: AE, node: PacsNode, gate: "_Gate") -> Any:
    """A server that listens and takes no connection yet. Raises StorageError where the port is taken."""
    handlers: list[Any] = [
        (evt.EVT_CONN_OPEN, gate.on_open),
        (evt.EVT_C_ECHO, lambda event: _SUCCESS if gate.is_allowed(event) else _NOT_AUTHORISED),
        (evt.EVT_C_STORE, gate.on_store),
    ]
    context = node.server_context()  # before the port is taken: its files may be unreadable
    address = (node.listen_host, node.listen_port)
    try:
        server: Any = ae.make_server(address, evt_handlers=handlers, server_class=_Server)
    except OSError as err:
        raise StorageError(
            f"pedaxr cannot listen on {node.listen_host}:{node.listen_port}. Is the port taken? Set another."
        ) from err
    server.addresses, server.context = gate.addresses, context
    ae._servers.append(server)
    return server


class _Server(ThreadedAssociationServer):
    """Takes connections of known addresses alone, and greets each in a thread of its own.

    pynetdicom shakes hands where it accepts: a peer that is silent then would keep out all others.
    """

    addresses: frozenset[str] = frozenset()
    context: ssl.SSLContext | None = None

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether the address is on the list; who is not is hung up on before they can say anything."""
        if _address(str(client_address[0])) in self.addresses:
            return True
        _log.warning("A connection from an address that is not in pacs_callers was closed")
        return False

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands, then take what is sent."""
        try:
            request.settimeout(_GREETING_S)
            if self.context is not None:
                request = self.context.wrap_socket(request, server_side=True)
        except OSError:
            _log.warning("A connection without a certificate that is believed was closed")
            self.shutdown_request(request)
            return
        super().process_request_thread(request, client_address)


class _Gate:
    """Who comes in, and what becomes of what they bring."""

    def __init__(self, node: PacsNode, spool: Spool, on_film: Callable[[], None], asked_only: bool) -> None:
        self._allowed = node.allowed
        self.addresses = frozenset[str]().union(*self._allowed.values())
        self._spool, self._on_film, self._asked_only = spool, on_film, asked_only
        self._bounds: dict[Association, Bound] = {}

    def on_open(self, event: Event) -> None:
        """Put bounds on what it may send; what is left of connections that ended is cleared away."""
        begun = [link for link in list(self._bounds) if link.ident is not None]
        for ended in [link for link in begun if not link.is_alive()]:
            if bound := self._bounds.pop(ended, None):
                bound.close()
        self._bounds[event.assoc] = Bound(MAX_BYTES + 2**20)
        self._bounds[event.assoc](event)

    def close(self) -> None:
        """Leave no connection open."""
        for bound in self._bounds.values():
            bound.close()

    def is_allowed(self, event: Event) -> bool:
        """Whether this title may send from this address."""
        requestor = event.assoc.requestor
        return _address(str(requestor.address)) in self._allowed.get(requestor.ae_title.strip(), set())

    def on_store(self, event: Event) -> int:
        """Keep a film; the status that its sender is told."""
        sop_uid = str(getattr(event.request, "AffectedSOPInstanceUID", ""))
        if not self.is_allowed(event):
            return _NOT_AUTHORISED
        if not _UID.fullmatch(sop_uid):
            return _NOT_UNDERSTOOD
        try:
            is_new = self._keep(sop_uid, event)
        except _NotTaken as err:
            return int(err.args[0])
        except (Full, OSError) as err:
            _log.error(
                "A film was not taken [%s]: the spool is full or cannot be written", type(err).__name__
            )
            return _NO_ROOM
        if bound := self._bounds.get(event.assoc):
            bound.renew()
        if is_new:
            self._on_film()
        return _SUCCESS

    def _keep(self, sop_uid: str, event: Event) -> bool:
        """Whether it is a film that is new here. Raises _NotTaken, Full, OSError."""
        content = event.encoded_dataset()
        is_film = event.context.abstract_syntax in FILM_CLASSES
        is_awaited = hand_over(self._spool.folder.parent, sop_uid, content)
        # What the PACS sends by itself is read, too, whether or not somebody happens to wait for it.
        is_moved = bool(getattr(event.request, "MoveOriginatorApplicationEntityTitle", None))
        if is_awaited and (is_moved or self._asked_only or not is_film):
            return False
        if not is_film:
            raise _NotTaken(_NO_SUCH_CLASS)
        if self._asked_only:
            raise _NotTaken(_NO_ROOM)
        return self._spool.take(sop_uid, content)


class _NotTaken(Exception):
    """With the status that the sender is told."""


def _address(text: str) -> str:
    """In one form, whichever the socket gives."""
    try:
        found = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
