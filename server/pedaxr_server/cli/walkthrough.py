"""`pedaxr walkthrough`: Markdown that runs; its Python is executed and what it prints is written back."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.options import FILE_IN, use_weights, weights_option, write_text

_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?P<gap>\n)?(?P<printed>^```text\n.*?^```\n)?", re.M | re.S
)


@click.command()
@click.argument("page", type=FILE_IN)
@weights_option
def walkthrough(page: Path, weights: Path | None) -> None:
    """Run the Python in PAGE (Markdown) from top to bottom and write what it prints back into it.

    Use it only on pages you trust: their code runs with your permissions.
    """
    use_weights(weights)
    run_document(page)
    click.echo(f"ran: {page}")


def run_document(path: Path) -> str:
    """Execute a document's Python blocks in one namespace, in the working folder, and write what they print.

    A block that prints is followed by a block marked `text`, which is replaced.

    Returns:
        The document as it was written.

    Raises:
        InvalidRequest: the document cannot be read, has no Python, or a block prints and has no place for it.
        StorageError: it cannot be written.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidRequest(f"{path} cannot be read as a text. Name a Markdown file.") from err
    if not _BLOCK.search(text):
        raise InvalidRequest(f"{path} has no Python in it. Name a Markdown file with blocks marked python.")
    names: dict[str, Any] = {"__name__": "__main__"}
    written = _BLOCK.sub(lambda block: _ran(block, names, path), text)
    write_text(path, written)
    return written


def _ran(block: re.Match[str], names: dict[str, Any], path: Path) -> str:
    """The block with what it printed."""
    code, printed = block["code"], io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code, str(path), "exec"), names)
    said = printed.getvalue()
    if said and block["printed"] is None:
        raise InvalidRequest(
            f"A block of {path} prints and has no text block after it: {code.splitlines()[0]}"
        )
    place = "" if block["printed"] is None else f"\n```text\n{said}```\n"
    gap = "" if place else block["gap"] or ""
    return f"```python\n{code}```\n{place}{gap}"
