"""A short soak: callers, hang-ups, broken films, slow clients and a worker that is killed every second."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pedaxr.clinic import DEMO_UNAMBIGUOUS_NAME, open_clinic
from pedaxr.find_patient import find_patient
from pedaxr_server import tools
from pedaxr_server.readers import WorkerReader
from pedaxr_server.settings import Settings
from pedaxr_server.worker import Worker

from .http_service import running

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, str(Path(__file__).with_name("quick_worker.py")))


@pytest.fixture(scope="module")
def load() -> ModuleType:
    """benchmarks/load.py, which is a program and no package."""
    spec = importlib.util.spec_from_file_location("load", ROOT / "benchmarks" / "load.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["load"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux to look at processes")
def test_callers_are_served_or_told_why_not_whatever_happens(
    clinic_home: Path, load: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(PROGRAM, timeout_s=30)
    monkeypatch.setattr(tools, "reader_of", lambda settings: WorkerReader(settings, worker))
    match = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=open_clinic(clinic_home)).matches[0]
    try:
        with running(Settings(home=clinic_home)) as settings:
            outcomes = load.Load(
                settings.url,
                DEMO_UNAMBIGUOUS_NAME,
                match.patient_id,
                ("one", "two"),
                "broken",
                os.getpid(),
                callers=12,
                seconds=6,
                slow_clients=20,
                has_faults=True,
                kill_every_s=1.0,
            ).run()
    finally:
        worker.close()
    for kind in ("find_patient served", "segment_xray served", "segment_xray hung up", "worker killed"):
        assert outcomes.counts[kind], kind
    assert not [kind for kind in outcomes.counts if "wrong" in kind], outcomes.counts
    assert outcomes.resident, "control: memory was looked at"
