"""Tables as spreadsheets save them: comma, semicolon, tab or bar between cells, in whatever encoding."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pedaxr_models.datasets.read_report import DatasetError
from pedaxr_models.written.plain import plain
from pedaxr_models.written.scripts import WESTERN, decoded_table

DELIMITERS = (",", ";", "\t", "|")
_LONGEST_CELL = 16 * 2**20
_SEPARATOR_LINE = re.compile(r"[\"']?sep=(?P<sign>.?)[\"']?[,;\t|]*\s*", re.IGNORECASE)
_WESTERN_NOTE = "The table is neither UTF-8 nor Korean: it was read as Western European. Check a name in it."
_SIGNATURES = (
    (b"PK\x03\x04", "is an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook"),
    (b"%PDF", "is a PDF"),
    (b"\x89PNG", "is a picture"),
    (b"\x1f\x8b", "is compressed"),
    (b"SQLite format 3", "is a database"),
)


@dataclass(frozen=True)
class Table:
    """Cells as text.

    Attributes:
        header: of the first line that is not empty.
        rows: line number from 1, and cells; a row of cells with line breaks is called by its first line.
        notes: what the owner of the table should know of how it was read.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    notes: tuple[str, ...] = ()


def read_table(path: Path) -> Table:
    """Read a table, whatever parts its cells and however they are encoded.

    Raises:
        DatasetError: it is not a table; the message says what it is instead.
    """
    text, notes = _text(path)
    delimiter, text, skipped = _delimiter(text)
    previous = csv.field_size_limit(_LONGEST_CELL)
    try:
        lines = _lines(text, delimiter, skipped)
    except csv.Error as err:
        raise DatasetError(f"{path.name} is not a table of cells: {err}.") from err
    finally:
        csv.field_size_limit(previous)
    if not lines:
        raise DatasetError(f"{path.name} is empty. It needs a line of column names and a row for each film.")
    return Table(lines[0][1], tuple(lines[1:]), notes)


def column_key(column: str) -> str:
    """As columns are compared: `Image Path`, `image_path` and `ＩｍａｇｅＰａｔｈ` are one."""
    return re.sub(r"[\s_-]+", "", plain(column)).casefold()


def _text(path: Path) -> tuple[str, tuple[str, ...]]:
    content = path.read_bytes()
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            raise DatasetError(f"{path.name} {kind}, not a CSV file. Save it as CSV UTF-8.")
    read = decoded_table(content)
    if read is None:
        raise DatasetError(f"{path.name} is neither UTF-8 nor code page 949. Save it as CSV UTF-8.")
    text, encoding = read
    if re.match(r"\s*<(?:!doctype|html|\?xml)", text[:200], re.IGNORECASE):
        raise DatasetError(f"{path.name} is a web page or XML, not a CSV file. Save it as CSV UTF-8.")
    return text.removeprefix("\ufeff"), (_WESTERN_NOTE,) if encoding == WESTERN else ()


def _delimiter(text: str) -> tuple[str, str, int]:
    """What parts the cells, the text behind a line that says so, and how many lines that took."""
    first, _, rest = text.partition("\n")
    if found := _SEPARATOR_LINE.fullmatch(first):
        sign = found["sign"] if found["sign"] in DELIMITERS else "\t" if not found["sign"] else ","
        return sign, rest, 1
    header = next((line for line in text.splitlines() if line.strip()), "")
    outside = Counter(re.sub(r'"(?:[^"]|"")*"', "", header))
    return max(DELIMITERS, key=lambda sign: (outside[sign], -DELIMITERS.index(sign))), text, 0


def _lines(text: str, delimiter: str, skipped: int) -> list[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found = []
    starts = skipped + 1
    for cells in reader:
        if any(cell.strip(" \t\0") for cell in cells):  # some exports end in noughts
            found.append((starts, tuple(cells)))
        starts = skipped + reader.line_num + 1
    return found
