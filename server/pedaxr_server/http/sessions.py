"""What clients do with a session that the SDK does not expect: an id in use twice, and events missed.

The SDK hands an answer to whoever has asked under that id last. A program that numbers all its requests 1, or
one that was started again and goes on with its session, so got the answer to its question of another child.
Here the second request of an id waits until the first is done with.
"""

import json
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pedaxr_server.admission import TURN, Turn

_SESSION = b"mcp-session-id"
_MISSED = b"last-event-id"


class Sessions:
    """Innermost layer: bodies come in one message, but for those that are larger than the SDK takes."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path
        self._turns: dict[tuple[bytes, str], Turn] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, in its turn."""
        session = dict(scope["headers"]).get(_SESSION) if scope.get("path") == self._path else None
        if session is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "POST":
            await self._in_turn(session, scope, receive, send)
        else:
            await self._app(_without_missed(scope), receive, send)

    async def _in_turn(self, session: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()
        request_id = _request_id(first.get("body", b""))
        if request_id is None:
            await self._app(scope, once(first, receive), send)
            return
        key = (session, request_id)
        while earlier := self._turns.get(key):
            await earlier.is_over.wait()
        turn = self._turns[key] = Turn(lambda: self._turns.pop(key))
        try:
            await self._app({**scope, TURN: turn}, once(first, receive), send)
        finally:
            turn.leave()


def _request_id(body: bytes) -> str | None:
    """As the SDK tells requests apart: 1 and "1" are one. None: this is no request, or no JSON."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    is_request = isinstance(message, Mapping) and "method" in message and "id" in message
    return str(message["id"]) if is_request else None


def _without_missed(scope: Scope) -> Scope:
    """A client that asks for the events since one gets the new ones: none are kept, and the SDK is silent."""
    return {**scope, "headers": [header for header in scope["headers"] if header[0] != _MISSED]}


def once(message: Message, receive: Receive) -> Receive:
    """What gives the message, lets go of it, and then whatever follows."""
    waiting = [message]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
