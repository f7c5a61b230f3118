"""A report to keep: as plain text, as one HTML page that loads nothing and runs nothing, and in Korean."""

from collections.abc import Sequence
from html import escape

from pedaxr.reports.heading import heading, phrases
from pedaxr.reports.html import report_body
from pedaxr.reports.rendering import report_text, small_print
from pedaxr.text import one_line
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.report_text.wordings import Language
from pedaxr_server.replies.korean_lines import is_measured_gas

__all__ = ["report_html", "report_korean", "report_text"]

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#111;"
    "background:#fff}h1{font-size:1.3rem}h2{font-size:1rem;margin:1.2rem 0 .2rem}p{margin:.2rem 0}"
    ".critical{border:2px solid #b00020;color:#b00020;padding:.5rem .8rem;font-weight:bold}"
    ":lang(ko){word-break:keep-all;overflow-wrap:break-word}"
    ".notice{border-left:4px solid #444;padding:.2rem .8rem}"
    ".small{font-size:.85rem;color:#555}.each-sheet{display:none}"
    # The head of a table stands on every sheet that the table runs over.
    "@media print{body{margin:0;display:table}.head{display:table-header-group;break-inside:avoid}"
    ".head p{border-bottom:1px solid #888;margin-bottom:.6rem}.each-sheet{display:inline}}"
)
# Nothing may be loaded and no script may run, whatever the text holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report_html(report: Report, language: Language = "en") -> str:
    """The report as an HTML page; every word of it is escaped."""
    top = heading(report, language)
    head = _head(top.identity, report.disclaimer if language == "en" else phrases(language)["disclaimer"])
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(top.title)}</title><style>{_STYLE}</style></head>"
        f"<body>{head}{report_body(report, language)}</body></html>\n"
    )


def _head(identity: Sequence[str], disclaimer: str) -> str:
    """What a report is not; on paper whose it is as well, as sheets may be parted."""
    who = f'<span class="each-sheet">{escape(" ".join(identity))} </span>'
    return f'<div class="head"><p class="small">{who}{escape(disclaimer)}</p></div>'


def report_korean(report: Report) -> str:
    """The report in Korean as JSON, to be shown in place of the English text; it is the same report.

    Section names are those of the report. Sentences come from the structured findings, none of the draft
    is translated; so their verdict is what both witnesses leave of the finding.
    """
    from pedaxr.reports.korean import in_korean, measured_in_korean, sections_in_korean
    from pedaxr_models.report_text.parser import parse_sentence, split_sentences

    sections = sections_in_korean(report)
    findings = {finding.finding: finding for finding in report.findings}
    told = sections.get("Findings", "").removesuffix(measured_in_korean(report))
    sentences = [(text, findings.get(parse_sentence(text).finding or "")) for text in split_sentences(told)]
    top = heading(report, "ko")
    data = {
        "report_id": report.report_id,
        "status": report.status,
        "heading": top.lines,
        "critical": top.critical,
        "in_doubt": in_korean(report.in_doubt or ""),
        "differs": [in_korean(text) for text in report.newer_draft.differs] if report.newer_draft else [],
        "film": report.film.model_dump(mode="json", exclude_none=True) if report.film else {},
        "disclaimer": " ".join(small_print(report, "ko")[-3:]),
        "sections": sections,
        "sentences": [
            {"text": text, "verdict": "grounded" if is_measured_gas(report, text) else _verdict(finding)}
            | ({"finding": finding.finding} if finding else {})
            for text, finding in sentences
        ],
        "flags": [in_korean(flag) for flag in report.flags],
    }
    return one_line(data)


def _verdict(finding: StructuredFinding | None) -> str:
    if finding is None or finding.presence is Presence.NOT_ASSESSED:
        return "not_checked"
    return "grounded" if finding.agreed else "hedged"
