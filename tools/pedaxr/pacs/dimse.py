"""DICOM messages to the PACS: C-ECHO, C-FIND, C-GET and C-STORE, each over an association of its own.

The peer is not trusted: what it may send is bounded in bytes, rows and time, and everything that it says is
checked by `rows`.
"""

import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom import Dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from pedaxr.errors import PacsDown, PacsError
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.wire import Bound
from pedaxr.radiograph.raster import MAX_BYTES

# SOP classes of the services, PS3.4 annexes A and C.
VERIFICATION = UID("1.2.840.10008.1.1")
_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")  # Study Root
_GET = UID("1.2.840.10008.5.1.4.1.2.2.3")
FILM_CLASSES = (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation)
FILM_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEG2000,
    JPEGLosslessSV1,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
MOST_ROWS = 300
_MOST_FOUND_BYTES = 4 * 2**20
_CONNECT_S, _ANSWER_S, _ALL_S, _FETCH_S = 5, 20, 30, 120
_PENDING = (0xFF00, 0xFF01)
_CALLED_UNKNOWN, _CALLING_UNKNOWN = 7, 3  # PS3.8 table 9-21, reasons of the service user


def echo(node: PacsNode) -> None:
    """Ask whether it is there. Raises PacsDown, PacsError."""
    with associated(node, [(VERIFICATION, None)]) as link:
        status = link.send_c_echo()
        if _code(status) != 0:
            raise PacsError("The PACS does not answer an echo. Check pacs_called_aet.")


@contextmanager
def associated(
    node: PacsNode,
    contexts: Sequence[tuple[UID, Sequence[UID] | None]],
    *,
    most_bytes: int = _MOST_FOUND_BYTES,
    on_store: Callable[[Event], int] | None = None,
    connect_s: int = _CONNECT_S,
) -> Iterator[Association]:
    """An association for the block, released at its end.

    Args:
        node: the PACS.
        contexts: SOP class and transfer syntaxes of each; None for the usual ones.
        most_bytes: that the PACS may send in all.
        on_store: takes what the PACS stores to us over the same association (C-GET).
        connect_s: how long to wait for the connection.

    Raises:
        PacsDown: nobody answers there.
        PacsError: it answers, and refuses.
    """
    ae = AE(ae_title=node.aet)
    ae.connection_timeout, ae.acse_timeout = connect_s, 2 * connect_s
    ae.dimse_timeout = ae.network_timeout = _ANSWER_S
    for sop_class, syntaxes in contexts:
        ae.add_requested_context(sop_class, list(syntaxes) if syntaxes else None)
    bound = Bound(most_bytes)
    handlers: list[Any] = [(evt.EVT_CONN_OPEN, bound)]
    if on_store:
        handlers.append((evt.EVT_C_STORE, on_store))
    taken = [sop_class for sop_class, _ in contexts[1:]] if on_store else []
    try:
        link = _connect(node, ae, handlers, taken)
        try:
            yield link
        finally:
            if link.is_established:
                link.release()
            if link.is_alive():
                link.abort()
    finally:
        bound.close()


def _connect(node: PacsNode, ae: AE, handlers: list[Any], taken: Sequence[UID]) -> Association:
    """`taken`: SOP classes that the PACS may store to us over the association."""
    context = node.client_context()
    address = _reachable(node, ae.connection_timeout or _CONNECT_S)
    try:
        link = ae.associate(
            address,
            node.port,
            ae_title=node.called_aet,
            ext_neg=[build_role(sop, scp_role=True) for sop in taken] or None,
            tls_args=(context, node.host) if context else None,
            evt_handlers=handlers,
        )
    except (OSError, ssl.SSLError, RuntimeError) as err:
        raise PacsDown("The PACS cannot be reached. Check pacs_host and pacs_port.") from err
    if link.is_established:
        return link
    if link.rejected_contexts:
        raise PacsError(
            "The PACS offers no such service, or takes no objects of this kind. Have its administrator allow "
            "it to pedaxr, or leave the kind out of pacs_kinds."
        )
    if not link.is_rejected:
        raise PacsDown(
            "The PACS does not answer, or not in this way (TLS or plain). Is it running? Check pacs_host, "
            "pacs_port and the certificates."
        )
    reason = getattr(link.acceptor.primitive, "diagnostic", None)
    told = {
        _CALLED_UNKNOWN: f"The PACS is not called {node.called_aet!r}. Correct pacs_called_aet.",
        _CALLING_UNKNOWN: f"The PACS does not know {node.aet!r}. Have its administrator add that AE title.",
    }
    raise PacsError(
        told.get(reason or 0, "The PACS refuses the connection. Have its administrator look at its log.")
    )


def _reachable(node: PacsNode, seconds: float) -> str:
    """The address of the PACS, found to answer: pynetdicom resolves no names and loses sockets that fail."""
    try:
        with socket.create_connection((node.host, node.port), timeout=seconds) as probe:
            return str(probe.getpeername()[0])
    except OSError as err:
        raise PacsDown("The PACS cannot be reached. Check pacs_host and pacs_port.") from err


