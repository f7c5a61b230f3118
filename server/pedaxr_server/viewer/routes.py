"""The viewer over HTTP: its page at `/` and its files next to it. None of them holds patient data.

What the page shows it asks from the MCP endpoint of its own origin, with the user's token where the server
wants one; so these routes need no login. The headers let the page run nothing but its own files and be framed
by nobody.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pedaxr_server.settings import Settings
from pedaxr_server.viewer.documents import MEDIA_TYPES, MODULES, PAGE_MODULES, STYLE, page_html, read_asset

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",  # the browser refuses innerHTML and its kin
    "trusted-types 'none'",
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def viewer_routes(settings: Settings) -> list[Route]:
    """The page and its files."""

    def page(request: Request) -> Response:
        html = page_html(
            is_demo=is_demo_home(settings),
            needs_login=settings.auth_issuer is not None,
            takes_films=settings.films_from_page,
        )
        return Response(html, headers=HEADERS, media_type="text/html; charset=utf-8")

    def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in (STYLE, *MODULES, *PAGE_MODULES):
            return PlainTextResponse("No such file. The viewer is at /.", 404, HEADERS)
        return Response(read_asset(name), headers=HEADERS, media_type=MEDIA_TYPES[name.rsplit(".", 1)[1]])

    return [Route("/", page, methods=["GET"]), Route("/viewer/{name}", asset, methods=["GET"])]


def is_demo_home(settings: Settings) -> bool:
    """Whether the clinic shown is the synthetic one, which the page then says."""
    from pedaxr.clinic import default_home
    from pedaxr.demo.clinic import is_demo

    return is_demo(settings.home or default_home())
