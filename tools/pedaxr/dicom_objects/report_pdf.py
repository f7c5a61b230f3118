"""The report as an Encapsulated PDF (PS3.3 A.45.1): the overlay and the words on pages of paper."""

import io
import textwrap
from collections.abc import Iterator

from PIL import Image, ImageDraw
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from pedaxr.dicom_objects.film_result import FilmResult
from pedaxr.dicom_objects.finish import coded, finish, identity, reference
from pedaxr.dicom_objects.kinds import KINDS
from pedaxr.dicom_objects.overlay_capture import overlay
from pedaxr.dicom_objects.report_text import opening_words
from pedaxr.reading.overlay_fonts import font_for
from pedaxr_models.codes import REPORT_TITLE, Code

_DPI = 150
_PAGE = (1240, 1754)  # A4 at that resolution
_MARGIN, _SIZE, _LINE, _COLUMNS = 90, 21, 30, 96
_SOURCE = Code("121112", "DCM", "Source of Measurement")
_OF_PATIENT_AND_STUDY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyInstanceUID", "StudyDescription"),
    "SpecificCharacterSet",
)


def report_pdf(result: FilmResult) -> Dataset:
    """The object."""
    made, header, kind = Dataset(), result.header, KINDS["pdf"]
    for keyword in _OF_PATIENT_AND_STUDY:
        if keyword in header:
            made[keyword] = header[keyword]
    identified = identity(result, "pdf")
    made.SOPClassUID, made.SOPInstanceUID = kind.sop_class_uid, identified["sop_instance_uid"]
    made.SeriesInstanceUID, made.SeriesNumber = identified["series_instance_uid"], kind.series_number
    made.Modality, made.InstanceNumber, made.ConversionType = kind.modality, 1, "WSD"
    made.ContentDate = made.ContentTime = made.InstanceCreationDate = made.InstanceCreationTime = ""
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "YES"
    made.DocumentTitle = "Signed report" if result.is_signed else "AI draft report, preliminary"
    made.ConceptNameCodeSequence = [coded(REPORT_TITLE)]
    made.VerificationFlag = "VERIFIED" if result.is_signed else "UNVERIFIED"
    made.SourceInstanceSequence = [reference(header, _SOURCE)]
    document = pdf_pages(result)
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(document)
    made.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return finish(made, result, "pdf")


def pdf_pages(result: FilmResult) -> bytes:
    """A4 pages as PDF; the dates in it are the report's."""
    first, *others = _pages(result)
    at = result.at.timetuple()
    buffer = io.BytesIO()
    first.save(
        buffer,
        "PDF",
        save_all=True,
        append_images=others,
        resolution=_DPI,
        title="Radiology report",
        producer="pedaxr",
        creationDate=at,
        modDate=at,
    )
    return buffer.getvalue()


def _pages(result: FilmResult) -> list[Image.Image]:
    sheet = overlay(result)
    width = _PAGE[0] - 2 * _MARGIN
    sheet = sheet.resize((width, round(sheet.height * width / sheet.width)))
    page = Image.new("RGB", _PAGE, "white")
    page.paste(sheet, (_MARGIN, _MARGIN))
    pages, y = [page], _MARGIN + sheet.height + _LINE
    for line in _lines(result):
        if y > _PAGE[1] - _MARGIN - _LINE:
            pages.append(Image.new("RGB", _PAGE, "white"))
            y = _MARGIN
        ImageDraw.Draw(pages[-1]).text((_MARGIN, y), line, "black", font_for(line, _SIZE))
        y += _LINE
    return pages


def _lines(result: FilmResult) -> Iterator[str]:
    yield from textwrap.wrap(opening_words(result), _COLUMNS)
    for name, text in result.report.sections.items():
        if text:
            yield ""
            for part in f"{name}: {text}".splitlines():
                yield from textwrap.wrap(part, _COLUMNS)
