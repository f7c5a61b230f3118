"""Results as rich tables and panels, for the command line and the demo."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pedaxr.reading.notes import how_outlined
from pedaxr.registry.standing import standing_version
from pedaxr.reports.heading import heading
from pedaxr.reports.rendering import small_print, told_sections
from pedaxr.text import counted
from pedaxr.types import (
    PatientMatch,
    PatientSearch,
    Region,
    Report,
    SegmentationResult,
    WaitingFilm,
    Worklist,
)
from pedaxr_models.labels import TERMS, sign

if TYPE_CHECKING:
    from pedaxr.clinic.import_films import ImportSummary
    from pedaxr.records import Patient
    from pedaxr.registry.film_moves import FilmMove


_IDS_LISTED = 10
_ROWS_LISTED, _REASONS_COUNTED = 100, 5
_WHOLE = ("patient id", "newest study", "report id", "study", "born", "taken")  # never over two lines


def show_search(search: PatientSearch) -> RenderableType:
    """Matched children with what tells namesakes apart, then what to do next."""
    listed = search.matches or search.nearest
    title = {"one_match": "One child", "several_matches": "Several children", "no_match": "No child"}
    table = Table(title=f"{title[search.status]} ({search.total} in all)", title_justify="left")
    for column in ("patient id", "name", "born", "sex", "newest study", "taken", "films", "why"):
        table.add_column(column, ratio=1 if column == "why" else None, no_wrap=column in _WHOLE)
    for match in listed:
        table.add_row(*map(Text, _patient_cells(match)))
    return Group(table, Text(search.next_step)) if listed else Text(search.next_step)


def show_segmentation(result: SegmentationResult) -> RenderableType:
    """The summary, one row per finding and per structure, and notes on quality."""
    table = Table(title="Outlined on the film", title_justify="left")
    for column in ("region", "kind", "outlined", "area", "share of body", "side", "quadrants"):
        table.add_column(column)
    for region in (*result.findings, *result.structures):
        red, green, blue = TERMS[region.name].colour
        swatch = Text("■ ", style=f"rgb({red},{green},{blue})")
        table.add_row(swatch + Text(sign(region.name)), *map(Text, _region_cells(region)))
    notes = [Text(f"Quality: {note}") for note in result.quality_notes]
    return Group(
        Text(result.summary), table, *notes, _small_print([f"Model {result.model}.", result.disclaimer])
    )


def show_report(report: Report) -> RenderableType:
    """The draft: critical findings first, sections, flags and the disclaimer."""
    top = heading(report)
    body: list[RenderableType] = [Text(f"{report.report_id}, version {report.version}")]
    body += [Text(line, "bold") for line in top.notices]
    body += map(Text, top.identity)
    body += [Text(top.critical, "bold white on red")] if top.critical else []
    body += [Text(line, "bold yellow") for line in (top.withdrawn, top.in_doubt) if line]
    for section in told_sections(report):
        body.append(Text.assemble((f"{section.title}  ", "bold"), section.text))
    body += [Text(f"Check: {flag}", "yellow") for flag in report.flags]
    body.append(_small_print(small_print(report)))
    signed = f" by {report.signed_by}" if report.signed_by else ""
    signed += f", confirmed {report.confirmed}" if report.confirmed else ""
    return Panel(Group(*body), title=Text(f"Report, {report.status}{signed}"), title_align="left")


def show_reports(reports: Sequence[Report]) -> RenderableType:
    """One row for each stored version; of each study it is said which one is its report."""
    table = Table(title=counted(len(reports), "stored version"), title_justify="left")
    for column in ("report id", "study", "version", "status", "signed by", "on", "critical", "label"):
        table.add_column(column, no_wrap=column in _WHOLE)
    for report in reports:
        versions = [other for other in reports if other.study_id == report.study_id]
        table.add_row(*map(Text, _report_cells(report, standing_version(versions))))
    return table


def show_import(summary: "ImportSummary") -> RenderableType:
    """Counts, what was decided for the owner of the data, and every row that was not imported."""
    counts = [
        ("layout", summary.layout),
        ("imported", f"{counted(summary.imported, 'film')} of {counted(summary.patients, 'patient')}"),
        ("already there", str(summary.already_there)),
        *((title, _counts(found)) for title, found in _distributions(summary)),
        ("rejected", str(len(summary.rejected))),
    ]
    notes = [Text(note, "yellow") for note in summary.notes]
    if summary.new_studies:
        more = len(summary.new_studies) - _IDS_LISTED
        listed = ", ".join(summary.new_studies[:_IDS_LISTED])
        counts.insert(2, ("new studies", f"{listed} and {more} more (--json)" if more > 0 else listed))
    return Group(show_pairs(counts, title="Import"), *notes, *map(Text, _rejected_lines(summary)))


def _rejected_lines(summary: "ImportSummary") -> list[str]:
    """Each row that was not imported; of very many the first, and how many more have which reason."""
    listed, more = summary.rejected[:_ROWS_LISTED], summary.rejected[_ROWS_LISTED:]
    lines = [
        f"line {row.line}: {row.path}: {row.reason}" if row.line else f"{row.path}: {row.reason}"
        for row in listed
    ]
    if more:
        reasons = Counter(row.reason for row in more).most_common(_REASONS_COUNTED)
        lines.append(f"And {len(more)} more (--json lists all), most often:")
        lines += [f"{counted(count, 'row')}: {reason}" for reason, count in reasons]
    return lines


def show_worklist(waiting: Worklist) -> RenderableType:
    """Critical films, unsigned drafts and unread films, then what to do."""
    table = Table(title=f"What waits on {waiting.today}", title_justify="left")
    for column in ("waits", "study", "taken", "patient id", "name", "born", "report id", "critical"):
        table.add_column(column, no_wrap=column in _WHOLE)
    kinds = {"critical": waiting.critical, "unsigned": waiting.unsigned, "unread": waiting.unread}
    for kind, films in kinds.items():
        for film in films:
            table.add_row(*map(Text, _waiting_cells(kind, film)))
    totals = (waiting.critical_total, waiting.unsigned_total, waiting.unread_total)
    counts = ", ".join(f"{total} {kind}" for kind, total in zip(kinds, totals, strict=True))
    return Group(table, Text(f"{counts}. {waiting.next_step}"))


def show_pairs(pairs: Sequence[tuple[str, str]], *, title: str) -> RenderableType:
    """Two columns: a name and its value."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    for name, value in pairs:
        table.add_row(Text(name, "bold"), Text(value))
    return table


