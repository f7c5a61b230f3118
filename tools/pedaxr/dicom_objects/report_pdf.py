"""The report as an Encapsulated PDF (PS3.3 A.45.1): the overlay and the words on pages of paper."""

from collections.abc import Iterator
from datetime import UTC

from PIL import Image, ImageDraw
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from pedaxr.dicom_objects.film_result import FilmResult
from pedaxr.dicom_objects.finish import coded, finish, identity, reference
from pedaxr.dicom_objects.kinds import KINDS
from pedaxr.dicom_objects.overlay_capture import overlay
from pedaxr.dicom_objects.pdf_file import Page, PlacedLine, pdf_file
from pedaxr.dicom_objects.report_text import opening_words, own_words
from pedaxr.errors import InvalidRequest
from pedaxr.patient_search.hangul import is_hangul
from pedaxr.reading.overlay_fonts import can_write, font_for, hangul_font_file
from pedaxr.reports.rendering import report_text as written_report
from pedaxr_models.codes import REPORT_TITLE, Code
from pedaxr_models.report_text.wordings import Language

_DPI = 150
_MOST_LETTERS = 5  # named in an error
_PAGE = (1240, 1754)  # A4 at that resolution
_MARGIN, _SIZE, _LINE = 90, 21, 30
_SOURCE = Code("121112", "DCM", "Source of Measurement")
_OF_PATIENT_AND_STUDY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyInstanceUID", "StudyDescription"),
    "SpecificCharacterSet",
)


def report_pdf(result: FilmResult) -> Dataset:
    """The object, in English. Raises InvalidRequest where this machine has no font for its letters."""
    return _document(result, "pdf", "en")


def report_pdf_in_korean(result: FilmResult) -> Dataset:
    """The same report in Korean. Raises InvalidRequest likewise."""
    return _document(result, "pdf_ko", "ko")


def _document(result: FilmResult, kind: str, language: Language) -> Dataset:
    made, header, of_kind = Dataset(), result.header, KINDS[kind]
    for keyword in _OF_PATIENT_AND_STUDY:
        if keyword in header:
            made[keyword] = header[keyword]
    identified = identity(result, kind)
    made.SOPClassUID, made.SOPInstanceUID = of_kind.sop_class_uid, identified["sop_instance_uid"]
    made.SeriesInstanceUID, made.SeriesNumber = identified["series_instance_uid"], of_kind.series_number
    made.Modality, made.InstanceNumber, made.ConversionType = of_kind.modality, 1, "WSD"
    made.ContentDate = made.ContentTime = made.InstanceCreationDate = made.InstanceCreationTime = ""
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "YES"
    made.DocumentTitle = "Signed report" if result.is_signed else "AI draft report, preliminary"
    made.ConceptNameCodeSequence = [coded(REPORT_TITLE)]
    is_verified = result.is_signed and language == "en"  # nobody signs the translation
    made.VerificationFlag = "VERIFIED" if is_verified else "UNVERIFIED"
    made.SourceInstanceSequence = [reference(header, _SOURCE)]
    document = pdf_pages(result, language)
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(document)
    made.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return finish(made, result, kind)


def pdf_pages(result: FilmResult, language: Language = "en") -> bytes:
    """A4 pages as PDF; the dates in it are the report's."""
    at = result.at.astimezone(UTC)
    tag = "ko-KR" if language == "ko" else "en"
    return pdf_file(_pages(result, language), dpi=_DPI, title="Radiology report", language=tag, at=at)


def _pages(result: FilmResult, language: Language) -> list[Page]:
    sheet = overlay(result)
    width = _PAGE[0] - 2 * _MARGIN
    sheet = sheet.resize((width, round(sheet.height * width / sheet.width)))
    picture = Image.new("RGB", _PAGE, "white")
    picture.paste(sheet, (_MARGIN, _MARGIN))
    pictures, placed, y = [picture], [list[PlacedLine]()], _MARGIN + sheet.height + _LINE
    for line in _lines(result, language):
        if y > _PAGE[1] - _MARGIN - _LINE:
            pictures.append(Image.new("RGB", _PAGE, "white"))
            placed.append([])
            y = _MARGIN
        if line:
            ImageDraw.Draw(pictures[-1]).text((_MARGIN, y), line, "black", font_for(line, _SIZE))
            placed[-1].append(PlacedLine(_MARGIN, y, _SIZE, line))
        y += _LINE
    return [Page(one, tuple(lines)) for one, lines in zip(pictures, placed, strict=True)]


def _lines(result: FilmResult, language: Language) -> Iterator[str]:
    width = _PAGE[0] - 2 * _MARGIN
    yield from wrapped(opening_words(result, language), _SIZE, width)
    yield ""
    for line in written_report(own_words(result), language).splitlines():
        if not can_write(line):
            raise InvalidRequest(_without_font(line))
        yield from wrapped(line, _SIZE, width)


def _without_font(line: str) -> str:
    """What to do about letters that no page shows: Hangul comes with a font, other scripts with none."""
    others = sorted({f"U+{ord(char):04X}" for char in line if not can_write(char) and not is_hangul(char)})
    if hangul_font_file() is not None and others:
        return (
            f"The PDF has no letters for {', '.join(others[:_MOST_LETTERS])}, which the report holds. Leave "
            "out the PDF (--kinds): the structured report and FHIR have them."
        )
    return (
        "This machine has no font with the letters of the report. Install one with Hangul, such as Noto Sans "
        "CJK or Nanum Gothic, or leave out the PDF."
    )


def wrapped(text: str, size: int, most: int) -> Iterator[str]:
    """As many words to a line as fit into so many pixels; a word that is wider is broken."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if _is_within(longer, size, most):
            line = longer
            continue
        if line:
            yield line
        line = ""
        for letter in word:
            if line and not _is_within(line + letter, size, most):
                yield line
                line = ""
            line += letter
    yield line


def _is_within(line: str, size: int, most: int) -> bool:
    return font_for(line, size).getlength(line) <= most