class Finder:
    """C-FIND over one association: see `finding`."""

    def __init__(self, link: Association) -> None:
        self._link = link
        self._until = time.monotonic() + _ALL_S

    def find(self, level: str, wanted: Mapping[str, str], returned: Sequence[str] = ()) -> list[Dataset]:
        """The answers to one question, at most `MOST_ROWS`; nothing of them is checked yet.

        Args:
            level: STUDY, SERIES or IMAGE.
            wanted: keys to match.
            returned: keys to be told.

        Raises:
            PacsError: the PACS refuses, fails or stops in the middle.
        """
        query = Dataset()
        query.SpecificCharacterSet = "ISO_IR 192"
        query.QueryRetrieveLevel = level
        for keyword in returned:
            setattr(query, keyword, "")
        for keyword, value in wanted.items():
            setattr(query, keyword, value)
        rows: list[Dataset] = []
        asked_at = time.monotonic()
        if not self._link.is_established:
            raise PacsError(_BROKE_OFF)
        for status, row in self._link.send_c_find(query, _FIND):
            code = _code(status)
            if code == 0:
                return rows
            if code is None and time.monotonic() - asked_at >= _ANSWER_S - 1:
                raise PacsDown("The PACS does not answer in time. Try again later.")
            if code not in _PENDING:
                raise PacsError(_BROKE_OFF if code is None else _refused("search", code))
            if row is not None:
                rows.append(row)
            if len(rows) >= MOST_ROWS or time.monotonic() > self._until:
                self._link.abort()
                raise PacsError(
                    "The PACS has too many answers to this. Ask more narrowly: add the birth date."
                )
        raise PacsError(_BROKE_OFF)


@contextmanager
def finding(node: PacsNode, *, connect_s: int = _CONNECT_S) -> Iterator[Finder]:
    """Ask questions over one association, and read the answers inside. Raises PacsDown, PacsError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's quote what they warn of
        with associated(node, [(_FIND, None)], connect_s=connect_s) as link:
            yield Finder(link)


def offers_get(node: PacsNode) -> None:
    """Ask whether films can be fetched by C-GET. Raises PacsDown, PacsError."""
    films: list[tuple[UID, Sequence[UID] | None]] = [(sop_class, FILM_SYNTAXES) for sop_class in FILM_CLASSES]
    with associated(node, [(_GET, None), *films], on_store=lambda _: 0xA900) as link:
        if _GET not in [context.abstract_syntax for context in link.accepted_contexts]:
            raise PacsError(
                "The PACS offers no C-GET. Set pacs_web_url, so that films are fetched by DICOMweb."
            )


def get_instance(node: PacsNode, study_uid: str, series_uid: str, sop_uid: str) -> bytes:
    """One film by C-GET: a DICOM file whose data set is as the PACS sent it, byte for byte.

    Raises:
        PacsDown: nobody answers.
        PacsError: it has no such film, or stopped in the middle.
    """
    films = [(sop_class, FILM_SYNTAXES) for sop_class in FILM_CLASSES]
    got = get_instance_if_there(node, study_uid, series_uid, sop_uid, contexts=films)
    if got is None:
        raise PacsError("The PACS no longer has this film. Search again with find_patient.")
    return got


def get_instance_if_there(
    node: PacsNode,
    study_uid: str,
    series_uid: str,
    sop_uid: str,
    *,
    contexts: Sequence[tuple[UID, Sequence[UID] | None]],
) -> bytes | None:
    """One instance by C-GET; None where the PACS says that it has none. Raises PacsDown, PacsError."""
    got: list[bytes] = []

    def on_store(event: Event) -> int:
        if got or str(getattr(event.request, "AffectedSOPInstanceUID", "")) != sop_uid:
            return 0xA900  # not what was asked for
        got.append(event.encoded_dataset())
        return 0x0000

    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    query.StudyInstanceUID, query.SeriesInstanceUID, query.SOPInstanceUID = study_uid, series_uid, sop_uid
    asked: list[tuple[UID, Sequence[UID] | None]] = [(_GET, None), *contexts]
    with associated(node, asked, most_bytes=MAX_BYTES + 2**20, on_store=on_store) as link:
        codes = list(_codes(link, query))
    if got:
        return got[0]
    if codes and codes[-1] == 0:
        return None
    raise PacsError(_BROKE_OFF if not codes or codes[-1] is None else _refused("fetch", codes[-1]))


def _codes(link: Association, query: Dataset) -> Iterator[int | None]:
    """The statuses of a C-GET, until it ends or takes longer than any film may."""
    until = time.monotonic() + _FETCH_S
    for status, _ in link.send_c_get(query, _GET):
        yield _code(status)
        if time.monotonic() > until:
            link.abort()
            raise PacsDown("The PACS does not send the film in time. Try again later.")


def store_objects(node: PacsNode, objects: Sequence[Dataset]) -> None:
    """Send objects by C-STORE. Raises PacsDown, PacsError at the first that is not taken."""
    contexts = dict.fromkeys((one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in objects)
    with associated(node, [(sop_class, [syntax]) for sop_class, syntax in contexts]) as link:
        for one in objects:
            try:
                code = _code(link.send_c_store(one))
            except (ValueError, RuntimeError) as err:  # no context for it, or the link is gone
                raise PacsError(
                    "The PACS does not take objects of this kind, or hung up. Leave it out of pacs_kinds."
                ) from err
            if code is None or (code and code >> 12 != 0xB):  # 0xBxxx are warnings: stored all the same
                raise PacsError(_BROKE_OFF if code is None else _refused("store", code))


_BROKE_OFF = (
    "The PACS broke off in the middle of its answer. Nothing was kept. Try again; if that repeats, it may "
    "not allow this to our AE title (pacs_aet)."
)


def _refused(act: str, code: int) -> str:
    return f"The PACS refuses to {act} (status 0x{code:04X}). Have its administrator allow it to pedaxr."


def _code(status: Dataset | None) -> int | None:
    """The status of an answer; None where there was none."""
    found = status.get("Status") if status else None
    return int(found) if found is not None else None
