"""A report in words to read, in either language: the same sections, flags and small print for every door.

What a human or a registry supplied stands in it as one quoted JSON string a line, so that it reads as data.
"""

from dataclasses import dataclass

from pedaxr.reports.heading import LONGEST_QUOTED, heading, phrases
from pedaxr.reports.korean import in_korean, korean_headings, sections_in_korean
from pedaxr.reports.sections import NOT_ASSESSED
from pedaxr.text import ForeignText
from pedaxr.types import Report
from pedaxr_models.report_text.wordings import Language

NOT_SUPPLIED = "not supplied"


@dataclass(frozen=True)
class ToldSection:
    """One section as it is shown.

    Attributes:
        name: its key in the report.
        title: the heading; it says so where the text is somebody's own words.
        text: one or more lines.
    """

    name: str
    title: str
    text: str


def told_sections(report: Report, language: Language = "en") -> list[ToldSection]:
    """All sections in their order; those that nobody assessed stand in one."""
    texts = report.sections if language == "en" else sections_in_korean(report)
    titles = {name: name for name in report.sections} if language == "en" else korean_headings()
    words = phrases(language)
    left = [name for name in report.sections if report.sections[name] == NOT_ASSESSED]
    told = []
    for name, text in texts.items():
        if name in left:
            if name == left[0]:
                parts = ", ".join(_within(titles.get(part, part)) for part in left)
                told.append(ToldSection(name, words["not_assessed"], f"{parts}."))
            continue
        title, shown = titles.get(name, name), text
        if name == "Indication":
            title, shown = f"{title} {words['as_supplied']}", _indication(report, text, language)
        elif name in report.human_sections:
            title, shown = f"{title} {words['in_own_words']}", _quoted(text)
        elif name == "Findings" and "Impression" in report.human_sections:
            title = f"{title} {words['of_the_draft']}"  # the signer's impression may deny them
        told.append(ToldSection(name, title, shown))
    return told


def _within(title: str) -> str:
    return title[:1].lower() + title[1:]


def told_flags(report: Report, language: Language = "en") -> list[str]:
    """The flags, gravest first."""
    return report.flags if language == "en" else [in_korean(flag) for flag in report.flags]


def small_print(report: Report, language: Language = "en") -> list[str]:
    """How sure a draft is, in words; what it was made with, on what that was trained, and what it is not."""
    words = phrases(language)
    is_sure = report.sureness and "Impression" not in report.human_sections
    sure = [words["sureness"].format(words[f"sure_{report.sureness}"])] if is_sure else []
    if language == "en":
        return [*sure, f"Model: {report.model}", report.data_statement, report.disclaimer]
    model = f"{words['model']}: {report.model}"
    return [*sure, model, words["trained"][report.trained_on], words["disclaimer"]]


def report_text(report: Report, language: Language = "en") -> str:
    """The whole report as plain text."""
    lines = heading(report, language).lines
    for section in told_sections(report, language):
        lines += ["", section.title.upper(), section.text]
    check = phrases(language)["check"]
    lines += ["", *(f"{check}: {flag}" for flag in told_flags(report, language))]
    return "\n".join([*lines, "", *small_print(report, language), ""])


def _indication(report: Report, text: str, language: Language) -> str:
    """Each reason that was supplied, quoted, and by whom; of older reports what their section holds."""
    words = phrases(language)
    if report.indications:
        return "; ".join(f"{words[one.source]}: {ForeignText(one.text, 500)}" for one in report.indications)
    is_none = report.sections.get("Indication") in (None, "", NOT_SUPPLIED)
    return text if is_none else str(ForeignText(text, 500))


def _quoted(text: str) -> str:
    return "\n".join(str(ForeignText(line, LONGEST_QUOTED)) for line in text.splitlines())
