"""The group of all commands: how each is listed, and how it ends where it cannot go on."""

import errno
import io
import os
import re
import shlex
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import click

from pedaxr.errors import PedaxrError

F = TypeVar("F", bound=Callable[..., Any])

# Packages that only some commands need, by the extra that brings them.
EXTRAS = {
    "pyarrow": "archive",
    "ray": "ray",
    "highdicom": "pacs",
    "pynetdicom": "pacs",
    "httpx2": "pacs",
} | dict.fromkeys(
    (
        "matplotlib",
        "onnx",
        "pandas",
        "safetensors",
        "scipy",
        "sklearn",
        "tokenizers",
        "torch",
        "torchvision",
        "transformers",
    ),
    "train",
)
_ENDING = ("strict", "surrogateescape")  # the second in the C locale; either ends at a sign that is lacking
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_LONGEST_PATH = 200
# A tool's name in a message is a command here; what the demo says begins with a name, and is about the tool.
_COMMANDS = {
    "find_patient": "`pedaxr find`",
    "segment_xray": "`pedaxr segment`",
    "generate_report": "`pedaxr report`",
    "finalise_report": "`pedaxr reports finalise`",
}
_TOOL = re.compile(rf"(?<!^)\b(?:{'|'.join(_COMMANDS)})\b")
_INTERRUPTED = 130  # as shells count SIGINT


class PedaxrGroup(click.Group):
    """A group that lists its commands by subject and ends with one line on stderr on a PedaxrError.

    Attributes:
        subjects: names of commands by the heading that they are listed under.
        former: what commands were called once, and are called now; `--help` does not list it.
        given: what was typed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subjects: dict[str, list[str]] = {}
        self.former: dict[str, str] = {}
        self.given: list[str] = []

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Parse and run, on a console of any code page."""
        in_utf8()
        never_fail_to_print()
        try:
            return super().main(*args, **kwargs)
        except OSError as err:
            if err.errno not in _FULL:
                raise
            _ended_by_output(err)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and keep what was typed: a command that is interrupted says how to go on."""
        self.given = list(args)
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or of that former name."""
        return super().get_command(ctx, self.former.get(cmd_name, cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their subjects."""
        limit = formatter.width - 6 - max(map(len, self.commands), default=0)
        for subject, names in self.subjects.items():
            rows = [(name, self.commands[name].get_short_help_str(limit)) for name in names]
            with formatter.section(subject):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command; exit code 1 on a PedaxrError or where an extra is not installed."""
        try:
            return super().invoke(ctx)
        except PedaxrError as err:
            reason = " ".join([*str(err).split(), *getattr(err, "__notes__", ())])
        except ModuleNotFoundError as err:
            package = str(err.name).partition(".")[0]
            if package not in EXTRAS:
                raise
            reason = f"This needs {package}. Install it with: pip install 'pedaxr[{EXTRAS[package]}]'"
        except OSError as err:
            if err.errno in _FULL or not self._was_typed(err.filename):
                raise
            reason = f"{str(err.filename)[-_LONGEST_PATH:]} cannot be used: {err.strerror}. Check the path."
        click.echo(f"error: {_TOOL.sub(lambda tool: _COMMANDS[tool[0]], reason)}", err=True)
        ctx.exit(1)

    def _was_typed(self, path: object) -> bool:
        """Whether a path, or a folder that it lies in, stands on the command line: it is not ours."""
        parts = Path(path).parts if isinstance(path, str | os.PathLike) else ()
        typed = [Path(word.partition("=")[2] if word.startswith("--") else word).parts for word in self.given]
        return any(words and parts[: len(words)] == words for words in typed)


def resumable(*more: str) -> Callable[[F], F]:
    """Have a command that Ctrl-C ends say how it goes on: typed again, with `more` behind it."""

    def decorate(command: F) -> F:
        @wraps(command)
        def run(*args: Any, **kwargs: Any) -> Any:
            try:
                return command(*args, **kwargs)
            except KeyboardInterrupt:
                root = click.get_current_context().find_root()
                typed = root.command.given if isinstance(root.command, PedaxrGroup) else []
                again = shlex.join([root.info_name or "pedaxr", *typed, *(m for m in more if m not in typed)])
                click.echo(f"Stopped. What is done is kept; continue with: {again}", err=True)
                raise click.exceptions.Exit(_INTERRUPTED) from None

        return cast(F, run)

    return decorate


def in_utf8() -> None:
    """Start over in Python's UTF-8 mode where what was typed, such as Hangul, could not be read.

    Python takes to it by itself under LC_ALL=C, but not where PYTHONUTF8=0 or another locale keeps it from
    doing so: a name would be searched for as bytes that no name has, and found nowhere.
    """
    if sys.flags.utf8_mode or not any(map(_is_unread, sys.argv)):
        return
    # Written with the bytes that they were read from.
    os.execv(sys.executable, [sys.executable, "-X", "utf8", "-m", "pedaxr_server", *sys.argv[1:]])


def _is_unread(typed: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in typed)


def never_fail_to_print() -> None:
    """Have signs that the console's code page lacks replaced, where they would end the command half-way.

    A service without a console has no streams at all; what is printed there goes nowhere.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - to the end
        elif isinstance(stream, io.TextIOWrapper) and stream.errors in _ENDING:
            stream.reconfigure(errors="replace")


def _ended_by_output(err: OSError) -> NoReturn:
    """One line instead of a traceback, where what is printed cannot be stored."""
    click.echo(f"error: The output cannot be written ({err.strerror}). Write it elsewhere.", err=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be flushed would fail again
    sys.exit(1)
