"""Results go back to the film's own study, once, read back, and only where three sources name one child."""

import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mcp import Client
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid
from pynetdicom.association import Association

from pedaxr.audit.access_log import AccessLog
from pedaxr.clinic import Clinic
from pedaxr.clinic.integrity import check_clinic
from pedaxr.dicom_objects import objects
from pedaxr.dicom_objects.files import encoded
from pedaxr.errors import InvalidRequest, PacsDown, PacsError
from pedaxr.pacs import listen, web
from pedaxr.pacs.fetch import fetch
from pedaxr.pacs.listen import Listener
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.receive import receiving
from pedaxr.pacs.send import send_report
from pedaxr.pacs.spool import Spool
from pedaxr.reports.sign_off import finalise
from pedaxr.types import PatientSearch
from pedaxr_server.cli import main
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings_sources import gather

from ..conftest import canned_report
from ..ports import free_ports
from .films import ARIN, HOMONYM, MINJUN, SEOYEON, film, uid_of
from .orthanc import Orthanc, needs_orthanc, orthanc

pytestmark = needs_orthanc


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """One that is written to; every test has an order of its own."""
    with orthanc(tmp_path_factory.mktemp("archive")) as found:
        found.load([film(SEOYEON, f"S{number}") for number in range(17)])
        yield found


def capture(clinic: Clinic, study_id: str, text: str = "findings", name: str = "capture") -> Dataset:
    """A small object of the film's study; the same film, text and name give the same bytes."""
    film_header = dcmread(clinic.registry.study(study_id).image_path, stop_before_pixels=True)
    one = Dataset()
    one.file_meta = type(film_header.file_meta)()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    for keyword in (
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "StudyInstanceUID",
        "SpecificCharacterSet",
    ):
        setattr(one, keyword, film_header.get(keyword))
    sources = [film_header.SOPInstanceUID, name]
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=sources)
    one.SeriesInstanceUID = generate_uid(entropy_srcs=[*sources, "series"])
    one.Modality, one.ConversionType, one.DerivationDescription = "OT", "WSD", text
    one.Rows = one.Columns = 2
    one.SamplesPerPixel, one.BitsAllocated, one.BitsStored, one.HighBit = 1, 8, 8, 7
    one.PixelRepresentation, one.PhotometricInterpretation = 0, "MONOCHROME2"
    one.PixelData = b"\1\2\3\4"
    one["PixelData"].VR = "OB"
    return one


