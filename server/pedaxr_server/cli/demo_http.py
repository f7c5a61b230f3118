"""The demo's way over HTTP: a server of its own with a login, and a client that carries a token."""

import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from pedaxr.errors import StorageError
from pedaxr_server.auth.tokens import SCOPES, mint_token
from pedaxr_server.settings import Settings

_LONGEST_START_S = 60.0
_LONGEST_CALL_S = 300.0


@asynccontextmanager
async def signed_in_client(home: Path) -> AsyncIterator[Client]:
    """A client of a server that runs until the block ends and lets in nobody without a token.

    Raises:
        StorageError: the server did not start.
    """
    settings = Settings(
        home=home,
        transport="http",
        port=_free_port(),
        auth_issuer="http://127.0.0.1/demo",
        auth_secret=secrets.token_urlsafe(48),
    )
    token = mint_token(settings, subject="demo", scopes=list(SCOPES), minutes=60)
    headers = {"Authorization": f"Bearer {token}"}
    with _serving(settings) as process:
        async with httpx2.AsyncClient(headers=headers, timeout=_LONGEST_CALL_S) as http:
            await _wait_until_up(http, settings, process)
            async with Client(streamable_http_client(settings.url, http_client=http)) as client:
                yield client


@contextmanager
def _serving(settings: Settings) -> Iterator[Popen[bytes]]:
    """The secret goes through the environment: an argument would be in the process list for all to see."""
    given = {
        "PEDAXR_AUTH_SECRET": settings.auth_secret or "",
        "PEDAXR_AUTH_ISSUER": settings.auth_issuer or "",
    }
    command = [sys.executable, "-m", "pedaxr_server", "serve", "--http", "--port", str(settings.port)]
    command += ["--home", str((settings.home or Path()).resolve())]
    process = Popen(command, env=os.environ | given, stdin=DEVNULL, stderr=DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def _wait_until_up(http: httpx2.AsyncClient, settings: Settings, process: Popen[bytes]) -> None:
    address = settings.url.replace("/mcp", "/healthz")
    deadline = time.monotonic() + _LONGEST_START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if (await http.get(address)).status_code == 200:
                return
        except httpx2.ConnectError:
            await anyio.sleep(0.1)
    raise StorageError("The demo's HTTP server did not start. Run `pedaxr serve --http` to see why.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
