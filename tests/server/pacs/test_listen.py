"""A real PACS sends films; what was acknowledged is read, once, whatever happens in between."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from functools import partialmethod
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import SegmentationStorage

from pedaxr.clinic import Clinic
from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.import_film import import_film
from pedaxr.errors import InvalidRequest, PacsError
from pedaxr.pacs import dimse, listen, receive, spool, wire
from pedaxr.pacs.dimse import echo
from pedaxr.pacs.find import new_films
from pedaxr.pacs.listen import Listener
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.receive import receiving
from pedaxr.pacs.spool import Spool
from pedaxr.types import Report

from ..conftest import canned_report
from ..ports import free_ports
from .films import ARIN, MINJUN, SEOYEON, film, uid_of
from .orthanc import Orthanc, needs_orthanc
from .test_hostile_pacs import order, pacs, row, rows_of

WAIT_S = 20.0


def read(study_id: str, clinic: Clinic) -> Report:
    return clinic.registry.save_report(canned_report(study_id, "").model_copy(update={"critical": []}))


def listening_node(port: int) -> PacsNode:
    return PacsNode("127.0.0.1", port, "PEDAXR", "ORTHANC", listen_port=port, callers=("ORTHANC@127.0.0.1",))


def listener_of(clinic: Clinic, node: PacsNode) -> Listener:
    return Listener(clinic, replace(node, aet="PEDAXR"), Spool(clinic.home), read=read)


@contextmanager
def taking(listener: Listener) -> Iterator[threading.Event]:
    """The service alone, without the work; the event says that a film came."""
    came = threading.Event()
    with receiving(listener.node, listener.spool, came.set):
        yield came


def send(node: PacsNode, *films: bytes) -> None:
    dimse.store_objects(node, [dcmread(BytesIO(one)) for one in films])


@pytest.fixture
def node() -> PacsNode:
    return listening_node(free_ports(1)[0])


@needs_orthanc
def test_films_that_the_pacs_sends_are_read_once_and_hands_are_left(
    hospital: Orthanc, clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ids = {one: hospital.ask(f"/instances/{one}/simplified-tags") for one in hospital.ask("/instances")}
    of_order = {tags["AccessionNumber"]: one for one, tags in ids.items()}
    listener = listener_of(clinic, listening_node(hospital.listener))
    with taking(listener):
        for order in ("A4", "A5", "A4", "A1"):
            hospital.ask("/modalities/pedaxr/store", method="POST", content=of_order[order])
        listener.work_once()
        hospital.ask("/modalities/pedaxr/store", method="POST", content=of_order["A4"])
        listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "read": 2, "left": 1}
    assert clinic.registry.counts() == {"patients": 2, "studies": 2, "reports": 2}
    study = clinic.registry.studies("Q-1004")[0]
    assert study.sop_instance_uid == uid_of("A4")
    for name in ("민준", "Minjun", "Q-1004", "20220304", uid_of("A4")):
        assert name not in caplog.text, "at DEBUG, of every library"


def test_a_film_that_was_acknowledged_is_read_after_a_crash(clinic: Clinic, node: PacsNode) -> None:
    with taking(listener_of(clinic, node)):
        send(node, film(SEOYEON, "B1"))
    assert clinic.registry.counts()["studies"] == 0, "control: the process ended before it could work"
    again = listener_of(clinic, node)
    again.work_once()
    assert again.spool.counts() == {"waiting": 0, "read": 1}
    assert clinic.registry.counts() == {"patients": 1, "studies": 1, "reports": 1}


def test_a_backup_holds_films_that_were_acknowledged_and_wait(clinic: Clinic, tmp_path: Path) -> None:
    """Once restored, they are read; one that was left stays left."""
    first = Spool(clinic.home)
    first.take(uid_of("B1"), film(SEOYEON, "B1"))
    first.take(uid_of("B2"), film(MINJUN, "B2", BodyPartExamined="HAND"))
    listener_of(clinic, listening_node(9)).work_once()
    first.take(uid_of("B9"), film(MINJUN, "B9"))
    (clinic.home / "spool" / "stranger.dcm").write_bytes(b"of nobody")
    assert back_up(clinic, tmp_path / "b.zip").waiting == 1
    again = restore(tmp_path / "b.zip", tmp_path / "new")
    assert not (again.home / "spool" / "stranger.dcm").exists()
    listener = listener_of(again, listening_node(9))
    assert listener.spool.counts() == {"waiting": 1, "read": 1, "left": 1}
    listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "read": 2, "left": 1}
    assert again.registry.counts()["studies"] == 2


def test_a_crash_between_import_and_outcome_doubles_nothing(
    clinic: Clinic, node: PacsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = listener_of(clinic, node)
    listener.spool.take(uid_of("B1"), film(SEOYEON, "B1"))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "settle", crash)
        with pytest.raises(KeyboardInterrupt):
            listener.work_once()
    assert len(listener.spool.waiting()) == 1
    listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "read": 1}
    assert clinic.registry.counts() == {"patients": 1, "studies": 1, "reports": 1}


def test_the_film_is_on_the_disk_before_its_sender_is_told(
    clinic: Clinic, node: PacsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space")

    listener = listener_of(clinic, node)
    with taking(listener):
        with monkeypatch.context() as patch:
            patch.setattr(spool, "replace_durably", full)
            with pytest.raises(PacsError, match="0xA700"):
                send(node, film(SEOYEON, "B1"))
        with monkeypatch.context() as patch:
            patch.setattr(spool, "MOST_WAITING", 0)
            with pytest.raises(PacsError, match="0xA700"):
                send(node, film(SEOYEON, "B1"))
        send(node, film(SEOYEON, "B1"))
    assert len(listener.spool.waiting()) == 1


@pytest.mark.parametrize(
    "stranger",
    [
        {"aet": "STRANGER"},
        {"called_aet": "OTHER"},
        {"callers": ("ORTHANC@192.0.2.7",)},
        {"callers": ("OTHER@127.0.0.1", "ORTHANC@192.0.2.7")},
    ],
    ids=["calling title", "called title", "address", "title of another address"],
)
def test_only_callers_on_the_list_may_send(
    clinic: Clinic, node: PacsNode, stranger: dict[str, object]
) -> None:
    listener = listener_of(clinic, node)
    if "callers" in stranger:
        listener.node = replace(listener.node, **stranger)
    with taking(listener), pytest.raises(PacsError):
        send(replace(node, **{k: v for k, v in stranger.items() if k != "callers"}), film(SEOYEON, "B1"))
    assert listener.spool.waiting() == []


@pytest.mark.parametrize("by_web", [True, False], ids=["DICOMweb", "DICOM alone"])
def test_what_is_no_film_is_not_taken(clinic: Clinic, node: PacsNode, by_web: bool) -> None:
    dataset = dcmread(BytesIO(film(SEOYEON, "B1")))
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SegmentationStorage
    listener = listener_of(clinic, node)
    if by_web:  # then no object of that kind is ever awaited here
        listener.node = replace(listener.node, web_url="http://127.0.0.1:9/dicom-web")
    with taking(listener):
        with pytest.raises(PacsError, match="kind" if by_web else "0x0122"):
            dimse.store_objects(node, [dataset])
        echo(node)
    assert listener.spool.waiting() == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\0" * 128 + b"DICM" + b"\xff" * 500, "DICOM|picture|damaged|transfer"),
        (b"no picture at all", "."),
        (film(ARIN, "B2"), "SOPInstanceUID"),
        (film(ARIN, "B1", PatientID=""), "patient id"),
        (film(ARIN, "B1", SOPInstanceUID=uid_of("B1"), Rows=60000, Columns=60000), "."),
    ],
    ids=["garbage", "text", "another film's id", "nobody's", "absurd size"],
)
def test_a_film_that_cannot_be_used_is_kept_beside_with_its_reason(
    clinic: Clinic, node: PacsNode, content: bytes, said: str
) -> None:
    listener = listener_of(clinic, node)
    listener.spool.take(uid_of("B1"), content)
    listener.spool.take(uid_of("B9"), film(MINJUN, "B9"))
    listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "failed": 1, "read": 1}, "and the next one is read"
    failed = [path for path in listener.spool.folder.glob("*.failed")]
    assert [path.read_bytes() for path in failed] == [content]
    outcome = listener.spool.outcome(failed[0].stem)
    assert outcome is not None
    pytest.importorskip("re").search(said, outcome.said)
    assert "아린" not in outcome.said and "Q-1003" not in outcome.said
    assert listener.spool.take(uid_of("B1"), film(SEOYEON, "B1")), "sent again it has another chance"
    listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "read": 2}


def test_a_film_saved_again_with_other_bytes_is_the_same_film(clinic: Clinic, node: PacsNode) -> None:
    listener = listener_of(clinic, node)
    (clinic.home / "first.dcm").write_bytes(film(SEOYEON, "B1", ImageComments="saved by another archive"))
    study_id = import_film(clinic.home / "first.dcm", clinic=clinic)
    listener.spool.take(uid_of("B1"), film(SEOYEON, "B1"))
    listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "read": 1}
    assert [study.study_id for study in clinic.registry.studies(SEOYEON[0])] == [study_id]


def test_a_bug_that_one_film_meets_stops_no_other(clinic: Clinic, node: PacsNode) -> None:
    def read_or_fail(study_id: str, clinic: Clinic) -> Report:
        if clinic.registry.study(study_id).patient_id == SEOYEON[0]:
            raise ZeroDivisionError
        return read(study_id, clinic)

    listener = listener_of(clinic, node)
    listener.read = read_or_fail
    listener.spool.take(uid_of("B1"), film(SEOYEON, "B1"))
    listener.spool.take(uid_of("B9"), film(MINJUN, "B9"))
    listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "failed": 1, "read": 1}


def test_a_child_that_contradicts_the_registry_is_not_imported(clinic: Clinic, node: PacsNode) -> None:
    listener = listener_of(clinic, node)
    listener.spool.take(uid_of("B1"), film(SEOYEON, "B1"))
    listener.work_once()
    other = (SEOYEON[0], "박지호", date(2015, 1, 1))
    listener.spool.take(uid_of("B2"), film(other, "B2"))
    listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "read": 1, "failed": 1}
    assert clinic.registry.counts()["patients"] == 1


def test_a_second_listener_for_the_clinic_is_refused(clinic: Clinic) -> None:
    with (
        Spool(clinic.home).alone(),
        pytest.raises(InvalidRequest, match="Another"),
        Spool(clinic.home).alone(),
    ):
        pass
    with Spool(clinic.home).alone():
        pass


def test_a_port_in_use_is_said(clinic: Clinic, node: PacsNode) -> None:
    with (
        taking(listener_of(clinic, node)),
        pytest.raises(Exception, match="port"),
        taking(listener_of(clinic, node)),
    ):
        pass


@needs_orthanc
def test_a_pacs_that_sends_nothing_by_itself_is_asked(
    hospital: Orthanc, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Today(date):
        @classmethod
        def today(cls) -> "Today":
            return cls(2025, 11, 4)  # the films are of the day before

    monkeypatch.setattr(listen, "date", Today)
    listener = Listener(clinic, hospital.web_node, Spool(clinic.home), poll_s=60, read=read)
    listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "read": 4}
    listener.work_once()
    assert clinic.registry.counts()["studies"] == 4
    away = Listener(
        clinic, replace(hospital.node, port=free_ports(1)[0]), listener.spool, poll_s=60, read=read
    )
    away.work_once()


def test_a_study_is_looked_into_again_only_when_it_holds_more() -> None:
    """A large hospital has more studies in two days than a search for one child may find."""
    studies = [order(SEOYEON, "A1", NumberOfStudyRelatedInstances="1")]
    for number in range(1, dimse.MOST_ROWS + 10):
        uids = {f"{level}InstanceUID": f"1.2.{number}.{level}" for level in ("Series", "SOP")}
        studies.append(row(StudyInstanceUID=f"1.2.{number}", NumberOfStudyRelatedInstances="1", **uids))
    seen = {f"1.2.{number}": "1" for number in range(1, len(studies))}
    asked: list[str] = []

    def find(query: Dataset) -> Iterator[tuple[int, Dataset | None]]:
        asked.append(query.QueryRetrieveLevel)
        yield from rows_of(*studies)(query)

    with pacs(find) as there:
        for found in ([uid_of("A1")], []):
            films = list(new_films(there, date(2025, 11, 2), date(2025, 11, 3), seen))
            assert [film.sop_uid for film in films] == found
        studies[0].NumberOfStudyRelatedInstances = "2"
        assert len(list(new_films(there, date(2025, 11, 2), date(2025, 11, 3), seen))) == 1
    assert asked == ["STUDY", "SERIES", "IMAGE", "STUDY", "STUDY", "SERIES", "IMAGE"]


def test_a_film_that_the_pacs_does_not_give_keeps_out_no_other_and_is_asked_for_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, bytes] = {uid_of("A2"): film(SEOYEON, "A2")}
    studies = [order(SEOYEON, number, NumberOfStudyRelatedInstances="1") for number in ("A1", "A2")]
    with pacs(rows_of(*studies), sent) as there:
        listener = Listener(clinic, there, Spool(clinic.home), poll_s=5, read=read)
        listener.work_once()
        assert listener.spool.counts() == {"waiting": 0, "read": 1}
        sent[uid_of("A1")] = film(SEOYEON, "A1")
        monkeypatch.setattr(listener, "_not_before", {})
        listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "read": 2}


def test_peers_that_hang_up_or_stall_in_the_middle_leave_no_open_socket(
    clinic: Clinic, node: PacsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener that runs for months must not run out of them."""
    monkeypatch.setattr(wire.Bound, "__init__", partialmethod(wire.Bound.__init__, most_seconds=0.3))
    monkeypatch.setattr(receive, "_GREETING_S", 1.0)
    listener = listener_of(clinic, node)
    with taking(listener):
        echo(node)
        before = sockets()
        for message in (b"\4\0\0\0\1\0" + b"\xff" * 10, b"\4\0\xff\xff\xff\xff", b"\1"):
            for is_hung_up in (True, False):
                peer = socket.create_connection(("127.0.0.1", node.port), timeout=WAIT_S)
                peer.sendall(message)
                if is_hung_up:
                    peer.close()
                else:
                    time.sleep(0.5)
                    peer.close()
        until = time.monotonic() + WAIT_S
        while sockets() > before and time.monotonic() < until:
            time.sleep(0.1)
        assert sockets() <= before
        time.sleep(1.5)
        for _ in range(3):
            echo(node)


def sockets() -> int:
    """Open ones of this process."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += str(link.readlink()).startswith("socket:")
    return found
