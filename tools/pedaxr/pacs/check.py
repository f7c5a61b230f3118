"""What each side of the PACS allows, tried one by one: for whoever sets it up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from pedaxr.errors import PacsError
from pedaxr.pacs import dimse
from pedaxr.pacs.node import PacsNode
from pedaxr.text import counted


@dataclass(frozen=True)
class Tried:
    """One thing that pedaxr needs of the PACS.

    Attributes:
        said: what was found, or what is wrong and what to do.
    """

    what: str
    is_ok: bool
    said: str


def check_pacs(node: PacsNode) -> Iterator[Tried]:
    """Try connection, search and DICOMweb; nothing is stored, so the right to store is not tried."""
    yield _tried("connection (C-ECHO)", lambda: _echo(node))
    yield _tried("search (C-FIND)", lambda: _found(node))
    if node.web_url:
        yield _tried("DICOMweb", lambda: _web(node))
    else:
        yield _tried("fetch (C-GET or C-MOVE)", lambda: _fetch(node))
    yield Tried("encryption", node.has_tls, "TLS" if node.has_tls else "none: DICOM is spoken plainly")
    yield Tried(
        "sending", True, {"off": "off", "signed": "signed reports", "drafts": "drafts too"}[node.send]
    )


def _tried(what: str, trial: Callable[[], str]) -> Tried:
    try:
        return Tried(what, True, trial())
    except PacsError as err:
        return Tried(what, False, str(err))


def _echo(node: PacsNode) -> str:
    dimse.echo(node)
    return f"{node.called_aet} answers to {node.aet}; that alone does not mean that it may search or store"


def _found(node: PacsNode) -> str:
    with dimse.finding(node) as finder:
        rows = finder.find("STUDY", {"StudyDate": f"{date.today():%Y%m%d}"}, ("StudyInstanceUID",))
    return f"allowed; {counted(len(rows), 'study')} of today"


def _fetch(node: PacsNode) -> str:
    if dimse.offers_get(node):
        return "C-GET is offered; whether it is allowed is seen with the first film"
    if dimse.offers_move(node):
        return (
            f"C-MOVE alone is offered: the PACS must know {node.aet} at this machine's address and port "
            f"{node.listen_port}"
        )
    raise PacsError("The PACS offers neither C-GET nor C-MOVE. Set pacs_web_url, to fetch films by DICOMweb.")


def _web(node: PacsNode) -> str:
    from pedaxr.pacs import web

    web.is_there(node)
    return "answers; names are searched by C-FIND, since encoded wildcards find nothing in some services"
