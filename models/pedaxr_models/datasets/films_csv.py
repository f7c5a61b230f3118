"""A CSV of films: ImagePath, Point, Class, Age, PatientName, Caption, and the columns our own films add.

The order of columns is free, their case too, and columns of no meaning here are kept in `Film.extra`.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pedaxr_models.datasets import fields
from pedaxr_models.datasets.film import Film, FilmMetadata, FloatArray
from pedaxr_models.datasets.label_files import PICTURES, composed, picture_size
from pedaxr_models.datasets.own_names import AS_OURS, COLUMNS, OwnNames, Row
from pedaxr_models.datasets.read_report import (
    DISTENSION_NOTE,
    FREE_AIR_NOTE,
    MERGED_NOTE,
    DatasetError,
    ReadReport,
    Rejection,
    RowError,
    values_not_used,
)
from pedaxr_models.datasets.shapes import check_outline, may_have_holes
from pedaxr_models.datasets.tables import NamedFiles, Table, read_table
from pedaxr_models.facts import FilmFacts
from pedaxr_models.labels import CHANNELS, FINDINGS, LABELS, NORMAL, Finding
from pedaxr_models.written import dates
from pedaxr_models.written.date_columns import is_taiwanese, is_unsure, with_years_first
from pedaxr_models.written.other_calendars import TAIWANESE, has_two_digits
from pedaxr_models.written.plain import is_odd_id, plain, plain_id, unprotected

FILMS_CSV = "films.csv"
_DATES = ("PatientBirthDate", "StudyDate")
_WHO = ("PatientID", "PatientName", "PatientBirthDate")
_SPLITS = frozenset({"train", "validation", "test"})
_CELLS = "\0cells"  # no column has such a name


def read_films_csv(path: Path, *, treat_as_distension: bool = False, names: OwnNames = AS_OURS) -> ReadReport:
    """Films of a CSV file, a rejection for every row that cannot be used, and notes for the data's owner.

    Args:
        path: the CSV file, as `read_table` reads it.
        treat_as_distension: read 기복증 as abdominal distension instead of pneumoperitoneum.
        names: of columns and classes that the table calls otherwise.

    Raises:
        DatasetError: it is not such a CSV, or a name is to mean what is not known here.
    """
    names.check()
    table = read_table(path, names.is_header)
    if not table.rows:
        raise DatasetError(f"{path.name} has the names of columns and no row of a film. Add one for each.")
    rows, order_notes = _with_years_first(_rows(table, names))
    films, rejections = _films_by_line(rows, path.parent, treat_as_distension=treat_as_distension)
    notes = [
        *table.notes,
        *names.notes_on(table, (row.get("Class", "") for _, row in rows)),
        *order_notes,
        *_notes_on(rows, films),
        *_notes_on_ages(rows),
        *_notes_on_outlines(films.values()),
        *_notes_on_free_air(rows, treat_as_distension=treat_as_distension),
        *_notes_on_pictures(films.values(), rows),
    ]
    return ReadReport("csv", tuple(films.values()), tuple(films), tuple(rejections), tuple(notes))


def _films_by_line(
    rows: Sequence[tuple[int, Row]], folder: Path, *, treat_as_distension: bool
) -> tuple[dict[int, Film], list[Rejection]]:
    """The films of the rows that can be used, by their lines, and why the others cannot be."""
    films: dict[int, Film] = {}
    rejections: list[Rejection] = []
    line_of: dict[Path, int] = {}
    unsure = [column for column in _DATES if is_unsure(row.get(column) for _, row in rows)]
    taiwanese = [column for column in _DATES if is_taiwanese(row.get(column) for _, row in rows)]
    files = NamedFiles(folder)
    for line, row in rows:
        try:
            _check_dates(row, unsure, taiwanese)
            film = _film(row, files, treat_as_distension=treat_as_distension)
            if film.image_path in line_of:
                raise RowError(f"the film is on line {line_of[film.image_path]} already; give it one row")
            line_of[film.image_path] = line
            films[line] = film
        except RowError as err:
            rejections.append(Rejection(line, row.get("ImagePath", ""), str(err)))
    return films, rejections


def _notes_on_ages(rows: Sequence[tuple[int, Row]]) -> list[str]:
    young = sum(_is_first_year(row) for _, row in rows)
    said = "Rows that state an age of 0 years, which is anywhere in the first year, so it was not used:"
    return [f"{said} {young}."] if young else []


def _notes_on_outlines(films: Iterable[Film]) -> list[str]:
    drawn = [pieces for film in films if film.mask_path is None for pieces in film.polygons.values()]
    nested = sum(map(may_have_holes, drawn))
    said = (
        f"Outlines that lie inside another of the same finding: on {nested} films. They are one region "
        "with it; a hole has to be reached by a slit of the outer outline."
    )
    return [said] if nested else []


def _notes_on_free_air(rows: Sequence[tuple[int, Row]], *, treat_as_distension: bool) -> list[str]:
    is_there = any(fields.FREE_AIR_KOREAN in composed(row.get("Class", "")) for _, row in rows)
    return [DISTENSION_NOTE if treat_as_distension else FREE_AIR_NOTE] if is_there else []


def _notes_on_pictures(films: Iterable[Film], rows: list[tuple[int, Row]]) -> list[str]:
    unnamed = _unnamed({film.image_path.parent for film in films}, rows)
    said = f"Pictures next to the listed films that no row names, and that were not read: {unnamed}."
    return [said] if unnamed else []


def _with_years_first(rows: list[tuple[int, Row]]) -> tuple[list[tuple[int, Row]], list[str]]:
    notes = []
    for column in _DATES:
        cells, note = with_years_first([row.get(column) for _, row in rows])
        notes += [f"{column}: {note}"] if note else []
        rows = [
            (line, row if cell is None else row | {column: cell})
            for (line, row), cell in zip(rows, cells, strict=True)
        ]
    return rows, notes


def _check_dates(row: Row, unsure: Sequence[str], taiwanese: Sequence[str]) -> None:
    """Raises RowError where a date's order or calendar is that of a column that leaves it uncertain."""
    for column in taiwanese:
        if has_two_digits(unprotected(row.get(column) or "")):
            raise RowError(f"the {column} column has {TAIWANESE}")
    for column in unsure:
        if dates.has_short_year(row.get(column)):
            raise RowError(
                f"the {column} column has dates with years of two digits, some of which can only stand last; "
                "write them as 2021-03-04"
            )


