"""A headless Chromium, what a user does in it, and a chat host that passes an App's calls on to a server."""

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr_server.settings import Settings

HOST_URL = "http://host.test/"
HOST_PAGE = Path(__file__).with_name("host.html")
PROTOCOL = "2026-07-28"
# Each page would have a process of its own, which reads and compiles the same scripts anew.
ONE_PROCESS_FOR_TABS = ("--process-per-site", "--renderer-process-limit=1")
PAYLOAD = "<img src=x onerror=window.pwned=1>"  # the name of a child
_STILL_MS = 150


def chromium_path() -> str | None:
    """Debian's browser, or another one on the path."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; a container's root user cannot have Chromium's own sandbox."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu", *ONE_PROCESS_FOR_TABS]
        )
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


def canned(home: Path) -> Settings:
    """Films are read in this process, where `canned_networks` has taken the networks' place."""
    return Settings(home=home, worker=False)


def open_app(page: Page, study_id: str, capabilities: dict[str, Any], **context: str) -> None:
    call = ["segment_xray", {"study_id": study_id}, {"capabilities": capabilities, "context": context}]
    page.evaluate("call => openApp(...call)", call)


def front_page(settings: Settings) -> str:
    return settings.url.removesuffix("/mcp") + "/"


def newest_study(home: Path) -> str:
    return find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=open_clinic(home)).matches[0].studies[0].study_id


def search(page: Page, query: str) -> None:
    page.locator("#search").fill(query)
    page.keyboard.press("Enter")


def read(page: Page) -> None:
    search(page, DEMO_UNAMBIGUOUS_NAME)
    read_when_ready(page)


def read_when_ready(page: Page) -> None:
    expect(page.locator("#report .sentences li").first).to_be_visible(timeout=20_000)
    expect(page.locator("#status")).to_be_hidden()


def picture(page: Page) -> str:
    """The film as it is drawn, once it stays so: on a busy machine a film is still being drawn."""
    drawn, shown = "", _drawn(page)
    while drawn != shown:
        page.wait_for_timeout(_STILL_MS)
        drawn, shown = shown, _drawn(page)
    return shown


def _drawn(page: Page) -> str:
    return str(page.evaluate("document.querySelector('.pane canvas').toDataURL()"))


def drag(page: Page, pane: Any, button: Any = "left") -> None:
    box = pane.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down(button=button)
    page.mouse.move(box["x"] + 320, box["y"] + 260, steps=4)
    page.mouse.up(button=button)
