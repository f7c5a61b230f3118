"""Run the server over stdio or HTTP: the one place that knows both transports."""

from typing import TYPE_CHECKING

from mcp.server.mcpserver import MCPServer

from pedaxr.radiograph.isolation import decode_in_worker
from pedaxr_server.mcp.server import create_server
from pedaxr_server.mcp.tools import XrayTools
from pedaxr_server.settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

_STDIO_WARM_DELAY_S = 2.0  # the client's first questions are answered before torch takes the processor


def serve(settings: Settings) -> None:
    """Run until the client leaves (stdio) or the process is stopped (HTTP).

    Raises:
        InvalidRequest: the token keys cannot be used.
    """
    decode_in_worker(settings.decode_in_worker)
    tools = XrayTools(settings)
    server = create_server(settings, tools)
    try:
        if settings.transport == "stdio":
            _serve_stdio(server, settings, tools)
        else:
            _serve_http(server, settings, tools)
    finally:
        tools.reader.close()


def http_app(settings: Settings) -> "Starlette":
    """The whole HTTP service of one clinic, to be run by any ASGI server or called in a test.

    Raises:
        InvalidRequest: the token keys cannot be used.
    """
    from pedaxr_server.http.app import app_of

    tools = XrayTools(settings)
    return app_of(create_server(settings, tools), settings, tools.reader)


def _serve_stdio(server: MCPServer[object], settings: Settings, tools: XrayTools) -> None:
    if settings.warm:
        tools.reader.warm(_STDIO_WARM_DELAY_S)
    try:
        server.run("stdio")
    except* BrokenPipeError:
        pass  # the client left while it was being answered


def _serve_http(server: MCPServer[object], settings: Settings, tools: XrayTools) -> None:
    from pedaxr_server.http.app import app_of, http_server

    listener = http_server(app_of(server, settings, tools.reader), settings)
    if settings.warm:
        tools.reader.warm()
    listener.run()