def _unnamed(folders: set[Path], rows: list[tuple[int, Row]]) -> int:
    """Pictures in the folders of the films whose names stand in no row."""
    named = {
        composed(row.get("ImagePath", "").strip().replace("\\", "/")).rpartition("/")[2].casefold()
        for _, row in rows
    }
    pictures = (path for folder in folders for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    return sum(composed(path.name).casefold() not in named for path in pictures)


def _rows(table: Table, names: OwnNames) -> list[tuple[int, Row]]:
    """Line number and cells by column name; under `_CELLS` the fault of a row with too many or too few."""
    header = names.header(table.header)
    return [(line, names.row(_cells(header, cells))) for line, cells in table.rows]


def _cells(header: list[str], cells: tuple[str, ...]) -> Row:
    row = dict(zip(header, cells, strict=False))
    if not any(cell.strip() for cell in cells[len(header) :]):  # a delimiter at the end says nothing
        cells = cells[: len(header)]
    if len(cells) != len(header):
        row[_CELLS] = f"the row has {len(cells)} cells instead of {len(header)}"
        if len(cells) > len(header):
            row[_CELLS] += "; put a cell that holds commas, such as an outline, in quotes"
    return row


def _film(row: Row, files: NamedFiles, *, treat_as_distension: bool) -> Film:
    if _CELLS in row:
        raise RowError(row[_CELLS])
    image_path = files.find(row["ImagePath"])
    if fields.is_missing(row.get("Class")):
        raise RowError("the class is empty")
    label = fields.parse_label(row["Class"], treat_as_distension=treat_as_distension)
    polygons = _polygons(row, label)
    mask_path = None if fields.is_missing(row.get("MaskPath")) else files.find(row["MaskPath"])
    if mask_path is None:
        _check_outlines(polygons, image_path)
    else:
        fields.check_mask_file(mask_path, picture_size(image_path))
    return Film(
        image_path=image_path,
        label=None if _is_normal_in_part(label, row) else label,
        polygons=polygons,
        labelled_channels=_labelled(label, polygons, row, has_masks=mask_path is not None),
        caption=row.get("Caption", "").strip(),
        metadata=_metadata(row),
        facts=_facts(row),
        mask_path=mask_path,
        pixel_spacing_mm=fields.parse_spacing(row.get("PixelSpacing")),
        split=_split(row),
        extra={name: cell for name, cell in row.items() if name not in COLUMNS},
    )


def _check_outlines(polygons: dict[Finding, list[FloatArray]], image_path: Path) -> None:
    size = picture_size(image_path) if polygons else None
    for pieces in polygons.values():
        for piece in pieces:
            check_outline(piece, size)


def _polygons(row: Row, label: str) -> dict[Finding, list[FloatArray]]:
    if not fields.is_missing(row.get("Findings")):
        found = fields.parse_literal(row["Findings"])
        try:
            polygons = {Finding(name): fields.outlines(value) for name, value in found.items()}
        except (ValueError, AttributeError) as err:
            raise RowError("the Findings column is not an object of finding and outlines") from err
        return {finding: value for finding, value in polygons.items() if value}
    drawn = fields.parse_outlines(row.get("Point"))
    if label == NORMAL:
        if drawn:
            raise RowError("the class is Normal but an outline is drawn")
        return {}
    return {Finding(label): drawn} if drawn else {}


def _labelled(
    label: str, polygons: dict[Finding, list[FloatArray]], row: Row, *, has_masks: bool
) -> frozenset[str]:
    """What an empty outline means absence of: what `Known` names, all with masks or on a normal film."""
    if (known := _known(row)) is not None:
        return known
    if has_masks:
        return frozenset(CHANNELS)
    if label == NORMAL or not fields.is_missing(row.get("Findings")):
        return frozenset(finding.value for finding in FINDINGS)
    return frozenset(finding.value for finding in polygons)


def _is_normal_in_part(label: str, row: Row) -> bool:
    """Whether a film is called normal of which not every finding is known: that is no class."""
    known = _known(row)
    return label == NORMAL and known is not None and len(known) < len(FINDINGS)


def _known(row: Row) -> frozenset[str] | None:
    """The findings of which the film's truth is known, by the column of that name; None where it is empty."""
    written = row.get("Known")
    if written is None or fields.is_missing(written):
        return None
    names = frozenset(written.replace(",", " ").replace(";", " ").split()) - {"nothing"}
    if strange := sorted(names - {finding.value for finding in FINDINGS}):
        raise RowError(f"the Known column names {plain(strange[0])[:40]!r}, which is not a finding")
    return names


def _metadata(row: Row) -> FilmMetadata:
    return FilmMetadata(
        patient_id=_patient_id(row),
        patient_name=fields.somebody(row.get("PatientName")),
        patient_sex=fields.parse_sex(row.get("PatientSex")),
        patient_birth_date=fields.parse_date(row.get("PatientBirthDate")),
        study_date=fields.parse_date(row.get("StudyDate")),
        age_months=_age(row),
        view=fields.parse_view(row.get("ViewPosition")),
        indication=_text(row, "Indication"),
        working_diagnosis=_working_diagnosis(row),
    )


def _text(row: Row, column: str) -> str | None:
    return None if fields.is_missing(row.get(column)) else row[column].strip()


def _patient_id(row: Row) -> str | None:
    """The id as it is compared everywhere; one that would have to be cut or cleaned is refused."""
    written = row.get("PatientID")
    if written is None or fields.is_missing(written):
        return None
    if re.fullmatch(r"\d(?:[.,]\d+)?E\+?\d+", plain(written), re.IGNORECASE):
        raise RowError(
            "the patient id is a spreadsheet's short form of a number and has lost digits; format its column "
            "as text"
        )
    if is_odd_id(written.strip()):
        raise RowError("the patient id is longer than 64 characters, or holds invisible ones; correct it")
    return fields.somebody(plain_id(written))


def _notes_on(rows: Sequence[tuple[int, Row]], lines: Collection[int]) -> list[str]:
    """What cells say that is not used, and films, by the lines that gave any, of which nobody says whose."""
    said = {
        column: [cell for _, row in rows if not fields.is_missing(cell := row.get(column, ""))]
        for column in ("PatientSex", "ViewPosition")
    }
    sexes = (cell for cell in said["PatientSex"] if fields.parse_sex(cell) is None)
    views = (cell for cell in said["ViewPosition"] if fields.parse_view(cell) is None)
    named = [
        any(not fields.is_missing(row.get(column)) for column in _WHO) for line, row in rows if line in lines
    ]
    merged = named[named.index(True) :].count(False) if True in named else 0
    return [
        *values_not_used("PatientSex", sexes, "M, F or O"),
        *values_not_used("ViewPosition", views, "one of erect, supine and left lateral decubitus"),
        *([MERGED_NOTE.format(merged)] if merged else []),
    ]


def _is_first_year(row: Row) -> bool:
    return fields.is_missing(row.get("AgeMonths")) and fields.is_first_year(row.get("Age"))


def _age(row: Row) -> float | None:
    exact = row.get("AgeMonths")
    if exact is None or fields.is_missing(exact):
        return fields.parse_age(row.get("Age"))
    return fields.parse_months(exact)


def _working_diagnosis(row: Row) -> str | None:
    written = row.get("WorkingDiagnosis")
    if written is None or fields.is_missing(written):
        return None
    try:
        return written if written in LABELS else fields.parse_label(written)
    except RowError as err:
        raise RowError("the WorkingDiagnosis column is none of the known classes") from err


def _facts(row: Row) -> FilmFacts | None:
    if fields.is_missing(row.get("Facts")):
        return None
    try:
        return FilmFacts.from_json(fields.parse_literal(row["Facts"]))
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise RowError("the Facts column is not that of a film") from err


def _split(row: Row) -> str | None:
    split = (row.get("Split") or "").strip().casefold()
    if split and split not in _SPLITS:
        raise RowError(f"the split {plain(split)[:40]!r} is not train, validation or test")
    return split or None
