"""`/healthz`: the process lives. `/readyz`: it can answer. `/metrics`: how it does.

None says a word about a patient.
"""

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from pedaxr.errors import PedaxrError
from pedaxr_server.settings import Settings
from pedaxr_server.telemetry import CONTENT_TYPE, metrics_text
from pedaxr_server.worker.readers import Reader

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


def health_routes(settings: Settings, reader: Reader | None) -> list[BaseRoute]:
    """The routes, /metrics where it is wanted; without a `reader` nothing is said of the networks."""
    probes = anyio.CapacityLimiter(1)

    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> JSONResponse:
        checks = await anyio.to_thread.run_sync(_checks, settings, reader, limiter=probes)
        is_ready = all(checks.values())
        body = {"status": "ready" if is_ready else "not ready", "checks": checks}
        return JSONResponse(body, 200 if is_ready else 503, {"Cache-Control": "no-store"})

    async def metrics(request: Request) -> Response:
        text = await anyio.to_thread.run_sync(metrics_text, limiter=probes)
        return Response(text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    wanted = [Route("/metrics", metrics)] if settings.metrics else []
    return [Route("/healthz", healthz), Route("/readyz", readyz), *wanted]


def _checks(settings: Settings, reader: Reader | None) -> dict[str, bool]:
    is_asked = reader is not None and (settings.warm or settings.readers is not None)
    networks = not is_asked or (reader is not None and reader.is_ready)
    return {"registry": _registry_opens(settings), "networks": networks}


def _registry_opens(settings: Settings) -> bool:
    from pedaxr.clinic import open_clinic

    try:
        open_clinic(settings.home).registry.counts()
    except PedaxrError:
        return False
    return True
