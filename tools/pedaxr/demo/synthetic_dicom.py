"""Write a synthetic film as a DICOM Computed Radiography image (PS3.3 A.2) whose header says what it is."""

from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from pedaxr.patient_search.person_name import person_name
from pedaxr_models.labels import View

if TYPE_CHECKING:
    from pedaxr_models.phantom.film import PhantomFilm

# DICOM has a term for the decubitus view only (PS3.3 C.8.1.1); erect and supine stand in descriptions.
_VIEW_POSITIONS = {View.LEFT_LATERAL_DECUBITUS: "LLD"}


def encode_dicom(film: "PhantomFilm") -> bytes:
    """The film with its own patient and study; equal films give equal bytes."""
    m, spec = film.metadata, film.spec
    dataset = Dataset()
    write_patient(
        dataset,
        patient_id=m.patient_id or "",
        name=m.patient_name or "",
        sex=m.patient_sex,
        birth_date=date.fromisoformat(m.patient_birth_date) if m.patient_birth_date else None,
    )
    study_date = date.fromisoformat(m.study_date) if m.study_date else None
    write_study(dataset, f"{m.patient_id}", study_date, m.age_months, spec.view)
    return encoded(add_film(dataset, film))


def write_patient(
    dataset: Dataset, *, patient_id: str, name: str, sex: str | None, birth_date: date | None
) -> None:
    """Patient Module (PS3.3 C.7.1.1), in UTF-8."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = person_name(name)
    dataset.PatientID = patient_id
    dataset.PatientSex = sex
    if birth_date:
        dataset.PatientBirthDate = birth_date.strftime("%Y%m%d")
    dataset.PatientComments = "Synthetic child made by a program; no real person."


def write_study(
    dataset: Dataset, study_id: str, study_date: date | None, age_months: float | None, view: View
) -> None:
    """General Study, Patient Study and Series (C.7.2.1, C.7.2.2, C.7.3.1); the patient is written before."""
    from pedaxr_models.phantom.metadata import dicom_age

    birth = dataset.get("PatientBirthDate")
    if birth and study_date and age_months is not None:
        dataset.PatientAge = dicom_age(age_months, date.fromisoformat(birth), study_date)
    day = study_date.strftime("%Y%m%d") if study_date else ""
    dataset.StudyDate = dataset.ContentDate = day
    dataset.StudyTime = dataset.ContentTime = "120000"
    dataset.StudyID = dataset.AccessionNumber = study_id[:16]
    dataset.ReferringPhysicianName = ""
    dataset.SeriesDescription = f"ABDOMEN {view.value.upper().replace('_', ' ')} AP"
    dataset.ViewPosition = _VIEW_POSITIONS.get(view, "AP")


def add_film(dataset: Dataset, film: "PhantomFilm") -> Dataset:
    """Add the picture, and identifiers that follow from the header and from how the film was made."""
    _write_picture(dataset, film)
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        sources = [dataset.PatientID, dataset.AccessionNumber, repr(film.spec), keyword]
        setattr(dataset, keyword, generate_uid(entropy_srcs=sources))
    return dataset


def encoded(dataset: Dataset) -> bytes:
    """The film as a DICOM file (PS3.10), uncompressed."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _write_picture(dataset: Dataset, film: "PhantomFilm") -> None:
    dataset.Modality = "CR"
    dataset.Manufacturer = "pedaxr phantom (synthetic)"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = "Synthetic film; not an exposure of a person."
    dataset.SyntheticData = "YES"
    dataset.BurnedInAnnotation = "NO"  # lead letters name a side or a view, never a patient
    dataset.BodyPartExamined = "ABDOMEN"
    dataset.PatientOrientation = ["L", "F"]
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.Rows, dataset.Columns = film.pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    # Without a window a viewer stretches the film by its own lights; this one shows it as it is.
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = "127.5", "255", "LINEAR_EXACT"
    spacing = [f"{mm:.5f}" for mm in film.pixel_spacing_mm]
    dataset.PixelSpacing = dataset.ImagerPixelSpacing = spacing  # a parallel beam magnifies nothing
    dataset.PixelSpacingCalibrationType = "GEOMETRY"
    dataset.PixelSpacingCalibrationDescription = "Exact: the phantom's geometry."
    dataset.PixelData = film.pixels.tobytes()
    dataset["PixelData"].VR = "OB"
