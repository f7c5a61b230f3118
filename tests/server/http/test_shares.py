"""What one client may hold at once: it loses its own, is told to wait, and others do not notice."""

import json
import logging
import socket
import time
from contextlib import ExitStack
from dataclasses import replace

import httpx2
import pytest

from pedaxr_server.auth.tokens import mint_token
from pedaxr_server.http import shares
from pedaxr_server.settings import Settings

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "many", "version": "1"},
    },
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
ACCEPT = {"Accept": "application/json, text/event-stream"}
PADDED = json.dumps(HELLO).encode()


def signed_in(settings: Settings, subject: str) -> httpx2.Client:
    headers = dict(ACCEPT)
    if settings.auth_issuer:
        token = mint_token(settings, subject=subject, scopes=["patients:read"], minutes=5)
        headers["Authorization"] = f"Bearer {token}"
    return httpx2.Client(headers=headers, timeout=20)


def opened(http: httpx2.Client, settings: Settings) -> str:
    reply = http.post(settings.url, json=HELLO)
    assert reply.status_code == 200, reply.text
    session = reply.headers["mcp-session-id"]
    http.post(
        settings.url, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=of(session)
    )
    return str(session)


def of(session: str) -> dict[str, str]:
    return {"Mcp-Session-Id": session}


def answers(http: httpx2.Client, settings: Settings, session: str) -> int:
    return http.post(settings.url, json=LIST, headers=of(session)).status_code


def test_who_opens_more_sessions_than_its_share_loses_its_own_oldest(up: Settings) -> None:
    with signed_in(up, "greedy") as greedy, signed_in(up, "modest") as modest:
        own = opened(modest, up)
        many = [opened(greedy, up) for _ in range(shares.OF_LOGIN.sessions)]
        assert answers(greedy, up, many[0]) == 200, "control: it has its share, and the first is used again"
        more = [opened(greedy, up) for _ in range(5)]
        assert answers(greedy, up, many[0]) == 200, "it was used last"
        assert [answers(greedy, up, name) for name in many[1:6]] == [404] * 5
        assert answers(greedy, up, more[-1]) == 200
        assert answers(modest, up, own) == 200


def test_sessions_with_a_stream_leave_last_and_streams_are_counted(
    up: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "OF_LOGIN", replace(shares.OF_LOGIN, sessions=4, streams=2))
    with signed_in(up, "listener") as http, signed_in(up, "another") as other, ExitStack() as streams:
        heard = [opened(http, up) for _ in range(3)]
        for session in heard[:2]:
            assert _listen(http, up, session, streams) == 200
        assert _listen(http, up, heard[2], streams) == 429, "two of its streams are open"
        assert _listen(other, up, opened(other, up), streams) == 200, "another has its own share"
        more = [opened(http, up) for _ in range(3)]
        assert [answers(http, up, name) for name in (*heard, *more)] == [200, 200, 404, 404, 200, 200]


def _listen(http: httpx2.Client, settings: Settings, session: str, streams: ExitStack) -> int:
    headers = {**of(session), "Accept": "text/event-stream"}
    return streams.enter_context(http.stream("GET", settings.url, headers=headers)).status_code


def test_sessions_that_end_are_forgotten(up: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "OF_LOGIN", replace(shares.OF_LOGIN, sessions=2))
    with signed_in(up, "tidy") as http:
        kept = opened(http, up)
        for _ in range(5):
            session = opened(http, up)
            assert http.delete(up.url, headers=of(session)).status_code == 200
        assert answers(http, up, kept) == 200


def half_sent(settings: Settings, subject: str, size: int, path: str = "/mcp") -> socket.socket:
    """A request whose body has arrived but for one byte."""
    token = mint_token(settings, subject=subject, scopes=["patients:read", "reports:sign"], minutes=5)
    host = f"{settings.host}:{settings.port}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size + 1}\r\n\r\n"
    )
    made = socket.create_connection((settings.host, settings.port), timeout=20)
    made.sendall(head.encode() + PADDED + b" " * (size - len(PADDED)))
    return made


def status_of(client: socket.socket, within_s: float = 0.3) -> int | None:
    """None while there is no answer."""
    client.settimeout(within_s)
    try:
        return int(client.recv(100)[9:12])
    except TimeoutError:
        return None


def test_half_sent_bodies_beyond_the_share_are_refused(up: Settings) -> None:
    size, share = 3_500_000, shares.OF_LOGIN.unfinished
    with ExitStack() as crowd, signed_in(up, "modest") as modest:
        half = [crowd.enter_context(half_sent(up, "greedy", size)) for _ in range(12)]
        time.sleep(0.5)
        statuses = [status_of(client) for client in half]
        assert statuses.count(None) * size <= share and statuses.count(429) >= 12 - share // size
        assert answers(modest, up, opened(modest, up)) == 200
        waiting = half[statuses.index(None)]
        waiting.sendall(b" ")
        assert status_of(waiting, 20) in (200, 406), "control: who has a place and goes on is answered"
    time.sleep(0.2)
    with half_sent(up, "greedy", size) as again:
        assert status_of(again) is None, "their memory was given back"


def test_all_clients_together_are_bounded(up: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "MOST_UNFINISHED", 8 * 2**20)
    with ExitStack() as crowd:
        half = [crowd.enter_context(half_sent(up, f"one {n}", 3_000_000)) for n in range(6)]
        time.sleep(0.5)
        assert [status_of(client) for client in half].count(429) >= 4


def test_of_large_bodies_few_are_on_their_way_at_once(up: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film of 64 MB has its place, and not sixty of them."""
    monkeypatch.setattr(shares, "LARGEST_BODY", 2**16)
    path = "/workplace/reports/R-1/finalise"
    with ExitStack() as crowd:
        half = [crowd.enter_context(half_sent(up, f"one {n // 4}", 300_000, path)) for n in range(12)]
        time.sleep(0.5)
        statuses = [status_of(client) for client in half]
        assert statuses.count(None) == shares.MOST_LARGE and statuses.count(429) == 12 - shares.MOST_LARGE
        assert statuses[:4].count(None) == shares.MOST_LARGE // 2, "of one login"
        half[statuses.index(None)].sendall(b" ")
        assert status_of(half[statuses.index(None)], 20) in (400, 404), "control: who goes on is answered"


@pytest.mark.parametrize("service", ["up", "open_service"])
def test_who_hangs_up_in_a_body_leaves_one_line_and_no_traceback(
    service: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    settings: Settings = request.getfixturevalue(service)
    with caplog.at_level(logging.INFO):
        for path in ("/mcp", "/workplace/reports/R-1/finalise"):
            with socket.create_connection((settings.host, settings.port)) as client:
                host = f"{settings.host}:{settings.port}"
                head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                client.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
                time.sleep(0.2)
        time.sleep(0.3)
    said = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert not [record for record in said if record.levelno >= logging.ERROR or record.exc_info]
    lines = [record.getMessage() for record in said]
    assert lines.count("A caller hung up before its request was whole.") >= 2  # those of other tests too
