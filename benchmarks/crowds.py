"""A crowd of one client against a running server: how soon others are answered, what memory it takes.

    python benchmarks/crowds.py           1,000 of each kind, 10,000 sessions, 240 half-sent bodies
    python benchmarks/crowds.py --publish docs/safety.md

Kinds: silent connections, half requests, kept-alive connections, event streams (each of a session of its
own), sessions, half-sent bodies. Others ask for health, for a session with a login and for a page, twenty
times each, while the crowd is there. Crowd, others and server share this machine: times are upper bounds.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
from load import LONGEST_START_S, memory
from measuring import arguments, publish

from pedaxr.registry import REGISTRY_FILE, Registry
from pedaxr_server.auth.tokens import mint_token
from pedaxr_server.settings import Settings

SECRET = "a shared secret for a benchmark, long enough for the longest hash that there is"
ISSUER = "https://issuer.example"
ASKED = 20
HELLO: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "crowd", "version": "1"},
    },
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
ACCEPT = {"Accept": "application/json, text/event-stream"}
BODY = 4 * 1024 * 1024 - 1024


@dataclass
class Met:
    """What others met beside one crowd.

    Attributes:
        seconds: of each of their answers.
        refused: of their requests, not answered as they should be.
        staying: of the crowd, what the server kept.
        before_mb, most_mb, after_mb: memory that only the server has, before, with and after the crowd.
    """

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    staying: int = 0
    before_mb: float = 0.0
    most_mb: float = 0.0
    after_mb: float = 0.0

    def row(self, kind: str, count: int) -> dict[str, Any]:
        """For the table."""
        times = sorted(self.seconds) or [0.0]
        return {
            "crowd of one client": f"{count:,} {kind}",
            "kept": self.staying,
            "others' p95, s": round(times[min(len(times) - 1, len(times) * 95 // 100)], 3),
            "others' worst, s": round(times[-1], 3),
            "others refused": f"{self.refused} of {len(self.seconds)}",
            "server's memory before, with, after, MB": (
                f"{self.before_mb:.0f}, {self.most_mb:.0f}, {self.after_mb:.0f}"
            ),
        }


@dataclass(frozen=True)
class Service:
    """A server that runs, and whose token is whose."""

    settings: Settings
    process: int

    def bearer(self, subject: str) -> dict[str, str]:
        """A login."""
        token = mint_token(self.settings, subject=subject, scopes=["patients:read"], minutes=60)
        return {"Authorization": f"Bearer {token}"}

    @property
    def memory_mb(self) -> float:
        """That only the server's own process has."""
        return memory(self.process, "Anonymous:") / 2**20

    def raw(self, text: str) -> bytes:
        """A request's bytes."""
        return text.replace("HOST", f"{self.settings.host}:{self.settings.port}").encode()


@contextmanager
def served(folder: Path) -> Iterator[Service]:
    """A server with a login, of a clinic without children."""
    Registry.create(folder / REGISTRY_FILE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"PEDAXR_AUTH_SECRET": SECRET, "PEDAXR_AUTH_ISSUER": ISSUER}
    command = [sys.executable, "-m", "pedaxr_server", "serve", "--http", "--port", str(port)]
    process = subprocess.Popen([*command, "--home", str(folder)], env=environment, stderr=subprocess.DEVNULL)
    settings = Settings(home=folder, transport="http", port=port)
    try:
        deadline = time.monotonic() + LONGEST_START_S
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(httpx2.TransportError):
                if httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=10).status_code == 200:
                    break
            time.sleep(0.2)
        yield Service(replace(settings, auth_issuer=ISSUER, auth_secret=SECRET), process.pid)
    finally:
        process.terminate()
        process.wait(60)


Crowd = Callable[[Service, int], Any]


@asynccontextmanager
async def connections(service: Service, count: int, sent: str) -> AsyncIterator[Callable[[], int]]:
    """So many connections on which the same was sent; yields how many the server keeps."""
    host, port = service.settings.host, service.settings.port
    opened: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        content = service.raw(sent)
        step = 10 if len(content) > BODY else 100
        for first in range(0, count, step):
            some = range(min(step, count - first))
            opened += await asyncio.gather(*(asyncio.open_connection(host, port) for _ in some))
            await asyncio.gather(*(_send(writer, content) for _, writer in opened[first:]))
        yield lambda: sum(not reader.at_eof() and reader.exception() is None for reader, _ in opened)
    finally:
        for _, writer in opened:
            writer.transport.abort()
        await asyncio.sleep(0)


async def _send(writer: asyncio.StreamWriter, content: bytes) -> None:
    writer.write(content)
    with suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.drain(), 20)


def of_connections(sent: str) -> Crowd:
    """A crowd of connections."""
    return lambda service, count: connections(service, count, sent)


