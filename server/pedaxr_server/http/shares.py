"""What one client may hold at once: sessions, event streams, calls, and bodies that have not arrived whole.

A client is known by its login, without one by its address. Whoever opens more sessions than its share loses
its own oldest idle one; whoever wants more of the rest is told to wait. Nobody else notices.

Bodies are read here, before anything looks at them: what has not arrived whole is counted, so that half-sent
ones cannot fill the memory, and whoever hangs up in the middle of one leaves a line in the log.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pedaxr_server.http.places import network_of
from pedaxr_server.http.sessions import once

_MIB = 1024 * 1024
MOST_UNFINISHED = 64 * _MIB  # bytes of bodies that have not arrived whole, of all clients
LARGEST_BODY = 8 * _MIB  # of a larger one, such as a film, the rest is read by what takes it
MOST_LARGE = 4  # of those at once, half of them one client's
_RETRY_S = 2
_SESSION = b"mcp-session-id"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Share:
    """The most of each.

    Attributes:
        unfinished: bytes of bodies that have not arrived whole.
    """

    sessions: int
    streams: int
    calls: int
    unfinished: int


OF_LOGIN = Share(sessions=64, streams=32, calls=64, unfinished=16 * _MIB)
OF_ADDRESS = Share(sessions=256, streams=128, calls=224, unfinished=32 * _MIB)  # all programs of a machine


class _TooMuch(Exception):
    """A share is used up; the argument says of what."""


class _HungUp(Exception):
    """The client left before its request was whole."""


@dataclass
class _Session:
    """One session of the SDK as seen from here: how many of its calls and streams are open."""

    open: Counter[str] = field(default_factory=Counter)


class Shares:
    """Innermost layer but the check of scopes: it sees who called."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path
        self._sessions: dict[str, OrderedDict[bytes, _Session]] = {}
        self._open: Counter[tuple[str, str]] = Counter()  # client and "streams", "calls" or "unfinished"
        self._unfinished = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body, or tell the client to wait."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client, share = _client_of(scope)
        kind = "streams" if scope["method"] == "GET" and scope["path"] == self._path else "calls"
        try:
            with self._one_more(client, kind, getattr(share, kind)):
                if scope["method"] in ("POST", "PUT", "PATCH"):
                    body, more = await self._begun(client, share, receive)
                    first: Message = {"type": "http.request", "body": body, "more_body": more}
                    with self._large(client) if more else nullcontext():
                        del body
                        await self._in_session(client, share, scope, once(first, receive), send)
                else:
                    await self._in_session(client, share, scope, receive, send)
        except (_HungUp, ClientDisconnect):
            _log.info("A caller hung up before its request was whole.")
        except _TooMuch as err:
            headers = {"Connection": "close", "Retry-After": str(_RETRY_S)}
            text = f"Too many {err} at once. Call again in {_RETRY_S} seconds."
            await JSONResponse({"error": "busy", "error_description": text}, 429, headers)(
                scope, receive, send
            )

    @contextmanager
    def _one_more(self, client: str, kind: str, most: int) -> Iterator[None]:
        key = (client, kind)
        if self._open[key] >= most:
            raise _TooMuch(kind)
        self._open[key] += 1
        try:
            yield
        finally:
            self._give_back(key, 1)

    def _give_back(self, key: tuple[str, str], count: int) -> None:
        self._open[key] -= count
        if self._open[key] <= 0:
            del self._open[key]

    @contextmanager
    def _large(self, client: str) -> Iterator[None]:
        """A body of which only the beginning was read here, as of a film: few at once, to their end."""
        with (
            self._one_more(client, "large bodies", MOST_LARGE // 2),
            self._one_more("", "large bodies", MOST_LARGE),
        ):
            yield

    async def _begun(self, client: str, share: Share, receive: Receive) -> tuple[bytes, bool]:
        """The body, and whether it is so large that there is more. Raises _TooMuch, _HungUp."""
        key, body, more = (client, "unfinished"), bytearray(), True
        try:
            while more and len(body) <= LARGEST_BODY:
                message = await receive()
                if message["type"] != "http.request":
                    raise _HungUp
                part, more = message.get("body", b""), bool(message.get("more_body"))
                body += part
                self._open[key] += len(part)
                self._unfinished += len(part)
                if more and (self._open[key] > share.unfinished or self._unfinished > MOST_UNFINISHED):
                    raise _TooMuch("unfinished bodies")
        finally:
            self._give_back(key, len(body))
            self._unfinished -= len(body)
        return bytes(body), more

    async def _in_session(
        self, client: str, share: Share, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(_SESSION)
        opened: list[bytes] = []

        async def watching(message: Message) -> None:
            if message["type"] == "http.response.start":
                opened.extend(self._learn(client, given, message, scope["method"]))
            await send(message)

        with self._used(client, given, scope["method"]):
            await self._app(scope, receive, watching)
        if opened:
            await self._end_oldest(client, share, scope)

    @contextmanager
    def _used(self, client: str, name: bytes | None, method: str) -> Iterator[None]:
        own = self._sessions.get(client, OrderedDict())
        session = own.get(name) if name else None
        if session is None or name is None:
            yield
            return
        own.move_to_end(name)
        kind = "streams" if method == "GET" else "calls"
        session.open[kind] += 1
        try:
            yield
        finally:
            session.open[kind] -= 1

    def _learn(self, client: str, given: bytes | None, message: Message, method: str) -> Iterator[bytes]:
        """From an answer: the name of a session that was opened with it; and which are no more."""
        own, status = self._sessions.setdefault(client, OrderedDict()), message["status"]
        if given is not None and (status == 404 or (method == "DELETE" and status < 400)):
            own.pop(given, None)
        elif given is None and status < 400 and (made := dict(message["headers"]).get(_SESSION)):
            own[made] = _Session()
            yield made
        if not own:
            del self._sessions[client]

    async def _end_oldest(self, client: str, share: Share, scope: Scope) -> None:
        """End the client's own sessions that are too many, as the client itself would: by DELETE."""
        own = self._sessions.get(client, OrderedDict())
        while len(own) > share.sessions:
            idle = [name for name, session in own.items() if not session.open["calls"]]
            if not idle:
                return
            oldest = next((name for name in idle if not own[name].open["streams"]), idle[0])
            del own[oldest]
            kept = [(name, value) for name, value in scope["headers"] if name in (b"host", b"authorization")]
            end = {**scope, "method": "DELETE", "headers": [*kept, (_SESSION, oldest)]}
            await self._app(end, once({"type": "http.request", "body": b""}, _left), _unheard)


def _client_of(scope: Scope) -> tuple[str, Share]:
    user = scope.get("user")
    if isinstance(user, AuthenticatedUser):
        token = user.access_token
        return f"login:{token.client_id}:{token.subject}", OF_LOGIN
    return network_of(scope.get("client")), OF_ADDRESS


async def _left() -> Message:
    return {"type": "http.disconnect"}


async def _unheard(message: Message) -> None:
    return
