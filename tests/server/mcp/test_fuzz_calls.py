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
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS
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


@settings(max_examples=60, suppress_health_check=SLOW_MACHINE)
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


@settings(max_examples=60, suppress_health_check=SLOW_MACHINE)
@given(
    body=BODIES, kind=st.sampled_from(["application/json", "text/plain", "application/json; charset=utf-16"])
)
def test_any_body_is_answered_without_a_server_error(web: TestClient, body: bytes, kind: str) -> None:
    accepted = "application/json, text/event-stream"
    reply = web.post("/mcp", content=body, headers={"Content-Type": kind, "Accept": accepted})
    assert reply.status_code < 500, body[:200]
    assert web.get("/healthz").status_code == 200


ERA = "2026-07-28"
HALVES = st.sampled_from(["\ud800", "a\udfffb", "\udc00\ud800", "김\ud83d"])
TEXTS = NAMES | HALVES
ANYTHING = st.recursive(
    VALUES | HALVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
PROMPT_NAMES = [
    "read_film",
    "compare_with_prior",
    "second_look",
    "explain_to_parents",
    "answer_question",
    "none",
]
ARGUMENT_NAMES = ["patient", "patient_id", "study_id", "region", "language", "patient_birth_date", "query"]
REFERENCES = st.fixed_dictionaries(
    {"type": st.sampled_from(["ref/prompt", "ref/resource", "x"])},
    optional={"name": st.sampled_from(PROMPT_NAMES) | TEXTS, "uri": TEXTS | st.just("pedaxr://worklist")},
)
ASKED = st.one_of(
    st.tuples(
        st.just("prompts/get"),
        st.fixed_dictionaries(
            {"name": st.sampled_from(PROMPT_NAMES) | TEXTS},
            optional={
                "arguments": st.dictionaries(st.sampled_from(ARGUMENT_NAMES) | TEXTS, ANYTHING) | ANYTHING
            },
        ),
    ),
    st.tuples(
        st.just("completion/complete"),
        st.fixed_dictionaries(
            {
                "ref": REFERENCES | ANYTHING,
                "argument": st.fixed_dictionaries(
                    {"name": st.sampled_from(ARGUMENT_NAMES) | TEXTS, "value": TEXTS | ANYTHING}
                ),
            },
            optional={"context": st.fixed_dictionaries({"arguments": st.dictionaries(TEXTS, TEXTS)})},
        ),
    ),
    st.tuples(
        st.just("resources/read"),
        st.fixed_dictionaries(
            {
                "uri": st.one_of(
                    TEXTS,
                    TEXTS.map(lambda text: f"pedaxr://patients/{text}"),
                    TEXTS.map(lambda text: f"pedaxr://studies/{text}/report.json"),
                )
            }
        ),
    ),
    st.tuples(
        st.just("tools/call"),
        st.fixed_dictionaries(
            {
                "name": st.just("find_patient"),
                "arguments": st.dictionaries(KEYS | TEXTS, ANYTHING, max_size=3),
            }
        ),
    ),
    st.tuples(
        st.sampled_from(
            ["prompts/list", "resources/list", "resources/templates/list", "tools/list", "ping", "x"]
        ),
        st.fixed_dictionaries({"cursor": ANYTHING}),
    ),
)
META = {
    "io.modelcontextprotocol/protocolVersion": ERA,
    "io.modelcontextprotocol/clientInfo": {"name": "fuzz", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def error_of(web: TestClient, method: str, params: dict[str, Any]) -> int | None:
    """The code of the error with which a request is answered."""
    name = params.get("name", params.get("uri"))
    headers = {"MCP-Protocol-Version": ERA, "Mcp-Method": method, "Content-Type": "application/json"}
    headers["Accept"] = "application/json, text/event-stream"
    if isinstance(name, str) and name.isascii() and name.isprintable():
        headers["Mcp-Name"] = name.strip()
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    reply = web.post("/mcp", content=json.dumps(body).encode(), headers=headers)
    lines = [line[5:] for line in reply.text.splitlines() if line.startswith("data:")]
    answer = json.loads(lines[-1] if lines else reply.text)
    code = answer.get("error", {}).get("code")
    return None if code is None else int(code)


@settings(max_examples=200, suppress_health_check=SLOW_MACHINE)
@given(asked=ASKED)
def test_any_parameters_are_answered_and_never_with_an_internal_error(
    web: TestClient, asked: tuple[str, dict[str, Any]]
) -> None:
    assert error_of(web, *asked) != INTERNAL_ERROR, asked


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("prompts/get", {"name": "read_film", "arguments": {"patient": "\ud800"}}),
        ("prompts/get", {"name": "read_film", "arguments": {}}),
        ("prompts/get", {"name": "read_film", "arguments": {"patient": "x", "more": "y"}}),
        ("prompts/get", {"name": "none", "arguments": {}}),
        ("prompts/get", {"name": "explain_to_parents", "arguments": {"study_id": "x", "language": "Latin"}}),
        (
            "completion/complete",
            {
                "ref": {"type": "ref/prompt", "name": "read_film"},
                "argument": {"name": "patient", "value": "\ud800"},
            },
        ),
    ],
)
def test_wrong_parameters_are_invalid_parameters(
    web: TestClient, method: str, params: dict[str, Any]
) -> None:
    assert error_of(web, method, params) == INVALID_PARAMS


def test_right_parameters_are_answered(web: TestClient) -> None:
    """Control of the two above."""
    assert error_of(web, "prompts/get", {"name": "read_film", "arguments": {"patient": "김"}}) is None
    reference = {
        "ref": {"type": "ref/prompt", "name": "read_film"},
        "argument": {"name": "patient", "value": "김"},
    }
    assert error_of(web, "completion/complete", reference) is None
