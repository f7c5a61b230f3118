"""Importing stores each film once, rejects with a reason, and can be interrupted."""

import csv
import io
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.import_films import ImportSummary, import_films
from pedaxr.demo.synthetic_dicom import encode_dicom
from pedaxr.errors import ImportFailed, StorageError
from pedaxr.registry import Registry
from pedaxr_models.phantom import make_film, sample_spec

Row = dict[str, str]


def source(folder: Path, rows: list[Row]) -> Path:
    """A CSV whose rows have a different small picture each."""
    folder.mkdir(exist_ok=True)
    columns = ["ImagePath", "Point", "Class", "Age", "PatientName", "Caption"]
    columns += sorted({column for row in rows for column in row} - set(columns))
    with (folder / "films.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for number, row in enumerate(rows):
            pixels = np.random.default_rng(number).integers(0, 255, (64, 64), np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), pixels)
            writer.writerow(
                {"ImagePath": f"{number}.png", "Point": "[]", "Class": "Normal", "Age": "3"} | row
            )
    return folder


FULL = {"PatientID": "H1", "PatientName": "김민준", "PatientSex": "M", "PatientBirthDate": "2020-01-15"}
FULL |= {"StudyDate": "2024-01-15", "ViewPosition": "erect", "Age": "4", "Class": "Constipation"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def run(tmp_path: Path, home: Path, rows: list[Row]) -> ImportSummary:
    return import_films(source(tmp_path / "data", rows), clinic_home=home)


def test_films_are_copied_registered_and_found(tmp_path: Path, home: Path) -> None:
    second = FULL | {"StudyDate": "2024-06-01", "ViewPosition": "supine", "Class": "Normal"}
    other = {"PatientID": "H2", "PatientName": "Ann Lee", "Age": "2개월"}
    summary = run(tmp_path, home, [FULL, second, other])
    assert (summary.imported, summary.patients, summary.rejected) == (3, 2, [])
    assert summary.labels == {"constipation": 1, "normal": 2}
    assert summary.views == {"erect": 1, "supine": 1, "unknown": 1}
    assert sum(summary.age_bands.values()) == 3
    clinic = open_clinic(home)
    match = find_patient("Kim Minjun", clinic=clinic).matches[0]
    assert [study.age_months for study in match.studies] == [52.55, 48.0]
    study = clinic.registry.study(match.studies[0].study_id)
    assert study.image_path.parent == home / "films"
    assert study.image_path.read_bytes() == (tmp_path / "data" / "1.png").read_bytes()


def test_importing_again_imports_nothing_twice(tmp_path: Path, home: Path) -> None:
    run(tmp_path, home, [FULL, FULL])
    again = run(tmp_path, home, [FULL, FULL, FULL])
    assert (again.imported, again.already_there) == (1, 2)
    assert open_clinic(home).registry.counts()["studies"] == 3


def test_the_same_picture_twice_in_one_source_is_one_film(tmp_path: Path, home: Path) -> None:
    folder = source(tmp_path / "data", [FULL, FULL])
    (folder / "1.png").write_bytes((folder / "0.png").read_bytes())
    summary = import_films(folder, clinic_home=home)
    assert (summary.imported, summary.already_there) == (1, 0)
    assert [(row.line, row.path) for row in summary.rejected] == [(3, "1.png")]
    assert "the very same picture is on line 2 already" in summary.rejected[0].reason
    again = import_films(folder, clinic_home=home)
    assert (again.imported, again.already_there, len(again.rejected)) == (0, 1, 1)


def test_a_picture_whose_first_row_was_refused_is_taken_from_the_second(tmp_path: Path, home: Path) -> None:
    folder = source(tmp_path / "data", [FULL, FULL | {"PatientSex": "F"}, FULL | {"StudyDate": "2024-02-01"}])
    (folder / "2.png").write_bytes((folder / "1.png").read_bytes())
    summary = import_films(folder, clinic_home=home)
    assert (summary.imported, [row.line for row in summary.rejected]) == (2, [3])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"Class": "Measles"}, "class"),
        ({"ImagePath": "missing.png"}, "missing"),
        ({"ImagePath": "films.csv"}, "not a PNG"),
        ({"PatientName": "Somebody Else"}, "belongs to a patient"),
        ({"PatientBirthDate": "2020-01-16"}, "belongs to a patient"),
        ({"PatientSex": "F"}, "belongs to a patient"),
        ({"StudyDate": "2019-01-15"}, "before the patient's birth"),
    ],
)
def test_a_row_that_cannot_be_imported_is_listed_with_line_and_reason(
    tmp_path: Path, home: Path, row: Row, reason: str
) -> None:
    summary = run(tmp_path, home, [FULL, FULL | row, FULL])
    assert summary.imported == 2
    assert [rejected.line for rejected in summary.rejected] == [3]
    assert reason in summary.rejected[0].reason
    assert summary.rejected[0].path == row.get("ImagePath", "1.png")


