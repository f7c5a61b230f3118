"""A PACS that offers neither DICOMweb nor C-GET sends what it is asked for to our own port, by C-MOVE."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import EncapsulatedPDFStorage
from pynetdicom import AE, evt
from pynetdicom.events import Event

from pedaxr.clinic import Clinic
from pedaxr.errors import PacsError
from pedaxr.pacs import dimse
from pedaxr.pacs.asked import asking, hand_over
from pedaxr.pacs.check import check_pacs
from pedaxr.pacs.dimse import FILM_CLASSES
from pedaxr.pacs.fetch import fetch
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.receive import receiving
from pedaxr.pacs.retrieve import Place, film_at, instance_at
from pedaxr.pacs.spool import Spool
from pedaxr.pacs.wire import Bound

from ..ports import free_ports
from .films import HOMONYM, SEOYEON, film, uid_of
from .orthanc import Orthanc, needs_orthanc
from .test_hostile_pacs import FIND, answers, row

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
PLACE = Place(*(uid_of("A1", f"{level}InstanceUID") for level in ("Study", "Series", "SOP")))


@contextmanager
def only_moves(sent: bytes | None, *, said: int | None = None, to: int | None = None) -> Iterator[PacsNode]:
    """A PACS with C-FIND and C-MOVE alone, which sends that file when it is asked for any.

    Args:
        sent: the file; None for none.
        said: the status it ends with, whatever it sent.
        to: the port it sends to; ours when None.
    """
    bounds: list[Bound] = []
    port = free_ports(1)[0]

    def on_open(event: Event) -> None:
        bounds.append(Bound(2**30))
        bounds[-1](event)

    def on_find(event: Event) -> Iterator[tuple[int, Dataset | None]]:
        yield from answers(row())(event.identifier)

    def on_move(event: Event) -> Iterator[Any]:
        if said == 0xA801:
            yield None, None
            return
        yield ("127.0.0.1", to or port)
        yield 1 if sent or said else 0
        if said is not None and not sent:
            yield said, None
        elif sent:
            yield 0xFF00, dcmread(BytesIO(sent))

    ae = AE("ORTHANC")
    ae.requested_contexts = [evt_context(one) for one in FILM_CLASSES]
    for service in (FIND, MOVE):
        ae.add_supported_context(service)
    handlers: list[Any] = [
        (evt.EVT_CONN_OPEN, on_open),
        (evt.EVT_C_FIND, on_find),
        (evt.EVT_C_MOVE, on_move),
    ]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield PacsNode("127.0.0.1", int(server.server_address[1]), "ORTHANC", listen_port=port)
    finally:
        ae.shutdown()
        for bound in bounds:
            bound.close()


def evt_context(sop_class: str) -> Any:
    from pynetdicom import build_context

    return build_context(sop_class)


@needs_orthanc
def test_a_film_comes_by_move_where_that_is_all_a_pacs_allows(hospital: Orthanc, clinic: Clinic) -> None:
    with pytest.raises(PacsError):  # control: C-GET alone does not bring it
        dimse.get_instance_if_there(
            hospital.move_node,
            PLACE.study_uid,
            PLACE.series_uid,
            PLACE.sop_uid,
            contexts=dimse.FILM_CONTEXTS,
        )
    (study_id,) = fetch("A1", clinic=clinic, node=hospital.move_node).study_ids
    assert clinic.registry.study(study_id).sop_instance_uid == PLACE.sop_uid
    assert not list(clinic.home.glob(".fetch-*")) and Spool(clinic.home).waiting() == []


def test_a_running_listener_hands_a_film_that_was_asked_for_to_whoever_asked(clinic: Clinic) -> None:
    with only_moves(film(SEOYEON, "A1")) as node:
        listening = replace(node, callers=("ORTHANC@127.0.0.1",))
        spool, came = Spool(clinic.home), threading.Event()
        with receiving(listening, spool, came.set):
            assert len(fetch("A1", clinic=clinic, node=node).study_ids) == 1
        assert spool.waiting() == [] and not came.is_set(), "it is no new film for the listener"


@pytest.mark.parametrize(
    ("pacs", "said"),
    [
        ({"sent": None}, "no longer has"),
        ({"sent": None, "said": 0xA702}, "0xA702"),
        ({"sent": None, "said": 0xA801}, "0xA801.*pacs_listen_port"),
        ({"sent": film(HOMONYM, "A2")}, "did not come|0xB000|0xA702"),
        ({"sent": film(HOMONYM, "A1")}, "not the one"),
        ({"sent": film(SEOYEON, "A1"), "to": 9}, "did not send|did not come"),
    ],
    ids=["nothing", "no room", "unknown title", "another film", "another child", "elsewhere"],
)
def test_what_does_not_come_is_said_and_nothing_is_kept(
    clinic: Clinic, pacs: dict[str, Any], said: str
) -> None:
    with only_moves(**pacs) as node, pytest.raises(PacsError, match=said):
        fetch("A1", clinic=clinic, node=node)
    assert clinic.registry.counts()["studies"] == 0
    assert not list(clinic.home.glob(".fetch-*")) and Spool(clinic.home).waiting() == []


@needs_orthanc
def test_a_film_that_a_web_service_lacks_hints_at_its_address(hospital: Orthanc, clinic: Clinic) -> None:
    gone = replace(PLACE, sop_uid="1.2.3")
    with pytest.raises(PacsError, match="no longer has this film, or pacs_web_url"):
        film_at(gone, node=hospital.web_node, home=clinic.home)
    for node in (hospital.node, hospital.move_node):
        with pytest.raises(PacsError):
            film_at(gone, node=node, home=clinic.home)


def test_a_film_that_nobody_asked_for_stays_with_its_sender_while_one_is_awaited(clinic: Clinic) -> None:
    port = free_ports(1)[0]
    node = PacsNode("127.0.0.1", port, "PEDAXR", "ORTHANC", listen_port=port, callers=("ORTHANC@127.0.0.1",))
    ours, spool = replace(node, aet="PEDAXR"), Spool(clinic.home)
    with (
        receiving(ours, spool, lambda: None, asked_only=True),
        asking(clinic.home, uid_of("A1")) as asked,
    ):
        with pytest.raises(PacsError, match="0xA700"):
            dimse.store_objects(node, [dcmread(BytesIO(film(SEOYEON, "A4")))])
        dimse.store_objects(node, [dcmread(BytesIO(film(SEOYEON, "A1")))])
        assert asked.content() is not None
    assert spool.waiting() == []


def test_an_object_is_taken_by_a_listener_where_it_was_asked_for_and_only_there(clinic: Clinic) -> None:
    port = free_ports(1)[0]
    node = PacsNode("127.0.0.1", port, "PEDAXR", "ORTHANC", listen_port=port, callers=("ORTHANC@127.0.0.1",))
    document = dcmread(BytesIO(film(SEOYEON, "A1")))
    document.SOPClassUID = document.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    spool = Spool(clinic.home)
    with receiving(replace(node, aet="PEDAXR"), spool, lambda: None):
        with pytest.raises(PacsError, match="0x0122"):
            dimse.store_objects(node, [document])
        with asking(clinic.home, uid_of("A1")) as asked:
            dimse.store_objects(node, [document])
            assert asked.content() is not None
    assert spool.waiting() == []


def test_a_film_that_comes_by_itself_while_it_is_awaited_is_read_too(clinic: Clinic) -> None:
    """It was acknowledged: whoever waits for it may die before it is imported."""
    port = free_ports(1)[0]
    node = PacsNode("127.0.0.1", port, "PEDAXR", "ORTHANC", listen_port=port, callers=("ORTHANC@127.0.0.1",))
    spool = Spool(clinic.home)
    with (
        receiving(replace(node, aet="PEDAXR"), spool, lambda: None),
        asking(clinic.home, uid_of("A1")) as asked,
    ):
        dimse.store_objects(node, [dcmread(BytesIO(film(SEOYEON, "A1")))])
        assert asked.content() is not None
    assert len(spool.waiting()) == 1


def test_a_mark_that_a_killed_process_left_is_forgotten(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedaxr.pacs import asked

    with asking(clinic.home, uid_of("A1")):
        assert hand_over(clinic.home, uid_of("A1"), b"film")
        monkeypatch.setattr(asked, "_WAITED_S", -1.0)
        assert not hand_over(clinic.home, uid_of("A1"), b"film")


def test_the_check_says_that_the_pacs_must_know_where_we_are(clinic: Clinic) -> None:
    with only_moves(None) as node:
        tried = {one.what: one for one in check_pacs(node)}
        place = tried["fetch (C-GET or C-MOVE)"]
        assert place.is_ok and str(node.listen_port) in place.said
        assert instance_at(PLACE, dimse.FILM_CONTEXTS, node=node, home=clinic.home) is None
