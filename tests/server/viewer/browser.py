"""A headless Chromium, and a chat host in it that passes an App's calls on to a running server."""

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

HOST_URL = "http://host.test/"
HOST_PAGE = Path(__file__).with_name("host.html")
PROTOCOL = "2026-07-28"


def chromium_path() -> str | None:
    """Debian's browser, or another one on the path."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; a container's root user cannot have Chromium's own sandbox."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


def open_host(page: Page, server_url: str) -> None:
    """Show the host page; what it sends to its /mcp goes to `server_url`."""
    page.route(HOST_URL, lambda route: route.fulfill(path=HOST_PAGE, content_type="text/html"))
    page.route(f"{HOST_URL}mcp", lambda route: _pass_on(route, server_url))
    page.goto(HOST_URL)


def _pass_on(route: Route, server_url: str) -> None:
    message: dict[str, Any] = json.loads(route.request.post_data or "")
    route.fulfill(json=call_server(server_url, message["id"], message["method"], message["params"]))


def call_server(server_url: str, number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """One request of the 2026-07-28 protocol; the reply as JSON-RPC."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": meta}}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": PROTOCOL,
        "Mcp-Method": method,
    }
    if name := params.get("name") or params.get("uri"):
        headers["Mcp-Name"] = name
    request = urllib.request.Request(server_url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return _reply_in(answer.read().decode())
    except urllib.error.HTTPError as err:
        with err:
            return _reply_in(err.read().decode())


def _reply_in(text: str) -> dict[str, Any]:
    """The last message of an event stream, or the one of a JSON body."""
    events = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    reply: dict[str, Any] = json.loads(events[-1] if events else text)
    return reply
