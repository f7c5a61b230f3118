"""Figures into documents: what was measured goes between two markers of a Markdown file."""

from pathlib import Path

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.options import write_text


def publish(path: Path, name: str, table: str) -> None:
    """Replace what lies between `<!-- NAME figures -->` and `<!-- end of NAME figures -->`.

    Raises:
        InvalidRequest: the file cannot be read or lacks the markers.
        StorageError: it cannot be written.
    """
    start, end = f"<!-- {name} figures -->", f"<!-- end of {name} figures -->"
    try:
        before, _, rest = path.read_text(encoding="utf-8").partition(start)
        _, found, after = rest.partition(end)
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidRequest(f"{path} cannot be read as a text. Name a Markdown file.") from err
    if not found:
        raise InvalidRequest(
            f"{path} lacks the lines '{start}' and '{end}'. Add them where the table belongs."
        )
    write_text(path, f"{before}{start}\n\n{table.strip()}\n\n{end}{after}")
