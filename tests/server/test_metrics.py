"""What is counted and traced, and that none of it says whose film was read; controls show that it could."""

import re
import sys
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr.errors import InvalidRequest
from pedaxr.stage_times import stage, timed_stages
from pedaxr_models.checkpoint import NETWORKS
from pedaxr_server import metrics, telemetry
from pedaxr_server.admission import Busy, Slots
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings

from .http_service import running

pytestmark = pytest.mark.anyio
TYPED = "Kim Secret 2019-04-11"


@pytest.fixture(autouse=True)
def _kept() -> None:
    telemetry.start_metrics()


def value(name: str, **labels: str) -> float:
    """Of one figure; 0 where it was never counted."""
    found = 0.0
    for line in telemetry.metrics_text().decode().splitlines():
        if line.startswith(f"{name}{{") and all(f'{key}="{word}"' in line for key, word in labels.items()):
            found += float(line.rsplit(" ", 1)[1])
    return found


async def test_no_name_date_or_id_of_a_child_is_in_the_metrics(clinic_home, canned_networks) -> None:
    match = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=open_clinic(clinic_home)).matches[0]
    study = match.studies[0].study_id
    before = value("pedaxr_calls_total", tool="segment_xray", outcome="ok")
    async with Client(create_server(Settings(home=clinic_home, worker=False))) as client:
        await client.call_tool("find_patient", {"query": DEMO_UNAMBIGUOUS_NAME})
        await client.call_tool("find_patient", {"query": TYPED})
        await client.call_tool("segment_xray", {"study_id": study})
        await client.call_tool("segment_xray", {"study_id": TYPED})
        await client.call_tool("segment_xray", {"study_id": study, TYPED: TYPED})
        await client.call_tool("generate_report", {"study_id": study, "indication": TYPED})
    text = telemetry.metrics_text().decode()
    assert value("pedaxr_calls_total", tool="segment_xray", outcome="ok") == before + 1, "control: counted"
    assert value("pedaxr_calls_total", tool="segment_xray", outcome="study_not_found") >= 1
    assert value("pedaxr_calls_total", tool="segment_xray", outcome="invalid_request") >= 1
    born = str(match.patient_birth_date)
    for personal in (match.patient_name, match.patient_id, study, born, *TYPED.split()):
        assert personal not in text


def test_a_word_of_somebody_else_is_counted_as_other() -> None:
    before = value("pedaxr_calls_total", tool="other", outcome="other")
    metrics.count_call(TYPED, TYPED, 0.1)
    metrics.count_stages(TYPED, {TYPED: 1.0, "outline": 0.2})
    assert value("pedaxr_calls_total", tool="other", outcome="other") == before + 1
    assert value("pedaxr_stage_duration_seconds_count", job="other", stage="outline") >= 1
    assert "Secret" not in telemetry.metrics_text().decode()


async def test_calls_that_wait_and_calls_that_are_refused_show() -> None:
    slots = Slots(1, 1, "reading")
    before = value("pedaxr_queue_wait_seconds_count", queue="reading")
    queued = value("pedaxr_queue_length", queue="reading")

    async def wait() -> None:
        async with slots.place():
            pass

    async with anyio.create_task_group() as tasks, slots.place():
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert value("pedaxr_queue_length", queue="reading") == queued + 1
        with pytest.raises(Busy):
            async with slots.place():
                pass
    assert value("pedaxr_queue_length", queue="reading") == queued
    assert value("pedaxr_queue_wait_seconds_count", queue="reading") == before + 2


def test_every_network_is_named_by_its_weights() -> None:
    digests = re.findall(r'pedaxr_model_info{.*?sha256="([0-9a-f]{64})"', telemetry.metrics_text().decode())
    assert len(set(digests)) == len(NETWORKS)


async def test_the_page_of_figures_is_there_where_it_is_wanted(clinic_home) -> None:
    for is_wanted, status in ((True, 200), (False, 404)):
        settings = Settings(home=clinic_home, worker=False, metrics=is_wanted)
        with running(settings) as up:
            async with httpx2.AsyncClient() as http:
                reply = await http.get(up.url.replace("/mcp", "/metrics"))
        assert reply.status_code == status
        assert ("pedaxr_model_info" in reply.text) is is_wanted


def test_without_the_sdk_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.prometheus", None)
    with pytest.raises(InvalidRequest, match=r"pedaxr\[telemetry\]"):
        telemetry.start_metrics.__wrapped__()


def spans_of(*, clean: bool) -> list[Any]:
    """Two spans as the MCP library makes them, of a known tool and of a made-up one that failed."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(telemetry.CleanExporter(kept) if clean else kept))
    tracer = provider.get_tracer("mcp")
    for tool in ("segment_xray", TYPED):
        with tracer.start_as_current_span(f"tools/call {tool}") as span:
            span.set_attributes(
                {
                    "mcp.method.name": "tools/call",
                    "gen_ai.tool.name": tool,
                    "jsonrpc.request.id": TYPED,
                    "mcp.resource.uri": f"pedaxr://studies/{TYPED}/report.json",
                }
            )
            span.record_exception(ValueError(TYPED))
            span.set_status(Status(StatusCode.ERROR, TYPED))
    return list(kept.get_finished_spans())


def test_a_span_leaves_without_what_a_client_sent() -> None:
    told = [span.to_json() for span in spans_of(clean=True)]
    assert all("Secret" in span.to_json() for span in spans_of(clean=False)), "control: it was in there"
    assert not any("Secret" in text for text in told)
    assert "segment_xray" in told[0] and "ERROR" in told[0] and "tools/call" in told[1]


def test_an_unknown_method_leaves_without_its_name() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(telemetry.CleanExporter(kept)))
    with provider.get_tracer("mcp").start_as_current_span(TYPED):
        pass
    assert [span.name for span in kept.get_finished_spans()] == ["other"]


def test_stages_are_timed_where_somebody_asks_also_when_they_fail() -> None:
    with stage("decode"):
        pass
    with timed_stages() as times:
        with stage("outline"), stage("draw"):
            pass
        with pytest.raises(KeyError), stage("decode"):
            raise KeyError
    with stage("write_report"):
        pass
    assert set(times) == {"outline", "draw", "decode"}
    assert all(seconds >= 0 for seconds in times.values())
