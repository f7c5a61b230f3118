"""Slow clients over HTTP are disconnected, and nobody else notices them."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pedaxr_server.http import slow_clients as connections
from pedaxr_server.settings import Settings
from pedaxr_server.viewer.documents import read_asset

from ..http_service import running

BEGUN = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-a: "


@pytest.fixture(scope="module")
def up(clinic_home: Path) -> Iterator[Settings]:
    with running(Settings(home=clinic_home, worker=False)) as settings:
        yield settings


def connect(settings: Settings, sent: bytes) -> socket.socket:
    made = socket.create_connection((settings.host, settings.port), timeout=20)
    made.sendall(sent)
    return made


def is_healthy(settings: Settings) -> bool:
    with connect(
        settings, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    ) as client:
        return client.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [b"", BEGUN, BEGUN + b"b\r\nContent-Length: 100\r\n\r\n{"],
    ids=["silent", "half a header", "half a body"],
)
def test_a_request_that_does_not_arrive_is_hung_up_on(
    up: Settings, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ARRIVAL_S", 0.3)
    with connect(up, sent) as slow:
        start = time.monotonic()
        while slow.recv(1000):  # an answer may come first; the end is what counts
            pass
        assert time.monotonic() - start < 15


def test_a_request_in_time_is_answered_by_the_same_clock(
    up: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ARRIVAL_S", 5)
    host = f"127.0.0.1:{up.port}".encode()
    with connect(up, b"GET /healthz HTTP/1.1\r\nHost: ") as late:
        time.sleep(0.2)
        late.sendall(host + b"\r\n\r\n")
        assert late.recv(100).startswith(b"HTTP/1.1 200")


def test_slow_clients_do_not_crowd_out_others(up: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_ARRIVING", 20)
    slow = [connect(up, BEGUN) for _ in range(60)]
    try:
        assert is_healthy(up)
        slow[0].settimeout(20)
        with suppress(ConnectionResetError):
            assert slow[0].recv(1) == b"", "the oldest was disconnected"
        slow[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):  # control: the newest may stay for its ten seconds
            slow[-1].recv(1)
    finally:
        for one in slow:
            one.close()


ANSWERS = 200
WHOLE = ANSWERS * len(read_asset("viewer.css"))
PAGE = b"GET /viewer/viewer.css HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n"


def taken(settings: Settings, *, after_s: float) -> int:
    """Bytes of many answers that a client gets who asks for all of them at once and then reads nothing."""
    asked, size = PAGE.replace(b"PORT", str(settings.port).encode()) * ANSWERS, 0
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # little is on its way unread
        lazy.connect((settings.host, settings.port))
        asking = threading.Thread(target=_send_what_is_taken, args=(lazy, asked))
        asking.start()
        time.sleep(after_s)
        with suppress(ConnectionResetError, TimeoutError):
            lazy.settimeout(20)
            while size < WHOLE and (got := lazy.recv(2**20)):
                size += len(got)
        lazy.close()
        asking.join()
    return size


def _send_what_is_taken(client: socket.socket, asked: bytes) -> None:
    with suppress(OSError):
        client.sendall(asked)


def test_a_client_who_does_not_take_its_answer_is_hung_up_on(
    up: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert taken(up, after_s=1) >= WHOLE, "control: who reads late, but in time, gets all"
    monkeypatch.setattr(connections, "TAKING_S", 0.3)
    assert taken(up, after_s=3) < WHOLE
    assert is_healthy(up)


MANY = 6 * 2**20
START = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nAccept: application/json, text/event-stream\r\n"
JSON_BODY = START + b"Content-Type: application/json\r\n"
HELLO = (
    b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", '
    b'"capabilities": {}, "clientInfo": {"name": "large", "version": "1"}}}'
)


def padded(size: int) -> bytes:
    """A request that is answered, with as many spaces behind it."""
    return JSON_BODY + b"Content-Length: %d\r\n\r\n" % (len(HELLO) + size) + HELLO + b" " * size


OVERSIZE = {
    "body": padded(MANY),
    "body in chunks": JSON_BODY
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + (b"10000\r\n" + b" " * 65536 + b"\r\n") * (MANY // 65536)
    + b"0\r\n\r\n",
    "header": START + b"X-a: " + b"x" * 200_000 + b"\r\n\r\n",
    "headers": START + b"X-a: b\r\n" * 30_000 + b"\r\n",
    "address": b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
    "deep JSON": JSON_BODY + b"Content-Length: 2000000\r\n\r\n" + b"[" * 10**6 + b"]" * 10**6,
    "a number of a million digits": JSON_BODY + b"Content-Length: 1000000\r\n\r\n" + b"1" * 10**6,
}


def answer_to(settings: Settings, sent: bytes) -> bytes:
    """The status line, whether or not the server let us finish."""
    with socket.create_connection((settings.host, settings.port), timeout=20) as client:
        with suppress(ConnectionResetError, BrokenPipeError):
            client.sendall(sent.replace(b"PORT", str(settings.port).encode(), 1))
        with suppress(ConnectionResetError):
            return client.recv(100).split(b"\r\n")[0]
    return b""


@pytest.mark.parametrize("kind", OVERSIZE)
def test_what_is_too_large_or_too_deep_is_a_client_error(up: Settings, kind: str) -> None:
    start = time.monotonic()
    status = answer_to(up, OVERSIZE[kind])
    print(kind, status, f"{time.monotonic() - start:.2f} s")  # noqa: T201
    assert status.startswith(b"HTTP/1.1 4") or not status, status
    assert time.monotonic() - start < 15 and is_healthy(up)


def test_a_body_that_is_not_too_large_is_answered(up: Settings) -> None:
    """Control of the refusals: the same request with fewer spaces."""
    assert answer_to(up, padded(10**6)) == b"HTTP/1.1 200 OK"


@hypothesis_settings(max_examples=25)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"GET / HTTP/1.1\r\n", BEGUN, b"POST /mcp HTTP/1.1\r\n"])
)
def test_bytes_that_are_no_http_leave_the_server_up(up: Settings, noise: bytes, begun: bytes) -> None:
    with connect(up, begun + noise + b"\r\n\r\n") as client:
        client.shutdown(socket.SHUT_WR)
        client.settimeout(5)
        try:
            reply = client.recv(100)
        except (ConnectionResetError, TimeoutError):
            reply = b""
    assert not reply.startswith(b"HTTP/1.1 5")
    assert is_healthy(up)
