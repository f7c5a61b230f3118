"""What the page can do besides showing: signing and annotations, as JSON over HTTP.

    POST /workplace/reports/{id}/finalise         reports:sign
    POST /workplace/reports/{id}/amend            reports:sign
    GET  /workplace/studies/{id}/annotations      films:read
    POST /workplace/studies/{id}/annotations      annotations:write
    GET  /workplace/annotations.zip?format=       films:read
    GET  /workplace/teaching                      patients:read

No language model reaches these: they are not tools. Like every route, they answer exact hosts and origins;
with a login each call needs its scope, and is done, and written down, for the token's owner.
"""

import json
from collections.abc import Awaitable, Callable
from functools import partial

import anyio.to_thread
from mcp.server.auth.middleware.auth_context import get_access_token
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pedaxr.audit.callers import Caller, called_by, current_caller
from pedaxr.audit.trail import refused
from pedaxr.clinic import default_home
from pedaxr.errors import InvalidRequest, NotFound, PedaxrError, StorageBusy
from pedaxr_server.auth.identity import confirmed_by, departments_of, request_id_of
from pedaxr_server.auth.tokens import ANNOTATIONS_WRITE, FILMS_READ, PATIENTS_READ, REPORTS_SIGN
from pedaxr_server.settings import Settings
from pedaxr_server.viewer import workplace_acts as acts

Act = Callable[[acts.Asked], acts.Answer]
Endpoint = Callable[[Request], Awaitable[Response]]
MOST_BYTES = 8 * 1024 * 1024
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def workplace_routes(settings: Settings) -> list[Route]:
    """The routes of one clinic."""
    study, report = "/workplace/studies/{study_id}", "/workplace/reports/{report_id}"
    table: list[tuple[str, str, Act, str]] = [
        ("POST", f"{report}/finalise", acts.sign, REPORTS_SIGN),
        ("POST", f"{report}/amend", acts.amend_signed, REPORTS_SIGN),
        ("GET", f"{study}/annotations", acts.list_annotations, FILMS_READ),
        ("POST", f"{study}/annotations", acts.save_annotation, ANNOTATIONS_WRITE),
        ("GET", "/workplace/annotations.zip", acts.export, FILMS_READ),
        ("GET", "/workplace/teaching", acts.teaching, PATIENTS_READ),
    ]
    return [
        Route(path, _endpoint(settings, act, scope), methods=[method]) for method, path, act, scope in table
    ]


def _endpoint(settings: Settings, act: Act, scope: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        caller = caller_of(request, settings)
        if (refusal := refusal_of(settings, act.__name__, scope, caller)) is not None:
            return refusal
        try:
            asked = acts.Asked(
                settings.home,
                {**request.path_params, **request.query_params},
                await _body(request),
                confirmed_by(caller, "on the page") if get_access_token() else "",
            )
            with called_by(caller):
                return _reply(await anyio.to_thread.run_sync(partial(act, asked)))
        except PedaxrError as err:
            return refused_with(status_of(err), err.code, str(err))

    return endpoint


def refusal_of(settings: Settings, action: str, scope: str, caller: Caller) -> Response | None:
    """Without a login whoever started the server may do everything, as over MCP."""
    if settings.auth_issuer is None:
        return None
    token = get_access_token()
    if token is None:
        return refused_with(401, "no_token", "This needs an access token.")
    if scope not in token.scopes:
        refused(settings.home or default_home(), action, "forbidden", caller=caller)
        return refused_with(403, "forbidden", f"This needs the scope {scope}. Sign in again with it.")
    return None


def caller_of(request: Request, settings: Settings) -> Caller:
    """Who asks: the token's owner, or whoever started a server without a login."""
    request_id, token = request_id_of(request.headers), get_access_token()
    if token is None:
        return Caller(current_caller().user, "page", request_id=request_id)
    departments = departments_of(token, settings)
    return Caller(str(token.subject), token.client_id, departments=departments, request_id=request_id)


async def _body(request: Request) -> object:
    """The JSON of a request, None without one.

    Raises:
        InvalidRequest: it is too large, or no JSON. A page of another origin cannot send this type unasked.
    """
    if request.method == "GET":
        return None
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise InvalidRequest("Send JSON, as application/json.")
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > MOST_BYTES:
            raise InvalidRequest(f"That is more than {MOST_BYTES // 1024**2} MB. Send less.")
    try:
        return json.loads(bytes(received))
    except (ValueError, RecursionError) as err:
        raise InvalidRequest("That is not JSON.") from err


def _reply(answer: acts.Answer) -> Response:
    headers = HEADERS
    if answer.file_name:
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{answer.file_name}"'}
    return Response(answer.data, headers=headers, media_type=answer.media_type)


def refused_with(status: int, code: str, message: str) -> Response:
    """An error as the page reads it."""
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers=HEADERS)


def status_of(err: PedaxrError) -> int:
    """The HTTP status that says what an error means to a caller."""
    if isinstance(err, NotFound):
        return 404
    if isinstance(err, InvalidRequest):
        return 400
    return 503 if isinstance(err, StorageBusy) else 500
