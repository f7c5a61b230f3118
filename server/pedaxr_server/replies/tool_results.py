"""What the language model gets back: a short text, a small picture, the same facts as data, and links.

Text that came from a request, a registry or a human (names, indications, signed impressions) appears only
inside JSON strings, so that it reads as data and cannot pass for an instruction. Full outlines stay behind a
link: of each finding the reply carries at most `MAX_POLYGONS` outlines of `MAX_VERTICES` points, and of
structures only area and place.
"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from pedaxr.reading.notes import BY_HAND
from pedaxr.reports.flags import outline_flags
from pedaxr.reports.prose.slots import slots_of, slots_of_outlines, told_measures
from pedaxr.text import cleaned, one_line
from pedaxr.types import PatientMatch, PatientSearch, Report, SegmentationResult, StudySummary
from pedaxr_models.labels import FINDINGS, SIGNS, Finding
from pedaxr_server.replies.film_lines import film_line
from pedaxr_server.replies.finding_lines import (
    blind,
    critical_line,
    measure_lines,
    named,
    not_assessed_line,
    not_outlined_line,
    region_line,
)
from pedaxr_server.replies.pictures import encode_base64, preview_png
from pedaxr_server.replies.reply import Link, Reply
from pedaxr_server.replies.report_lines import closing_lines, report_lines, signed_line
from pedaxr_server.replies.text_budget import MOST_TOKENS, fitting, most_tokens, text_of

MAX_POLYGONS = 8
MAX_VERTICES = 32
_STUDIES_IN_TEXT = 4
_CRITICAL = (Finding.PNEUMOPERITONEUM,)
_TUBE = (
    "Lines and tubes: a line that runs like a gastric tube is drawn in violet, on either side of it. "
    "Where it lies is for a human to confirm."
)
_PICTURE = (
    "The picture shows findings, spine, L2, pelvis, liver and diaphragm; other outlines are in "
    "segmentation.json. No tool edits outlines: a person does, on the viewer's page."
)

Point = tuple[int, int]


def patients_reply(search: PatientSearch) -> Reply:
    """Matches as one JSON object per line, then what to do next."""
    listed = search.matches or search.nearest
    word = "matches" if search.matches else "nearest names"
    today = f"Today is {search.today}. " if search.today else ""
    head = f"{today}{search.status}: {search.total} in all. {search.next_step}\n"
    lines = [_match_line(match) for match in listed]
    shown = fitting(lines, MOST_TOKENS - most_tokens(head) - 40)
    more = "" if len(shown) == len(lines) else f"\n({len(lines) - len(shown)} more: narrow the search)"
    body = f"{word}, as data:\n" + "\n".join(shown) + more if listed else ""
    return Reply(head + body, _data(search))


def segmentation_reply(result: SegmentationResult) -> Reply:
    """Whose film, what is critical, a line for each finding, widths; the overlay small enough to look at."""
    last = f"{result.disclaimer}\nNext: {result.next_step or _after_outlines(result)}"
    links: tuple[Link, ...] = ()
    if result.study_id:
        links = (
            study_link(result.study_id, "overlay.png", "Overlay at full size", "image/png"),
            study_link(result.study_id, "segmentation.json", "All outlines", "application/json"),
        )
    small = small_segmentation(result)
    told = small.model_copy(update={"slots": slots_of_outlines(result), "measures": told_measures(result)})
    picture = encode_base64(preview_png(Path(result.overlay_path))) if result.overlay_path else None
    return Reply(text_of(_segmentation_lines(result), last), _data(told), picture, links)


def report_reply(report: Report, language: str = "en") -> Reply:
    """Whose film, what is signed, what is critical and what to check; then the draft and the next step."""
    if language == "ko":
        from pedaxr_server.replies.korean_lines import korean_closing, korean_lines

        text = text_of(korean_lines(report), korean_closing(report))
    else:
        text = text_of(report_lines(report), closing_lines(report))
    links: tuple[Link, ...] = ()
    if report.study_id:
        links = (study_link(report.study_id, "report.json", "Report of the film", "application/json"),)
    told = report.model_copy(update={"slots": slots_of(report), "measures": told_measures(report)})
    return Reply(text, _data(told), links=links)


def _segmentation_lines(result: SegmentationResult) -> list[str]:
    head = [
        film_line(result.film, result.study_id),
        signed_line(result.signed_report) if result.signed_report else "",
        _critical_line(result),
    ]
    notes = [f"{_kind(note)}: {note}" for note in result.quality_notes]
    if result.in_doubt:
        return [*head, result.in_doubt, *notes]
    outlined = [region.name for region in result.findings]
    unseen = [finding for finding in FINDINGS if finding not in outlined]
    view = result.film.view_position if result.film else None
    left_out = result.not_assessed or blind(unseen, view)
    age_months = result.film.age_months if result.film else None
    return [
        *head,
        *(f"Check: {flag}" for flag in outline_flags(result.findings, view=view, age_months=age_months)),
        *(map(region_line, result.findings) if outlined else ["No finding reached its threshold."]),
        "How firmly is of the outline on synthetic films, not a chance of disease." if outlined else "",
        not_outlined_line([*outlined, *_critical(result)], left_out),
        _TUBE if result.gastric_tube else "",
        not_assessed_line(left_out, sees_tube=bool(result.gastric_tube)),
        *measure_lines(result.measures),
        *notes,
        _PICTURE,
    ]


def _kind(note: str) -> str:
    return "Check" if note.startswith(BY_HAND) else "Quality"


def _critical_line(result: SegmentationResult) -> str:
    """Whoever signed may have denied what is outlined: that is said, and the outline stays."""
    certain = dict.fromkeys((region.name for region in result.findings), "outlined")
    return critical_line(
        _critical(result),
        certain | result.critical_certainty,
        beside_signed=result.signed_report.critical if result.signed_report else None,
        said_by="these outlines",
    )


def _critical(result: SegmentationResult) -> list[str]:
    """Free air that is outlined is critical, also where the answer does not list it."""
    outlined = {region.name for region in result.findings}
    listed = [name for name in result.critical if name in SIGNS]
    return listed or [name.value for name in _CRITICAL if name in outlined]


def _after_outlines(result: SegmentationResult) -> str:
    if result.in_doubt:
        return "tell the user that the film gives no finding, and why."
    if result.signed_report:
        return "give the user the signed report, and these outlines only as a model's beside it."
    return "generate_report drafts the report; it also says what was signed before and what to check."


def study_uri(study_id: str, document: str) -> str:
    """Address of one of a study's resources."""
    return f"pedaxr://studies/{quote(study_id, safe='')}/{document}"


