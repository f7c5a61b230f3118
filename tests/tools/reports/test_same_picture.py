"""A film that was sent twice is one film: another child or date is said, and it is compared with no copy."""

import hashlib
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pydicom
import pytest
from PIL import Image

from pedaxr import segment_xray
from pedaxr.audit.callers import Caller, called_by
from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.import_films import import_films
from pedaxr.demo.synthetic_dicom import encode_dicom
from pedaxr.errors import StorageError
from pedaxr.radiograph.read import picture_digest, read_radiograph
from pedaxr.registry import NewStudy, Patient, Registry
from pedaxr.registry.pictures import OF_ANOTHER_PATIENT
from pedaxr.registry.schema import writing
from pedaxr.reports.korean import in_korean, sections_in_korean
from pedaxr.types import Report
from pedaxr_models.labels import View
from pedaxr_models.phantom import make_film, sample_spec

from .witnesses import truth, witness_of

FIRST = {"PatientID": "K1", "PatientName": "Kim^Minjun", "StudyDate": "20240101"}


def sent(folder: Path, *headers: dict[str, str]) -> list[str]:
    """One picture sent under each of the headers, each time with another UID; the notes of its import."""
    folder.mkdir()
    film = make_film(sample_spec(0, 1))
    for number, elements in enumerate(headers):
        dataset = pydicom.dcmread(io.BytesIO(encode_dicom(film)))
        dataset.SOPInstanceUID = f"2.25.{number + 1}"
        for keyword in ("PatientBirthDate", "PatientAge", "PatientSex"):
            setattr(dataset, keyword, "")
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return import_films(folder, clinic_home=folder.parent / "home").notes


def test_an_import_says_that_two_films_show_one_picture(tmp_path: Path) -> None:
    again, other = FIRST | {"StudyDate": "20240601"}, FIRST | {"PatientID": "K2", "PatientName": "Lee^Sua"}
    notes = sent(tmp_path / "one", FIRST)
    assert not any("very same picture" in note for note in notes), "control"
    assert "1 film shows the very same picture as another film of that patient: sent twice." in sent(
        tmp_path / "two", again | {"SOPInstanceUID": "2.25.77"}
    )
    said = sent(tmp_path / "three", other | {"SOPInstanceUID": "2.25.78"})
    assert any("another patient's film: find out whose it is" in note for note in said)
    clinic = open_clinic(tmp_path / "home")
    digest = clinic.registry.studies("K2")[0].image_sha256
    assert {one.patient_id for one in clinic.registry.same_picture(digest)} == {"K1"}
    clinic.registry.delete("K1")
    assert clinic.registry.same_picture(digest) == []


def test_one_instance_of_two_patients_in_one_source_is_refused_as_such(tmp_path: Path) -> None:
    one = {"SOPInstanceUID": "2.25.9"}
    sent(tmp_path / "data", FIRST | one, FIRST | one | {"PatientID": "K2", "PatientName": "Lee^Sua"})
    again = import_films(tmp_path / "data", clinic_home=tmp_path / "home")
    assert ["another patient's film" in row.reason for row in again.rejected] == [True]


@pytest.fixture
def twice(film_clinic: Clinic) -> Clinic:
    """The film "normal" three times more: of its child in May and in June, and of another child."""
    normal = film_clinic.registry.study("normal")
    pixels = Image.open(normal.image_path)
    for number, (study_id, patient_id, on) in enumerate(
        [("may", "P0", date(2025, 5, 1)), ("june", "P0", date(2025, 6, 1)), ("other", "P9", date(2025, 7, 1))]
    ):
        path = film_clinic.home / "films" / f"{study_id}.png"
        pixels.save(path, compress_level=number + 1)
        film = NewStudy(
            study_id=study_id,
            patient_id=patient_id,
            image_path=path,
            image_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            study_date=on,
            view_position=View.ERECT,
            picture_sha256=picture_digest(read_radiograph(path)),
        )
        film_clinic.registry.add([Patient(patient_id, f"Demo {patient_id}")], [film])
    return film_clinic


def test_a_film_is_not_compared_with_itself(twice: Clinic, report_of: Callable[..., Report]) -> None:
    report = report_of("june", witness_of(truth("normal")))
    assert report.sections["Comparison"].startswith(
        "Film of 2025-05-01 is the very same picture; not compared."
    )
    assert report.comparison is None
    assert "같은 영상이므로 비교하지 않음" in sections_in_korean(report)["Comparison"]


def test_a_picture_under_another_child_or_date_is_the_first_thing_to_check(
    twice: Clinic, segmenter: object, report_of: Callable[..., Report]
) -> None:
    flags = report_of("june", witness_of(truth("normal"))).flags
    assert flags[0] == OF_ANOTHER_PATIENT and "with another date (2025-05-01)" in flags[1]
    assert segment_xray("june", overlay=False, clinic=twice).quality_notes[:2] == flags[:2]
    assert [flag for flag in flags[:2] if in_korean(flag) == flag] == [], "told in Korean as well"
    assert OF_ANOTHER_PATIENT not in report_of("levels", witness_of(truth("levels"))).flags, "control"


def test_a_film_from_before_pictures_were_known_is_known_from_its_first_reading_on(
    twice: Clinic, segmenter: object, report_of: Callable[..., Report]
) -> None:
    with writing(twice.registry.path) as database:
        database.conn.execute("DELETE FROM pictures")
    assert OF_ANOTHER_PATIENT not in report_of("other", witness_of(truth("normal"))).flags, "control"
    assert segment_xray("june", overlay=False, clinic=twice).quality_notes[0] == OF_ANOTHER_PATIENT
    assert report_of("other", witness_of(truth("normal"))).flags[0] == OF_ANOTHER_PATIENT


def test_a_clinic_that_cannot_be_written_is_read_all_the_same(
    twice: Clinic, segmenter: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(twice.registry.path) as database:
        database.conn.execute("DELETE FROM pictures")

    def is_full(*_: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(Registry, "know_picture", is_full)
    assert segment_xray("june", overlay=False, clinic=twice).findings is not None


def test_a_child_of_a_department_that_is_not_seen_is_warned_of_without_its_name(twice: Clinic) -> None:
    twice.registry.assign("P0", "surgery")
    twice.registry.assign("P9", "oncology")
    with called_by(Caller("s", "chat", departments=frozenset({"surgery"}))):
        june = twice.registry.study("june")
        assert twice.registry.picture_flags(june)[0] == OF_ANOTHER_PATIENT
        assert {one.patient_id for one in twice.registry.same_picture(june.image_sha256)} == {"P0"}
    assert "P9" not in OF_ANOTHER_PATIENT
