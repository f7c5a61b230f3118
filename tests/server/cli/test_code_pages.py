"""The command line on consoles of other code pages: nothing measured is lost in a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.registry import REGISTRY_FILE, Patient, Registry


def run(code_page: str, *arguments: str | Path) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": code_page}
    command = [sys.executable, "-m", "pedaxr_server", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, env=environment, timeout=120, check=False)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient("P1", "김민준"), Patient("P2", "Åsa Müller")], [])
    return Clinic(tmp_path, registry)


@pytest.mark.parametrize("code_page", ["cp1252", "cp949", "ascii", "cp437"])
def test_what_does_not_fit_is_replaced_and_the_rest_is_there(clinic: Clinic, code_page: str) -> None:
    for arguments in (["find", "P1"], ["find", "P2"], ["find", "없는이름"]):
        done = run(code_page, *arguments, "--home", clinic.home)
        assert (done.returncode, done.stderr) == (0, b""), arguments
    assert b"P1" in run(code_page, "find", "P1", "--home", clinic.home).stdout


@pytest.mark.parametrize("code_page", ["cp1252", "ascii", "utf-8"])
def test_json_for_a_program_keeps_every_name(clinic: Clinic, code_page: str) -> None:
    done = run(code_page, "find", "P1", "--home", clinic.home, "--json", "-")
    assert json.loads(done.stdout.decode(code_page))["matches"][0]["patient_name"] == "김민준"


def test_errors_and_help_are_printed_too(clinic: Clinic, tmp_path: Path) -> None:
    missing = run("cp1252", "find", "김", "--birth-date", "어제", "--home", clinic.home)
    assert missing.returncode == 2 and b"Write it as 2021-03-04" in missing.stderr
    for arguments in (["--help"], ["import", "--help"], ["find", "--help"]):
        assert run("ascii", *arguments).returncode == 0


@pytest.mark.parametrize("born", ["2021-03-04", "20210304", "21.03.04", "2021년 3월 4일", ""])
def test_a_birth_date_is_read_as_everywhere(clinic: Clinic, born: str) -> None:
    done = run("utf-8", "find", "P1", "--birth-date", born, "--home", clinic.home, "--json", "-")
    assert json.loads(done.stdout)["status"] == ("no_match" if born else "one_match")
