"""Stopping without cutting anybody off: no new call, and those that run may finish."""

import socket
import time
from collections.abc import Callable

import anyio
from sse_starlette.sse import AppStatus
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config, Server

from pedaxr.errors import InvalidRequest
from pedaxr_server.http.middleware import body_messages, replaying, scopes_needed

_LOOK_AGAIN_S = 0.05
_STOPPING = {"error": "stopping", "error_description": "The server is stopping. Call it again when it is up."}


class Calls:
    """Counts the POST requests that are being answered, outermost of all layers.

    A GET is a client listening for news, which never ends by itself and is not waited for.

    Attributes:
        running: how many.
        is_stopping: whether new calls for patients' data are refused, also on connections that are open. Let
            through are what a running call waits for, such as the form that its human filled in, and lists,
            which a client asks for before it believes its answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.running = 0
        self.is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 503."""
        is_call = scope["type"] == "http" and scope["method"] == "POST"
        if is_call and self.is_stopping:
            messages = [message async for message in body_messages(receive)]
            if any(scopes_needed(b"".join(message.get("body", b"") for message in messages))):
                await JSONResponse(_STOPPING, 503, {"Connection": "close"})(scope, receive, send)
                return
            receive = replaying(messages, receive)
        self.running += is_call
        try:
            await self._app(scope, receive, send)
        finally:
            self.running -= is_call


class DrainingServer(Server):
    """A uvicorn server that ends its event streams only after the calls that they answer.

    sse-starlette, which writes the streams, ends all of them at the first signal unless it is told otherwise.
    """

    def __init__(
        self, config: Config, calls: Calls, drain_s: float, listening: Callable[[], None] | None = None
    ) -> None:
        super().__init__(config)
        self._calls = calls
        self._drain_s = drain_s
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so. Raises InvalidRequest where the address cannot be had."""
        AppStatus.enable_automatic_graceful_drain = False
        AppStatus.should_exit = False
        try:
            await super().startup(sockets)
        except SystemExit as err:  # uvicorn has logged why
            raise InvalidRequest(
                f"{self.config.host} port {self.config.port} cannot be listened on: another program may have "
                "it. Choose another --port, or stop that program."
            ) from err
        if self.started and self._listening:
            self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let calls finish for `drain_s` seconds, then end what is left."""
        self._calls.is_stopping = True
        for listener in self.servers:
            listener.close()
        deadline = time.monotonic() + self._drain_s
        while self._calls.running and not self.force_exit and time.monotonic() < deadline:
            await anyio.sleep(_LOOK_AGAIN_S)
        AppStatus.should_exit = True
        await super().shutdown(sockets)
