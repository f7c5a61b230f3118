"""Arguments and messages at random: each is answered, and none ends the server or shows what it met."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from starlette.testclient import TestClient

from pedaxr_server.mcp.server import create_server
from pedaxr_server.serve import http_app
from pedaxr_server.settings import Settings

CRASHED = "Error executing tool"  # what the SDK says of an exception that is not an answer
NAMES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["'; DROP TABLE patients;--", '"', "NEAR(", "*", "김" * 60, "a\0b", "\u202e", "{}", "-", "%"]
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["query", "study_id", "patient_birth_date", "limit", "indication", "working_diagnosis"]
)
SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(["find_patient", "segment_xray", "generate_report"]),
            st.dictionaries(KEYS | NAMES, VALUES, max_size=4),
        ),
        max_size=3,
    ),
    name=NAMES,
)
def test_any_arguments_are_answered(
    clinic_home: Path, canned_networks: None, calls: list[tuple[str, dict[str, Any]]], name: str
) -> None:
    server = create_server(Settings(home=clinic_home, worker=False))
    anyio.run(_ask, server, [*calls, ("find_patient", {"query": name})])


async def _ask(server: MCPServer[object], calls: list[tuple[str, dict[str, Any]]]) -> None:
    async with Client(server) as client:
        for tool, arguments in calls:
            try:
                reply = await client.call_tool(tool, arguments)
            except MCPError:
                continue
            if reply.is_error:
                assert CRASHED not in reply.content[0].text, (tool, arguments)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def web(clinic_home: Path) -> Any:
    made = Settings(home=clinic_home, worker=False)
    with TestClient(http_app(made), base_url=f"http://127.0.0.1:{made.port}") as client:
        yield client


DEEP = "[" * 20_000 + "]" * 20_000
BODIES = st.one_of(
    st.binary(max_size=200),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {"jsonrpc": st.sampled_from(["2.0", "1.0", 2]), "method": NAMES | st.just("tools/call")},
        optional={"id": VALUES, "params": VALUES},
    ).map(lambda value: json.dumps(value).encode()),
    st.just(DEEP.encode()),
)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(
    body=BODIES, kind=st.sampled_from(["application/json", "text/plain", "application/json; charset=utf-16"])
)
def test_any_body_is_answered_without_a_server_error(web: TestClient, body: bytes, kind: str) -> None:
    accepted = "application/json, text/event-stream"
    reply = web.post("/mcp", content=body, headers={"Content-Type": kind, "Accept": accepted})
    assert reply.status_code < 500, body[:200]
    assert web.get("/healthz").status_code == 200
