"""A human's signature in a document (PS3.3 C.17.2): who verified it, when, and which version it takes on."""

from pydicom import Dataset

from pedaxr.dicom_objects.film_result import FilmResult
from pedaxr.dicom_objects.kinds import KINDS
from pedaxr.dicom_objects.uids import object_uid
from pedaxr.patient_search.name_forms import romanised_name
from pedaxr.patient_search.person_name import person_name

_LONGEST = 64
_PARTS = str.maketrans("^=\\", "   ")  # what parts a DICOM name
NO_ORGANISATION = "Not stated"


def add_signature(document: Dataset, result: FilmResult, kind: str, *, is_translation: bool = False) -> None:
    """Mark a structured report as what its version is: a draft, or signed by a named human; in place.

    A translation is nobody's: whoever signed verified the words that it was made from.
    """
    is_verified = result.is_signed and not is_translation
    document.PreliminaryFlag = "FINAL" if result.is_signed else "PRELIMINARY"
    document.VerificationFlag = "VERIFIED" if is_verified else "UNVERIFIED"
    if is_verified:
        document.VerifyingObserverSequence = [verifying_observer(result)]
    if result.predecessor is not None:
        document.PredecessorDocumentsSequence = [_predecessor(result, result.predecessor, kind)]


def verifying_observer(result: FilmResult) -> Dataset:
    """Who signed, when, and for whom (PS3.3 table C.17-2)."""
    observer = Dataset()
    observer.VerifyingObserverName = _signer(result.report.signed_by or "")
    observer.VerifyingOrganization = result.organisation[:_LONGEST] or NO_ORGANISATION
    observer.VerificationDateTime = result.at.strftime("%Y%m%d%H%M%S%z")
    observer.VerifyingObserverIdentificationCodeSequence = []
    return observer


def _signer(name: str) -> str:
    """The name as it was signed: only Korean ones say which part is the family's."""
    plain = name.translate(_PARTS)
    return person_name(plain) if romanised_name(plain) else f"{plain[:_LONGEST]}^"


def _predecessor(result: FilmResult, seed: tuple[str, ...], kind: str) -> Dataset:
    instance = Dataset()
    instance.ReferencedSOPClassUID = KINDS[kind].sop_class_uid
    instance.ReferencedSOPInstanceUID = object_uid(*seed, kind)
    series = Dataset()
    series.SeriesInstanceUID = object_uid(*seed, kind, "series")
    series.ReferencedSOPSequence = [instance]
    study = Dataset()
    study.StudyInstanceUID = result.header.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    return study