@pytest.fixture
def small_objects(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One small object for a report, in place of those that the networks are needed for; what it says."""
    says = ["findings"]

    def made(clinic: Clinic, study_id: str, kinds: Sequence[str], *, organisation: str = "") -> list[Dataset]:
        return [capture(clinic, study_id, says[0])]

    monkeypatch.setattr(objects, "objects_of", made)
    return says


def read_film(clinic: Clinic, archive: Orthanc, order: str) -> str:
    """The study_id of an order's film, fetched and with a draft."""
    (study_id,) = fetch(order, clinic=clinic, node=archive.web_node).study_ids
    now = {"critical": [], "created_at": datetime.now(UTC)}
    clinic.registry.save_report(canned_report(study_id, "").model_copy(update=now))
    return study_id


def held(archive: Orthanc, order: str) -> list[str]:
    """Modalities of what the PACS has of that order's study."""
    wanted = {"Level": "Series", "Query": {"StudyInstanceUID": uid_of(order, "StudyInstanceUID")}}
    found = archive.ask("/tools/find", method="POST", json=wanted | {"Expand": True})
    return sorted(one["MainDicomTags"]["Modality"] for one in found for _ in one["Instances"])


@pytest.mark.parametrize(("by", "order"), [("web", "S0"), ("dicom", "S1")])
def test_a_report_is_sent_read_back_and_sent_again_without_effect(
    archive: Orthanc,
    clinic: Clinic,
    small_objects: list[str],
    by: str,
    order: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    node = archive.web_node if by == "web" else archive.node
    study_id = read_film(clinic, archive, order)
    sent = send_report(study_id, clinic=clinic, node=node)
    assert (sent.stored, sent.already_there) == (("capture",), ())
    again = send_report(study_id, clinic=clinic, node=node)
    assert (again.stored, again.already_there) == ((), ("capture",))
    assert held(archive, order) == ["CR", "OT"]
    assert [one.kind for one in clinic.registry.sent(sent.report_id)] == ["capture"]
    assert all(check.is_good for check in check_clinic(clinic))
    for name in ("서연", "Seoyeon", "Q-1001", "20210506", uid_of(order)):
        assert name not in caplog.text, "at DEBUG, of every library"


def test_what_the_pacs_holds_under_our_id_is_compared_and_never_replaced(
    archive: Orthanc, clinic: Clinic, small_objects: list[str]
) -> None:
    study_id = read_film(clinic, archive, "S2")
    archive.load([encoded(capture(clinic, study_id, "something else"))])
    with pytest.raises(PacsError, match="DerivationDescription"):
        send_report(study_id, clinic=clinic, node=archive.web_node)
    kept = [
        tags for tags in archive.instances() if tags["Modality"] == "OT" and tags["PatientID"] == "Q-1001"
    ]
    assert [tags["DerivationDescription"] for tags in kept].count("something else") == 1
    assert held(archive, "S2") == ["CR", "OT"]
    assert clinic.registry.sent(f"R-{study_id}") == []


def test_an_object_that_cannot_be_read_back_was_not_sent(
    archive: Orthanc, clinic: Clinic, small_objects: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = read_film(clinic, archive, "S3")
    with monkeypatch.context() as patch:
        patch.setattr(web, "store_objects", lambda *_: None)  # answers 200 and keeps nothing
        with pytest.raises(PacsError, match="read back"):
            send_report(study_id, clinic=clinic, node=archive.web_node)
    assert clinic.registry.sent(f"R-{study_id}") == []
    assert send_report(study_id, clinic=clinic, node=archive.web_node).stored == ("capture",)


def test_a_pacs_that_is_away_loses_nothing(
    archive: Orthanc, clinic: Clinic, small_objects: list[str]
) -> None:
    study_id = read_film(clinic, archive, "S4")
    with pytest.raises(PacsDown):
        send_report(study_id, clinic=clinic, node=replace(archive.web_node, port=free_ports(1)[0]))
    with pytest.raises(PacsError):
        send_report(study_id, clinic=clinic, node=replace(archive.web_node, called_aet="WRONG"))
    assert send_report(study_id, clinic=clinic, node=archive.web_node).stored == ("capture",)


def spoil(clinic: Clinic, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(clinic.registry.path)) as connection, connection:
        connection.execute(statement, values)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE patients SET patient_birth_date = ?", ("2021-05-07",)),
        ("UPDATE patients SET patient_birth_date = ?", (None,)),
        ("UPDATE studies SET sop_instance_uid = ?", ("1.2.3",)),
        ("UPDATE studies SET study_instance_uid = ?", ("1.2.3",)),
        ("UPDATE studies SET sop_instance_uid = ?, study_instance_uid = NULL, image_sha256 = 'x'", (None,)),
    ],
    ids=["another birth date", "no birth date", "another film", "no such study", "no DICOM"],
)
def test_nothing_leaves_unless_it_is_certain_whose_it_is(
    archive: Orthanc, clinic: Clinic, small_objects: list[str], statement: str, values: tuple[object, ...]
) -> None:
    study_id = read_film(clinic, archive, "S5")
    spoil(clinic, statement, *values)
    with pytest.raises(InvalidRequest, match=r"Nothing was sent|no DICOM"):
        send_report(study_id, clinic=clinic, node=archive.web_node)
    assert held(archive, "S5") == ["CR"]
    log = AccessLog(clinic.home)
    log.fold()
    with log.connected() as connection:
        refused = "SELECT outcome FROM audit WHERE action = 'send' AND study_id = ?"
        assert connection.execute(refused, [study_id]).fetchall() == [("invalid_request",)]


def test_a_film_from_before_identifiers_were_kept_gets_its_own_and_is_sent(
    archive: Orthanc, clinic: Clinic, small_objects: list[str]
) -> None:
    study_id = read_film(clinic, archive, "S12")
    spoil(clinic, "UPDATE studies SET sop_instance_uid = NULL, study_instance_uid = NULL")
    assert send_report(study_id, clinic=clinic, node=archive.web_node).stored == ("capture",)


def test_a_patient_who_was_merged_or_corrected_in_the_pacs_stays_here(
    archive: Orthanc, clinic: Clinic, small_objects: list[str]
) -> None:
    study_id = read_film(clinic, archive, "S6")
    with pytest.MonkeyPatch.context() as patch:
        from pedaxr.pacs import find
        from pedaxr.pacs.rows import PacsPatient, PacsStudy

        def corrected(node: PacsNode, study_uid: str) -> PacsStudy:
            return PacsStudy(PacsPatient(HOMONYM[0], (HOMONYM[1],), HOMONYM[2], None), study_uid, None)

        patch.setattr(find, "study_in_pacs", corrected)
        with pytest.raises(InvalidRequest, match="registry and the PACS"):
            send_report(study_id, clinic=clinic, node=archive.web_node)
    assert held(archive, "S6") == ["CR"]


def test_an_object_of_another_child_never_leaves_whoever_made_it(
    archive: Orthanc, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = read_film(clinic, archive, "S7")

    def wrong(*_: object, **__: object) -> list[Dataset]:
        one = capture(clinic, study_id)
        one.PatientID = ARIN[0]
        return [one]

    monkeypatch.setattr(objects, "objects_of", wrong)
    with pytest.raises(InvalidRequest, match="objects"):
        send_report(study_id, clinic=clinic, node=archive.web_node)
    assert held(archive, "S7") == ["CR"]


@pytest.mark.parametrize(("mode", "order"), [("off", "S8"), ("signed", "S9"), ("drafts", "S10")])
def test_the_listener_sends_what_the_setting_says_and_that_once(
    archive: Orthanc, clinic: Clinic, small_objects: list[str], mode: Any, order: str
) -> None:
    node = replace(archive.web_node, send=mode)
    listener = Listener(clinic, node, Spool(clinic.home))
    listener.work_once()
    study_id = read_film(clinic, archive, order)
    listener.work_once()
    assert held(archive, order) == (["CR", "OT"] if mode == "drafts" else ["CR"])
    small_objects[0] = "findings" if mode == "drafts" else "signed"
    final = finalise(f"R-{study_id}", by="Kim Yuna", clinic=clinic)
    for _ in range(3):
        listener.work_once()
    assert held(archive, order) == (["CR"] if mode == "off" else ["CR", "OT"])
    assert len(clinic.registry.sent(final.report_id)) == (0 if mode == "off" else 1)
    acts = [row[0] for row in _audit(clinic) if row[0] == "send"]
    assert len(acts) == {"off": 0, "signed": 1, "drafts": 2}[mode]


def test_a_draft_that_could_not_leave_is_not_sent_after_its_signature(
    archive: Orthanc, clinic: Clinic, small_objects: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is tried again is what stands by then: an older version never comes after a newer one."""
    listener = Listener(clinic, replace(archive.web_node, send="drafts"), Spool(clinic.home))
    listener.work_once()
    study_id = read_film(clinic, archive, "S13")

    def away(*_: object, **__: object) -> None:
        raise PacsDown("The PACS is away.")

    with monkeypatch.context() as patch:
        patch.setattr(listen, "send_report", away)
        listener.work_once()
    small_objects[0] = "signed"
    final = finalise(f"R-{study_id}", by="Kim Yuna", clinic=clinic)
    monkeypatch.setattr(listener, "_not_before", {})
    for _ in range(2):
        listener.work_once()
    assert held(archive, "S13") == ["CR", "OT"]
    assert len(clinic.registry.sent(final.report_id)) == 1
    assert clinic.registry.sent(f"R-{study_id}") == []


@pytest.mark.parametrize(("by", "order"), [("web", "S14"), ("dicom", "S15")])
def test_what_broke_off_in_the_middle_is_completed_by_the_next_try(
    archive: Orthanc, clinic: Clinic, monkeypatch: pytest.MonkeyPatch, by: str, order: str
) -> None:
    study_id = read_film(clinic, archive, order)
    node = archive.web_node if by == "web" else archive.node
    made = [capture(clinic, study_id, name=name) for name in ("first", "second", "third")]
    monkeypatch.setattr(objects, "objects_of", lambda *_, **__: made)
    stored, stow, taken = Association.send_c_store, web.store_objects, list[Dataset]()

    def hang_up(link: Association, one: Dataset, *more: Any) -> Dataset:
        taken.append(one)
        if len(taken) == 2:
            link.abort()
        return stored(link, one, *more)

    def break_off(to: PacsNode, study_uid: str, all_objects: Sequence[Dataset]) -> None:
        stow(to, study_uid, all_objects[:1])
        raise PacsDown("The web service did not answer in time.")

    with monkeypatch.context() as patch, pytest.raises(PacsError):
        patch.setattr(Association, "send_c_store", hang_up)
        patch.setattr(web, "store_objects", break_off)
        send_report(study_id, clinic=clinic, node=node)
    assert held(archive, order) == ["CR", "OT"] and clinic.registry.sent(f"R-{study_id}") == []
    sent = send_report(study_id, clinic=clinic, node=node)
    assert (len(sent.stored), len(sent.already_there)) == (2, 1)
    assert held(archive, order) == ["CR", "OT", "OT", "OT"]
    assert len(clinic.registry.sent(f"R-{study_id}")) == 3


def test_a_pacs_that_moves_films_alone_has_its_objects_read_back_too(
    archive: Orthanc, clinic: Clinic, small_objects: list[str]
) -> None:
    """By C-MOVE, over our own port and over that of a listener that runs."""
    study_id = read_film(clinic, archive, "S16")
    node = archive.move_node
    first = send_report(study_id, clinic=clinic, node=node)
    with receiving(replace(node, callers=("ORTHANC@127.0.0.1",)), Spool(clinic.home), lambda: None):
        again = send_report(study_id, clinic=clinic, node=node)
    assert (first.stored, again.stored, again.already_there) == (("capture",), (), ("capture",))
    small_objects[0] = "something else under the same id"
    with pytest.raises(PacsError, match="something else"):
        send_report(study_id, clinic=clinic, node=node)


def _audit(clinic: Clinic) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(clinic.registry.path)) as connection:
        return connection.execute("SELECT action, outcome FROM audit").fetchall()


def test_reports_from_before_sending_began_do_not_leave_by_themselves(
    archive: Orthanc, clinic: Clinic, small_objects: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = read_film(clinic, archive, "S11")
    (Spool(clinic.home).folder / "sending_since").write_text("2999-01-01T00:00:00+00:00")
    asked: list[str] = []
    monkeypatch.setattr(listen, "send_report", lambda study_id, **_: asked.append(study_id))
    Listener(clinic, replace(archive.web_node, send="drafts"), Spool(clinic.home)).work_once()
    assert held(archive, "S11") == ["CR"] and asked == []
    assert study_id


@pytest.mark.anyio
async def test_the_whole_round_from_the_pacs_and_back(
    archive: Orthanc, clinic: Clinic, tmp_path: Path
) -> None:
    """Found by Korean name, fetched, read by the bundled networks, signed, sent, read back; twice."""
    archive.load([film(MINJUN, "W1")])
    environment = {**archive.environment, "PEDAXR_HOME": str(clinic.home), "PEDAXR_WORKER": "no"}
    async with Client(create_server(gather({}, environment).settings)) as client:
        asked = {"query": "김민준", "patient_birth_date": "2022-03-04"}
        found = PatientSearch.model_validate(
            (await client.call_tool("find_patient", asked)).structured_content
        )
        handle = found.matches[0].studies[0].study_id
        drafted = await client.call_tool("generate_report", {"study_id": handle})
    assert not drafted.is_error
    draft = json.loads(json.dumps(drafted.structured_content))
    final = finalise(draft["report_id"], by="Kim Yuna", told="Dr Lee", clinic=clinic)
    runner = CliRunner()
    first = runner.invoke(main, ["send", str(final.study_id)], env=environment)
    assert first.exit_code == 0, first.output
    before = held(archive, "W1")
    assert before == ["CR", "OT", "PR", "SEG", "SR"]
    again = runner.invoke(main, ["send", str(final.study_id)], env=environment)
    assert again.exit_code == 0, again.output
    assert "0 stored, 4 there before" in again.output
    assert held(archive, "W1") == before
    report = next(
        tags for tags in archive.instances() if tags["Modality"] == "SR" and tags["PatientID"] == MINJUN[0]
    )
    assert (report["VerificationFlag"], report["CompletionFlag"]) == ("VERIFIED", "COMPLETE")


def test_the_same_object_in_other_words_of_the_pacs_is_the_same(clinic: Clinic, tmp_path: Path) -> None:
    """Its own names and accession numbers, elements that it adds, and what it pads are no difference."""
    from pedaxr.clinic.import_film import import_film
    from pedaxr.pacs.kept import differences

    path = tmp_path / "film.dcm"
    path.write_bytes(film(SEOYEON, "K1"))
    ours = capture(clinic, import_film(path, clinic=clinic))
    theirs = dcmread(BytesIO(encoded(ours)))
    theirs.PatientName, theirs.InstitutionName, theirs.AccessionNumber = "LEE^SEO YEON", "Hospital", "77"
    theirs.StudyDate = str(date(2025, 11, 3)).replace("-", "")
    assert differences(ours, theirs) == []
    for keyword, value in (("PixelData", b"\1\2\3\5"), ("PatientID", "Q-9"), ("Modality", "CR")):
        changed = dcmread(BytesIO(encoded(ours)))
        setattr(changed, keyword, value)
        assert differences(ours, changed) == [keyword]
