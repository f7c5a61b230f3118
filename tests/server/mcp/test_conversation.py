"""An agent's conversation of three turns over HTTP with a login; the name alone means several children."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceLink, TextContent, TextResourceContents

from pedaxr.demo.patients import DEMO_AMBIGUOUS_NAME
from pedaxr.types import PatientSearch, Report, SegmentationResult
from pedaxr_server.auth.tokens import FILMS_READ, PATIENTS_READ, SCOPES
from pedaxr_server.settings import Settings

from ..http_service import bearer, running, with_login

pytestmark = pytest.mark.anyio


@pytest.fixture
def service(clinic_home: Path, canned_networks: None) -> Iterator[Settings]:
    with running(with_login(Settings(home=clinic_home, worker=False))) as settings:
        yield settings


async def test_three_turns_end_with_the_report_of_the_child_that_the_human_meant(
    service: Settings, era: str
) -> None:
    headers = bearer(service, *SCOPES)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(service.url, http_client=http), mode=era) as client,
    ):
        # "Please read the newest film of Kim Min-jun."
        reply = await client.call_tool("find_patient", {"query": DEMO_AMBIGUOUS_NAME})
        search = PatientSearch.model_validate(reply.structured_content)
        assert search.status == "several_matches"
        assert "do not choose" in search.next_step
        meant = search.matches[-1]

        # "The one born on ..."
        born = {"query": DEMO_AMBIGUOUS_NAME, "patient_birth_date": str(meant.patient_birth_date)}
        reply = await client.call_tool("find_patient", born)
        search = PatientSearch.model_validate(reply.structured_content)
        assert [match.patient_id for match in search.matches] == [meant.patient_id]
        study = {"study_id": search.matches[0].studies[0].study_id}
        outlined = await client.call_tool("segment_xray", study)
        assert SegmentationResult.model_validate(outlined.structured_content).study_id == study["study_id"]
        reported = await client.call_tool("generate_report", study | {"indication": "belly pain"})
        report = Report.model_validate(reported.structured_content)
        assert report.critical == ["pneumoperitoneum"]
        first = reported.content[0]
        assert isinstance(first, TextContent) and first.text.splitlines()[1].startswith("CRITICAL")

        # "Give me the report to print."
        links = [block for block in reported.content if isinstance(block, ResourceLink)]
        page = (await client.read_resource(links[0].uri.replace("report.json", "report.html"))).contents[0]
    assert isinstance(page, TextResourceContents)
    assert report.report_id in page.text and "belly pain" in page.text


async def test_a_token_without_the_right_to_write_gets_no_report(service: Settings, era: str) -> None:
    async with (
        httpx2.AsyncClient(headers=bearer(service, PATIENTS_READ, FILMS_READ), timeout=60) as http,
        Client(streamable_http_client(service.url, http_client=http), mode=era) as client,
    ):
        found = await client.call_tool("find_patient", {"query": DEMO_AMBIGUOUS_NAME})
        search = PatientSearch.model_validate(found.structured_content)
        study = {"study_id": search.matches[0].studies[0].study_id}
        assert not (await client.call_tool("segment_xray", study)).is_error, "control"
        with pytest.raises((MCPError, httpx2.HTTPStatusError)):
            await client.call_tool("generate_report", study)
