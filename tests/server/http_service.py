"""The HTTP service on a port of its own, in this process, so that tests can replace what lies behind it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pedaxr_server.auth.tokens import mint_token
from pedaxr_server.http.app import http_server
from pedaxr_server.serve import http_app
from pedaxr_server.settings import Settings

from .ports import free_ports

SECRET = "a shared secret for tests, long enough for the longest hash that there is"
ISSUER = "https://issuer.example"


def with_login(settings: Settings) -> Settings:
    return replace(settings, auth_issuer=ISSUER, auth_secret=SECRET)


def bearer(settings: Settings, *scopes: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {mint_token(settings, subject='tester', scopes=list(scopes), minutes=5)}"
    }


@contextmanager
def running(settings: Settings) -> Iterator[Settings]:
    """Serve until the block ends; yields the settings with the port."""
    settings = replace(settings, transport="http", port=free_ports(1)[0], drain_s=2)
    server = http_server(http_app(settings), settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started, "the HTTP server did not come up"
    try:
        yield settings
    finally:
        server.should_exit = True
        thread.join(20)
