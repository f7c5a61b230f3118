"""A stopping server: which messages still reach it on a connection that was open before."""

import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from pedaxr_server.http.draining import Calls

pytestmark = pytest.mark.anyio
CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "find_patient"}}


class Heard:
    """An application that answers 200 and keeps what it was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def status(calls: Calls, body: bytes, method: str = "POST") -> int:
    """Of the answer to a body that comes in two parts."""
    parts = iter([body[:5], body[5:]])
    sent: list[Message] = []

    async def receive() -> Message:
        part = next(parts)
        return {"type": "http.request", "body": part, "more_body": part == body[:5]}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/mcp", "headers": []}
    await calls(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    "message",
    [CALL, [CALL], {"id": 1, "method": "resources/read", "params": {"uri": "pedaxr://patients/P-1"}}],
    ids=["a call", "calls in a list", "a resource"],
)
async def test_a_new_call_is_refused(message: Any) -> None:
    heard = Heard()
    calls, body = Calls(heard), json.dumps(message).encode()
    assert await status(calls, body) == 200 and heard.bodies == [body], "control: before it stops"
    calls.is_stopping = True
    assert await status(calls, body) == 503
    assert len(heard.bodies) == 1 and calls.running == 0


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": 7, "result": {"action": "accept", "content": {"name": "Dr. Han"}}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}},
        {"jsonrpc": "2.0", "id": 8, "method": "tools/list"},
        "no request",
    ],
    ids=["the form that a running call waits for", "a call is given up", "the schema of an answer", "noise"],
)
async def test_what_a_running_call_needs_is_let_through(message: dict[str, Any]) -> None:
    heard = Heard()
    calls, body = Calls(heard), json.dumps(message).encode()
    calls.is_stopping = True
    assert await status(calls, body) == 200
    assert heard.bodies == [body], "whole"
