"""A study's objects: the film's outlines, measurements, pictures and text, made from its own reading."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing, note
from pedaxr.dicom_objects.kinds import DEFAULT_KINDS, checked_kinds

if TYPE_CHECKING:
    from pydicom import Dataset

    from pedaxr.clinic import Clinic
    from pedaxr.dicom_objects.film_result import FilmResult


def objects_of(
    clinic: "Clinic", study_id: str, kinds: Sequence[str] = DEFAULT_KINDS, *, organisation: str = ""
) -> "list[Dataset]":
    """The DICOM objects of a study's film and its report as it stands.

    Of a signed report they are the signed version, and name the draft that it signs; the draft's objects stay
    as they were. The same film, weights, report and outlines give the same identifiers and the same bytes.

    Args:
        clinic: that holds the study.
        study_id: of the film, which must be a DICOM file.
        kinds: some of `kinds.KINDS`.
        organisation: for which whoever signed answers.

    Returns:
        In an order in which each refers only to earlier ones; without what the film has nothing for.

    Raises:
        InvalidRequest: a kind is not known, the film is no DICOM file, or its report is of other weights.
        StudyNotFound, UnreadableImage, NotAnAbdominalFilm, ModelUnavailable, StorageError.
    """
    wanted = checked_kinds(kinds)
    with accessing(clinic.home, "export_objects", study_id=study_id):
        from pedaxr.dicom_objects.film_result import film_result

        result = film_result(clinic, study_id, organisation=organisation)
        note(report_id=result.report.report_id)
        made = [_maker(kind)(result) for kind in wanted]
    return [one for one in made if one is not None]


# By kind, the module and its function: imported when asked for, as highdicom takes a second to load.
_MAKERS = {
    "seg": ("segmentation", "segmentation"),
    "sr": ("measurement_report", "measurement_report"),
    "text_sr": ("report_text", "report_text"),
    "capture": ("overlay_capture", "overlay_capture"),
    "gsps": ("presentation_state", "presentation_state"),
    "pdf": ("report_pdf", "report_pdf"),
    "text_sr_ko": ("report_text", "report_text_in_korean"),
    "pdf_ko": ("report_pdf", "report_pdf_in_korean"),
}


def _maker(kind: str) -> "Callable[[FilmResult], Dataset | None]":
    module, name = _MAKERS[kind]
    found: Callable[[FilmResult], Dataset | None]
    found = getattr(import_module(f"pedaxr.dicom_objects.{module}"), name)
    return found
