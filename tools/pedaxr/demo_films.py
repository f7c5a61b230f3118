"""Make the demo clinic's films and write them as a clinic would hold them: mostly PNG, some DICOM CR."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.demo_cast import DemoFilm
from pedaxr.durable import write_durably
from pedaxr.registry import NewStudy

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pedaxr_models.phantom.film import PhantomFilm

Progress = Callable[[int, int], None]

_COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


def make_films(
    films: list[DemoFilm], home: Path, *, processes: int, progress: Progress | None
) -> list[NewStudy]:
    """Write every film below `home` and return what to register, in the order given."""
    studies: list[NewStudy] = []
    for study in _made(partial(make_one, home), films, processes):
        studies.append(study)
        if progress is not None:
            progress(len(studies), len(films))
    return studies


def _made(make: Callable[[DemoFilm], NewStudy], films: list[DemoFilm], processes: int) -> Iterator[NewStudy]:
    if processes <= 1:
        yield from map(make, films)
        return
    import multiprocessing

    # Spawned, not forked: the caller may be a server with threads.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(make, films, chunksize=2)


def make_one(home: Path, demo: DemoFilm) -> NewStudy:
    """Make one film and write it durably."""
    from pedaxr_models.phantom import make_film

    film = make_film(demo.spec)
    path = home / "films" / f"{demo.study_id}.{'dcm' if demo.is_dicom else 'png'}"
    content = _dicom(film, demo) if demo.is_dicom else _png(film)
    write_durably(path, content)
    return NewStudy(
        study_id=demo.study_id,
        patient_id=demo.patient.patient_id,
        image_path=path.relative_to(home),
        image_sha256=hashlib.sha256(content).hexdigest(),
        study_date=demo.study_date,
        stated_age_months=demo.spec.age_months,
        view_position=demo.spec.view,
        pixel_spacing_mm=film.pixel_spacing_mm,
        indication=film.metadata.indication,
        working_diagnosis=film.metadata.working_diagnosis,
        source_label=film.label,
    )


def _png(film: "PhantomFilm") -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", film.pixels)[1])


def _dicom(film: "PhantomFilm", demo: DemoFilm) -> bytes:
    """A Computed Radiography image (DICOM PS3.3 A.2) that says in its header that it is synthetic."""
    from io import BytesIO

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import generate_uid

    dataset = Dataset()
    _write_identity(dataset, demo)
    _write_pixels(dataset, film)
    dataset.SOPClassUID = _COMPUTED_RADIOGRAPHY
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(dataset, keyword, generate_uid(entropy_srcs=[demo.study_id, str(demo.spec), keyword]))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = _EXPLICIT_LITTLE_ENDIAN
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _write_identity(dataset: "Dataset", demo: DemoFilm) -> None:
    from pedaxr_models.phantom.metadata import dicom_age

    patient, day = demo.patient, demo.study_date.strftime("%Y%m%d")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = _person_name(patient.patient_name)
    dataset.PatientID = patient.patient_id
    dataset.PatientSex = patient.patient_sex
    if patient.patient_birth_date:
        dataset.PatientBirthDate = patient.patient_birth_date.strftime("%Y%m%d")
        dataset.PatientAge = dicom_age(demo.spec.age_months, patient.patient_birth_date, demo.study_date)
    dataset.StudyDate = dataset.ContentDate = day
    dataset.StudyTime = dataset.ContentTime = "120000"
    dataset.StudyID = demo.study_id
    dataset.AccessionNumber = demo.study_id
    dataset.ReferringPhysicianName = ""
    dataset.SeriesDescription = f"ABDOMEN {demo.spec.view.value.upper()} AP"
    dataset.PatientComments = "Synthetic child made by a program; no real person."


def _person_name(name: str) -> str:
    """DICOM PN: family^given in Latin, and in Hangul as the ideographic group (PS3.5 6.2.1)."""
    from pedaxr.hangul import split_surname
    from pedaxr.names import romanised_name

    latin = romanised_name(name)
    if latin is None:
        given, _, family = name.rpartition(" ")
        return f"{family}^{given}"
    surname, given = split_surname(name)
    return f"{latin.replace(' ', '^')}={surname}^{given}"


def _write_pixels(dataset: "Dataset", film: "PhantomFilm") -> None:
    dataset.Modality = "CR"
    dataset.Manufacturer = "pedaxr phantom"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = "Synthetic film; not an exposure of a person."
    dataset.SyntheticData = "YES"
    dataset.BodyPartExamined = "ABDOMEN"
    dataset.ViewPosition = "AP"
    dataset.PatientOrientation = ["L", "F"]
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.Rows, dataset.Columns = film.pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.PixelSpacing = [f"{mm:.5f}" for mm in film.pixel_spacing_mm]
    dataset.PixelSpacingCalibrationType = "GEOMETRY"
    dataset.PixelSpacingCalibrationDescription = "Exact: the phantom's geometry."
    dataset.PixelData = film.pixels.tobytes()
    dataset["PixelData"].VR = "OB"
