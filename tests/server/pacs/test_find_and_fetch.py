"""A real PACS is searched by name, asked where the registry has nobody, and its films are fetched."""

from datetime import date

import pytest

from pedaxr.audit.callers import Caller, called_by
from pedaxr.clinic import Clinic
from pedaxr.errors import InvalidRequest, PacsDown, PacsError, PatientNotFound
from pedaxr.pacs.fetch import fetch, film_here
from pedaxr.pacs.search import DOWN, find_patient_and_ask
from pedaxr.records import Patient

from ..ports import free_ports
from .films import MINJUN, SEOYEON, film, uid_of
from .orthanc import Orthanc, needs_orthanc

pytestmark = needs_orthanc


@pytest.mark.parametrize(
    ("query", "born", "found"),
    [
        ("이서연", None, {"Q-1001", "Q-1002"}),
        ("이서연", "2021-05-06", {"Q-1001"}),
        ("이 서연", None, {"Q-1001", "Q-1002"}),
        ("Lee Seoyeon", "2019-01-02", {"Q-1002"}),
        ("Yi Seo-yeon", "2021-05-06", {"Q-1001"}),
        ("송아린", None, {"Q-1003"}),
        ("Song Arin", None, {"Q-1003"}),
        ("Arin Song", None, {"Q-1003"}),
        ("2020-07-18", None, {"Q-1003"}),
        ("Q-1004", None, {"Q-1004"}),
        ("김민준 Q-1004", None, {"Q-1004"}),
        ("이서연 Q-1004", None, set()),
        ("A4", None, set()),
        ("이*", None, {"Q-1001", "Q-1002"}),
        ("*?*", None, set()),
        ("\\^=", None, set()),
        ("이서연", "2020-07-18", set()),
        ("x' OR '1'='1", None, set()),
    ],
)
def test_names_find_who_is_meant_and_nobody_else(
    hospital: Orthanc, clinic: Clinic, query: str, born: str | None, found: set[str]
) -> None:
    search = find_patient_and_ask(query, patient_birth_date=born, clinic=clinic, node=hospital.node)
    assert {match.patient_id for match in search.matches} == found
    assert search.status == (
        "no_match" if not found else "one_match" if len(found) == 1 else "several_matches"
    )
    for match in search.matches:
        assert "in the PACS" in match.reason
        assert all(study.study_id.startswith("X-") for study in match.studies)


def test_films_of_a_hand_are_not_listed_and_those_of_no_named_part_are(
    hospital: Orthanc, clinic: Clinic
) -> None:
    search = find_patient_and_ask("김민준", clinic=clinic, node=hospital.node)
    assert [str(study.study_date) for study in search.matches[0].studies] == ["2025-11-03", "2024-01-01"]


@pytest.mark.parametrize("by", ["web", "dicom"])
def test_a_listed_film_is_fetched_once_and_is_then_an_ordinary_one(
    hospital: Orthanc, clinic: Clinic, by: str
) -> None:
    node = hospital.web_node if by == "web" else hospital.node
    search = find_patient_and_ask("이서연", patient_birth_date="2021-05-06", clinic=clinic, node=node)
    handle = search.matches[0].studies[0].study_id
    study_id = film_here(handle, clinic=clinic, node=node)
    study = clinic.registry.study(study_id)
    assert (study.patient_id, study.patient_name, study.patient_birth_date) == SEOYEON
    assert study.sop_instance_uid == uid_of("A1")
    assert (study.accession_number, str(study.study_date)) == ("A1", "2025-11-03")
    assert film_here(handle.lower(), clinic=clinic, node=None) == study_id, "no second fetch, in any case"
    again = find_patient_and_ask("이서연", patient_birth_date="2021-05-06", clinic=clinic, node=node)
    assert [one.study_id for one in again.matches[0].studies] == [study_id]
    if by == "web":
        assert study.image_path.read_bytes() == film(SEOYEON, "A1"), "byte for byte as the PACS has it"


def test_whoever_may_see_some_departments_learns_nothing_of_the_pacs(
    hospital: Orthanc, clinic: Clinic
) -> None:
    asked = {"patient_birth_date": "2021-05-06", "clinic": clinic, "node": hospital.node}
    handle = find_patient_and_ask("이서연", **asked).matches[0].studies[0].study_id
    with called_by(Caller("nurse", "test", frozenset({"surgery"}))):
        assert find_patient_and_ask("이서연", **asked).status == "no_match"
        assert film_here(handle, clinic=clinic, node=hospital.node) == handle
    assert clinic.registry.counts()["studies"] == 0


def test_the_registry_comes_first_and_the_pacs_is_not_asked_for_whom_it_has(
    hospital: Orthanc, clinic: Clinic
) -> None:
    clinic.registry.add([Patient("Q-9", "이서연", date(2020, 1, 1))], [])
    nowhere = free_node(hospital)
    search = find_patient_and_ask("이서연", clinic=clinic, node=nowhere)
    assert (search.total, DOWN in search.next_step) == (1, False)
    assert DOWN in find_patient_and_ask("송아린", clinic=clinic, node=nowhere).next_step, (
        "control: it is away"
    )


