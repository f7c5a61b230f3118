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
from pedaxr_models.codes import REPORT_TITLE, Code

_ENGLISH = Code("en", "RFC5646", "English")
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
    root = ContainerContentItem(name=concept(REPORT_TITLE), template_id="2000")
    root.ContentSequence = ContentSequence()
    language = CodeContentItem(
        name=codes.DCM.LanguageOfContentItemAndDescendants,
        value=concept(_ENGLISH),
        relationship_type="HAS CONCEPT MOD",
    )
    root.ContentSequence.append(language)
    root.ContentSequence.extend(device_context(result))
    for heading, items in _sections(result):
        box = ContainerContentItem(name=concept(heading), relationship_type="CONTAINS")
        box.ContentSequence = ContentSequence(items)
        root.ContentSequence.append(box)
    made = EnhancedSR(
        evidence=[result.header],
        content=root,
        manufacturer=MAKER,
        is_complete=True,
        is_final=result.is_signed,
        **identity(result, "text_sr"),
    )
    add_signature(made, result, "text_sr")
    return finish(made, result, "text_sr")


def opening_words(result: FilmResult) -> str:
    """What a reader must know before anything else: whose words these are, and what the tool is not."""
    report = result.report
    if result.is_signed:
        return f"Signed by {report.signed_by}. {report.disclaimer}"
    return f"AI draft, preliminary, not verified by a human. {report.disclaimer}"


def _sections(result: FilmResult) -> Iterator[tuple[Code, list[TextContentItem]]]:
    """Each heading with its texts; sections that have no heading of their own stand under the findings."""
    said: dict[str, list[str]] = {"Impression": [opening_words(result)]}
    for name, text in result.report.sections.items():
        if text:
            said.setdefault(name if name in _HEADINGS else "Findings", []).append(
                text if name in _HEADINGS else f"{name}: {text}"
            )
    for name, texts in said.items():
        heading, kind = _HEADINGS[name]
        items = [
            TextContentItem(name=concept(kind), value=text, relationship_type="CONTAINS") for text in texts
        ]
        yield heading, items
