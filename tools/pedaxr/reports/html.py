"""The parts of a report as HTML: for the page to keep and for notebooks. Every word of it is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from pedaxr.reports.heading import heading, phrases
from pedaxr.reports.rendering import ToldSection, small_print, told_flags, told_sections
from pedaxr.types import Report
from pedaxr_models.report_text.wordings import Language


def report_body(report: Report, language: Language = "en") -> str:
    """Heading, sections, flags and small print; classes critical, notice and small are for a style sheet."""
    top = heading(report, language)
    return "".join(
        [
            f"<h1>{escape(top.title)}</h1>",
            paragraphs(top.notices, "notice"),
            paragraphs(top.identity),
            paragraphs([top.critical], "critical"),
            paragraphs([top.withdrawn], "notice"),
            *map(_section, told_sections(report, language)),
            _flags(told_flags(report, language), phrases(language)["to_check"]),
            paragraphs([" ".join(small_print(report, language))], "small"),
        ]
    )


def paragraphs(texts: Iterable[str], kind: str = "") -> str:
    """One for each text that is not empty."""
    mark = f' class="{kind}"' if kind else ""
    return "".join(f"<p{mark}>{escape(text)}</p>" for text in texts if text)


def _section(section: ToldSection) -> str:
    return f"<h2>{escape(section.title)}</h2>{paragraphs(section.text.splitlines())}"


def _flags(flags: Sequence[str], title: str) -> str:
    items = "".join(f"<li>{escape(flag)}</li>" for flag in flags)
    return f"<h2>{escape(title)}</h2><ul>{items}</ul>" if items else ""
