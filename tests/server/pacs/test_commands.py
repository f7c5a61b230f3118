"""The hospital's PACS from the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.pacs.dimse import store_objects
from pedaxr.pacs.node import PacsNode
from pedaxr_server.cli import main

from ..ports import free_ports
from .films import SEOYEON, header
from .orthanc import Orthanc, needs_orthanc

pytestmark = needs_orthanc


def run(hospital: Orthanc, *arguments: str, **changed: str) -> Result:
    return CliRunner().invoke(main, arguments, env={**hospital.environment, **changed})


def test_check_says_what_each_side_allows(hospital: Orthanc) -> None:
    result = run(hospital, "pacs", "check", "--json", "-")
    assert result.exit_code == 0, result.output
    tried = {one["what"]: one["is_ok"] for one in json.loads(result.output)}
    assert [name for name, is_ok in tried.items() if not is_ok] == ["encryption"]
    assert "search (C-FIND)" in tried and "DICOMweb" in tried


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"PEDAXR_PACS_CALLED_AET": "WRONG"}, "pacs_called_aet"),
        ({"PEDAXR_PACS_AET": "STRANGER"}, "pacs_aet"),
        ({"PEDAXR_PACS_PORT": "9"}, "pacs_port"),
        ({"PEDAXR_PACS_PASSWORD": "wrong"}, "login"),
    ],
)
def test_check_says_what_is_wrong_and_ends_with_1(
    hospital: Orthanc, changed: dict[str, str], wrong: str
) -> None:
    result = run(hospital, "pacs", "check", **changed)
    assert result.exit_code == 1
    assert wrong in " ".join(result.output.split())


def test_without_a_pacs_every_command_says_so() -> None:
    for arguments in (["pacs", "check"], ["fetch", "A1"], ["listen"], ["send", "S-1"]):
        result = CliRunner().invoke(main, arguments, env={"PEDAXR_HOME": "/none"})
        assert result.exit_code == 1 and "error: " in result.output


def test_fetch_makes_the_clinic_and_find_and_segment_go_on_from_there(
    hospital: Orthanc, tmp_path: Path
) -> None:
    home = str(tmp_path / "clinic")
    result = run(hospital, "fetch", "A1", "--home", home, "--json", "-")
    assert result.exit_code == 0, result.output
    (study_id,) = json.loads(result.output)["study_ids"]
    found = json.loads(run(hospital, "find", "송아린", "--home", home, "--json", "-").output)
    assert found["matches"][0]["studies"][0]["study_id"].startswith("X-")
    known = json.loads(run(hospital, "find", "이서연", "--home", home, "--json", "-").output)
    assert known["matches"][0]["studies"][0]["study_id"] == study_id
    refused = run(hospital, "fetch", "이서연", "--home", home)
    assert refused.exit_code == 1 and "--born" in refused.output


def test_the_listening_process_survives_a_kill_and_ends_when_it_is_told(
    hospital: Orthanc, clinic: Clinic
) -> None:
    """Killed with a film in the spool; started again it reads it with the bundled networks."""
    port = free_ports(1)[0]
    ours = {"PEDAXR_HOME": str(clinic.home), "PEDAXR_PACS_LISTEN_PORT": str(port)}
    environment = {**os.environ, **hospital.environment, **ours, "PEDAXR_PACS_CALLERS": "ORTHANC@127.0.0.1"}
    command = [sys.executable, "-m", "pedaxr_server", "listen"]
    sender = PacsNode("127.0.0.1", port, "PEDAXR", "ORTHANC")

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert "listens on" in process.stderr.readline()
        return process

    first = start()
    try:
        store_objects(sender, [header(SEOYEON, "L1")])
    finally:
        first.kill()
        first.communicate()
    second = start()
    try:
        until = time.monotonic() + 120
        while open_clinic(clinic.home).registry.counts()["reports"] == 0 and time.monotonic() < until:
            time.sleep(0.2)
    finally:
        second.send_signal(signal.SIGTERM)
        _, said = second.communicate(timeout=60)
    assert second.returncode == 0
    assert "0 waiting, 1 read" in said
    assert open_clinic(clinic.home).registry.counts() == {"patients": 1, "studies": 1, "reports": 1}
    for name in ("서연", "Seoyeon", "Q-1001"):
        assert name not in said
