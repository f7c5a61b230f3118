"""The command line on consoles of other code pages: nothing measured is lost in a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pedaxr.clinic import Clinic
from pedaxr.registry import REGISTRY_FILE, Patient, Registry
from pedaxr_server.cli.app import main

COMMANDS = """
import json, sys
from pedaxr_server.cli.app import main

codes = []
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as end:
        codes.append(end.code)
    print("=" * 30, flush=True)
print(json.dumps(codes))
"""
BETWEEN = b"=" * 30 + os.linesep.encode()


def run(code_page: str, *commands: list[str]) -> tuple[list[bytes], bytes]:
    """What each command prints on a console of that code page, all in one process, and their errors.

    Every one of them must end well.
    """
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": code_page}
    asked = [sys.executable, "-c", COMMANDS, json.dumps(commands)]
    done = subprocess.run(asked, capture_output=True, env=environment, timeout=120, check=False)
    *printed, codes = done.stdout.split(BETWEEN)
    assert done.returncode == 0 and json.loads(codes) == [0] * len(commands), done.stderr
    return printed, done.stderr


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient("P1", "김민준"), Patient("P2", "Åsa Müller")], [])
    return Clinic(tmp_path, registry)


@pytest.mark.parametrize("code_page", ["cp1252", "cp949", "ascii", "cp437"])
def test_what_does_not_fit_is_replaced_and_the_rest_is_there(clinic: Clinic, code_page: str) -> None:
    home = ["--home", str(clinic.home)]
    printed, errors = run(
        code_page,
        ["find", "P1", *home],
        ["find", "P2", *home],
        ["find", "없는이름", *home],
        ["find", "P1", *home, "--json", "-"],
    )
    assert errors == b""
    assert b"P1" in printed[0] and b"P2" in printed[1]
    assert json.loads(printed[3].decode(code_page))["matches"][0]["patient_name"] == "김민준"


def test_json_for_a_program_keeps_every_name(clinic: Clinic) -> None:
    (shown,), _ = run("utf-8", ["find", "P1", "--home", str(clinic.home), "--json", "-"])
    assert json.loads(shown.decode("utf-8"))["matches"][0]["patient_name"] == "김민준"


def test_an_error_is_printed_too(clinic: Clinic) -> None:
    """And the command itself runs, with the exit code of a call that was wrong."""
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"}
    command = [sys.executable, "-m", "pedaxr_server", "find", "김", "--birth-date", "어제"]
    missing = subprocess.run(
        [*command, "--home", str(clinic.home)], capture_output=True, env=environment, timeout=120, check=False
    )
    assert missing.returncode == 2 and b"Write it as 2021-03-04" in missing.stderr


def test_help_is_printed_too() -> None:
    printed, errors = run("ascii", ["--help"], ["import", "--help"], ["find", "--help"])
    assert errors == b"" and all(b"Usage: " in text for text in printed)


@pytest.mark.parametrize("born", ["2021-03-04", "20210304", "21.03.04", "2021년 3월 4일", ""])
def test_a_birth_date_is_read_as_everywhere(clinic: Clinic, born: str) -> None:
    done = CliRunner().invoke(
        main, ["find", "P1", "--birth-date", born, "--home", str(clinic.home), "--json", "-"]
    )
    assert json.loads(done.stdout)["status"] == ("no_match" if born else "one_match")


def run_in_shell(script: str, home: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """`find P1` run by a shell that sends its output where the script says."""
    command = f"{script.format(find=f'{sys.executable} -m pedaxr_server find P1 --home {home}')}"
    kept = {**os.environ, "PYTHONUTF8": "0", **environment}
    return subprocess.run(["sh", "-c", command], capture_output=True, env=kept, timeout=120, check=False)


@pytest.mark.skipif(os.name != "posix", reason="of the shell")
def test_a_console_without_any_code_page_ends_no_command(clinic: Clinic) -> None:
    """In the C locale signs that are lacking are no error of the strict kind, and still one."""
    done = run_in_shell("{find}", clinic.home, LC_ALL="C", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, b"") and b"P1" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="of the shell")
@pytest.mark.parametrize("script", ["{find} >&-", "{find} >&- 2>&-"])
def test_a_service_without_a_console_runs(clinic: Clinic, script: str) -> None:
    done = run_in_shell(script, clinic.home)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("more", ["", " --json -"], ids=["told", "JSON"])
def test_a_full_disk_behind_the_output_is_one_line(clinic: Clinic, more: str) -> None:
    done = run_in_shell(f"{{find}}{more} > /dev/full", clinic.home)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: The output cannot be written") and done.stderr.count(b"\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="its command line is Unicode in any locale")
def test_a_name_typed_under_a_locale_without_its_letters_is_found(clinic: Clinic) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment.pop("PYTHONIOENCODING", None)
    for query in ("김민준", "Müller"):
        asked = [sys.executable, "-m", "pedaxr_server", "find", query, "--home", str(clinic.home)]
        done = subprocess.run(asked, capture_output=True, env=environment, timeout=120, check=False)
        assert done.returncode == 0 and query in done.stdout.decode(), done.stderr
    asked[4:5] = ["nobody of that name"]
    control = subprocess.run(asked, capture_output=True, env=environment, timeout=120, check=False)
    assert b"No name" in control.stdout, "control: who is not there is not found"
