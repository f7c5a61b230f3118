"""Options that commands share, and what they print and write."""

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.storage.files import replace_durably

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from rich.console import Console, RenderableType
    from rich.segment import Segment
    from rich.table import Table

_LONGEST_BEGINNING = 256  # bytes
_BEGINNINGS = {
    **{b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"PK\x03\x04": "ZIP"},
    **{b"SQLite": "SQLite", b"%PDF": "PDF"},
}
F = TypeVar("F", bound=Callable[..., Any])

_WIDEST = 1000  # columns; a study id has at most 64
_LONGEST_WORD = 18  # columns; pneumoperitoneum has 16
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, format, halves of characters, ends of lines
# What a command makes or may find; the others must be there.
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER_IN = click.Path(path_type=Path, exists=True, file_okay=False)
FILE_IN = click.Path(path_type=Path, exists=True, dir_okay=False)
DATA = click.Path(path_type=Path, exists=True)  # a folder or a file


def with_options(command: F, options: Sequence[Callable[[Any], Any]]) -> F:
    """Add several options; `--help` lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def home_option(command: F) -> F:
    """Add --home DIR, which falls back to $PEDAXR_HOME and the settings file."""
    return click.option(
        "--home",
        type=FOLDER,
        callback=_or_setting,
        help="Clinic folder (default: $PEDAXR_HOME or your data folder).",
    )(command)


def weights_option(command: F) -> F:
    """Add --weights DIR, which falls back to $PEDAXR_WEIGHTS and the settings file."""
    return click.option(
        "--weights",
        type=FOLDER,
        callback=_or_setting,
        help="Folder of trained weights (default: the bundled weights).",
    )(command)


def _or_setting(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    if value is not None or context.resilient_parsing:
        return value
    from pedaxr_server.settings_sources import gather

    flags = {"home": context.params.get("home")}  # given ones come first: whose weights are in use
    found: Path | None = getattr(gather(flags, os.environ).settings, str(parameter.name))
    return found


def read_date(context: click.Context, parameter: click.Parameter, value: str | None) -> "date | None":
    """The day that an option names, in any spelling; an empty one is left out."""
    from pedaxr_models.written.dates import parse_date

    try:
        return parse_date(value)
    except ValueError as err:
        raise click.BadParameter(str(err), context, parameter) from err


def map_option(command: F) -> F:
    """Add --map OURS=THEIRS: which column of a table is which."""
    return click.option(
        "--map",
        "columns",
        multiple=True,
        metavar="OURS=THEIRS",
        callback=_columns,
        help="Column of the table to read as ours, such as ImagePath=file; repeatable.",
    )(command)


def labels_option(command: F) -> F:
    """Add --label THEIRS=OURS: what a hospital's own labels mean."""
    return click.option(
        "--label",
        "labels",
        multiple=True,
        metavar="THEIRS=OURS",
        callback=_labels,
        help="What a label or class of the source means, such as PNP=pneumoperitoneum, NAD=normal or "
        "kidney=nothing; repeatable.",
    )(command)


def _labels(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in given]
    for text, (theirs, _, ours) in zip(given, pairs, strict=True):
        if not theirs.strip() or not ours.strip():
            raise click.BadParameter(
                f"{text!r} is not THEIRS=OURS, such as PNP=pneumoperitoneum.", context, parameter
            )
    return {theirs.strip(): ours.strip() for theirs, _, ours in pairs}


def names_options(command: F) -> F:
    """Add --map and --label of a table of films; the command takes them as one `names`."""

    @wraps(command)
    def with_names(*args: Any, columns: dict[str, str], labels: dict[str, str], **options: Any) -> Any:
        from pedaxr_models.datasets.own_names import OwnNames

        return command(*args, names=OwnNames(columns, labels), **options)

    return cast(F, map_option(labels_option(with_names)))


