"""Synthetic films as DICOM: honest headers that our own reader understands, the same bytes each time."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from pedaxr.demo.synthetic_dicom import encode_dicom
from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.labels import View
from pedaxr_models.phantom import PhantomFilm, make_film, sample_spec


@pytest.fixture(scope="module")
def film() -> PhantomFilm:
    return make_film(sample_spec(2, 3))


def test_the_header_says_what_the_film_is(film: PhantomFilm) -> None:
    header, m = pydicom.dcmread(BytesIO(encode_dicom(film))), film.metadata
    assert (header.Modality, header.BodyPartExamined, header.BurnedInAnnotation) == ("CR", "ABDOMEN", "NO")
    assert "synthetic" in header.Manufacturer and header.SyntheticData == "YES"
    assert (header.PatientID, header.PatientSex) == (m.patient_id, m.patient_sex)
    assert header.PatientBirthDate == (m.patient_birth_date or "").replace("-", "")
    assert header.StudyDate == (m.study_date or "").replace("-", "")
    assert [float(mm) for mm in header.ImagerPixelSpacing] == pytest.approx(film.pixel_spacing_mm, abs=1e-5)
    assert header.PatientAge[-1] in "DMY" and len(header.PatientAge) == 4


@pytest.mark.parametrize("view", list(View))
def test_our_reader_reads_it_back(film: PhantomFilm, tmp_path: Path, view: View) -> None:
    seen = replace(film, spec=replace(film.spec, view=view))
    path = tmp_path / "a.dcm"
    path.write_bytes(encode_dicom(seen))
    back = read_radiograph(path)
    assert np.array_equal(np.rint(back.pixels * 255), film.pixels)
    assert back.metadata.view is view
    # DICOM puts the family name first, whatever the language.
    assert sorted(back.metadata.patient_name.split()) == sorted(film.metadata.patient_name.split())
    for name in ("patient_id", "patient_sex", "patient_birth_date", "study_date"):
        assert getattr(back.metadata, name) == getattr(film.metadata, name)
    assert back.metadata.age_months == pytest.approx(film.metadata.age_months, abs=0.05)


def test_equal_films_are_equal_bytes_and_others_have_other_identifiers(film: PhantomFilm) -> None:
    assert encode_dicom(film) == encode_dicom(make_film(film.spec))
    other = pydicom.dcmread(BytesIO(encode_dicom(replace(film, spec=replace(film.spec, index=99)))))
    mine = pydicom.dcmread(BytesIO(encode_dicom(film)))
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        assert mine[keyword].value != other[keyword].value
