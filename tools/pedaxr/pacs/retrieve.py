"""One instance out of the PACS, by what it offers: DICOMweb, else C-GET, else C-MOVE to our own port."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.errors import InvalidRequest, PacsDown, PacsError, StorageError
from pedaxr.pacs.asked import asking
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.spool import Spool

if TYPE_CHECKING:
    from pedaxr.pacs.dimse import Contexts


@dataclass(frozen=True)
class Place:
    """Where an instance lies in the PACS."""

    study_uid: str
    series_uid: str
    sop_uid: str


def film_at(place: Place, *, node: PacsNode, home: Path) -> bytes:
    """A film's file, its data set as the PACS sent it, byte for byte.

    Raises:
        PacsDown: nobody answers.
        PacsError: it has no such film, refuses, or stopped in the middle.
        StorageError: the clinic cannot be written.
    """
    from pedaxr.pacs.dimse import FILM_CONTEXTS

    content = instance_at(place, FILM_CONTEXTS, node=node, home=home)
    if content is None:
        hint = ", or pacs_web_url is wrong" if node.web_url else ""
        raise PacsError(f"The PACS no longer has this film{hint}. Search again with find_patient.")
    return content


def instance_at(place: Place, contexts: "Contexts", *, node: PacsNode, home: Path) -> bytes | None:
    """The file of a film or object; None where the PACS says that it has none.

    Args:
        place: where it lies.
        contexts: SOP classes that it can be of, with the transfer syntaxes of each.
        node: the PACS.
        home: of the clinic, which waits for what comes by C-MOVE.

    Raises:
        InvalidRequest: to be sent a film over TLS, pedaxr needs a certificate of its own.
        PacsDown, PacsError, StorageError.
    """
    if node.web_url:
        from pedaxr.pacs import web

        return web.get_instance_if_there(node, place.study_uid, place.series_uid, place.sop_uid)
    from pedaxr.pacs import dimse

    try:
        return dimse.get_instance_if_there(
            node, place.study_uid, place.series_uid, place.sop_uid, contexts=contexts
        )
    except PacsDown:
        raise
    except PacsError as refused:  # some offer C-GET and allow it to nobody
        try:
            return _moved(place, node, home)
        except (PacsError, InvalidRequest) as err:
            raise (err if isinstance(refused, dimse.NoSuchService) else refused) from err


def _moved(place: Place, node: PacsNode, home: Path) -> bytes | None:
    from pedaxr.pacs.dimse import ask_to_move

    with asking(home, place.sop_uid) as asked, _somebody_listening(node, home):
        try:
            sent = ask_to_move(node, place.study_uid, place.series_uid, place.sop_uid)
        except PacsError:
            if asked.content() is None:
                raise
            sent = 1  # whole, whatever went wrong afterwards
        if sent and asked.content() is None:
            raise PacsError(
                f"The PACS says that it sent the film, and it did not come. Have its administrator check the "
                f"address and port that it has for {node.aet!r}; another program may listen there."
            )
        return asked.content()


@contextmanager
def _somebody_listening(node: PacsNode, home: Path) -> Iterator[None]:
    """Listen for the block, unless `pedaxr listen` has the port: then it takes what comes."""
    from pedaxr.pacs.receive import receiving

    listening = replace(node, callers=node.callers or (f"{node.called_aet}@{_address(node)}",))
    with ExitStack() as stack:
        with suppress(StorageError):  # the port is taken
            stack.enter_context(receiving(listening, Spool(home), lambda: None, asked_only=True))
        yield


def _address(node: PacsNode) -> str:
    """Where a PACS that is on no list of callers will call from."""
    try:
        return str(socket.getaddrinfo(node.host, node.port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as err:
        raise PacsDown("The PACS cannot be reached. Check pacs_host and pacs_port.") from err
