"""The HTTP service: the MCP endpoint with its login, health, and the viewer's routes, as one Starlette app.

    GET  /healthz, /readyz, /metrics              no login, no patient data
    GET  /.well-known/oauth-protected-resource/*  who issues tokens (RFC 9728)
    *    /mcp                                     MCP over streamable HTTP, both protocol eras
    GET  /, /viewer/*                             the viewer's page, no login, no patient data
    *    /workplace/*                             what the page does besides showing, with the same login

Every route but the first three checks Host and Origin exactly, so that a web page cannot reach patient data
by rebinding a name. Order of the layers, outermost first: hosts, token, context of the token, shares of one
client, scopes, turns of one session, routes.
"""

from typing import TYPE_CHECKING

from mcp.server.auth.routes import create_protected_resource_routes
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from pedaxr.clinic import default_home
from pedaxr_server.auth.tokens import SCOPES, web_address
from pedaxr_server.http.health import health_routes
from pedaxr_server.http.middleware import ExactHosts, ScopeGate
from pedaxr_server.http.sessions import Sessions
from pedaxr_server.http.shares import Shares
from pedaxr_server.settings import HTTP_PATH, Settings
from pedaxr_server.viewer.dropped import dropped_routes
from pedaxr_server.viewer.routes import viewer_routes
from pedaxr_server.viewer.workplace import workplace_routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from pedaxr_server.http.draining import DrainingServer
    from pedaxr_server.worker.readers import Reader

_BACKLOG = 512  # connections taken in one turn of the event loop
_OPEN_FILES = 4096  # for connections, films and tables; many systems allow 1024 unless asked
_MOST_SESSIONS = 4096  # of all clients
_SESSION_IDLE_S = 10 * 60.0
_IDLE_S = 20  # short, and a busy server hangs up on requests that are on their way
_LAST_WORDS_S = 2  # for streams to close, after the calls have been waited for


def app_of(server: MCPServer[object], settings: Settings, reader: "Reader | None" = None) -> Starlette:
    """The HTTP service around a server that was made already."""
    security = transport_security(settings)
    app = server.streamable_http_app(
        streamable_http_path=HTTP_PATH,
        transport_security=security,
        host=settings.host,
        max_sessions=_MOST_SESSIONS,
        session_idle_timeout=_SESSION_IDLE_S,
    )
    app.router.routes[:0] = [*health_routes(settings, reader), *_metadata_routes(settings)]
    app.router.routes += [
        *viewer_routes(settings),
        *workplace_routes(settings),
        *dropped_routes(settings, reader),
    ]
    # Starlette runs the first of the list outermost; the SDK's own (token, its context) stay inside.
    outer = [Middleware(ExactHosts, security=security)]
    if settings.allowed_origins:
        outer.append(_cross_origin(settings))
    app.user_middleware[:0] = outer
    app.user_middleware.append(Middleware(Shares, path=HTTP_PATH))
    if settings.auth_issuer:
        home = settings.home or default_home()
        gate = Middleware(ScopeGate, path=HTTP_PATH, resource_url=settings.resource_url, home=home)
        app.user_middleware.append(gate)
    app.user_middleware.append(Middleware(Sessions, path=HTTP_PATH))
    app.state.settings = settings
    app.state.reader = reader
    return app


def transport_security(settings: Settings) -> TransportSecuritySettings:
    """Exact Host and Origin headers, so that a web page cannot reach the server by rebinding a name."""
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=settings.hosts,
        allowed_origins=settings.origins,
    )


def http_server(
    app: Starlette, settings: Settings, listening: "Callable[[], None] | None" = None
) -> "DrainingServer":
    """A uvicorn server that on SIGTERM or SIGINT takes no new call and lets those that run finish.

    Args:
        app: the whole service.
        settings: of the server.
        listening: called once, when clients can connect.
    """
    import uvicorn

    from pedaxr_server.http.draining import Calls, DrainingServer
    from pedaxr_server.http.slow_clients import PromptProtocol

    _allow_open_files()
    calls = Calls(app)
    config = uvicorn.Config(
        calls,
        http=PromptProtocol,
        ws="none",
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=_LAST_WORDS_S,
        timeout_keep_alive=_IDLE_S,
        backlog=_BACKLOG,
        log_config=None,
        access_log=False,  # addresses of studies are patient data
        server_header=False,
    )
    return DrainingServer(config, calls, settings.drain_s, listening)


def _allow_open_files() -> None:
    """As many connections as `places` gives need more open files than many systems begin with."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _metadata_routes(settings: Settings) -> list[BaseRoute]:
    """Before the SDK's own route of the same path, which can list no scopes that only some tools need."""
    if settings.auth_issuer is None:
        return []
    return list(
        create_protected_resource_routes(
            resource_url=web_address(settings.resource_url),
            authorization_servers=[web_address(settings.auth_issuer)],
            scopes_supported=list(SCOPES),
            resource_name="pedaxr",
        )
    )


def _cross_origin(settings: Settings) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=list(settings.allowed_origins),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id", "WWW-Authenticate"],
    )
