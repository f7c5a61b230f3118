"""With the bundled networks, in the middle of a film: a caller who leaves frees the slot within a second."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from mcp import Client

from pedaxr_server.mcp import tools
from pedaxr_server.settings import Settings
from pedaxr_server.worker.readers import WorkerReader

from ..http_service import running

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ROUNDS = 10
Asking = Callable[[str], Any]


@asynccontextmanager
async def ready(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[WorkerReader, str]]:
    """A reader whose networks are loaded, and the address of a server that uses it."""
    reader = WorkerReader(Settings(home=home))
    monkeypatch.setattr(tools, "reader_of", lambda settings: reader)
    try:
        reader.worker.start(warm=True)
        with anyio.fail_after(120):
            while not reader.is_ready:
                await anyio.sleep(0.05)
        with running(Settings(home=home)) as settings:
            yield reader, settings.url
    finally:
        reader.close()


def studies(home: Path) -> list[str]:
    """All films: one that was read lately would be answered from memory."""
    with closing(sqlite3.connect(home / "registry.sqlite3")) as connection:
        return [row[0] for row in connection.execute("SELECT study_id FROM studies ORDER BY study_id")]


async def seconds_until_free(reader: WorkerReader) -> float:
    start = anyio.current_time()
    with anyio.fail_after(30):
        while reader.slots.free == 0:
            await anyio.sleep(0.002)
    return anyio.current_time() - start


async def left_in_the_middle(reader: WorkerReader, home: Path, ask: Asking) -> list[float]:
    """How long the slot stayed taken after each caller left; those who came too late do not count."""
    taken: list[float] = []
    for number, study_id in enumerate((studies(home) * ROUNDS)[:ROUNDS]):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, study_id)
            with anyio.fail_after(30):
                while reader.slots.free:
                    await anyio.sleep(0.002)
            await anyio.sleep(0.03 + 0.03 * number)
            is_running = reader.slots.free == 0
            tasks.cancel_scope.cancel()
        taken += [await seconds_until_free(reader)] if is_running else []
    return taken


async def _post(url: str, study_id: str) -> None:
    """A client that just closes its connection when it is cancelled."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "gone", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "segment_xray"}
    headers["Accept"] = "application/json, text/event-stream"
    params = {"name": "segment_xray", "arguments": {"study_id": study_id}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with httpx2.AsyncClient(timeout=60) as http:
        await http.post(url, json=body, headers=headers)


async def _call(url: str, study_id: str) -> None:
    async with Client(url) as client:
        await client.call_tool("segment_xray", {"study_id": study_id})


@pytest.mark.parametrize("ask", [_post, _call], ids=["connection closed", "MCP client cancelled"])
async def test_a_caller_who_leaves_frees_the_slot_within_a_second(
    clinic_home: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str, str], Any]
) -> None:
    async with ready(clinic_home, monkeypatch) as (reader, url):
        taken = await left_in_the_middle(reader, clinic_home, partial(ask, url))
        print(f"\n{len(taken)} left, slot free after at most {max(taken):.2f} s")  # noqa: T201
        assert len(taken) >= ROUNDS // 2, "control: they were at work"
        assert max(taken) < 1
        assert await reader.read("segment", study_id=studies(clinic_home)[-1]), "the next one is served"