def study_link(study_id: str, document: str, title: str, mime_type: str) -> Link:
    """Link to one of a study's resources."""
    return Link(study_uri(study_id, document), document, title, mime_type)


def small_segmentation(result: SegmentationResult) -> SegmentationResult:
    """The result without structure outlines, with short finding outlines and without this machine's paths."""
    findings = [
        region.model_copy(update={"polygons": [simplify(p) for p in _largest(region.polygons)]})
        for region in result.findings
    ]
    structures = [region.model_copy(update={"polygons": []}) for region in result.structures]
    return result.model_copy(update={"findings": findings, "structures": structures, "overlay_path": None})


def simplify(polygon: list[Point], limit: int = MAX_VERTICES) -> list[Point]:
    """Drop the vertices that change the area least until `limit` are left (Visvalingam and Whyatt, 1993)."""
    points = list(polygon)
    areas = [_triangle(points[i - 1], points[i], points[(i + 1) % len(points)]) for i in range(len(points))]
    while len(points) > max(limit, 3):
        gone = areas.index(min(areas))
        del points[gone], areas[gone]
        for i in (gone - 1, gone % len(points)):  # only the two beside it have other neighbours now
            areas[i] = _triangle(points[i - 1], points[i], points[(i + 1) % len(points)])
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
    """Without what another field says: the score, a reason that is the name itself, a name in one script."""
    left_out = {"studies", "score"}
    if match.patient_name.isascii():
        left_out.add("patient_name_romanised")
    if match.score == 1.0 and match.reason == "same name":
        left_out.add("reason")
    data = match.model_dump(mode="json", exclude_none=True, exclude=left_out)
    data["studies"] = [_study_data(study) for study in match.studies[:_STUDIES_IN_TEXT]]
    if len(match.studies) > _STUDIES_IN_TEXT:
        data["older_studies"] = len(match.studies) - _STUDIES_IN_TEXT
    return one_line(cleaned(data))


def _study_data(study: StudySummary) -> dict[str, Any]:
    """Short, as the line is read by a model: no age beside two dates, and signs instead of diagnoses."""
    data: dict[str, Any] = {"study_id": study.study_id}
    if study.study_date:
        data["study_date"] = str(study.study_date)
    if study.view_position:
        data["view"] = study.view_position.value
    if study.report_status:
        data["report"] = study.report_status
    if study.critical:
        data["critical"] = [named(name) for name in study.critical]
    return data


def _data(result: BaseModel) -> dict[str, Any]:
    """The result as JSON values; what is not known is left out, as the published schemas say."""
    return result.model_dump(mode="json", exclude_none=True)
