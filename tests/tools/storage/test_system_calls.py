"""The disk fails below us, in SQLite's own system calls: an error or the answer, and a retry gives one.

Slow, and only where strace may trace: it makes the n-th of the calls fail.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr.clinic import open_clinic
from pedaxr.clinic.integrity import check_clinic, remove_orphans

from ..small_clinic import a_report, small_clinic

STRACE = shutil.which("strace")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(STRACE is None, reason="needs strace"),
]
CALLS = "fsync,fdatasync,pwrite64,ftruncate,rename,unlink"
PROGRAM = """
import sys
from pathlib import Path
from pedaxr.clinic import open_clinic
from pedaxr.errors import StorageError
from pedaxr.clinic.import_films import import_films
from pedaxr.types import Report
try:
    clinic = open_clinic(Path(sys.argv[1]))
    clinic.registry.save_report(Report.model_validate_json(Path(sys.argv[3]).read_text()))
    import_films(Path(sys.argv[2]), clinic_home=clinic.home)
    print("stored")
except StorageError:
    print("error")
"""


def source(folder: Path, seed: int) -> Path:
    folder.mkdir()
    pixels = np.random.default_rng(seed).integers(0, 255, (80, 64), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "0.png")
    (folder / "films.csv").write_text(f"ImagePath,Class,PatientID\n0.png,Normal,I-{seed}\n")
    return folder


def act(home: Path, tmp_path: Path, number: int, fault: str | None) -> tuple[str, int]:
    """What a process was told that stores a report and a film, and how often the fault was met."""
    folder, report = tmp_path / f"s{number}", tmp_path / f"r{number}.json"
    if not folder.exists():
        source(folder, number)
        report.write_text(a_report(f"R-{number}").model_dump_json())
    command = [sys.executable, "-c", PROGRAM, str(home), str(folder), str(report)]
    trace = tmp_path / "trace"
    if fault:
        command = [str(STRACE), "-f", "-qq", "-o", str(trace), "-e", f"trace={CALLS}", "-e", fault, *command]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout.strip(), trace.read_text().count("(INJECTED)") if fault else 0


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_failing_system_call_loses_and_doubles_nothing(tmp_path: Path, error: str) -> None:
    home = small_clinic(tmp_path / "home").home
    told: list[str] = []
    for number in range(1, 200):
        answer, met = act(home, tmp_path, number, f"inject={CALLS}:error={error}:when={number}")
        if not met:
            assert answer == "stored", "control: without a fault it works"
            break
        told.append(answer)
        stored = [report.report_id for report in open_clinic(home).registry.reports("S-1")]
        assert answer != "stored" or f"R-{number}" in stored, "acknowledged, so there"
        assert act(home, tmp_path, number, None) == ("stored", 0), "a retry succeeds"
    clinic = open_clinic(home)
    reports = [report.report_id for report in clinic.registry.reports("S-1")]
    assert sorted(reports) == sorted(f"R-{n}" for n in range(1, number + 1)), "each once"
    assert clinic.registry.counts()["studies"] == 3 + number
    assert [fault for check in check_clinic(clinic) for fault in check.faults] == []
    remove_orphans(clinic, older_than_s=0)
    print({error: len(told), "told of it": told.count("error")})  # noqa: T201
    assert told.count("error") >= 10, "control: the faults were met"


CARELESS = """
import sqlite3
class Careless(sqlite3.Connection):
    def execute(self, sql, *given):
        return super().execute(sql.replace("synchronous=FULL", "synchronous=OFF"), *given)
_connect = sqlite3.connect
sqlite3.connect = lambda *given, **named: _connect(*given, **(named | {"factory": Careless}))
"""
Event = tuple[str, str]


def traced(tmp_path: Path, program: str) -> list[Event]:
    """What was synced and renamed, by file name, in order, up to the acknowledgement."""
    home, trace = small_clinic(tmp_path / "home").home, tmp_path / "order"
    folder, report = source(tmp_path / "s", 1), tmp_path / "r.json"
    report.write_text(a_report("R-1").model_dump_json())
    options = ["-f", "-qq", "-y", "-o", str(trace), "-e", "trace=fsync,fdatasync,rename,write"]
    command = [str(STRACE), *options, sys.executable, "-c", program, str(home), str(folder), str(report)]
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    lines = trace.read_text().splitlines()
    said = next(number for number, line in enumerate(lines) if "write(1<" in line and "stored" in line)
    calls = re.findall(r"(fsync|fdatasync|rename)\((?:\d+<|\")([^>\"]+)", "\n".join(lines[:said]))
    return [("rename" if call == "rename" else "sync", Path(path).name) for call, path in calls]


def last(events: list[Event], call: str, ending: str) -> int:
    """Where it happened last; -1: never."""
    return max(
        (n for n, (one, path) in enumerate(events) if one == call and path.endswith(ending)), default=-1
    )


def test_everything_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    """A power failure, which `kill -9` does not imitate: film, its name, the journal, then the registry."""
    events = traced(tmp_path, PROGRAM)
    order = [
        last(events, "sync", ".part"),
        last(events, "rename", ".part"),
        last(events, "sync", "films"),
        last(events, "sync", "registry.sqlite3-journal"),
        last(events, "sync", "registry.sqlite3"),
    ]
    assert -1 not in order and order == sorted(order), events


def test_a_registry_that_is_not_synced_would_be_seen(tmp_path: Path) -> None:
    events = traced(tmp_path, CARELESS + PROGRAM)
    assert last(events, "sync", "registry.sqlite3") == -1
    assert last(events, "sync", ".part") > -1, "control: films still are"
