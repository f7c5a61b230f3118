"""A short soak: callers, hang-ups, broken films, slow clients and a worker that is killed every second."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import httpx2
import pytest

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr_server.mcp import tools
from pedaxr_server.settings import Settings
from pedaxr_server.worker.process import Worker
from pedaxr_server.worker.readers import WorkerReader

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


def reply_of(**result: object) -> httpx2.Response:
    return httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": result})


def found(patient_id: str) -> dict[str, object]:
    return {"matches": [{"patient_id": patient_id}]}


def test_a_wrong_answer_is_seen(load: ModuleType) -> None:
    """Control: another child, another film, an error that is not a refusal, and no answer at all."""
    judge = load.Load("http://127.0.0.1:1/mcp", "Name", "P-1", ("S-1",), "S-9")._judged
    assert judge(reply_of(structuredContent=found("P-1")), "find_patient", {}) == "served"
    assert "wrong" in judge(reply_of(structuredContent=found("P-2")), "find_patient", {})
    asked = {"study_id": "S-1"}
    assert judge(reply_of(structuredContent=asked), "segment_xray", asked) == "served"
    assert "wrong" in judge(reply_of(structuredContent={"study_id": "S-2"}), "segment_xray", asked)
    told = reply_of(isError=True, content=[{"text": "No. [busy]"}])
    assert judge(told, "segment_xray", asked) == "busy"
    told = reply_of(isError=True, content=[{"text": "Error executing tool"}])
    assert "wrong" in judge(told, "segment_xray", asked)
    assert "wrong" in judge(httpx2.Response(500, json={}), "segment_xray", asked)


def test_a_late_refusal_and_growing_memory_are_faults(load: ModuleType) -> None:
    outcomes = load.Outcomes(own=[100] * 50, own_below=[100, 90] * 25)
    for number in range(100):
        outcomes.add("segment_xray busy", 0.1 + 0.004 * number)
    assert load.faults(outcomes, 0.5, 0.05) == [], "control"
    assert "busy after 0.48 s" in load.faults(outcomes, 0.4, 0.05)[0]
    outcomes.add("find_patient served", 0.6)
    assert load.faults(outcomes, 0.5, 0.05) == [], "control"
    assert load.faults(outcomes, 0.5, 0.05, 0.5) == ["find_patient served after 0.60 s"]
    outcomes.own = list(range(100, 150))
    assert "memory of the server +25" in load.faults(outcomes, 0.5, 0.05)[0]
    outcomes.add("segment_xray wrong (HTTP 500)", 0.1)
    assert any("wrong" in fault for fault in load.faults(outcomes, 0.5, 1.0))
