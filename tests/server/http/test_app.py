"""The HTTP service: who is let in to what, from where, and what an orchestrator asks."""

import importlib
import json
import re
import threading
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import jwt
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr_server.auth.tokens import (
    FILMS_READ,
    PATIENTS_READ,
    REPORTS_READ,
    REPORTS_SIGN,
    REPORTS_WRITE,
    SCOPES,
)
from pedaxr_server.settings import Settings
from pedaxr_server.worker.readers import ThreadReader

from ..http_service import SECRET, bearer, running, with_login

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def signed_in(settings: Settings, era: str, *scopes: str) -> Any:
    async with (
        httpx2.AsyncClient(headers=bearer(settings, *scopes), timeout=30) as http,
        Client(streamable_http_client(settings.url, http_client=http), mode=era) as client,
    ):
        yield client


async def post(settings: Settings, method: str, params: dict[str, Any], **headers: str) -> httpx2.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    accept = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient() as http:
        return await http.post(settings.url, json=body, headers=accept | headers)


FIND = {"name": "find_patient", "arguments": {"query": DEMO_UNAMBIGUOUS_NAME}}


@pytest.mark.parametrize("offered", ["none", "expired", "no expiry", "other audience", "unsigned", "basic"])
async def test_without_a_good_token_there_is_401_and_where_to_get_one(up: Settings, offered: str) -> None:
    good = jwt.decode(
        bearer(up, *SCOPES)["Authorization"][7:],
        SECRET,
        algorithms=["HS256"],
        audience=up.audience,
    )
    made = {
        "expired": jwt.encode(good | {"iat": 1000, "exp": 2000}, SECRET),
        "no expiry": jwt.encode({k: v for k, v in good.items() if k != "exp"}, SECRET),
        "other audience": jwt.encode(good | {"aud": "https://elsewhere.example"}, SECRET),
        "unsigned": jwt.encode(good, None, algorithm="none"),
    }
    headers = {"Authorization": f"Bearer {made[offered]}"} if offered in made else {}
    if offered == "basic":
        headers = {"Authorization": "Basic dXNlcjpwYXNz"}
    reply = await post(up, "tools/call", FIND, **headers)
    assert reply.status_code == 401
    challenge = reply.headers["www-authenticate"]
    assert challenge.startswith('Bearer error="invalid_token"')
    assert 'scope="patients:read ' in challenge
    (address,) = re.findall(r'resource_metadata="([^"]+)"', challenge)
    async with httpx2.AsyncClient() as http:
        metadata = (await http.get(address)).json()
    assert metadata["resource"] == up.resource_url
    assert metadata["authorization_servers"] == ["https://issuer.example"]
    assert set(metadata["scopes_supported"]) == set(SCOPES)


@pytest.mark.parametrize(
    ("held", "call", "needed"),
    [
        (FILMS_READ, ("tools/call", FIND), PATIENTS_READ),
        (PATIENTS_READ, ("tools/call", {"name": "segment_xray", "arguments": {"study_id": "x"}}), FILMS_READ),
        (REPORTS_READ, ("tools/call", {"name": "generate_report", "arguments": {}}), REPORTS_WRITE),
        (REPORTS_WRITE, ("tools/call", {"name": "finalise_report", "arguments": {}}), REPORTS_SIGN),
        (PATIENTS_READ, ("resources/read", {"uri": "pedaxr://studies/x/image.png"}), FILMS_READ),
        (FILMS_READ, ("resources/read", {"uri": "pedaxr://studies/x/report.txt"}), REPORTS_READ),
    ],
)
async def test_a_token_for_something_else_gets_403_with_the_missing_scope(
    up: Settings, held: str, call: tuple[str, dict[str, Any]], needed: str
) -> None:
    reply = await post(up, *call, **bearer(up, held))
    assert reply.status_code == 403
    assert (
        f'error="insufficient_scope", error_description="This needs the scope {needed}", scope="{needed}"'
        in (reply.headers["www-authenticate"])
    )
    control = await post(up, *call, **bearer(up, held, needed))
    assert control.status_code not in (401, 403)


async def test_several_requests_in_one_body_need_all_their_scopes(up: Settings) -> None:
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": FIND}
    body = [{"jsonrpc": "2.0", "id": 1, "method": "ping"}, call]
    async with httpx2.AsyncClient() as http:
        reply = await http.post(up.url, json=body, headers=bearer(up, FILMS_READ))
    assert reply.status_code == 403


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"null", b"3", b'{"method": {}, "params": 3}'])
async def test_a_strange_body_is_a_client_error_and_the_service_goes_on(up: Settings, body: bytes) -> None:
    headers = bearer(up, *SCOPES) | {"Content-Type": "application/json"}
    async with httpx2.AsyncClient() as http:
        reply = await http.post(up.url, content=body, headers=headers)
        assert 400 <= reply.status_code < 500
        assert (await http.get(up.url.replace("/mcp", "/healthz"))).status_code == 200


async def test_a_signed_in_client_calls_what_its_scopes_allow(up: Settings, era: str, study_id: str) -> None:
    async with signed_in(up, era, PATIENTS_READ) as client:
        assert len((await client.list_tools()).tools) == 4
        found = await client.call_tool("find_patient", FIND["arguments"])
        assert study_id in json.dumps(found.structured_content)
    async with signed_in(up, era, FILMS_READ) as client:
        film = await client.read_resource(f"pedaxr://studies/{study_id}/image.png")
        assert film.contents