@asynccontextmanager
async def half_bodies(service: Service, count: int) -> AsyncIterator[Callable[[], int]]:
    """Bodies that lack their last byte, of one login."""
    token = service.bearer("crowd")["Authorization"]
    head = "POST /mcp HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n"
    head += f"Authorization: {token}\r\nContent-Length: {BODY + 1}\r\n\r\n"
    async with connections(service, count, head + " " * BODY) as keeps:
        yield keeps


@asynccontextmanager
async def sessions(service: Service, count: int) -> AsyncIterator[Callable[[], int]]:
    """Sessions that nobody uses again, of one login."""
    limits = httpx2.Limits(max_connections=20)
    opened: list[str] = []
    async with httpx2.AsyncClient(
        headers=ACCEPT | service.bearer("crowd"), timeout=120, limits=limits
    ) as http:
        for first in range(0, count, 200):
            some = range(min(200, count - first))
            replies = await asyncio.gather(*(http.post(service.settings.url, json=HELLO) for _ in some))
            opened += [reply.headers["mcp-session-id"] for reply in replies if reply.status_code == 200]
        alive = [await http.post(service.settings.url, json=LIST, headers=_of(one)) for one in opened[-400:]]
        staying = sum(reply.status_code == 200 for reply in alive)
        yield lambda: staying


@asynccontextmanager
async def streams(service: Service, count: int) -> AsyncIterator[Callable[[], int]]:
    """Event streams, each of a session of its own, of one login."""
    limits = httpx2.Limits(max_connections=count + 10)
    headers = ACCEPT | service.bearer("crowd")
    async with httpx2.AsyncClient(headers=headers, timeout=120, limits=limits) as http:
        listening = [asyncio.create_task(_listen(http, service)) for _ in range(count)]
        await asyncio.sleep(10)
        yield lambda: sum(not one.done() for one in listening)
        for one in listening:
            one.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def _listen(http: httpx2.AsyncClient, service: Service) -> None:
    reply = await http.post(service.settings.url, json=HELLO)
    headers = _of(reply.headers.get("mcp-session-id", "")) | {"Accept": "text/event-stream"}
    async with http.stream("GET", service.settings.url, headers=headers) as stream:
        if stream.status_code == 200:
            async for _ in stream.aiter_bytes():
                continue


def _of(session: str) -> dict[str, str]:
    return {"Mcp-Session-Id": session}


async def _others(service: Service, met: Met) -> None:
    """Each on a connection of its own: health, tools of a new session with a login, the page."""
    address = f"http://{service.settings.host}:{service.settings.port}"
    headers = ACCEPT | service.bearer("other")
    for _ in range(ASKED):
        async with httpx2.AsyncClient(timeout=60, headers=headers) as http:
            asked: list[Callable[[], Awaitable[httpx2.Response]]] = [
                lambda http=http: http.get(f"{address}/healthz"),
                lambda http=http: http.post(service.settings.url, json=HELLO),
                lambda http=http: http.get(f"{address}/viewer/viewer.css"),
            ]
            for ask in asked:
                start = time.monotonic()
                try:
                    is_good = (await ask()).status_code == 200
                except httpx2.TransportError:
                    is_good = False
                met.seconds.append(time.monotonic() - start)
                met.refused += not is_good
        met.most_mb = max(met.most_mb, service.memory_mb)


async def beside(service: Service, crowd: Crowd, count: int) -> Met:
    """What others meet beside a crowd."""
    met = Met(before_mb=service.memory_mb)
    async with crowd(service, count) as keeps:
        met.most_mb = service.memory_mb
        await _others(service, met)
        met.staying = keeps()
    await asyncio.sleep(3)
    met.after_mb = service.memory_mb
    return met


CROWDS: dict[str, tuple[Crowd, int]] = {
    "silent connections": (of_connections(""), 1000),
    "half requests": (of_connections("POST /mcp HTTP/1.1\r\nHost: HOST\r\nX-a: "), 1000),
    "kept-alive connections": (of_connections("GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n"), 1000),
    "event streams": (streams, 1000),
    "half-sent bodies of 4 MiB": (half_bodies, 240),
    "sessions": (sessions, 10_000),
}


def main() -> None:
    """Measure each crowd against one server, print and publish."""
    parser: argparse.ArgumentParser = arguments(__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of each crowd's size")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as service:
        for kind, (crowd, whole) in CROWDS.items():
            count = max(1, round(whole * given.share))
            rows.append(asyncio.run(beside(service, crowd, count)).row(kind, count))
    publish("crowds", {}, {"Others beside a crowd": rows}, given)
    late = [
        row for row in rows if float(row["others' p95, s"]) >= 1 or not row["others refused"].startswith("0 ")
    ]
    if late:
        sys.exit("others waited too long, or were refused")


if __name__ == "__main__":
    main()
