"""The lines of docs/operations.md that switch completion on give a shell something to run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")


def completed(variables: dict[str, str]) -> str:
    """What the program tells a shell that asks it with these variables."""
    program = "import sys; sys.argv[0] = 'pedaxr'; from pedaxr_server.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    variables = dict(
        re.findall(r"(_[A-Z]+_COMPLETE)=(\w+)", PAGE.split(f"={shell}_source")[0][-40:] + f"={shell}_source")
    )
    assert variables == {"_PEDAXR_COMPLETE": f"{shell}_source"}
    said = completed(variables)
    assert "_PEDAXR_COMPLETE" in said and "pedaxr" in said


def test_a_begun_command_is_completed() -> None:
    given = {"COMP_WORDS": "pedaxr work", "COMP_CWORD": "1", "_PEDAXR_COMPLETE": "bash_complete"}
    assert completed(given).strip() == "plain,worklist"
