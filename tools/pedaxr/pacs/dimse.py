"""DICOM messages to the PACS: C-ECHO, C-FIND, C-GET, C-MOVE and C-STORE, each over an association of its own.

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
    HTJ2K,
    JPEG2000,
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
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
_MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
FILM_CLASSES = (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation)
FILM_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEG2000,
    HTJ2KLossless,
    HTJ2K,
    JPEGLosslessSV1,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
OBJECT_SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)  # that results are sent in, and come back
FILM_CONTEXTS: tuple[tuple[UID, Sequence[UID]], ...] = tuple((one, FILM_SYNTAXES) for one in FILM_CLASSES)
MOST_ROWS = 300
_MOST_FOUND_BYTES = 4 * 2**20
_CONNECT_S, _ANSWER_S, _ALL_S, _FETCH_S = 5, 20, 30, 120
_MOVED_S = 60  # a PACS says nothing while it sends a film elsewhere
_PENDING = (0xFF00, 0xFF01)
_CALLED_UNKNOWN, _CALLING_UNKNOWN = 7, 3  # PS3.8 table 9-21, reasons of the service user
Contexts = Sequence[tuple[UID, Sequence[UID] | None]]


class NoSuchService(PacsError):
    """The PACS does not offer what it was asked for."""


def echo(node: PacsNode) -> None:
    """Ask whether it is there. Raises PacsDown, PacsError."""
    with associated(node, [(VERIFICATION, None)]) as link:
        status = link.send_c_echo()
        if _code(status) != 0:
            raise PacsError("The PACS does not answer an echo. Check pacs_called_aet.")


@contextmanager
def associated(
    node: PacsNode,
    contexts: Contexts,
    *,
    most_bytes: int = _MOST_FOUND_BYTES,
    on_store: Callable[[Event], int] | None = None,
    connect_s: int = _CONNECT_S,
    answer_s: int = _ANSWER_S,
) -> Iterator[Association]:
    """An association for the block, released at its end.

    Args:
        node: the PACS.
        contexts: SOP class and transfer syntaxes of each; None for the usual ones.
        most_bytes: that the PACS may send in all.
        on_store: takes what the PACS stores to us over the same association (C-GET).
        connect_s: how long to wait for the connection.
        answer_s: how long to wait for each answer.

    Raises:
        PacsDown: nobody answers there.
        NoSuchService: it answers, and offers none of the contexts.
        PacsError: it refuses.
    """
    ae = AE(ae_title=node.aet)
    ae.connection_timeout, ae.acse_timeout = connect_s, 2 * connect_s
    ae.dimse_timeout = ae.network_timeout = answer_s
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
    raise _refusal(node, link)


def _refusal(node: PacsNode, link: Association) -> PacsError:
    """Why there is no association, and what to do."""
    if link.rejected_contexts:
        return NoSuchService(
            "The PACS offers no such service, or takes no objects of this kind. Have its administrator allow "
            "it to pedaxr, or leave the kind out of pacs_kinds."
        )
    if not link.is_rejected:
        return PacsDown(
            "The PACS does not answer, or not in this way (TLS or plain). Is it running? Check pacs_host, "
            "pacs_port and the certificates."
        )
    reason = getattr(link.acceptor.primitive, "diagnostic", None)
    told = {
        _CALLED_UNKNOWN: f"The PACS is not called {node.called_aet!r}. Correct pacs_called_aet.",
        _CALLING_UNKNOWN: f"The PACS does not know {node.aet!r}. Have its administrator add that AE title.",
    }
    return PacsError(
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

    def __init__(self, link: Association, most_rows: int, all_s: float) -> None:
        self._link, self._most_rows = link, most_rows
        self._until = time.monotonic() + all_s

    def find(self, level: str, wanted: Mapping[str, str], returned: Sequence[str] = ()) -> list[Dataset]:
        """The answers to one question; nothing of them is checked yet.

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
        _check_established(self._link)
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
            if len(rows) >= self._most_rows or time.monotonic() > self._until:
                self._link.abort()
                raise PacsError(
                    "The PACS has too many answers to this. Ask more narrowly: add the birth date."
                )
        raise PacsError(_BROKE_OFF)


