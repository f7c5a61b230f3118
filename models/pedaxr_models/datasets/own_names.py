"""Tables that call columns and classes otherwise than ours do: what a hospital says that its names mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pedaxr_models.datasets import fields
from pedaxr_models.datasets.read_report import DatasetError, RowError
from pedaxr_models.datasets.tables import Table, column_key
from pedaxr_models.written.column_names import ALSO_CALLED
from pedaxr_models.written.plain import plain

COLUMNS = (
    *("ImagePath", "Point", "Class", "Age", "PatientName", "Caption"),
    *(
        "PatientID",
        "PatientSex",
        "PatientBirthDate",
        "StudyDate",
        "AgeMonths",
        "ViewPosition",
        "PixelSpacing",
    ),
    *("Indication", "WorkingDiagnosis", "Split", "Findings", "Facts", "MaskPath", "Known"),
)
REQUIRED = ("ImagePath", "Class")
_MOST_NAMED = 5

Row = dict[str, str]  # cells by column


@dataclass(frozen=True)
class OwnNames:
    """What a hospital's own names mean here.

    Attributes:
        columns: of a table that calls a column otherwise, its name by ours: `{"ImagePath": "file"}`.
        classes: what a class of the table means: `{"PNP": "pneumoperitoneum", "NAD": "normal"}`, or
            `fields.NOTHING`.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.columns or self.classes)

    def check(self) -> None:
        """Raises DatasetError where what a class is to mean is not known here."""
        for theirs, ours in self.classes.items():
            try:
                if ours != fields.NOTHING:
                    fields.parse_label(ours)
            except RowError as err:
                raise DatasetError(f"{plain(theirs)[:40]}={plain(ours)[:40]}: {err}.") from err

    def row(self, cells: Row) -> Row:
        """A row with its class in our words, where the table's own are known to mean them."""
        means = {_class_key(theirs): ours for theirs, ours in self.classes.items()}
        written = cells.get("Class", "")
        return cells | {"Class": means.get(_class_key(written), written)} if means else cells

    def is_header(self, cells: tuple[str, ...]) -> bool:
        """Whether a line holds the names of the columns that every table needs, or those mapped to them."""
        there = {column_key(cell) for cell in cells}
        mapped = {column_key(ours): column_key(theirs) for ours, theirs in self.columns.items()}
        return all(mapped.get(key, key) in there for key in map(column_key, REQUIRED))

    def header(self, cells: tuple[str, ...]) -> list[str]:
        """The names of the columns, ours where they are ours.

        Raises:
            DatasetError: one that is needed is missing, or one is there twice.
        """
        known = {column_key(column): column for column in COLUMNS}
        header = [known.get(column_key(cell), cell.strip()) for cell in self._renamed(cells)]
        missing = [column for column in REQUIRED if column not in header]
        if missing:
            read = "1 column" if len(header) == 1 else f"{len(header)} columns"
            raise DatasetError(
                f"The table has no column {' or '.join(missing)}; its first line was read as {read}. It "
                "needs ImagePath and Class, and Point for outlines, separated by commas, semicolons or tabs. "
                "Rename columns of other names; a command that has --map also takes --map ImagePath=NAME."
            )
        if twice := sorted({name for name in header if name in COLUMNS and header.count(name) > 1}):
            raise DatasetError(f"The table has the column {' and '.join(twice)} twice. Keep the right one.")
        return header

    def _renamed(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """The header with our names for the columns that are mapped.

        What the table calls by one of our names and is mapped to no column is left out of the way.
        """
        ours = {column_key(column): column for column in COLUMNS}
        squeezed = [column_key(cell) for cell in cells]
        renamed = {}
        for name, theirs in self.columns.items():
            if column_key(name) not in ours:
                raise DatasetError(
                    f"{plain(name)[:60]!r} is not a column here. Known are {', '.join(COLUMNS)}."
                )
            if column_key(theirs) not in squeezed:
                shown = ", ".join(repr(plain(cell)[:40]) for cell in cells[:30])
                raise DatasetError(
                    f"The table has no column {plain(theirs)[:60]!r}. Its columns are {shown}."
                )
            renamed[column_key(theirs)] = ours[column_key(name)]
        taken = {column_key(name) for name in renamed.values()}
        return tuple(
            renamed.get(key, f"{cell} (not mapped)" if key in taken else cell)
            for key, cell in zip(squeezed, cells, strict=True)
        )

    def notes_on(self, table: Table, classes: Iterable[str]) -> list[str]:
        """What could be named and was not: columns that other tables fill with what ours would, and classes.

        Args:
            table: as it was read.
            classes: the cells of its column Class, in our words.
        """
        notes = []
        if columns := self._unused_columns(table):
            hints = ", ".join(f"--map {ours}={plain(theirs)[:40]!r}" for theirs, ours in columns.items())
            notes.append(f"Columns that were not used, though they may be meant: {hints} would use them.")
        if strange := sorted({plain(cell)[:40] for cell in classes if fields.is_strange_class(cell)}):
            hints = ", ".join(f"--label {cell!r}=FINDING" for cell in strange[:_MOST_NAMED])
            notes.append(f"Classes that are not known here: {hints} would say what each means.")
        return notes

    def _unused_columns(self, table: Table) -> dict[str, str]:
        """Ours by theirs."""
        taken = {column_key(cell) for cell in (*table.header, *self.columns)}
        mapped = {column_key(theirs) for theirs in self.columns.values()}
        return {
            cell.strip(): ALSO_CALLED[key]
            for cell in table.header
            if (key := column_key(cell)) in ALSO_CALLED
            and key not in mapped
            and column_key(ALSO_CALLED[key]) not in taken
        }


AS_OURS = OwnNames()


def _class_key(cell: str) -> str:
    return plain(cell).strip().casefold()
