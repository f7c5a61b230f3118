"""Addresses and bodies that one layer may read otherwise than the next: none opens what is closed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from starlette.testclient import TestClient

from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr_server.auth.tokens import FILMS_READ, SCOPES
from pedaxr_server.serve import http_app
from pedaxr_server.settings import Settings

from ..http_service import SECRET, bearer, with_login

ERA = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": ERA,
    "io.modelcontextprotocol/clientInfo": {"name": "odd", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
FIND: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "find_patient", "arguments": {"query": DEMO_UNAMBIGUOUS_NAME}, "_meta": META},
}
ANSWER = "one_match: 1 in all"  # what the search says that nobody here may make
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": ERA,
    "Mcp-Method": "tools/call",
    "Mcp-Name": "find_patient",
}
ODD = (
    *("/mcp", "/mcp/", "//mcp", "/./mcp", "/x/../mcp", "/%6dcp", "/mcp%2f", "/mcp%00", "/mcp;x"),
    *("/MCP", "/mcp%20", "/ｍｃｐ", "/mcp\u200b", "/healthz/../mcp", "/%2e%2e/mcp", "/mcp#x"),
    *("/mcp?x=/healthz", "/viewer/../mcp", "/workplace/annotations.zip", "/workplace/%61nnotations.zip"),
    *("/workplace/../workplace/annotations.zip", "/workplace//annotations.zip"),
    *("/viewer/..%2f..%2fmcp", "/viewer/%252e%252e/mcp", "/viewer/%c0%ae%c0%ae/mcp", "/viewer/..\\..\\mcp"),
)


@pytest.fixture(scope="module")
def web(clinic_home: Path) -> Iterator[tuple[TestClient, Settings]]:
    settings = with_login(Settings(home=clinic_home, worker=False))
    with TestClient(http_app(settings), base_url=f"http://127.0.0.1:{settings.port}") as client:
        yield client, settings


@pytest.mark.parametrize("address", ODD)
def test_no_spelling_of_an_address_opens_it_without_a_login(up: Settings, address: str) -> None:
    with httpx2.Client(timeout=20, follow_redirects=True) as http:
        base = f"http://{up.host}:{up.port}"
        for reply in (
            http.post(base + address, json=FIND, headers=HEADERS),
            http.get(base + address, headers={"Accept": "text/event-stream"}),
        ):
            assert reply.status_code in (400, 401, 403, 404, 405, 406, 415, 421), (address, reply.status_code)
            assert ANSWER not in reply.text


@pytest.mark.parametrize("address", ODD)
def test_no_spelling_of_an_address_opens_it_without_the_scope(up: Settings, address: str) -> None:
    with httpx2.Client(timeout=20, follow_redirects=True, headers=bearer(up, FILMS_READ)) as http:
        reply = http.post(f"http://{up.host}:{up.port}{address}", json=FIND, headers=HEADERS)
    assert ANSWER not in reply.text, address


def post(web: tuple[TestClient, Settings], body: bytes, *scopes: str, **headers: str) -> str:
    client, settings = web
    return client.post("/mcp", content=body, headers=HEADERS | bearer(settings, *scopes) | headers).text


def test_with_the_scope_it_opens(web: tuple[TestClient, Settings]) -> None:
    """Control of all others here."""
    assert ANSWER in post(web, json.dumps(FIND).encode(), *SCOPES)


WHOLE = json.dumps(FIND)
CALL, LIST = '"method": "tools/call"', '"method": "tools/list"'
FINDS, SEGMENTS = '"name": "find_patient"', '"name": "segment_xray"'
TWICE = {
    "a second method": WHOLE.replace(CALL, f"{LIST}, {CALL}"),
    "a first method": WHOLE.replace(CALL, f"{CALL}, {LIST}"),
    "a second name": WHOLE.replace(FINDS, f"{SEGMENTS}, {FINDS}"),
    "a first name": WHOLE.replace(FINDS, f"{FINDS}, {SEGMENTS}"),
    "second parameters": WHOLE[:-1] + ', "params": {"name": "segment_xray"}}',
    "escaped keys": WHOLE.replace('"method"', '"\\u006dethod"').replace('"name"', '"n\\u0061me"'),
    "an escaped method": WHOLE.replace("tools/call", "tools\\/call"),
    "a list": f"[{WHOLE}]",
    "a list of two": f'[{{"jsonrpc": "2.0", "id": 2, "method": "tools/list"}}, {WHOLE}]',
    "a text in a list": f'["x", {WHOLE}]',
    "another case": WHOLE.replace('"method"', '"Method"'),
    "a number behind": WHOLE + " 1",
    "a byte order mark": "\ufeff" + WHOLE,
    "a comment": "/**/" + WHOLE,
    "a zero byte": WHOLE + "\0",
}


@pytest.mark.parametrize("kind", TWICE)
def test_no_spelling_of_a_body_runs_what_the_scope_lacks(web: tuple[TestClient, Settings], kind: str) -> None:
    assert ANSWER not in post(web, TWICE[kind].encode(), FILMS_READ)


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-32", "utf-7"])
def test_no_coding_of_a_body_does(web: tuple[TestClient, Settings], coding: str) -> None:
    given = {"Content-Type": f"application/json; charset={coding}"}
    assert ANSWER not in post(web, WHOLE.encode(coding), FILMS_READ, **given)


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp-Method": "tools/list"},
        {"Mcp-Name": "segment_xray"},
        {"X-HTTP-Method-Override": "GET"},
        {"X-Forwarded-For": "127.0.0.1", "X-Original-URL": "/healthz", "X-Rewrite-URL": "/healthz"},
        {"Content-Encoding": "gzip"},
        {"MCP-Protocol-Version": "2025-06-18"},
        {"MCP-Protocol-Version": "9999-99-99"},
    ],
    ids=lambda headers: next(iter(headers.items()))[0] + "=" + next(iter(headers.values())),
)
def test_no_header_does(web: tuple[TestClient, Settings], headers: dict[str, str]) -> None:
    assert ANSWER not in post(web, WHOLE.encode(), FILMS_READ, **headers)


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp2"], "exp2": 1},
        {"crit": ["b64"], "b64": False},
        {"kid": "../../../../dev/null"},
        {"kid": "http://127.0.0.1:9/keys"},
        {"jku": "http://127.0.0.1:9/keys", "kid": "x"},
        {"x5u": "http://127.0.0.1:9/keys"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"cty": "JWT"},
    ],
    ids=lambda header: " ".join(header),
)
def test_a_token_s_header_chooses_no_key_and_fetches_none(
    web: tuple[TestClient, Settings], header: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed by another key but for `crit`, which says what the reader has to understand."""
    client, settings = web
    good = bearer(settings, *SCOPES)["Authorization"][7:]
    claims = jwt.decode(good, options={"verify_signature": False})
    key = SECRET if "crit" in header else "another secret, as long as the one that is right for all of this"
    given = {name: value for name, value in header.items() if name != "b64"}
    token = jwt.encode(claims, key, algorithm="HS256", headers=given)
    headers = HEADERS | {"Authorization": f"Bearer {token}"}
    reply = client.post("/mcp", content=WHOLE.encode(), headers=headers)
    assert reply.status_code == 401 and ANSWER not in reply.text
