"""What the language model gets back: a short text, a small picture, the same facts as data, and links.

Text that came from a request or a registry (names, indications) appears only inside JSON strings, so that it
reads as data and cannot pass for an instruction. Full outlines stay behind a link: of each finding the reply
carries at most `MAX_POLYGONS` outlines of `MAX_VERTICES` points, and of structures only area and place.
"""

import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mcp_types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent
from pydantic import BaseModel

from pedaxr.text import one_line
from pedaxr.types import PatientMatch, PatientSearch, Region, Report, SegmentationResult, StructuredFinding
from pedaxr_models.labels import TERMS
from pedaxr_server.replies.pictures import encode_base64, preview_png

MOST_TOKENS = 2000  # of a reply's text, by `most_tokens`
_MOST_QUOTED = 200  # characters of an indication; in full in the data
_SHORTENED = "(shortened; see the data)"
MAX_POLYGONS = 8
MAX_VERTICES = 32
_STUDIES_IN_TEXT = 4

Point = tuple[int, int]


def patients_reply(search: PatientSearch) -> CallToolResult:
    """Matches as one JSON object per line, then what to do next."""
    listed = search.matches or search.nearest
    word = "matches" if search.matches else "nearest names"
    head = f"{search.status}: {search.total} in all. {search.next_step}\n"
    lines = [_match_line(match) for match in listed]
    shown = _fitting(lines, MOST_TOKENS - most_tokens(head) - 40)
    more = "" if len(shown) == len(lines) else f"\n({len(lines) - len(shown)} more: narrow the search)"
    body = f"{word}, as data:\n" + "\n".join(shown) + more if listed else ""
    return CallToolResult(content=[TextContent(text=head + body)], structured_content=_data(search))


def segmentation_reply(result: SegmentationResult) -> CallToolResult:
    """Regions as lines, the overlay small enough to look at, links to the full overlay and outlines."""
    lines = [result.summary, _structures_line(result.structures)]
    lines += [f"Quality: {note}" for note in result.quality_notes]
    content: list[ContentBlock] = [_text(lines, f"{result.disclaimer} Model {result.model}.")]
    if result.overlay_path:
        data = encode_base64(preview_png(Path(result.overlay_path)))
        content.append(ImageContent(data=data, mime_type="image/png"))
    if result.study_id:
        content += [
            study_link(result.study_id, "overlay.png", "Overlay at full size", "image/png"),
            study_link(result.study_id, "segmentation.json", "All outlines", "application/json"),
        ]
    small = small_segmentation(result)
    return CallToolResult(content=content, structured_content=_data(small))


def report_reply(report: Report) -> CallToolResult:
    """Critical findings first; then what to check, the draft, and what both witnesses say."""
    lines = [_critical_line(report) or report.in_doubt or "", _status_line(report)]
    lines += [f"Check: {flag}" for flag in report.flags]
    lines += [_section_line(name, text) for name, text in report.sections.items() if text]
    lines += [_finding_line(finding) for finding in report.findings]
    last = f"Image dependence {report.image_dependence:.2f}. {report.data_statement} {report.disclaimer}"
    content: list[ContentBlock] = [_text([line for line in lines if line], last)]
    if report.study_id:
        content.append(study_link(report.study_id, "report.json", "Latest report", "application/json"))
    return CallToolResult(content=content, structured_content=_data(report))


def study_uri(study_id: str, document: str) -> str:
    """Address of one of a study's resources."""
    return f"pedaxr://studies/{quote(study_id, safe='')}/{document}"


def study_link(study_id: str, document: str, title: str, mime_type: str) -> ResourceLink:
    """Link to one of a study's resources."""
    return ResourceLink(uri=study_uri(study_id, document), name=document, title=title, mime_type=mime_type)


def small_segmentation(result: SegmentationResult) -> SegmentationResult:
    """The result without structure outlines, with short finding outlines and without this machine's paths."""
    findings = [
        region.model_copy(update={"polygons": [simplify(p) for p in _largest(region.polygons)]})
        for region in result.findings
    ]
    structures = [region.model_copy(update={"polygons": []}) for region in result.structures]
    return result.model_copy(update={"findings": findings, "structures": structures, "overlay_path": None})


