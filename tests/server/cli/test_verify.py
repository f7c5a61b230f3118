"""`pedaxr verify` at the command line: the verdict stands last and once."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pedaxr.registry import REGISTRY_FILE, Patient, Registry
from pedaxr_server.cli.app import main


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    Registry.create(tmp_path / REGISTRY_FILE).add([Patient("P-1", "김민준")], [])
    return tmp_path


def run(home: Path, *arguments: str) -> click.testing.Result:
    return CliRunner().invoke(main, [*arguments, "--home", str(home)])


@pytest.mark.parametrize("command", [("verify", "--no-networks"), ("audit", "verify")], ids=["all", "audit"])
def test_the_verdict_stands_last_and_once(home: Path, command: tuple[str, ...]) -> None:
    good = run(home, *command)
    assert good.exit_code == 0 and good.output.strip().splitlines()[-1].startswith("Verified: all ")
    assert good.output.casefold().count("verified") == 1
    with closing(sqlite3.connect(home / REGISTRY_FILE, isolation_level=None)) as database:
        database.execute("DROP TRIGGER audit_refuses_delete")
        database.execute("DELETE FROM audit WHERE sequence = 2")
    bad = run(home, *command)
    assert bad.exit_code == 1 and "Not verified: " in bad.output.strip().splitlines()[-1]
    assert bad.output.casefold().count("verified") == 1 and "missing" in bad.output


def test_a_program_gets_the_json_alone(home: Path) -> None:
    checks = json.loads(run(home, "verify", "--no-networks", "--json", "-").output)
    assert {check["name"] for check in checks} >= {"tables", "films", "audit of changes"}