@contextmanager
def finding(
    node: PacsNode, *, connect_s: int = _CONNECT_S, most_rows: int = MOST_ROWS, all_s: float = _ALL_S
) -> Iterator[Finder]:
    """Ask questions over one association, and read the answers inside.

    Args:
        node: the PACS.
        connect_s: how long to wait for the connection.
        most_rows: answers that a question may have.
        all_s: how long all questions together may take.

    Raises:
        PacsDown, PacsError.
    """
    most_bytes = _MOST_FOUND_BYTES * max(1, most_rows // MOST_ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's quote what they warn of
        with associated(node, [(_FIND, None)], connect_s=connect_s, most_bytes=most_bytes) as link:
            yield Finder(link, most_rows, all_s)


def offers_get(node: PacsNode) -> bool:
    """Whether films can be fetched by C-GET. Raises PacsDown, PacsError."""
    try:
        with _getting(node, FILM_CONTEXTS, lambda _: 0xA900):
            return True
    except NoSuchService:
        return False


def offers_move(node: PacsNode) -> bool:
    """Whether it sends films that are asked for, over a connection of its own. Raises PacsDown, PacsError."""
    try:
        with associated(node, [(_MOVE, None)]):
            return True
    except NoSuchService:
        return False


def get_instance_if_there(
    node: PacsNode, study_uid: str, series_uid: str, sop_uid: str, *, contexts: Contexts
) -> bytes | None:
    """One instance by C-GET: a DICOM file whose data set is as the PACS sent it, byte for byte.

    Returns:
        The file; None where the PACS says that it has none.

    Raises:
        NoSuchService: it offers no C-GET, as many do not.
        PacsDown, PacsError.
    """
    got: list[bytes] = []

    def on_store(event: Event) -> int:
        if got or str(getattr(event.request, "AffectedSOPInstanceUID", "")) != sop_uid:
            return 0xA900  # not what was asked for
        got.append(event.encoded_dataset())
        return 0x0000

    query = _instance(study_uid, series_uid, sop_uid)
    with _getting(node, contexts, on_store) as link:
        codes = [_code(status) for status in _statuses(link, link.send_c_get(query, _GET))]
    if got:
        return got[0]
    if codes and codes[-1] == 0:
        return None
    raise PacsError(_BROKE_OFF if not codes or codes[-1] is None else _refused("fetch", codes[-1]))


@contextmanager
def _getting(node: PacsNode, contexts: Contexts, on_store: Callable[[Event], int]) -> Iterator[Association]:
    """An association over which a C-GET is accepted."""
    asked = [(_GET, None), *contexts]
    with associated(node, asked, most_bytes=MAX_BYTES + 2**20, on_store=on_store) as link:
        if _GET not in [context.abstract_syntax for context in link.accepted_contexts]:
            raise NoSuchService("The PACS offers no C-GET.")
        _check_established(link)
        yield link


def ask_to_move(node: PacsNode, study_uid: str, series_uid: str, sop_uid: str) -> int:
    """Have the PACS send one instance to our AE title, by C-MOVE; it comes over a connection of its own.

    Returns:
        How many instances it says that it sent.

    Raises:
        PacsDown, PacsError.
    """
    query = _instance(study_uid, series_uid, sop_uid)
    with associated(node, [(_MOVE, None)], answer_s=_MOVED_S) as link:
        _check_established(link)
        statuses = list(_statuses(link, link.send_c_move(query, node.aet, _MOVE)))
    last = statuses[-1] if statuses else None
    code = _code(last)
    if last is None or code is None:
        raise PacsError(_BROKE_OFF)
    if code:
        raise PacsError(
            f"The PACS did not send the film by C-MOVE (status 0x{code:04X}). Have its administrator allow "
            f"it and enter this machine's address and pacs_listen_port for {node.aet!r}. Can it reach "
            "pacs_listen_host?"
        )
    return int(last.get("NumberOfCompletedSuboperations") or 0)


def _instance(study_uid: str, series_uid: str, sop_uid: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    query.StudyInstanceUID, query.SeriesInstanceUID, query.SOPInstanceUID = study_uid, series_uid, sop_uid
    return query


def _statuses(link: Association, answers: Iterator[tuple[Dataset, Dataset | None]]) -> Iterator[Dataset]:
    """What a C-GET or C-MOVE is answered with, until it ends or takes longer than any film may."""
    until = time.monotonic() + _FETCH_S
    for status, _ in answers:
        yield status
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


def _check_established(link: Association) -> None:
    """Raises PacsError where the PACS hung up in the meantime."""
    if not link.is_established:
        raise PacsError(_BROKE_OFF)


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
