"""Reading by workers that several servers share: a Ray Serve deployment, asked over HTTP. Loads no Ray."""

import json
import os
import ssl
from functools import cached_property
from typing import TYPE_CHECKING, Any

import anyio

from pedaxr.audit.callers import current_caller
from pedaxr.errors import InvalidRequest, WorkerFailed
from pedaxr.storage.home import default_home
from pedaxr_server import metrics
from pedaxr_server.admission import Busy, Slots, current_client
from pedaxr_server.settings import Settings
from pedaxr_server.worker.process import AGAIN, START_S, content_of
from pedaxr_server.worker.wire import READ_PATH, ROUTES_PATH, STAGES_HEADER, authorization, known_key

if TYPE_CHECKING:
    import httpx2

_PROBE_S = 2.0
_BUSY, _REFUSED = 503, 401


class SharedReader:
    """A `Reader` whose networks live in the readers at `settings.readers`, which keep their own limits.

    A call that is cancelled hangs up, and the reader leaves the film within a second.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.readers is not None, "readers are set"
        self.slots = Slots(settings.readers_at_once, settings.waiting)
        self._url = settings.readers.rstrip("/")
        self._home = (settings.home or default_home()).resolve()
        self._most_s = settings.reading_s + START_S

    async def read(self, job: str, **arguments: str | None) -> bytes:
        """See `Reader`."""
        async with self.slots.place(current_client()):
            reply = await self._ask(job, arguments)
        if reply.status_code == 200:
            metrics.count_stages(job, json.loads(reply.headers.get(STAGES_HEADER, "{}")))
            return reply.content
        if reply.status_code == _BUSY:
            raise Busy(max(1, round(self.slots.usual_s)))
        return self._refused(reply)

    def _refused(self, reply: "httpx2.Response") -> bytes:
        """Raises what the readers told, or that one of them ended."""
        if reply.status_code == _REFUSED:
            raise InvalidRequest(
                "The readers did not take this server's key. Start them with `pedaxr readers` and its --home."
            )
        try:
            answer: dict[str, Any] = reply.json()
            code = str(answer["error"])
        except (ValueError, KeyError, TypeError) as err:  # Ray Serve's own words for a reader that ended
            metrics.count_replacement()
            raise WorkerFailed(f"Reading the film ended unexpectedly and was given up. {AGAIN}") from err
        if code == WorkerFailed.code:
            metrics.count_replacement()
        return content_of(answer, b"")

    async def _ask(self, job: str, arguments: dict[str, str | None]) -> "httpx2.Response":
        import httpx2

        caller = current_caller().to_json()
        body = {"home": os.fspath(self._home), "job": job, "arguments": arguments, "caller": caller}
        headers = {"Authorization": authorization(known_key(self._home))}
        # Neither a proxy of the environment nor a file of passwords: what is sent concerns a patient.
        client = httpx2.AsyncClient(verify=self._tls, timeout=None, trust_env=False)
        try:
            with anyio.fail_after(self._most_s):
                async with client:
                    return await client.post(self._url + READ_PATH, json=body, headers=headers)
        except httpx2.ConnectError as err:
            raise WorkerFailed(
                "The readers cannot be reached. Start them with `pedaxr readers`, then call again."
            ) from err
        except httpx2.TransportError as err:
            raise WorkerFailed(f"Reading the film ended unexpectedly and was given up. {AGAIN}") from err
        except TimeoutError as err:
            raise WorkerFailed(f"Reading the film took too long and was given up. {AGAIN}") from err

    @property
    def is_ready(self) -> bool:
        """Whether the readers are deployed, with both networks in memory. Blocks for 2 s at most."""
        import httpx2

        try:
            with httpx2.Client(verify=self._tls, timeout=_PROBE_S, trust_env=False) as client:
                reply = client.get(self._url + ROUTES_PATH)
                return reply.status_code == 200 and READ_PATH in reply.json()
        except (httpx2.HTTPError, ValueError):
            return False

    def warm(self, delay_s: float = 0.0) -> None:
        """See `Reader`; the readers load their networks by themselves."""

    def expect(self) -> None:
        """See `Reader`; the readers are ready."""

    def close(self) -> None:
        """See `Reader`; the readers serve others, too."""

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once: reading the certificates takes longer than a call."""
        return ssl.create_default_context()
