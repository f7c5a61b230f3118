"""Names of files and cells of tables can hold a terminal's commands: they are shown, never obeyed."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pedaxr_server.cli.app import main
from pedaxr_server.cli.options import _escaped, console

CODES = {
    "a window's title": "\x1b]0;forged\x07",
    "a colour": "\x1b[31mforged",
    "a cleared screen": "\x1b[2Jforged",
    "one byte for two": "\x9b2Jforged",
    "a line of its own": "\u2028forged",
    "right to left": "\u202eforged",
    "nothing to see": "\u200bforged",
}


def run(*arguments: str | Path) -> click.testing.Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.mark.parametrize("kind", CODES)
def test_a_table_s_cells_command_no_terminal(tmp_path: Path, kind: str) -> None:
    code = CODES[kind]
    rows = [
        f"{code}.png,[],Normal,3,H1,Ann Lee",
        f"x.png,[],{code},3,H2,{code}Ann",
        f"y.png,{code},Normal,3,H3,B",
    ]
    table = "ImagePath,Point,Class,Age,PatientID,PatientName\n" + "\n".join(rows) + "\n"
    (tmp_path / "films.csv").write_text(table, encoding="utf-8")
    shown = run("import", tmp_path, "--home", tmp_path / "home").output
    assert "forged" in shown, "control: the row is named"
    assert not set(code) & set(shown) - set("[]0123456789;JmforgedK"), ascii(shown)


def test_what_is_printable_stays_and_our_own_colours_come_after(capsys: pytest.CaptureFixture[str]) -> None:
    """Control: Korean, accents, line ends and the frames of tables are no codes."""
    for text in ("김민준 Åsa cm² │ ─", "two\nlines", "a\u00a0b"):
        assert _escaped(text) == text
    assert _escaped("a\x1bb") == "a\\x1bb"
    console().print("[bold red]x[/]")
    assert capsys.readouterr().out == "x\n"
