"""Who asks, for the tools below: from the token over HTTP, else whoever started the server.

Also the one line of log that each message leaves, and the audit entry of a refusal that no tool saw. A client
can name its request in `X-Request-Id`; what it sends is kept only where it looks like an id.
"""

import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel

from pedaxr.audit.callers import Caller, called_by, current_caller
from pedaxr.audit.trail import refused
from pedaxr.storage.home import default_home
from pedaxr_server.settings import Settings

# Refused before a tool could write it down.
_UNSEEN = frozenset({"busy", "worker_failed", "forbidden"})
_READS = frozenset({"tools/call", "resources/read"})
_CODE = re.compile(r"\[([a-z_]{1,40})\]\s*$")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger(__name__)


def knowing_callers(settings: Settings) -> ServerMiddleware[Any]:
    """Middleware: everything in a message is done for its caller."""
    home = settings.home or default_home()

    async def know_caller(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        start = time.monotonic()
        outcome = "failed"
        with called_by(_caller_of(ctx, settings)):
            try:
                result = await call_next(ctx)
                outcome = _outcome_of(result)
                return result
            except MCPError as err:
                outcome = _code_in(str(err)) or "error"
                raise
            finally:
                _leave_traces(home, ctx.method, ctx.params or {}, outcome, time.monotonic() - start)

    return know_caller


def departments_of(token: AccessToken, settings: Settings) -> frozenset[str] | None:
    """Whose patients the token shows; without the claim all or none, as the settings say."""
    listed = (token.claims or {}).get("departments")
    if listed is None:
        return None if settings.open_departments else frozenset()
    return frozenset(map(str, listed))


def confirmed_by(caller: Caller, where: str) -> str:
    """How it is known that somebody signs: by the login where there is one."""
    is_signed_in = get_access_token() is not None
    return f"{where}, login {caller.user} ({caller.client})" if is_signed_in else f"{where}, without a login"


def request_id_of(headers: Mapping[str, str]) -> str:
    """The client's own, or a new one."""
    given = headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) else uuid4().hex[:16]


def _caller_of(ctx: ServerRequestContext[Any, Any], settings: Settings) -> Caller:
    headers = ctx.request.headers if ctx.request is not None else {}
    request_id = request_id_of(headers)
    token = get_access_token()
    if token is None:
        client = "stdio" if ctx.request is None else "http"
        return Caller(current_caller().user, client, request_id=request_id)
    return Caller(
        user=str(token.subject),
        client=token.client_id,
        departments=departments_of(token, settings),
        request_id=request_id,
    )


def _leave_traces(home: Path, method: str, params: Mapping[str, Any], outcome: str, seconds: float) -> None:
    tool = str(params.get("name"))[:40] if method == "tools/call" else method
    if outcome in _UNSEEN and method in _READS:
        refused(home, tool, outcome, caller=current_caller(), study_id=_study_in(params))
    _log.info(
        "answered",
        extra={"fields": {"method": method, "outcome": outcome, "ms": round(1000 * seconds)}},
    )


def _study_in(params: Mapping[str, Any]) -> str | None:
    arguments = params.get("arguments")
    study_id = arguments.get("study_id") if isinstance(arguments, Mapping) else params.get("uri")
    return None if study_id is None else str(study_id)[:200]


def _outcome_of(result: HandlerResult) -> str:
    """Of an answer as a model of the SDK, or as it goes out on the wire."""
    if isinstance(result, BaseModel) and getattr(result, "is_error", False):
        result = result.model_dump(by_alias=True)
    if not isinstance(result, Mapping) or not result.get("isError"):
        return "ok"
    texts = [str(part.get("text", "")) for part in result.get("content", ())]
    return _code_in(texts[-1] if texts else "") or "error"


def _code_in(text: str) -> str | None:
    found = _CODE.search(text)
    return found[1] if found else None
