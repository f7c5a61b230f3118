"""Rows of a clinic that an earlier version filled are completed from the films they name."""

from pathlib import Path

import numpy as np
import pytest

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.complete_rows import complete_older_rows
from pedaxr.clinic.import_films import import_films
from pedaxr.clinic.integrity import check_clinic
from pedaxr.radiograph.dicom import read_header
from pedaxr.registry import Study
from pedaxr.registry.schema import writing

from ..film_files import samples
from ..radiograph.test_read import dicom

UIDS = {"StudyInstanceUID": "2.25.1", "SeriesInstanceUID": "2.25.2", "SOPInstanceUID": "2.25.3"}
LEVELS = np.random.default_rng(0).integers(0, 4095, (200, 160)).astype(np.uint16)
MAGNIFIED = {"ImagerPixelSpacing": [0.22, 0.22], "EstimatedRadiographicMagnificationFactor": 1.1}


def clinic_of(tmp_path: Path, **elements: object) -> Clinic:
    """One film, imported now."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.dcm").write_bytes(dicom(levels=LEVELS, **(UIDS | elements)))
    table = "ImagePath,Class,PatientID,PatientName\na.dcm,Normal,P1,A\n"
    (tmp_path / "data" / "films.csv").write_text(table)
    import_films(tmp_path / "data", clinic_home=tmp_path / "home")
    return open_clinic(tmp_path / "home")


def as_before(clinic: Clinic, spacing: float | None) -> None:
    """The row as versions before UIDs and origins were stored left it."""
    bare = ", ".join(f"{of}_instance_uid = NULL" for of in ("study", "series", "sop"))
    with writing(clinic.registry.path) as database:
        database.conn.execute(
            f"UPDATE studies SET {bare}, pixel_spacing_origin = NULL, pixel_spacing_row_mm = ?1, "
            "pixel_spacing_column_mm = ?1",
            [spacing],
        )


def row(clinic: Clinic) -> Study:
    return clinic.registry.studies("P1")[0]


@pytest.mark.parametrize(
    ("header", "before", "expected", "origin"),
    [
        ({"PixelSpacing": [0.2, 0.2]}, 0.2, 0.2, "calibrated"),
        ({"PixelSpacing": [0.2, 0.2]}, None, 0.2, "calibrated"),
        (MAGNIFIED, 0.22, 0.2, "detector over magnification"),
        (MAGNIFIED, 0.3, 0.2, "detector over magnification"),
        ({"PixelSpacing": [0.2, 0.2]}, 0.3, 0.3, "table"),
        ({}, 0.3, 0.3, "table"),
        ({}, None, None, None),
    ],
    ids=["the file's", "none", "magnified", "more magnified", "the table's", "the table's alone", "nobody's"],
)
def test_an_older_row_gets_its_uids_and_the_origin_of_its_spacing(
    tmp_path: Path, header: dict[str, object], before: float | None, expected: float | None, origin: str
) -> None:
    clinic = clinic_of(tmp_path, **header)
    as_before(clinic, before)
    assert row(clinic).sop_instance_uid is None
    assert complete_older_rows(clinic) == 1
    found = row(clinic)
    assert (found.study_instance_uid, found.series_instance_uid, found.sop_instance_uid) == tuple(
        UIDS.values()
    )
    assert found.pixel_spacing_origin == origin
    assert found.pixel_spacing_mm == (None if expected is None else pytest.approx((expected, expected)))
    assert complete_older_rows(clinic) == 0


def test_the_next_import_completes_them_and_knows_a_film_saved_again(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path, PixelSpacing=[0.2, 0.2])
    as_before(clinic, 0.2)
    again = tmp_path / "again"
    again.mkdir()
    (again / "a.dcm").write_bytes(dicom(levels=LEVELS, **UIDS, StationName="X"))
    (again / "films.csv").write_text("ImagePath,Class,PatientID,PatientName\na.dcm,Normal,P1,A\n")
    summary = import_films(again, clinic_home=tmp_path / "home")
    assert (summary.imported, summary.already_there) == (0, 1)


def test_a_film_that_changed_or_is_gone_completes_nothing(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path, PixelSpacing=[0.2, 0.2])
    as_before(clinic, 0.2)
    path = row(clinic).image_path
    content = path.read_bytes()
    for other in (content[:-1] + b"\1", b"", None):
        path.unlink() if other is None else path.write_bytes(other)
        assert complete_older_rows(clinic) == 0 and row(clinic).sop_instance_uid is None
    path.write_bytes(content)
    assert complete_older_rows(clinic) == 1


def test_a_uid_that_another_row_has_is_not_given_twice(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path, PixelSpacing=[0.2, 0.2])
    as_before(clinic, 0.2)
    with writing(clinic.registry.path) as database:
        database.conn.execute(
            "INSERT INTO studies (study_id, patient_id, image_path, image_sha256, sop_instance_uid, added_at)"
            " VALUES ('S-2', 'P1', 'x.png', 'y', '2.25.3', '2026')"
        )
    assert complete_older_rows(clinic) == 1
    found = clinic.registry.study(row(clinic).study_id)
    assert {study.sop_instance_uid for study in clinic.registry.studies("P1")} == {None, "2.25.3"}
    assert found.study_instance_uid == "2.25.1"


def test_completed_rows_are_the_registry_s_own(tmp_path: Path) -> None:
    """`pedaxr verify` finds what was changed behind pedaxr's back, and not what pedaxr completed."""
    clinic = clinic_of(tmp_path, PixelSpacing=[0.2, 0.2])
    as_before(clinic, 0.2)
    complete_older_rows(clinic)
    check = next(one for one in check_clinic(clinic) if one.name == "studies")
    assert check.is_good, check.faults


def test_a_photograph_of_a_film_has_no_header(tmp_path: Path) -> None:
    for name, data in samples().items():
        header = read_header(data)
        assert (header is not None) is name.startswith("dicom"), name
        if header is not None:
            assert header.metadata.patient_id == "P1" and header.spacing is not None