def _columns(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for text, (ours, _, theirs) in zip(given, pairs, strict=True):
        if not ours.strip() or not theirs.strip():
            raise click.BadParameter(
                f"{text!r} is not OURS=THEIRS, such as ImagePath=file.", context, parameter
            )
    for number in (0, 2):
        names = [pair[number].strip().casefold() for pair in pairs]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise click.BadParameter(f"{twice!r} is named twice. Keep the right one.", context, parameter)
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def json_option(command: F) -> F:
    """Add --json FILE."""
    return click.option(
        "--json",
        "json_path",
        type=click.Path(path_type=Path, allow_dash=True),
        metavar="FILE",
        callback=_json_file,
        help="Also write the result as JSON; - prints only that.",
    )(command)


def _json_file(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse at once, and not after an hour's work, what the result may not replace."""
    if path is not None and not may_replace(path, b"{"):
        raise click.BadParameter(f"{path.name} is there already and holds something else than JSON.")
    return path


def use_runtime(runtime: str, device: str, threads: int) -> None:
    """Have the networks of this process and its workers run so; see `pedaxr_models.runtime`."""
    os.environ |= {"PEDAXR_RUNTIME": runtime, "PEDAXR_DEVICE": device, "PEDAXR_THREADS": str(threads)}


def use_weights(weights: Path | None) -> None:
    """Make the networks of this process load from `weights`."""
    if weights is not None:
        os.environ["PEDAXR_WEIGHTS"] = str(weights)


def show(picture: "Callable[[], RenderableType]", data: Any, json_path: Path | None) -> None:
    """Print the result for a human and write `data` as JSON where asked; with - print the JSON alone.

    Raises:
        StorageError: the JSON file cannot be written.
    """
    if json_path is not None:
        text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        if str(json_path) == "-":
            # Escapes instead of question marks: what is read by a program must not lose a name.
            click.echo(text if _fits(text) else json.dumps(data, indent=2, allow_nan=False) + "\n", nl=False)
            return
        write_text(json_path, text)
    print_whole(picture())


def print_whole(picture: "RenderableType") -> None:
    """Print on a console as wide as tables need: no word is cut, and what may not wrap stays in one line."""
    shown = console()
    roomy = shown.options.update(max_width=_WIDEST)
    for table in _tables(picture):
        _keep_whole(table)
        shown.width = max(shown.width, shown.measure(table, options=roomy).minimum)
        while (needed := _widest_line(shown, table)) > shown.width:  # rich shares room out by another rule
            shown.width = needed
    shown.print(picture)


def _widest_line(shown: "Console", table: "Table") -> int:
    """How wide the table is when it is drawn, which may be wider than the console: that cuts it."""
    from rich.cells import cell_len

    drawn = "".join(segment.text for segment in shown.render(table))
    return max(map(cell_len, drawn.splitlines()), default=0)


def _keep_whole(table: "Table") -> None:
    """Rich takes "no wrap" for leave to shorten, and a word longer than its column for leave to cut it."""
    from rich.cells import cell_len

    for column in table.columns:
        cells = [str(cell) for cell in (column.header, *column.cells)]
        if column.no_wrap:
            column.min_width = max(map(cell_len, cells))
        else:
            words = (cell_len(word) for cell in cells for word in cell.split())
            column.min_width, column.overflow = min(max(words, default=0), _LONGEST_WORD), "fold"


def _tables(picture: object) -> "list[Table]":
    from rich.console import Group
    from rich.table import Table

    if isinstance(picture, Group):
        return [table for part in picture.renderables for table in _tables(part)]
    return [picture] if isinstance(picture, Table) else []


def console(*, stderr: bool = False) -> "Console":
    """A rich console that does not fold tables where the output is a file or a pipe.

    Names of files and cells of tables are other people's: what would move the cursor or hide a character is
    shown as its code. Colours are added after that.
    """
    from rich.console import Console
    from rich.segment import Segment

    class Escaping(Console):
        def render(self, *given: Any, **options: Any) -> "Iterable[Segment]":
            for segment in super().render(*given, **options):
                yield segment if segment.control else Segment(_escaped(segment.text), segment.style)

    file = sys.stderr if stderr else sys.stdout
    return Escaping(file=file, width=None if file.isatty() else 120)


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    hidden = {char for char in set(text) - {"\n"} if unicodedata.category(char) in _HIDDEN}
    return "".join(ascii(char)[1:-1] if char in hidden else char for char in text) if hidden else text


def write_text(path: Path, text: str) -> None:
    """Write a file whole, making its folder.

    Raises:
        StorageError: it cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole, making its folder; one of the same kind is replaced.

    Raises:
        InvalidRequest: what is there is of another kind, such as a film or a table: it would be lost.
        StorageError: it cannot be written.
    """
    if not may_replace(path, data):
        raise InvalidRequest(f"{path.name} is there already and holds something else. Choose another file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.write_bytes(data)  # a device or a link, which no file may take the place of
        else:
            replace_durably(path, data)
    except OSError as err:
        raise StorageError(f"{path} cannot be written ({err.strerror}). Choose another place.") from err


def may_replace(path: Path, data: bytes) -> bool:
    """Whether nothing is at the path that `data` is not a newer version of."""
    if not path.is_file():  # a pipe would be waited for
        return True
    with suppress(OSError), path.open("rb") as file:
        there = file.read(_LONGEST_BEGINNING)
        return not there.strip() or _kind(there) == _kind(data)
    return True  # whoever writes is told why


def _kind(data: bytes) -> str:
    """What a file is by its beginning: a picture, a film, an archive, a database, JSON or another text."""
    if data[128:132] == b"DICM":
        return "DICOM"
    found = [kind for begin, kind in _BEGINNINGS.items() if data.startswith(begin)]
    return found[0] if found else "JSON" if data.lstrip()[:1] in (b"{", b"[") else "text"


def write_secret(path: Path, text: str) -> None:
    """Write a new file that only its owner can read.

    Raises:
        StorageError: it exists already, or cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except OSError as err:
        raise StorageError(f"{path} cannot be made ({err.strerror}). Choose a new file.") from err


def _fits(text: str) -> bool:
    """Whether standard output has every sign of the text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
