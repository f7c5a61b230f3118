"""Films of a few children as a hospital's PACS would hold them: one synthetic picture, many headers."""

from datetime import date
from functools import cache
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from pedaxr.demo.synthetic_dicom import encode_dicom, person_name
from pedaxr_models.labels import Finding, View
from pedaxr_models.phantom import make_film
from pedaxr_models.phantom.spec import FilmSpec

SEOYEON = ("Q-1001", "이서연", date(2021, 5, 6))
HOMONYM = ("Q-1002", "이서연", date(2019, 1, 2))
ARIN = ("Q-1003", "송아린", date(2020, 7, 18))
MINJUN = ("Q-1004", "김민준", date(2022, 3, 4))


_SHOWN = ((Finding.AIR_FLUID_LEVEL, 0.8), (Finding.ABDOMINAL_DISTENSION, 0.8))


@cache
def _picture() -> bytes:
    return encode_dicom(
        make_film(FilmSpec(seed=11, index=2, view=View.ERECT, age_months=40.0, severity=_SHOWN))
    )


def film(child: tuple[str, str, date], accession: str, **elements: object) -> bytes:
    """A CR film of the child's; the same arguments give the same bytes.

    Args:
        child: id, name and birth date.
        accession: of the order; every order is a study of its own.
        elements: of the header, in place of the usual ones; None leaves one out.
    """
    dataset = header(child, accession)
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def header(child: tuple[str, str, date], accession: str) -> Dataset:
    """The film as a data set."""
    patient_id, name, born = child
    dataset = dcmread(BytesIO(_picture()))
    dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate = (
        patient_id,
        person_name(name),
        f"{born:%Y%m%d}",
    )
    dataset.StudyDate = dataset.ContentDate = "20251103"
    del dataset.PatientAge
    dataset.AccessionNumber = accession
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, generate_uid(entropy_srcs=[accession, keyword]))
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def uid_of(accession: str, keyword: str = "SOPInstanceUID") -> str:
    """A UID of that order's film."""
    return str(generate_uid(entropy_srcs=[accession, keyword]))
