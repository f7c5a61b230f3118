"""What of a report takes longest, begun once its film is outlined: agents then have the film reported on.

The report writer's draft hangs on the film, the weights and what is known of the child; it and the outlines
of the child's earlier film are kept for the call that asks for them, which is checked and answered as ever.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from pedaxr.audit.callers import called_by, current_caller
from pedaxr.errors import PedaxrError
from pedaxr.radiograph.recent_cache import Recent
from pedaxr.reading import networks as models
from pedaxr.reading.outlines import Outlines
from pedaxr.reading.read_film import Reading, Source, read_film
from pedaxr_models.runtime.threads import begin, threads_per_call

if TYPE_CHECKING:
    from pedaxr_models.captioning.film_reporter import FilmReporter, Narrative

_Kept = tuple["Outlines", "FilmReporter", "Narrative"]
_drafts = Recent[_Kept](2)  # as many as films are kept outlined
_begun: "list[Future[None]]" = []


def draft_of(reading: Reading, reporter: "FilmReporter") -> "Narrative":
    """What the report writer writes of a film as it is outlined, for a child of whom that much is known.

    A draft is kept with the very outlines and the writer that it belongs to: no others get it meanwhile.
    """

    def write() -> _Kept:
        told = reporter.describe(reading.film, reading.segmentation, reading.metadata)
        return reading.outlines, reporter, told

    key = (id(reading.outlines), id(reporter), reading.metadata)
    return _drafts.get(key, write)[2]


def begin_report(reading: Reading) -> None:
    """Begin a report of the film where there is a core for it, and no other is still being begun."""
    if threads_per_call() < 2 or any(not one.done() for one in _begun):
        return

    def prepare() -> None:
        draft_of(reading, models.reporter())
        _read_earlier(reading.source)

    _begun[:] = [_begin_for_the_caller(prepare)]


def begin_earlier(source: Source) -> None:
    """Have the child's earlier film read while this one's draft is written, where there is a core for it."""
    if source.study is not None and threads_per_call() > 1:
        _begin_for_the_caller(lambda: _read_earlier(source))


def _begin_for_the_caller(work: Callable[[], None]) -> "Future[None]":
    """With the rights of whoever calls now; what cannot be done, the call that asks for it will say."""
    caller = current_caller()

    def run() -> None:
        with called_by(caller), suppress(PedaxrError):
            work()

    return begin(run)


def _read_earlier(source: Source) -> None:
    """The film that this one is compared with, as far as the caller may see it."""
    if source.study is None or source.clinic is None:
        return
    for past in source.clinic.registry.earlier_studies(source.study.study_id)[:1]:
        read_film(Source(past.image_path, past, source.clinic))
