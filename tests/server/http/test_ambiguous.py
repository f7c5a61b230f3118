"""Requests that two readers understand differently: refused, and what follows them is never a request."""

import socket
import time
from contextlib import suppress

import pytest

from pedaxr_server.settings import Settings

from ..http_service import bearer

BODY = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n"


def statuses(settings: Settings, sent: bytes) -> list[int]:
    """Of every answer on one connection."""
    host = f"{settings.host}:{settings.port}".encode()
    token = bearer(settings, "patients:read")["Authorization"].encode()
    with socket.create_connection((settings.host, settings.port), timeout=5) as client:
        client.sendall(sent.replace(b"HOST", host).replace(b"TOKEN", token))
        client.settimeout(1)
        got, deadline = b"", time.monotonic() + 3
        with suppress(TimeoutError, ConnectionResetError):
            while time.monotonic() < deadline and (part := client.recv(65536)):
                got += part
    return [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:]]


def post(*headers: bytes, body: bytes = BODY) -> bytes:
    lines = (b"POST /mcp HTTP/1.1", b"Host: HOST", b"Content-Type: application/json", *headers)
    return b"\r\n".join((*lines, b"Authorization: TOKEN", b"", body))


LENGTH = b"Content-Length: %d" % len(BODY)
OURS = b"Origin: http://HOST"
REFUSED = {
    "a second Origin": post(LENGTH, OURS, b"Origin: https://evil.example"),
    "a second Origin that is ours": post(LENGTH, OURS, OURS),
    "a second Authorization": post(LENGTH, b"Authorization: Bearer x"),
    "a second session": post(LENGTH, b"Mcp-Session-Id: a", b"Mcp-Session-Id: b"),
    "a second content type": post(LENGTH, b"Content-Type: text/plain"),
    "a second Host": post(LENGTH, b"Host: evil.example"),
    "length and chunks": post(
        b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "chunks and length": post(
        b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "two lengths": post(b"Content-Length: 0", LENGTH, body=SMUGGLED),
    "a length with a sign": post(b"Content-Length: +4", body=b"1234" + SMUGGLED),
    "a length with an underscore": post(b"Content-Length: 0_4", body=b"1234" + SMUGGLED),
    "a length in other digits": post("Content-Length: \u0664".encode(), body=b"1234" + SMUGGLED),
    "another coding": post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SMUGGLED),
    "a coding in disguise": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "two codings": post(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "a space before the colon": post(b"Transfer-Encoding : chunked", LENGTH, body=b"0\r\n\r\n" + SMUGGLED),
    "a chunk size that overflows": post(
        b"Transfer-Encoding: chunked", body=b"100000000000000000000000004\r\n1234\r\n" + SMUGGLED
    ),
    "a chunk size with a sign": post(b"Transfer-Encoding: chunked", body=b"-1\r\n1234\r\n" + SMUGGLED),
    "a header that is folded": post(LENGTH, b"X-a: b\r\n Transfer-Encoding: chunked", b"\x0bOrigin: x"),
    "a carriage return alone": post(LENGTH, b"X-a: b\rOrigin: https://evil.example"),
    "a zero byte": post(LENGTH, b"X-a: b\0c"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(up: Settings, kind: str) -> None:
    answered = statuses(up, REFUSED[kind])
    assert answered in ([400], []), "nothing behind it was taken for a request of its own"


@pytest.mark.parametrize("path", ["/mcp", "/healthz", "/viewer/viewer.css", "/workplace/annotations.zip"])
def test_no_route_is_left_out(up: Settings, path: str) -> None:
    get = f"GET {path} HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\nOrigin: http://HOST\r\n\r\n"
    assert statuses(up, get.encode()) == [400]


def test_what_is_said_once_is_answered_and_so_is_the_next(up: Settings) -> None:
    """Control: the same requests without the ambiguity, two on one connection."""
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    chunked = post(OURS, b"Transfer-Encoding: chunked", body=chunks)
    answered = statuses(up, chunked + SMUGGLED)
    assert len(answered) == 2 and answered[1] == 200 and answered[0] in (200, 400, 406)
    assert statuses(up, post(LENGTH, OURS) + SMUGGLED) == answered
