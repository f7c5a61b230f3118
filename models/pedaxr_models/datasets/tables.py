"""Tables as spreadsheets save them: comma, semicolon, tab or bar between cells, in whatever encoding."""

import csv
import io
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path, PurePosixPath

from pedaxr_models.datasets.label_files import PICTURES, begins_as_dicom, composed
from pedaxr_models.datasets.read_report import DatasetError, RowError
from pedaxr_models.written.plain import plain
from pedaxr_models.written.scripts import KOREAN, WESTERN, decoded_table

DELIMITERS = (",", ";", "\t", "|")
_LONGEST_CELL = 16 * 2**20
_MOST_ABOVE, _LONGEST_HEADER = 20, 10_000  # lines looked at for the names of the columns; characters
_SEPARATOR_LINE = re.compile(r"[\"']?sep=(?P<sign>.?)[\"']?[,;\t|]*\s*", re.IGNORECASE)
_WESTERN_NOTE = "The table is neither UTF-8 nor Korean: it was read as Western European. Check a name in it."
_HANJA_NOTE = (
    "The table is not UTF-8: it was read as Korean, and has Chinese characters in it. If it is Chinese or "
    "Japanese, the names are wrong: save it as CSV UTF-8."
)
_SAVE = "Save it as CSV UTF-8."
_UNPACK = "Unpack it, and give the table or the folder."
JSON = ".json"
LABELS = (JSON, ".xml", ".yaml", ".yml")  # of annotation tools
ANNOTATIONS = (
    "`pedaxr annotations convert` makes a table to train on of outlines with the films beside them; `pedaxr "
    "annotations import` stores them with the films of a clinic."
)
_JSON = re.compile(r"\ufeff?\s*(?:\{\s*\"|\[\s*\{)")
_VIA = "region_shape_attributes"  # a column of VIA's export
_LIST = "Give a CSV with the columns ImagePath and Class that names it, a row for each film."
_SIGNATURES = (
    (b"PK\x03\x04", "is an Excel workbook", _SAVE),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook", _SAVE),
    (b"%PDF", "is a PDF", _SAVE),
    (b"\x89PNG", "is a picture", _LIST),
    (b"\xff\xd8\xff", "is a picture", _LIST),
    (b"\x1f\x8b", "is compressed", _UNPACK),
    (b"7z\xbc\xaf", "is a 7z archive", _UNPACK),
    (b"Rar!", "is a RAR archive", _UNPACK),
    (b"SQLite format 3", "is a database", _SAVE),
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


def read_table(path: Path, is_header: Callable[[tuple[str, ...]], bool] | None = None) -> Table:
    """Read a table, whatever parts its cells and however they are encoded.

    Args:
        path: of the table.
        is_header: whether a line holds the names of the columns. What stands above it, such as the title of
            an export, is passed over; without such a line the first one is the header.

    Raises:
        DatasetError: it is not a table; the message says what it is instead.
    """
    text, notes = _text(path)
    delimiter, text, skipped = _delimiter(text, is_header or (lambda _: False))
    previous = csv.field_size_limit(_LONGEST_CELL)
    try:
        lines = _lines(text, delimiter, skipped)
    except csv.Error as err:
        raise DatasetError(f"{path.name} is not a table of cells: {err}.") from err
    finally:
        csv.field_size_limit(previous)
    if not lines:
        raise DatasetError(f"{path.name} is empty. It needs a line of column names and a row for each film.")
    beginning = lines[:_MOST_ABOVE]
    at = next((n for n, (_, cells) in enumerate(beginning) if is_header and is_header(cells)), 0)
    _refuse_open_quotes(path, lines[at:], delimiter)
    if at:
        notes = (*notes, f"Lines above the names of the columns, which were passed over: {at}.")
    return Table(lines[at][1], tuple(lines[at + 1 :]), notes)


def column_key(column: str) -> str:
    """As columns are compared: `Image Path`, `image_path` and `ＩｍａｇｅＰａｔｈ` are one."""
    return re.sub(r"[\s_-]+", "", plain(column)).casefold()


def _text(path: Path) -> tuple[str, tuple[str, ...]]:
    content = path.read_bytes()
    if begins_as_dicom(path):
        raise DatasetError(f"{path.name} is a DICOM file, not a CSV file. {_LIST}")
    for signature, kind, advice in _SIGNATURES:
        if content.startswith(signature):
            kind, advice = ("is a ZIP archive", _UNPACK) if _is_plain_archive(path) else (kind, advice)
            raise DatasetError(f"{path.name} {kind}, not a CSV file. {advice}")
    read = decoded_table(content)
    if read is None:
        raise DatasetError(f"{path.name} is neither UTF-8 nor code page 949. Save it as CSV UTF-8.")
    text, encoding = read
    if re.match(r"\s*<(?:!doctype|html|head|body|meta|style|table|\?xml)", text[:200], re.IGNORECASE):
        if "<annotations" in text[:2000]:
            raise DatasetError(f"{path.name} is XML of CVAT, not a table of films. {ANNOTATIONS}")
        raise DatasetError(f"{path.name} is a web page or XML, not a CSV file. Save it as CSV UTF-8.")
    if _VIA in text.partition("\n")[0]:
        raise DatasetError(f"{path.name} is an export of VIA, not a table of films. {ANNOTATIONS}")
    if path.suffix.lower() == JSON or _JSON.match(text):
        raise DatasetError(f"{path.name} is JSON, not a CSV file. {ANNOTATIONS}")
    has_hanja = encoding == KOREAN and re.search("[\u4e00-\u9fff\uf900-\ufaff]", text) is not None
    notes = (_WESTERN_NOTE,) if encoding == WESTERN else (_HANJA_NOTE,) if has_hanja else ()
    return text.removeprefix("\ufeff"), notes


def _is_plain_archive(path: Path) -> bool:
    """Whether a file is a ZIP archive of other files, and not a workbook, which is packed as one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False
    return not names & {"[Content_Types].xml", "mimetype"}


def _delimiter(text: str, is_header: Callable[[tuple[str, ...]], bool]) -> tuple[str, str, int]:
    """What parts the cells, the text behind a line that says so, and how many lines that took."""
    first, _, rest = text.partition("\n")
    if found := _SEPARATOR_LINE.fullmatch(first):
        sign = found["sign"] if found["sign"] in DELIMITERS else "\t" if not found["sign"] else ","
        return sign, rest, 1
    beginning = list(islice((line for line in text.splitlines() if line.strip()), _MOST_ABOVE))
    for line, sign in product(beginning, DELIMITERS):
        if len(line) <= _LONGEST_HEADER and is_header(tuple(next(csv.reader([line], delimiter=sign)))):
            return sign, text, 0
    header = beginning[0] if beginning else ""
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


def _refuse_open_quotes(path: Path, lines: list[tuple[int, tuple[str, ...]]], delimiter: str) -> None:
    """Raises DatasetError where a cell holds rows of films: a quotation mark before them is not closed."""
    width = len(lines[0][1])
    for line, cells in lines:
        inside = [one for cell in cells for one in cell.splitlines()[1:]]
        rows = csv.reader(inside, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        if any(len(row) == width and any(one.lower().endswith(PICTURES) for one in row) for row in rows):
            raise DatasetError(
                f"{path.name}: a quotation mark in the row of line {line} is not closed, so that rows of "
                "other films lie in its cell. Close or remove it."
            )


@dataclass
class NamedFiles:
    """Files as the cells of a table name them, all below the table's folder."""

    folder: Path
    _listed: dict[Path, dict[str, list[Path]]] = field(default_factory=dict)

    def find(self, written: str) -> Path:
        """The file that a cell names.

        Windows made many tables, and a Mac takes Hangul apart: where no file is spelled so, the only one that
        differs in case or in how its Hangul is composed is meant. Raises RowError.
        """
        relative = PurePosixPath(written.strip().replace("\\", "/"))
        if relative == PurePosixPath():
            raise RowError("the path is empty")
        if relative.is_absolute() or ".." in relative.parts or ":" in written:
            raise RowError(
                "the path is absolute or leaves the folder of the CSV; write it from that folder on, such as "
                "images/1.png"
            )
        path = self.folder / relative
        try:
            is_file = path.is_file()
        except (OSError, ValueError) as err:  # too long, or with a null byte
            raise RowError("the path is not a file name") from err
        return path if is_file else self._spelled_otherwise(relative)

    def _spelled_otherwise(self, relative: PurePosixPath) -> Path:
        found = self.folder
        for part in relative.parts:
            found = found / part if (found / part).exists() else self._alike(found, part)
        if not found.is_file():
            raise RowError("the file is missing")
        return found

    def _alike(self, folder: Path, name: str) -> Path:
        if folder not in self._listed:
            self._listed[folder] = _by_spelling(folder)
        alike = self._listed[folder].get(composed(name).casefold(), [])
        exact = [path for path in alike if composed(path.name) == composed(name)]
        if len(alike) > 1 and not exact:
            raise RowError("several files are called so but for capital letters; write the name as it is")
        return (exact or alike or [folder / name])[0]


def _by_spelling(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    try:
        for path in folder.iterdir():
            found[composed(path.name).casefold()].append(path)
    except OSError:  # it is not there, or not ours to open: nothing in it is called so
        found.clear()
    return found