def test_a_child_of_both_gets_the_films_of_both(hospital: Orthanc, clinic: Clinic) -> None:
    clinic.registry.add([Patient(MINJUN[0], "Kim Minjun", MINJUN[2], "M")], [])
    found = find_patient_and_ask("김민준 A4", clinic=clinic, node=hospital.node)
    found = find_patient_and_ask("민준", patient_birth_date="2022-03-04", clinic=clinic, node=hospital.node)
    assert [(match.patient_id, match.patient_name, len(match.studies)) for match in found.matches] == [
        ("Q-1004", "Kim Minjun", 2)
    ]


def test_an_id_that_is_another_childs_here_is_said_and_never_mixed(hospital: Orthanc, clinic: Clinic) -> None:
    clinic.registry.add([Patient(SEOYEON[0], "Emma Wilson", date(2015, 1, 1))], [])
    found = find_patient_and_ask("이서연", patient_birth_date="2021-05-06", clinic=clinic, node=hospital.node)
    assert found.status == "no_match" and "another child" in found.next_step
    with pytest.raises(Exception, match="another name"):
        fetch("A1", clinic=clinic, node=hospital.node)
    assert clinic.registry.counts()["studies"] == 0


def test_a_pacs_that_is_away_costs_one_note_and_no_second_wait(hospital: Orthanc, clinic: Clinic) -> None:
    nowhere = free_node(hospital)
    found = find_patient_and_ask("이서연", clinic=clinic, node=nowhere)
    assert (found.status, found.next_step.count(DOWN)) == ("no_match", 1)
    from pedaxr.pacs import find

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "films_asked_for", lambda *_: pytest.fail("asked again at once"))
        assert DOWN in find_patient_and_ask("이서연", clinic=clinic, node=nowhere).next_step


def test_a_wrong_ae_title_is_told_apart_from_a_pacs_that_is_away(hospital: Orthanc, clinic: Clinic) -> None:
    from dataclasses import replace

    from pedaxr.pacs.dimse import echo

    echo(hospital.node)
    with pytest.raises(PacsError, match="pacs_called_aet") as told:
        echo(replace(hospital.node, called_aet="WRONG"))
    assert not isinstance(told.value, PacsDown)
    with pytest.raises(PacsError, match="pacs_aet"):
        fetch("A1", clinic=clinic, node=replace(hospital.node, aet="STRANGER"))
    with pytest.raises(PacsDown, match="pacs_host"):
        echo(free_node(hospital))


def test_an_order_is_fetched_by_its_number_and_a_child_by_name_and_birth_date(
    hospital: Orthanc, clinic: Clinic
) -> None:
    first = fetch("A1", clinic=clinic, node=hospital.web_node)
    assert (len(first.study_ids), first.known) == (1, 0)
    again = fetch("이서연", born=date(2021, 5, 6), clinic=clinic, node=hospital.web_node)
    assert (again.study_ids, again.known) == (first.study_ids, 1)
    with pytest.raises(InvalidRequest, match="--born"):
        fetch("이서연", clinic=clinic, node=hospital.web_node)
    with pytest.raises(PatientNotFound):
        fetch("A77", clinic=clinic, node=hospital.web_node)
    with pytest.raises(PatientNotFound):
        fetch("*4", clinic=clinic, node=hospital.web_node)


@pytest.mark.parametrize("by", ["web", "dicom", "move"])
def test_newer_films_of_a_registered_child_are_fetched_beside_the_one_that_is_here(
    hospital: Orthanc, clinic: Clinic, by: str
) -> None:
    node = {"web": hospital.web_node, "dicom": hospital.node, "move": hospital.move_node}[by]
    (older,) = fetch("A6", clinic=clinic, node=node).study_ids
    fetched = fetch("김민준", born=MINJUN[2], clinic=clinic, node=node)
    assert fetched.known == 1 and fetched.study_ids[1] == older
    assert [str(study.study_date) for study in clinic.registry.studies(MINJUN[0])] == [
        "2025-11-03",
        "2024-01-01",
    ]
    assert clinic.registry.counts()["patients"] == 1


def free_node(hospital: Orthanc):
    from dataclasses import replace

    return replace(hospital.node, port=free_ports(1)[0])


def test_what_a_killed_fetch_left_is_an_orphan_and_the_spool_s_films_are_not(clinic: Clinic) -> None:
    from pedaxr.clinic.integrity import orphans
    from pedaxr.pacs.spool import Spool

    left = clinic.home / ".fetch-abc"
    left.mkdir()
    (left / "film.dcm").write_bytes(b"film")
    spool = Spool(clinic.home)
    spool.take(uid_of("A1"), b"film")
    part = spool.folder / ".name.dcm.1234.part"
    part.write_bytes(b"half")
    assert orphans(clinic, older_than_s=-60) == sorted([left, part])
