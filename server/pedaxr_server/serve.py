"""Run the server over stdio or HTTP: the one place that knows both transports."""

import codecs
import io
import logging
import os
import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mcp.server.mcpserver import MCPServer

from pedaxr.errors import InvalidRequest
from pedaxr.radiograph.isolation import decode_in_worker
from pedaxr_server.mcp.server import create_server
from pedaxr_server.mcp.tools import XrayTools
from pedaxr_server.settings import Settings
from pedaxr_server.telemetry import start_metrics, start_traces

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette

_log = logging.getLogger(__name__)
_STDIO_WARM_DELAY_S = 2.0  # the client's first questions are answered before torch takes the processor
_SEARCH_DELAY_S = 0.5
_LONGEST_LINE = 16 * 1024 * 1024  # bytes; no message of a client comes near it
_OF_A_SEARCH = ("pedaxr.patient_search.name_matching", "pedaxr_server.replies.tool_results")


def serve(settings: Settings, *, listening: "Callable[[], None] | None" = None) -> None:
    """Run until the client leaves (stdio) or the process is stopped (HTTP).

    Args:
        settings: of the server.
        listening: called once over HTTP, when clients can connect.

    Raises:
        InvalidRequest: the token keys cannot be used, the address is taken, or the PACS library is missing.
    """
    decode_in_worker(settings.decode_in_worker)
    if settings.pacs is not None and find_spec("pynetdicom") is None:
        raise InvalidRequest("pacs_host is set, which needs: pip install 'pedaxr[pacs]'")
    start_traces()
    tools = XrayTools(settings)
    server = create_server(settings, tools)
    _load_the_search()
    try:
        if settings.transport == "stdio":
            _serve_stdio(server, settings, tools)
        else:
            _serve_http(server, settings, tools, listening)
    finally:
        tools.reader.close()


def _load_the_search() -> None:
    """While the client reads what there is: a search loads it at once."""
    timer = threading.Timer(_SEARCH_DELAY_S, lambda: list(map(import_module, _OF_A_SEARCH)))
    timer.daemon = True
    timer.start()


def http_app(settings: Settings) -> "Starlette":
    """The whole HTTP service of one clinic, to be run by any ASGI server or called in a test.

    Raises:
        InvalidRequest: the token keys cannot be used.
    """
    from pedaxr_server.http.app import app_of

    if settings.metrics:
        start_metrics()
    tools = XrayTools(settings)
    return app_of(create_server(settings, tools), settings, tools.reader)


def _serve_stdio(server: MCPServer[object], settings: Settings, tools: XrayTools) -> None:
    if settings.warm:
        tools.reader.warm(_STDIO_WARM_DELAY_S)
    _begin_to_read()
    try:
        server.run("stdio")
    except* BrokenPipeError:
        pass  # the client left while it was being answered


class _Wire(io.BufferedReader):
    """Standard input as a client means it.

    Without the byte order mark that some shells and hosts put before the first message; and it ends where a
    line is longer than any message, as what writes it is no client and would fill the memory.
    """

    _is_at_start = True
    _of_line = 0  # bytes

    def read1(self, size: int = -1) -> bytes:
        """As a buffered reader does; a part of a mark is waited for, so that no mark slips through in two."""
        if self._of_line > _LONGEST_LINE:
            return b""
        data = self._without_mark(size)
        end = data.rfind(b"\n")
        self._of_line = len(data) - end - 1 if end >= 0 else self._of_line + len(data)
        if self._of_line > _LONGEST_LINE:
            _log.error("Standard input is no MCP client: a line of more than %d MiB.", _LONGEST_LINE >> 20)
        return data

    def _without_mark(self, size: int) -> bytes:
        data = super().read1(size)
        while self._is_at_start and data and codecs.BOM_UTF8.startswith(data):
            more = super().read1(size)
            if data == codecs.BOM_UTF8 or not more:
                data, self._is_at_start = more, False
            else:
                data += more
        if self._is_at_start:
            self._is_at_start = False
            data = data.removeprefix(codecs.BOM_UTF8)
        return data


def _begin_to_read() -> None:
    """Put a reader that knows what may come in the place of standard input, which then is empty for others.

    The SDK does the same for a standard input that it finds at descriptor 0: what a child process reads
    there would be missing from the conversation.
    """
    try:
        wire = os.dup(0)
    except OSError as err:
        raise InvalidRequest(
            "There is no standard input to read a client's messages from. An MCP client starts this command "
            "and writes to it; for a server on the network use --http."
        ) from err
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if sys.platform == "win32":
        from mcp.os.win32.utilities import rebind_std_handle_to_fd

        rebind_std_handle_to_fd(0)
    sys.stdin = io.TextIOWrapper(_Wire(io.FileIO(wire, "rb")), encoding="utf-8")


def _serve_http(
    server: MCPServer[object], settings: Settings, tools: XrayTools, listening: "Callable[[], None] | None"
) -> None:
    from pedaxr_server.http.app import app_of, http_server

    if settings.metrics:
        start_metrics()
    listener = http_server(app_of(server, settings, tools.reader), settings, listening)
    if settings.warm:
        tools.reader.warm()
    listener.run()