def test_an_id_of_an_earlier_import_cannot_change_hands(tmp_path: Path, home: Path) -> None:
    run(tmp_path, home, [FULL])
    summary = run(tmp_path, home, [FULL, FULL | {"PatientName": "이서연"}])
    assert (summary.imported, summary.already_there, len(summary.rejected)) == (0, 1, 1)


def test_an_unstated_sex_or_birth_date_is_no_contradiction(tmp_path: Path, home: Path) -> None:
    summary = run(tmp_path, home, [FULL, FULL | {"PatientSex": "", "PatientBirthDate": ""}])
    assert (summary.imported, summary.patients) == (2, 1)


def test_children_without_id_are_told_apart_and_the_summary_says_so(tmp_path: Path, home: Path) -> None:
    rows = [
        {"PatientName": "김민준", "Age": "3"},
        {"PatientName": "김민준", "Age": "3"},
        {"PatientName": "김민준", "Age": "9"},
    ]
    summary = run(tmp_path, home, [*rows, {"PatientName": ""}, {"PatientName": ""}])
    assert summary.patients == 4
    assert any("5 films had no patient id" in note for note in summary.notes)
    assert find_patient("김민준", clinic=open_clinic(home)).status == "several_matches"


def test_contradicting_ages_are_counted_and_the_dates_win(tmp_path: Path, home: Path) -> None:
    summary = run(tmp_path, home, [FULL | {"Age": "2개월"}])
    assert any("contradicts" in note for note in summary.notes)
    assert open_clinic(home).registry.studies("H1")[0].age_months == 48.0


def test_a_link_out_of_the_data_set_is_refused(tmp_path: Path, home: Path) -> None:
    folder = source(tmp_path / "data", [FULL, FULL])
    secret = tmp_path / "secret.png"
    (folder / "1.png").rename(secret)
    (folder / "1.png").symlink_to(secret)
    summary = import_films(folder, clinic_home=home)
    assert summary.imported == 1 and "link" in summary.rejected[0].reason


def test_the_korean_word_for_free_air_is_noted_and_can_be_read_otherwise(tmp_path: Path, home: Path) -> None:
    folder = source(tmp_path / "data", [FULL | {"Class": "기복증"}])
    summary = import_films(folder, clinic_home=home)
    assert summary.labels == {"pneumoperitoneum": 1} and "free air" in summary.notes[0]
    summary = import_films(folder, clinic_home=tmp_path / "other", treat_as_distension=True)
    assert summary.labels == {"abdominal_distension": 1}


def test_a_source_of_no_known_kind_is_refused_and_makes_no_clinic(tmp_path: Path, home: Path) -> None:
    (tmp_path / "empty").mkdir()
    for bad in (tmp_path / "empty", tmp_path / "none", Path(__file__)):
        with pytest.raises(ImportFailed):
            import_films(bad, clinic_home=home)
    assert not home.exists()


def test_a_home_that_is_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    with pytest.raises(StorageError):
        run(tmp_path, tmp_path / "home", [FULL])


