"""A film that is dropped onto the page, where the server allows it: read once, shown once, stored nowhere.

    POST /workplace/film    the file's bytes, as application/octet-stream    films:read

The setting `films_from_page` allows it. The file lies in a private folder while it is read; it belongs to no
child and to no study, so that it is neither signed nor corrected here: `pedaxr import` registers films.
"""

import tempfile
from pathlib import Path
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pedaxr.audit.callers import called_by
from pedaxr.errors import InvalidRequest, NotAnAbdominalFilm, PedaxrError, UnreadableImage
from pedaxr_server.auth.tokens import FILMS_READ
from pedaxr_server.settings import Settings
from pedaxr_server.viewer.workplace import HEADERS, caller_of, refusal_of, refused_with, status_of

MOST_BYTES = 64 * 1024 * 1024
_TYPE = "application/octet-stream"  # a page of another origin cannot send it unasked


class Reader(Protocol):
    """Where films are read: see `pedaxr_server.worker.readers`."""

    async def read(self, job: str, **arguments: str | None) -> bytes:
        """The answer to one job."""


def dropped_routes(settings: Settings, reader: Reader | None) -> list[Route]:
    """The route, where the settings allow it and there is somebody to read."""
    if not settings.films_from_page or reader is None:
        return []
    reading = reader

    async def film(request: Request) -> Response:
        caller = caller_of(request, settings)
        if (refusal := refusal_of(settings, "read_film_file", FILMS_READ, caller)) is not None:
            return refusal
        try:
            data = await _body(request)
            with called_by(caller), tempfile.TemporaryDirectory(prefix="pedaxr-film-") as folder:
                path = Path(folder) / f"film{'.dcm' if data[128:132] == b'DICM' else ''}"
                path.write_bytes(data)
                answer = await reading.read("file", path=str(path))
            return Response(answer, headers=HEADERS, media_type="application/json")
        except (UnreadableImage, NotAnAbdominalFilm) as err:
            return refused_with(422, err.code, str(err))
        except PedaxrError as err:
            return refused_with(status_of(err), err.code, str(err))

    return [Route("/workplace/film", film, methods=["POST"])]


async def _body(request: Request) -> bytes:
    """Raises InvalidRequest: it is too large, empty, or sent as something else."""
    if request.headers.get("content-type", "").split(";")[0] != _TYPE:
        raise InvalidRequest(f"Send the film's bytes, as {_TYPE}.")
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > MOST_BYTES:
            raise InvalidRequest(f"That is more than {MOST_BYTES // 1024**2} MB. Send one film.")
    if not received:
        raise InvalidRequest("The file is empty.")
    return bytes(received)
