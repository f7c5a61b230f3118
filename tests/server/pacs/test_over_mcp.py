"""A model's way to a film in the PACS: the same four tools, with one note where the PACS is away."""

import logging
import re

import pytest
from mcp import Client
from mcp_types import CallToolResult, TextContent

from pedaxr.clinic import Clinic
from pedaxr.pacs.search import DOWN
from pedaxr.types import PatientSearch
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings
from pedaxr_server.settings_sources import gather

from ..ports import free_ports
from .orthanc import Orthanc, needs_orthanc

pytestmark = [pytest.mark.anyio, needs_orthanc]
ARGUMENTS = {"query": "이서연", "patient_birth_date": "2021-05-06"}


def text_of(reply: CallToolResult) -> str:
    return "\n".join(block.text for block in reply.content if isinstance(block, TextContent))


def settings(hospital: Orthanc, clinic: Clinic, **changed: str) -> Settings:
    environment = {**hospital.environment, "PEDAXR_HOME": str(clinic.home), "PEDAXR_WORKER": "no", **changed}
    return gather({}, environment).settings


async def test_a_film_in_the_pacs_is_found_fetched_with_progress_and_outlined(
    hospital: Orthanc, clinic: Clinic, canned_networks: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str | None] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(message)

    async with Client(create_server(settings(hospital, clinic))) as client:
        found = await client.call_tool("find_patient", ARGUMENTS, progress_callback=progress)
        search = PatientSearch.model_validate(found.structured_content)
        handle = search.matches[0].studies[0].study_id
        assert handle in text_of(found) and "next tool fetches" in text_of(found)
        outlined = await client.call_tool("segment_xray", {"study_id": handle}, progress_callback=progress)
        again = await client.call_tool("segment_xray", {"study_id": handle})
    assert not outlined.is_error and not again.is_error
    assert re.search(r"Film S-[0-9a-f]{12} of 2025-11-03", text_of(outlined)), "an ordinary film by now"
    assert clinic.registry.counts() == {"patients": 1, "studies": 1, "reports": 0}
    assert any("PACS" in str(message) for message in told)
    for name in ("이서연", "서연", "Seoyeon", "Q-1001", "20210506"):
        assert name not in caplog.text, "at DEBUG, of every library"
    assert "DEBUG" in caplog.text, "control: they do write"


async def test_a_pacs_that_is_away_costs_one_note(hospital: Orthanc, clinic: Clinic) -> None:
    away = settings(hospital, clinic, PEDAXR_PACS_PORT=str(free_ports(1)[0]))
    async with Client(create_server(away)) as client:
        found = await client.call_tool("find_patient", ARGUMENTS)
    assert not found.is_error and text_of(found).count(DOWN) == 1


async def test_a_handle_that_nobody_was_told_is_no_study(hospital: Orthanc, clinic: Clinic) -> None:
    async with Client(create_server(settings(hospital, clinic))) as client:
        reply = await client.call_tool("segment_xray", {"study_id": "X-000000000000"})
    assert reply.is_error and "study_not_found" in text_of(reply)


async def test_what_the_model_asks_of_the_pacs_is_in_the_audit_trail(
    hospital: Orthanc, clinic: Clinic, canned_networks: None
) -> None:
    from pedaxr.audit.access_log import AccessLog

    async with Client(create_server(settings(hospital, clinic))) as client:
        found = await client.call_tool("find_patient", ARGUMENTS)
        handle = PatientSearch.model_validate(found.structured_content).matches[0].studies[0].study_id
        await client.call_tool("segment_xray", {"study_id": handle})
    log = AccessLog(clinic.home)
    log.fold()
    with log.connected() as connection:
        rows = connection.execute("SELECT action, outcome, study_id, query FROM audit").fetchall()
    assert ("query", "ok", None, "이서연 born 2021-05-06") in rows
    assert ("fetch", "ok", handle, None) in rows