def most_tokens(text: str) -> int:
    """An upper estimate of the tokens of a text: one for 2.8 ASCII characters, three for any other character.

    Dense JSON needs the first figure, rare Hangul the second; prose of either language needs less. `make
    judges` holds it against three real tokenizers.
    """
    ascii_chars = sum(map(str.isascii, text))
    return math.ceil(ascii_chars / 2.8 + 3 * (len(text) - ascii_chars))


def simplify(polygon: list[Point], limit: int = MAX_VERTICES) -> list[Point]:
    """Drop the vertices that change the area least until `limit` are left (Visvalingam and Whyatt, 1993)."""
    points = list(polygon)
    while len(points) > max(limit, 3):
        areas = [
            _triangle(points[i - 1], points[i], points[(i + 1) % len(points)]) for i in range(len(points))
        ]
        del points[areas.index(min(areas))]
    return points


def _triangle(a: Point, b: Point, c: Point) -> int:
    """Twice the area between three points."""
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]))


def _largest(polygons: list[list[Point]]) -> list[list[Point]]:
    return sorted(polygons, key=_area, reverse=True)[:MAX_POLYGONS]


def _area(polygon: list[Point]) -> int:
    """Twice the enclosed area (shoelace formula)."""
    following = polygon[1:] + polygon[:1]
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, following, strict=True)))


def _match_line(match: PatientMatch) -> str:
    data = match.model_dump(mode="json", exclude_none=True, exclude={"studies", "score"})
    data["studies"] = [
        study.model_dump(mode="json", exclude_none=True) for study in match.studies[:_STUDIES_IN_TEXT]
    ]
    if len(match.studies) > _STUDIES_IN_TEXT:
        data["older_studies"] = len(match.studies) - _STUDIES_IN_TEXT
    return one_line(data)


def _structures_line(structures: list[Region]) -> str:
    names = ", ".join(TERMS[region.name].english.lower() for region in structures)
    return f"Structures outlined: {names or 'none'}."


def _status_line(report: Report) -> str:
    label = f"label {report.label}" if report.label else "no label: the film is in doubt"
    return f"Status: {report.status}, {label}, id {report.report_id}."


def _critical_line(report: Report) -> str:
    if not report.critical:
        return ""
    names = ", ".join(TERMS[name].english if name in TERMS else name for name in report.critical)
    return f"CRITICAL: {names}. Tell a responsible human now."


def _section_line(name: str, text: str) -> str:
    """The indication was typed by somebody: it is quoted as data, the other sections are our own words."""
    if name.lower() == "indication":
        quoted = text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"
        return f"{name} (as supplied, data only): {one_line(quoted)}"
    return f"{name}: {text}"


def _finding_line(finding: StructuredFinding) -> str:
    details = [finding.severity, finding.side and f"side {finding.side}", " + ".join(finding.quadrants)]
    if finding.count is not None:
        details.append(f"count {finding.count}")
    agreed = "both witnesses agree" if finding.agreed else "witnesses disagree"
    known = ", ".join(str(detail) for detail in details if detail)
    chance = "" if finding.probability is None else f", probability {finding.probability:.2f}"
    return (
        f"- {TERMS[finding.finding].english}: {finding.presence.value.replace('_', ' ')}"
        f"{' (' + known + ')' if known else ''}{chance}, {agreed}"
    )


def _fitting(lines: list[str], budget: int) -> list[str]:
    """As many of the first lines as fit into `budget` tokens."""
    kept: list[str] = []
    for line in lines:
        budget -= most_tokens(line) + 1
        if budget < 0:
            break
        kept.append(line)
    return kept


def _data(result: BaseModel) -> dict[str, Any]:
    """The result as JSON values; what is not known is left out, as the published schemas say."""
    return result.model_dump(mode="json", exclude_none=True)


def _text(lines: list[str], last: str) -> TextContent:
    """The lines that fit, from the first on, and `last` in any case."""
    shown = _fitting(lines, MOST_TOKENS - most_tokens(f"{_SHORTENED}{last}") - 2)
    cut = [] if len(shown) == len(lines) else [_SHORTENED]
    return TextContent(text="\n".join([*shown, *cut, last]))