def test_an_interrupted_import_leaves_whole_films_and_can_go_on(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pedaxr.clinic.import_films._BATCH", 2)
    folder = source(tmp_path / "data", [FULL] * 5)

    def stop(done: int, _: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_films(folder, clinic_home=home, progress=stop)
    assert open_clinic(home).registry.counts()["studies"] == 4
    assert import_films(folder, clinic_home=home).imported == 1


def test_a_crash_between_file_and_row_is_healed_by_the_next_import(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = source(tmp_path / "data", [FULL])
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "add_new", lambda *_: (_ for _ in ()).throw(StorageError("busy")))
        with pytest.raises(StorageError):
            import_films(folder, clinic_home=home)
    assert open_clinic(home).registry.counts()["studies"] == 0
    assert import_films(folder, clinic_home=home).imported == 1
    assert len(list((home / "films").iterdir())) == 1


def dicom_source(folder: Path, row: Row) -> Path:
    """A table with nothing but a path and a class, and the synthetic film that it names."""
    folder.mkdir(parents=True)
    (folder / "a.dcm").write_bytes(encode_dicom(make_film(sample_spec(0, 1))))
    cells = {"ImagePath": "a.dcm", "Class": "Normal"} | row
    with (folder / "films.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(cells))
        writer.writeheader()
        writer.writerow(cells)
    return folder


def test_what_the_table_leaves_out_comes_from_the_dicom_header(tmp_path: Path, home: Path) -> None:
    made = make_film(sample_spec(0, 1))
    summary = import_films(dicom_source(tmp_path / "data", {}), clinic_home=home)
    assert (summary.imported, summary.rejected) == (1, [])
    assert any("completed from its DICOM header" in note for note in summary.notes)
    study = open_clinic(home).registry.studies(made.metadata.patient_id or "")[0]
    assert (study.view_position, str(study.study_date)) == (made.facts.view, made.metadata.study_date)
    assert study.pixel_spacing_mm == pytest.approx(made.pixel_spacing_mm, abs=1e-5)


def test_a_header_that_names_another_patient_is_not_believed(tmp_path: Path, home: Path) -> None:
    summary = import_films(
        dicom_source(tmp_path / "data", {"PatientID": "H7", "PatientName": "박서연"}), clinic_home=home
    )
    assert any("names another patient" in note for note in summary.notes)
    patient = open_clinic(home).registry.patient("H7")
    assert (patient.patient_name, patient.patient_birth_date) == ("박서연", None)


def test_an_accession_number_of_the_table_finds_the_child(tmp_path: Path, home: Path) -> None:
    run(tmp_path, home, [FULL | {"AccessionNumber": "ACC-2024-77"}])
    found = find_patient("acc-2024-77", clinic=open_clinic(home))
    assert [(match.patient_id, match.reason) for match in found.matches] == [("H1", "accession number")]


def test_an_accession_number_of_the_header_finds_the_child(tmp_path: Path, home: Path) -> None:
    import_films(dicom_source(tmp_path / "data", {}), clinic_home=home)
    clinic = open_clinic(home)
    study = clinic.registry.studies(make_film(sample_spec(0, 1)).metadata.patient_id or "")[0]
    assert study.accession_number
    found = find_patient(study.accession_number, clinic=clinic)
    assert study.patient_id in [match.patient_id for match in found.matches]


def saved_again(path: Path, **elements: str) -> bytes:
    """The same film as an archive sends it a second time: other bytes."""
    dataset = pydicom.dcmread(path)
    for keyword, value in {"RetrieveAETitle": "ARCHIVE2", **elements}.items():
        setattr(dataset, keyword, value)
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def test_a_film_saved_again_with_other_bytes_is_the_same_film(tmp_path: Path, home: Path) -> None:
    first = dicom_source(tmp_path / "data", {})
    again = dicom_source(tmp_path / "again", {})
    (again / "a.dcm").write_bytes(saved_again(first / "a.dcm"))
    assert (first / "a.dcm").read_bytes() != (again / "a.dcm").read_bytes()
    summaries = [import_films(source, clinic_home=home) for source in (first, again)]
    assert [(s.imported, s.already_there, s.rejected) for s in summaries] == [(1, 0, []), (0, 1, [])]
    study = open_clinic(home).registry.studies_of(list(open_clinic(home).registry.sop_instances().values()))[
        0
    ]
    dataset = pydicom.dcmread(first / "a.dcm")
    assert study.sop_instance_uid == dataset.SOPInstanceUID
    assert (study.study_instance_uid, study.series_instance_uid) == (
        dataset.StudyInstanceUID,
        dataset.SeriesInstanceUID,
    )


def test_one_film_twice_in_a_table_is_named_with_its_line(tmp_path: Path, home: Path) -> None:
    folder = dicom_source(tmp_path / "data", {})
    (folder / "b.dcm").write_bytes(saved_again(folder / "a.dcm"))
    (folder / "films.csv").write_text("ImagePath,Class\na.dcm,Normal\nb.dcm,Normal\n", encoding="utf-8")
    summary = import_films(folder, clinic_home=home)
    assert summary.imported == 1
    assert [(row.line, "on line 2" in row.reason) for row in summary.rejected] == [(3, True)]


def test_one_instance_of_two_patients_is_refused(tmp_path: Path, home: Path) -> None:
    first = dicom_source(tmp_path / "data", {})
    import_films(first, clinic_home=home)
    other = dicom_source(tmp_path / "other", {"PatientID": "H7", "PatientName": "박서연"})
    (other / "a.dcm").write_bytes(saved_again(first / "a.dcm", PatientID="H7", PatientName="박서연"))
    summary = import_films(other, clinic_home=home)
    assert summary.imported == 0 and "another patient's film" in summary.rejected[0].reason


def test_another_instance_of_the_same_study_is_another_film(tmp_path: Path, home: Path) -> None:
    """Negative control: only the instance makes two files one film."""
    folder = dicom_source(tmp_path / "data", {})
    (folder / "b.dcm").write_bytes(saved_again(folder / "a.dcm", SOPInstanceUID="2.25.77"))
    (folder / "films.csv").write_text("ImagePath,Class\na.dcm,Normal\nb.dcm,Normal\n", encoding="utf-8")
    assert import_films(folder, clinic_home=home).imported == 2


@pytest.mark.filterwarnings("ignore:Invalid value")  # pydicom warns when it writes one
@pytest.mark.parametrize("uid", [None, "", "not a uid", "1.2.3;DROP"])
def test_films_without_a_usable_instance_are_told_apart_by_their_bytes(
    tmp_path: Path, home: Path, uid: str | None
) -> None:
    folder = dicom_source(tmp_path / "data", {})
    dataset = pydicom.dcmread(folder / "a.dcm")
    if uid is None:
        del dataset.SOPInstanceUID
    else:
        dataset.SOPInstanceUID = uid
    for name in ("a.dcm", "b.dcm"):
        dataset.RetrieveAETitle = name[0].upper()
        dataset.save_as(folder / name)
    (folder / "films.csv").write_text("ImagePath,Class\na.dcm,Normal\nb.dcm,Normal\n", encoding="utf-8")
    assert import_films(folder, clinic_home=home).imported == 2
