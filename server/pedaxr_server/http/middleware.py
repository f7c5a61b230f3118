"""What is refused before a request reaches a route: foreign hosts and pages, and tokens without the scope."""

import json
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path

from mcp.server.auth.routes import build_resource_metadata_url
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pedaxr.audit.callers import Caller
from pedaxr.audit.trail import refused
from pedaxr_server.auth.identity import request_id_of
from pedaxr_server.auth.tokens import SCOPES, scope_needed, web_address
from pedaxr_server.http.health import OPEN_PATHS

MOST_WRITTEN = 60  # refusals of a login, in a minute
_MINUTE_S = 60.0
_MOST_PEEKED_BYTES = 4 * 1024 * 1024  # the SDK refuses larger bodies itself


# Said twice, two readers of one request can each believe another one of them.
_SAID_ONCE = frozenset(
    {b"host", b"origin", b"authorization", b"content-length", b"transfer-encoding", b"content-type"}
    | {b"mcp-session-id", b"mcp-protocol-version"}
)


class ExactHosts:
    """The SDK's Host and Origin check, for every route; it makes it for the MCP endpoint alone.

    Nor does it see a second Origin, or two statements of how long a body is, which a proxy before us may read
    in another way than we do.
    """

    def __init__(self, app: ASGIApp, security: TransportSecuritySettings) -> None:
        self._app = app
        self._check = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400, 421 or 403, or pass the request on. Health is asked for by address, by machines."""
        if scope["type"] == "http" and (ambiguous := _said_twice(scope["headers"])):
            text = f"Send one {ambiguous} header."
            answer = JSONResponse({"error": "invalid_request", "error_description": text}, 400, _CLOSE)
            await answer(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            refused = await self._check.validate_request(Request(scope))
            if refused is not None:
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


_CLOSE = {"Connection": "close"}  # what follows may be the rest of a body


def _said_twice(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The header that a request has twice, or "Content-Length or Transfer-Encoding" when it has both."""
    counted = Counter(name for name, _ in headers if name in _SAID_ONCE)
    if counted[b"content-length"] and counted[b"transfer-encoding"]:
        return "Content-Length or Transfer-Encoding"
    return next((name.decode().title() for name, count in counted.items() if count > 1), None)


class ScopeGate:
    """Answers 403 with the scope that is missing, so that a client can ask its user for more.

    In the terms of HTTP (RFC 6750, section 3.1), for the client to act on; the check inside the MCP server
    sees every message and counts. It also names the scopes in the SDK's 401.
    """

    def __init__(self, app: ASGIApp, path: str, resource_url: str, home: Path) -> None:
        self._app = app
        self._path = path
        self._home = home  # of the clinic, to write refusals down
        self._unauthenticated = _Written()
        self._metadata_url = str(build_resource_metadata_url(web_address(resource_url)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the body of a request with a token, then pass it on."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, self._writing_down(scope, send))
            return
        if not _has_token(scope):
            await self._app(scope, receive, self._naming_scopes(scope, send))
            return
        messages = [message async for message in body_messages(receive)]
        held = Request(scope).auth.scopes
        for needed in scopes_needed(b"".join(message.get("body", b"") for message in messages)):
            if needed not in held:
                self._write_down(scope, needed)
                await insufficient(needed, self._metadata_url)(scope, receive, send)
                return
        await self._app(scope, replaying(messages, receive), send)

    def _naming_scopes(self, scope: Scope, send: Send) -> Send:
        async def with_scopes(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._write_down_unauthenticated(scope)
                headers = MutableHeaders(scope=message)
                if challenge := headers.get("www-authenticate"):
                    headers["www-authenticate"] = f'{challenge}, scope="{" ".join(SCOPES)}"'
            await send(message)

        return with_scopes

    def _writing_down(self, scope: Scope, send: Send) -> Send:
        """For the audit trail: who has no login leaves a trace at every route."""

        async def with_trace(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._write_down_unauthenticated(scope)
            await send(message)

        return with_trace

    def _write_down(self, scope: Scope, needed: str) -> None:
        """For the audit trail: a refusal that reaches no tool."""
        request = Request(scope)
        token = request.user.access_token
        caller = Caller(str(token.subject), token.client_id, request_id=request_id_of(request.headers))
        refused(self._home, needed, "forbidden", caller=caller)

    def _write_down_unauthenticated(self, scope: Scope) -> None:
        counted = self._unauthenticated.count()
        if counted is None:
            return
        request = Request(scope)
        host = request.client.host if request.client else "unknown"
        caller = Caller("nobody", host, request_id=request_id_of(request.headers))
        detail = f"{counted} more before this one" if counted else None
        refused(self._home, "login", "unauthorized", caller=caller, detail=detail)


class _Written:
    """A limited number a minute, then only a count: callers without a login must not fill the disk."""

    def __init__(self) -> None:
        self._since = 0.0
        self._written = 0
        self._counted = 0

    def count(self) -> int | None:
        """How many were only counted before this one; None when this one is only counted as well."""
        now = time.monotonic()
        if self._since + _MINUTE_S <= now or not self._since:
            self._since, self._written = now, 0
        if self._written >= MOST_WRITTEN:
            self._counted += 1
            return None
        self._written += 1
        counted, self._counted = self._counted, 0
        return counted


def refusal(request: Request, needed: str) -> Response | None:
    """What a route beside the MCP endpoint answers to a request that lacks a scope; None: it may proceed."""
    app_settings = request.app.state.settings
    if app_settings.auth_issuer is None:
        return None
    metadata_url = str(build_resource_metadata_url(web_address(app_settings.resource_url)))
    if not request.user.is_authenticated:
        parts = f'Bearer error="invalid_token", scope="{needed}", resource_metadata="{metadata_url}"'
        body = {"error": "invalid_token", "error_description": "Authentication required"}
        return JSONResponse(body, 401, {"WWW-Authenticate": parts})
    return None if needed in request.auth.scopes else insufficient(needed, metadata_url)


def insufficient(needed: str, metadata_url: str) -> Response:
    """403 in the terms of RFC 6750."""
    description = f"This needs the scope {needed}"
    challenge = (
        f'Bearer error="insufficient_scope", error_description="{description}", scope="{needed}", '
        f'resource_metadata="{metadata_url}"'
    )
    body = {"error": "insufficient_scope", "error_description": description}
    return JSONResponse(body, 403, {"WWW-Authenticate": challenge})


def _has_token(scope: Scope) -> bool:
    user = scope.get("user")
    return user is not None and bool(user.is_authenticated)


async def body_messages(receive: Receive) -> AsyncIterator[Message]:
    """The messages that a request's body comes in, as many as may be looked at."""
    size = 0
    while True:
        message = await receive()
        yield message
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body") or size > _MOST_PEEKED_BYTES:
            return


def scopes_needed(body: bytes) -> Iterator[str]:
    """What the requests in the body need; a body that is not JSON is left for the SDK to refuse."""
    try:
        parsed = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return
    for request in parsed if isinstance(parsed, list) else [parsed]:
        if isinstance(request, Mapping):
            params = request.get("params")
            needed = scope_needed(str(request.get("method")), params if isinstance(params, Mapping) else {})
            if needed:
                yield needed


def replaying(messages: list[Message], receive: Receive) -> Receive:
    """What gives the messages again, and then whatever follows."""
    waiting = deque(messages)  # let go of as they are read: a call may take long
    messages.clear()

    async def replay() -> Message:
        return waiting.popleft() if waiting else await receive()

    return replay
