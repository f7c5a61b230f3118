"""Clients told apart, so that none of them can keep the others waiting; who they are is no matter here."""

from contextvars import ContextVar
from typing import Any

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

_SESSION = "mcp-session-id"
_client: ContextVar[str | None] = ContextVar("client", default=None)


def current_client() -> str | None:
    """The client whose message is being answered; None where there is only one (stdio, in memory)."""
    return _client.get()


async def know_client(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware: remember the client while the message is handled."""
    token = _client.set(_name_of(ctx))
    try:
        return await call_next(ctx)
    finally:
        _client.reset(token)


def _name_of(ctx: ServerRequestContext[Any, Any]) -> str | None:
    """By login; without one by session, else by address."""
    if signed_in := get_access_token():
        return f"login:{signed_in.client_id}:{getattr(signed_in, 'subject', None) or ''}"
    request = ctx.request
    if request is None:
        return None
    if session := request.headers.get(_SESSION):
        return f"session:{session}"
    return f"address:{request.client.host}" if request.client else "unknown"