def show_move(move: "FilmMove") -> RenderableType:
    """A film, the two children, and what moving it withdraws."""
    notes = [
        f"Under the wrong child in a PACS: {counted(move.in_pacs, 'object')}. Have them taken back there."
        if move.in_pacs
        else "",
        "The request that came with the film stays with it: check whose it is." if move.has_request else "",
    ]
    taken = f"taken {move.study_date}" if move.study_date else "without a date"
    rows = [
        ("film", f"{move.study_id}, {taken}"),
        ("stands under", _child(move.wrong)),
        ("is to be", _child(move.right)),
        ("withdrawn", f"{counted(move.reports, 'report version')}, {move.signed} of them signed"),
        ("", f"{counted(move.annotations, 'version')} of outlines"),
        ("new study id", move.new_study_id),
    ]
    return Group(show_pairs(rows, title="move a film"), *map(Text, filter(None, notes)))


def _child(patient: "Patient") -> str:
    born = f"born {patient.patient_birth_date or 'unknown'}"
    return ", ".join(filter(None, (patient.patient_id, patient.patient_name, born, patient.patient_sex)))


def show_rows(rows: Sequence[tuple[str, str, str]], *, title: str) -> RenderableType:
    """Three columns: a setting, its value and where it comes from."""
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for _ in range(3):
        table.add_column(no_wrap=True)  # a path is copied from here
    for name, value, source in rows:
        table.add_row(Text(name, "bold"), Text(value), Text(source, "dim"))
    return table


def _distributions(summary: "ImportSummary") -> list[tuple[str, dict[str, int]]]:
    return [("labels", summary.labels), ("views", summary.views), ("ages", summary.age_bands)]


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.items())


def _patient_cells(match: PatientMatch) -> list[str]:
    newest = match.studies[0] if match.studies else None
    return [
        match.patient_id,
        " / ".join(filter(None, [match.patient_name, match.patient_name_romanised])),
        str(match.patient_birth_date or ""),
        match.patient_sex or "",
        newest.study_id if newest else "",
        str(newest.study_date or "unknown") if newest else "",
        str(len(match.studies)),
        match.reason,
    ]


def _waiting_cells(kind: str, film: WaitingFilm) -> list[str]:
    return [
        kind,
        film.study_id,
        str(film.study_date or "unknown"),
        film.patient_id or "",
        film.patient_name or "",
        str(film.patient_birth_date or ""),
        film.report_id or "",
        ", ".join(
            f"{_names([one])} ({film.critical_certainty.get(one, 'outlined')})" for one in film.critical
        ),
    ]


def _region_cells(region: Region) -> list[str]:
    area = f"{region.area_mm2 / 100:.1f} cm²" if region.area_mm2 is not None else f"{region.area_px} px"
    return [
        region.kind,
        how_outlined(region.confidence),
        area,
        f"{region.share_of_body:.1%}",
        region.side or "",
        ", ".join(region.quadrants),
    ]


def _report_cells(report: Report, standing: Report) -> list[str]:
    role = "\nthe report" if report == standing else ""
    if standing.status != "preliminary" and report.version > standing.version:
        role = "\ndrafted after the signature"
    return [
        report.report_id,
        report.study_id or "",
        str(report.version),
        f"{report.status}{role}",
        "\n".join(filter(None, (report.signed_by, report.confirmed))),
        f"{report.signed_at or report.created_at:%Y-%m-%d %H:%M}",
        _names(report.critical),
        report.label or "in doubt",
    ]


def _names(findings: Sequence[str]) -> str:
    return ", ".join(sign(finding) if finding in TERMS else finding for finding in findings)


def _small_print(sentences: Sequence[str]) -> Text:
    return Text(" ".join(sentences), "dim")