async def test_the_server_itself_refuses_what_slips_past_the_gate(
    clinic_home: Path, monkeypatch: pytest.MonkeyPatch, era: str
) -> None:
    monkeypatch.setattr("pedaxr_server.http.middleware.scopes_needed", lambda body: [])
    with running(with_login(Settings(home=clinic_home, worker=False))) as settings:
        async with signed_in(settings, era, FILMS_READ) as client:
            with pytest.raises(MCPError, match="patients:read"):
                await client.call_tool("find_patient", FIND["arguments"])
        async with signed_in(settings, era, PATIENTS_READ) as client:
            assert not (await client.call_tool("find_patient", FIND["arguments"])).is_error, "control"


@pytest.mark.parametrize("path", ["/mcp", "/", "/.well-known/oauth-protected-resource/mcp", "/anything"])
async def test_foreign_hosts_and_origins_are_refused_on_every_route(up: Settings, path: str) -> None:
    url = up.url.replace("/mcp", path)
    async with httpx2.AsyncClient() as http:
        assert (await http.get(url, headers={"Host": "evil.example"})).status_code == 421
        assert (await http.get(url, headers={"Host": f"evil.example:{up.port}"})).status_code == 421
        assert (await http.get(url, headers={"Origin": "http://evil.example"})).status_code == 403
        assert (await http.get(url, headers={"Origin": "null"})).status_code == 403
        own = await http.get(url, headers={"Origin": f"http://localhost:{up.port}"})
    assert own.status_code not in (403, 421), "control"


async def test_a_listed_host_and_origin_are_answered(clinic_home: Path) -> None:
    listed = Settings(
        home=clinic_home, allowed_hosts=("pedaxr.example.org",), allowed_origins=("https://chat.example.org",)
    )
    with running(with_login(listed)) as settings:
        url = settings.url.replace("/mcp", "/nothing")
        async with httpx2.AsyncClient() as http:
            headers = {"Host": "pedaxr.example.org", "Origin": "https://chat.example.org"}
            reply = await http.get(url, headers=headers)
            near = await http.get(url, headers={"Host": "pedaxr.example.org.evil.example"})
            preflight = await http.options(
                settings.url,
                headers=headers
                | {
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization",
                },
            )
    assert reply.status_code == 404
    assert reply.headers["access-control-allow-origin"] == "https://chat.example.org"
    assert near.status_code == 421
    assert preflight.status_code == 200


async def test_health_needs_no_token_and_says_nothing_of_patients(up: Settings) -> None:
    async with httpx2.AsyncClient() as http:
        for path in ("/healthz", "/readyz"):
            reply = await http.get(up.url.replace("/mcp", path), headers={"Host": "10.0.0.7"})
            assert reply.status_code == 200
            assert len(reply.text) < 100
            assert not re.search(r"\d", reply.text), "no counts"


async def test_readiness_waits_for_the_registry_and_the_networks(
    clinic_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_loaded = False
    monkeypatch.setattr(ThreadReader, "is_ready", property(lambda _: is_loaded))
    for settings, checks in (
        (Settings(home=tmp_path), {"registry": False, "networks": True}),
        (Settings(home=clinic_home, readers="http://127.0.0.1:9"), {"registry": True, "networks": False}),
        (Settings(home=clinic_home, warm=True, worker=False), {"registry": True, "networks": False}),
    ):
        with running(settings) as up:
            async with httpx2.AsyncClient() as http:
                reply = await http.get(up.url.replace("/mcp", "/readyz"))
                assert (await http.get(up.url.replace("/mcp", "/healthz"))).status_code == 200
        assert reply.status_code == 503
        assert reply.json()["checks"] == checks
    is_loaded = True
    with running(replace(settings)) as up:
        async with httpx2.AsyncClient() as http:
            assert (await http.get(up.url.replace("/mcp", "/readyz"))).status_code == 200


async def test_without_a_login_loopback_clients_do_everything(open_service: Settings, era: str) -> None:
    async with Client(open_service.url, mode=era) as client:
        assert not (await client.call_tool("find_patient", FIND["arguments"])).is_error
    async with httpx2.AsyncClient() as http:
        path = "/.well-known/oauth-protected-resource/mcp"
        assert (await http.get(open_service.url.replace("/mcp", path))).status_code == 404


async def test_tools_over_http_give_text_picture_and_data(
    up: Settings, era: str, study_id: str, canned_networks: None
) -> None:
    async with signed_in(up, era, *SCOPES) as client:
        outlined = await client.call_tool("segment_xray", {"study_id": study_id})
        reported = await client.call_tool("generate_report", {"study_id": study_id})
        page = await client.read_resource(f"pedaxr://studies/{study_id}/report.html")
    assert [block.type for block in outlined.content][:2] == ["text", "image"]
    assert reported.structured_content["status"] == "preliminary"
    assert page.contents[0].mime_type == "text/html"


async def test_a_client_that_hangs_up_gives_its_slot_back_within_a_second(
    clinic_home: Path, era: str, study_id: str, canned_networks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("pedaxr.reading.segment_xray")
    canned, started, go = module.segment_xray, threading.Event(), threading.Event()

    def slow_once(*arguments: Any, **named: Any) -> object:
        if not started.is_set():
            started.set()
            go.wait(20)
        return canned(*arguments, **named)

    monkeypatch.setattr(module, "segment_xray", slow_once)
    call = {"study_id": study_id}
    with running(with_login(Settings(home=clinic_home, waiting=0, worker=False))) as settings:
        async with signed_in(settings, era, *SCOPES) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "segment_xray", call)
            assert await anyio.to_thread.run_sync(started.wait, 10)
            busy = await client.call_tool("segment_xray", call)
            assert busy.is_error and "[busy]" in busy.content[0].text, "control: the slot is taken"  # type: ignore[union-attr]
            tasks.cancel_scope.cancel()
        hung_up = time.monotonic()
        async with signed_in(settings, era, *SCOPES) as client:
            while (await client.call_tool("segment_xray", call)).is_error:
                assert time.monotonic() - hung_up < 1, "still taken"
        go.set()
