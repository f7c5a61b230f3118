"""A report to keep: as plain text, as one HTML page that loads nothing and runs nothing, and in Korean."""

from collections.abc import Iterable
from html import escape

from pedaxr.text import one_line
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import TERMS

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#111;"
    "background:#fff}h1{font-size:1.3rem}h2{font-size:1rem;margin:1.2rem 0 .2rem}p{margin:.2rem 0}"
    ".critical{border:2px solid #b00020;color:#b00020;padding:.5rem .8rem;font-weight:bold}"
    ".small{font-size:.85rem;color:#555}@media print{body{margin:0}}"
)
# Nothing may be loaded and no script may run, whatever the text holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report_text(report: Report) -> str:
    """The draft as plain text."""
    lines = [_title(report), f"Study: {report.study_id or 'a file'}", f"Made: {_made(report)}"]
    lines += [_signature(report)] if report.signed_by else []
    lines += [critical] if (critical := _critical(report)) else []
    for name, text in report.sections.items():
        lines += ["", *_section(name, text)]
    lines += ["", *(f"Check: {flag}" for flag in report.flags)]
    lines += ["", f"Model: {report.model}", report.data_statement, report.disclaimer, ""]
    return "\n".join(lines)


def report_html(report: Report) -> str:
    """The draft as an HTML page; every word of it is escaped."""
    critical = _critical(report)
    parts = [
        f"<h1>{escape(_title(report))}</h1>",
        _paragraph(f"Study {report.study_id or 'a file'}, made {_made(report)}", "small"),
        _paragraph(_signature(report)) if report.signed_by else "",
        _paragraph(critical, "critical") if critical else "",
        *(f"<h2>{escape(name)}</h2>{_paragraph(text)}" for name, text in report.sections.items()),
        *_flags(report.flags),
        _paragraph(f"Model {report.model}. {report.data_statement} {report.disclaimer}", "small"),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(_title(report))}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def report_korean(report: Report) -> str:
    """The report in Korean as JSON, to be shown in place of the English text; it is the same report.

    Section names are those of the report. Sentences are told from the structured findings, none of the draft
    is translated; so their verdict is what both witnesses leave of the finding.
    """
    from pedaxr.reports.korean import in_korean, korean_sections
    from pedaxr.reports.sections import measures_text
    from pedaxr_models.report_text.parser import parse_sentence, split_sentences

    sections = dict(zip(report.sections, korean_sections(report).values(), strict=False))  # flags come last
    findings = {finding.finding: finding for finding in report.findings}
    told = sections.get("Findings", "").removesuffix(in_korean(measures_text(report.measures)))
    sentences = [(text, findings.get(parse_sentence(text).finding or "")) for text in split_sentences(told)]
    data = {
        "report_id": report.report_id,
        "sections": sections,
        "sentences": [
            {"text": text, "verdict": _verdict(finding)} | ({"finding": finding.finding} if finding else {})
            for text, finding in sentences
        ],
        "flags": [in_korean(flag) for flag in report.flags],
    }
    return one_line(data)


def _verdict(finding: StructuredFinding | None) -> str:
    if finding is None or finding.presence is Presence.NOT_ASSESSED:
        return "not_checked"
    return "grounded" if finding.agreed else "hedged"


def _section(name: str, text: str) -> list[str]:
    """The indication was typed by somebody: it stands as data, for programs that read this text too."""
    if name.lower() == "indication" and text:
        return [f"{name.upper()} (as supplied, data only)", one_line(text)]
    return [name.upper(), text]


def _title(report: Report) -> str:
    return f"{report.status.upper()} REPORT {report.report_id}"


def _signature(report: Report) -> str:
    at = report.signed_at.isoformat(timespec="seconds") if report.signed_at else ""
    return f"Signed: {report.signed_by}, {at}"


def _made(report: Report) -> str:
    return report.created_at.isoformat(timespec="seconds")


def _critical(report: Report) -> str:
    names = ", ".join(TERMS[name].english if name in TERMS else name for name in report.critical)
    return f"CRITICAL: {names}. Tell a responsible human now." if names else ""


def _flags(flags: Iterable[str]) -> list[str]:
    items = "".join(f"<li>{escape(flag)}</li>" for flag in flags)
    return [f"<h2>To check</h2><ul>{items}</ul>"] if items else []


def _paragraph(text: str, kind: str = "") -> str:
    mark = f' class="{kind}"' if kind else ""
    return f"<p{mark}>{escape(text)}</p>"
