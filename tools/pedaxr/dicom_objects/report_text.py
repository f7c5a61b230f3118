"""The report's words as a DICOM Structured Report: TID 2000 (PS3.16) in Enhanced SR."""

from collections.abc import Iterator

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentSequence,
    EnhancedSR,
    TextContentItem,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes

from pedaxr.dicom_objects.film_result import FilmResult
from pedaxr.dicom_objects.finish import MAKER, finish, identity
from pedaxr.dicom_objects.measurement_report import device_context
from pedaxr.dicom_objects.segmentation import concept
from pedaxr.dicom_objects.signature import add_signature
from pedaxr.reports.heading import heading, phrases
from pedaxr.reports.korean import korean_headings
from pedaxr.reports.rendering import small_print, told_flags, told_sections
from pedaxr.types import Report
from pedaxr_models.codes import REPORT_TITLE, Code
from pedaxr_models.report_text.wordings import Language

_LANGUAGES: dict[Language, Code] = {
    "en": Code("en", "RFC5646", "English"),
    "ko": Code("ko-KR", "RFC5646", "Korean (Korea)"),
}
# By section of our report: the heading (CID 7001), and what is said below it (CID 7002).
_HEADINGS: dict[str, tuple[Code, Code]] = {
    "Impression": (Code("19005-8", "LN", "Impressions"), Code("121073", "DCM", "Impression")),
    "Findings": (Code("59776-5", "LN", "Findings"), Code("121071", "DCM", "Finding")),
    "Recommendation": (Code("18783-1", "LN", "Recommendations"), Code("121075", "DCM", "Recommendation")),
    "Indication": (Code("18785-6", "LN", "Indications for Procedure"), Code("121060", "DCM", "History")),
    "Technique": (
        Code("55111-9", "LN", "Current Procedure Descriptions"),
        Code("121065", "DCM", "Procedure Description"),
    ),
    "Comparison": (
        Code("55114-3", "LN", "Prior Procedure Descriptions"),
        Code("121068", "DCM", "Previous Findings"),
    ),
}


def report_text(result: FilmResult) -> Dataset:
    """The object, in English."""
    return _document(result, "text_sr", "en")


def report_text_in_korean(result: FilmResult) -> Dataset:
    """The same report in Korean, as an object of its own: a translation, whose words nobody has signed."""
    return _document(result, "text_sr_ko", "ko")


def _document(result: FilmResult, kind: str, language: Language) -> Dataset:
    root = ContainerContentItem(name=concept(REPORT_TITLE), template_id="2000")
    root.ContentSequence = ContentSequence()
    in_language = CodeContentItem(
        name=codes.DCM.LanguageOfContentItemAndDescendants,
        value=concept(_LANGUAGES[language]),
        relationship_type="HAS CONCEPT MOD",
    )
    root.ContentSequence.append(in_language)
    root.ContentSequence.extend(device_context(result))
    for code, items in _sections(result, language):
        box = ContainerContentItem(name=concept(code), relationship_type="CONTAINS")
        box.ContentSequence = ContentSequence(items)
        root.ContentSequence.append(box)
    made = EnhancedSR(
        evidence=[result.header],
        content=root,
        manufacturer=MAKER,
        is_complete=True,
        is_final=result.is_signed,
        **identity(result, kind),
    )
    add_signature(made, result, kind, is_translation=language != "en")
    return finish(made, result, kind)


def own_words(result: FilmResult) -> Report:
    """The report without what is known of other versions, which changes while this one stays."""
    return result.report.model_copy(update={"signed_report": None, "newer_draft": None})


def opening_words(result: FilmResult, language: Language = "en") -> str:
    """What a reader must know before anything else: whose words these are, and what the tool is not."""
    report = result.report
    if language == "ko":
        words = phrases(language)
        said = words["translated"].format(report.signed_by) if result.is_signed else words["drafted"]
        return f"{said} {words['disclaimer']}"
    if result.is_signed:
        return f"Signed by {report.signed_by}. {report.disclaimer}"
    return f"AI draft, preliminary, not verified by a human. {report.disclaimer}"


def _sections(result: FilmResult, language: Language) -> Iterator[tuple[Code, list[TextContentItem]]]:
    """Each heading with its texts; sections that have no heading of their own stand under the findings."""
    report, words = own_words(result), phrases(language)
    head = heading(report, language)
    said = {"Impression": [opening_words(result, language), *filter(None, [head.critical, head.withdrawn])]}
    for section in told_sections(report, language):
        has_own = section.name in _HEADINGS and section.title == _titles(language).get(section.name)
        text = section.text if has_own else f"{section.title}: {section.text}"
        if section.text:
            said.setdefault(section.name if section.name in _HEADINGS else "Findings", []).append(text)
    said["Impression"] += [f"{words['check']}: {flag}" for flag in told_flags(report, language)]
    said.setdefault("Technique", []).extend(small_print(report, language))
    for name, texts in said.items():
        code, kind = _HEADINGS[name]
        items = [
            TextContentItem(name=concept(kind), value=text, relationship_type="CONTAINS") for text in texts
        ]
        yield code, items


def _titles(language: Language) -> dict[str, str]:
    """What a section is called that is in nobody's own words."""
    return korean_headings() if language == "ko" else {name: name for name in _HEADINGS}
