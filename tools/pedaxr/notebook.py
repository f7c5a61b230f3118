"""Results as a notebook shows them: whose film, what is critical, the overlay, a table, the report.

Everything is escaped and nothing is loaded: what stands in a registry or a file is text, never markup.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from pedaxr.reports.heading import critical_line, identity_lines, signed_line
from pedaxr.reports.html import paragraphs, report_body
from pedaxr.text import printable, shown_id
from pedaxr.types import PatientSearch, Region, Report, SegmentationResult, Worklist
from pedaxr_models.labels import TERMS, sign

_STYLE = (
    ".pedaxr{max-width:64rem}.pedaxr h1{font-size:1.1rem}.pedaxr h2{font-size:1rem;margin:.8rem 0 .2rem}"
    ".pedaxr p{margin:.2rem 0}.pedaxr .critical{border:2px solid #b00020;color:#b00020;padding:.4rem .7rem;"
    "font-weight:bold}.pedaxr .notice{border-left:4px solid #888;padding:.2rem .7rem}"
    ".pedaxr td,.pedaxr th{text-align:left;padding:.1rem .6rem .1rem 0}"
    ".pedaxr .small{font-size:.85em;opacity:.75}.pedaxr img,.pedaxr svg{max-width:100%}"
)


def page(result: object) -> str:
    """A fragment of HTML for one result of the tools.

    Raises:
        TypeError: it is none of them.
    """
    if isinstance(result, SegmentationResult):
        body = _segmentation(result)
    elif isinstance(result, Report):
        body = report_body(result)
    elif isinstance(result, PatientSearch):
        body = _search(result)
    elif isinstance(result, Worklist):
        body = _worklist(result)
    else:
        raise TypeError(f"no page for {type(result).__name__}")
    return f'<div class="pedaxr"><style>{_STYLE}</style>{body}</div>'


def _segmentation(result: SegmentationResult) -> str:
    signed = result.signed_report
    return "".join(
        [
            paragraphs([signed_line(signed)] if signed else [], "notice"),
            paragraphs(identity_lines(result.film, result.study_id)),
            paragraphs([critical_line(result.critical, result.critical_certainty)], "critical"),
            paragraphs([result.in_doubt or ""], "notice"),
            _picture(result),
            _table(map(_region_row, (*result.findings, *result.structures))),
            paragraphs([result.summary, *result.quality_notes]),
            paragraphs([f"Model: {result.model}. {result.data_statement} {result.disclaimer}"], "small"),
        ]
    )


def _picture(result: SegmentationResult) -> str:
    """The overlay where it was drawn and is still there, else the bare outlines of what was found."""
    path = Path(result.overlay_path) if result.overlay_path else None
    if path is not None and path.is_file():
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        return f'<img alt="The film with its outlines" src="data:image/png;base64,{data}">'
    shapes = "".join(map(_shapes, (*result.structures, *result.findings)))
    return (
        f'<svg role="img" aria-label="Outlines without the film" width="420" '
        f'viewBox="0 0 {result.width} {result.height}" style="background:#101216">{shapes}</svg>'
    )


def _shapes(region: Region) -> str:
    red, green, blue = TERMS[region.name].colour
    opacity = 0.35 if region.kind == "finding" else 0.0
    look = (
        f'fill="rgb({red},{green},{blue})" fill-opacity="{opacity}" stroke="rgb({red},{green},{blue})" '
        'stroke-width="2" vector-effect="non-scaling-stroke"'
    )
    return "".join(
        f'<polygon points="{" ".join(f"{x},{y}" for x, y in polygon)}" {look}/>'
        for polygon in region.polygons
    )


def _region_row(region: Region) -> dict[str, str]:
    area = f"{region.area_px} px" if region.area_mm2 is None else f"{region.area_mm2 / 100:.1f} cm²"
    return {
        "outlined": sign(region.name),
        "kind": region.kind,
        "confidence": f"{region.confidence:.2f}",
        "area": area,
        "share of body": f"{region.share_of_body:.1%}",
        "quadrants": ", ".join(region.quadrants),
    }


def _search(result: PatientSearch) -> str:
    rows = [
        {
            "patient id": shown_id(child.patient_id),
            "name": _name(child.patient_name, child.patient_name_romanised),
            "born": str(child.patient_birth_date or ""),
            "sex": child.patient_sex or "",
            "newest film": f"{child.studies[0].study_id} {child.studies[0].study_date or ''}"
            if child.studies
            else "",
            "films": str(len(child.studies)),
            "why": child.reason,
        }
        for child in result.matches or result.nearest
    ]
    title = {"one_match": "One child", "several_matches": "Several children", "no_match": "No child"}
    return (
        paragraphs([f"{title[result.status]} ({result.total} in all)"])
        + _table(rows)
        + paragraphs([result.next_step])
    )


def _worklist(result: Worklist) -> str:
    lists = {"critical": result.critical, "unsigned": result.unsigned, "unread": result.unread}
    rows = [
        {
            "waits": waits,
            "study": shown_id(film.study_id),
            "taken": str(film.study_date or ""),
            "name": _name(film.patient_name, None),
            "born": str(film.patient_birth_date or ""),
            "report": film.report_status,
            "critical": ", ".join(
                f"{sign(one)} ({film.critical_certainty.get(one, 'outlined').replace('_', ' ')})"
                for one in film.critical
            ),
        }
        for waits, films in lists.items()
        for film in films
    ]
    return _table(rows) + paragraphs([result.next_step])


def _name(name: str | None, romanised: str | None) -> str:
    shown = printable(name) if name else ""
    return f"{shown} ({romanised})" if romanised else shown


def _table(rows: Iterable[Mapping[str, str]]) -> str:
    listed: Sequence[Mapping[str, str]] = list(rows)
    if not listed:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in listed[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(value)}</td>' for value in row.values())}</tr>" for row in listed
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
