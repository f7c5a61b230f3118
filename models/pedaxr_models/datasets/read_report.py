"""What reading a data set gives: films, the rows that could not be used, and what the reader decided."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pedaxr_models.datasets.film import Film
from pedaxr_models.written.plain import plain

FREE_AIR_NOTE = (
    "기복증 was read as pneumoperitoneum (free air), which is what the word means; it is often mistranslated "
    "as abdominal distension. If the owner of these data means distension, import them with "
    "--treat-as-distension; for training write the class as Abdominal distension."
)
MERGED_NOTE = (
    "Rows that name no child, below one that does, as merged cells are saved: {}. Each is taken for a child "
    "of its own, unless its DICOM header says whose it is. Fill such cells down first."
)
_MOST_SHOWN = 3
DISTENSION_NOTE = "기복증 was read as abdominal distension, as asked."


class DatasetError(ValueError):
    """A folder or file has no known layout; the message says which are known."""


class RowError(ValueError):
    """One row or label file cannot be used."""


@dataclass(frozen=True)
class Rejection:
    """A row that was not used.

    Attributes:
        line: in the CSV file, from 1; None where the source has a file per film.
        path: the image or label file as written in the source.
    """

    line: int | None
    path: str
    reason: str

    def __str__(self) -> str:
        """As a line of a list."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.path}: {self.reason}"


@dataclass(frozen=True)
class ReadReport:
    """All that one source gave.

    Attributes:
        layout: csv, aihub, source_set, or dicom of files without a table.
        lines: of each film in the CSV file, from 1; None where the source has a file per film.
        notes: decisions that the owner of the data should know of.
    """

    layout: str
    films: tuple[Film, ...]
    lines: tuple[int | None, ...]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...] = ()


def values_not_used(column: str, cells: Iterable[str], wanted: str) -> list[str]:
    """A note on cells that say something else than a column is for; none where there are no such cells."""
    counted = Counter(plain(cell)[:30] for cell in cells)
    if not counted:
        return []
    shown = ", ".join(f"{cell!r} ({count})" for cell, count in counted.most_common(_MOST_SHOWN))
    more = f" and {len(counted) - _MOST_SHOWN} more" if len(counted) > _MOST_SHOWN else ""
    return [f"{column} says {shown}{more}, which is not {wanted}: it counts as not stated."]
