"""New films by themselves: taken in, imported and read, and reports sent as the settings say.

One loop, in a process of its own. Everything that it still has to do stands on the disk, in the spool and in
the registry; it can be stopped or killed at any point and goes on where it was.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing
from pedaxr.clinic import Clinic
from pedaxr.clinic.import_film import import_film
from pedaxr.errors import (
    ModelUnavailable,
    NotAnAbdominalFilm,
    OtherBodyPart,
    PacsDown,
    PacsError,
    PedaxrError,
    StorageError,
    UnreadableImage,
    WorkerFailed,
)
from pedaxr.pacs.fetch import check_is_abdomen
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.retrieve import Place, film_at
from pedaxr.pacs.send import node_name, send_report
from pedaxr.pacs.spool import Full, Outcome, Spool, name_of
from pedaxr.storage.files import replace_durably

if TYPE_CHECKING:
    from pedaxr.pacs.rows import PacsFilm
    from pedaxr.radiograph.read import Radiograph
    from pedaxr.types import Report

_PAUSE_S = 2.0
_AGAIN_S = 60.0  # a PACS that is away, a disk that is full
_REFUSED_S = 6 * 3600.0  # what only a human can mend
_MOST_TRIES = 3  # of a film that a helper process dies of
_SINCE = "sending_since"
_FOR_LATER = (StorageError, ModelUnavailable)
_log = logging.getLogger(__name__)

Read = Callable[[str, Clinic], "Report"]


@dataclass
class Listener:
    """The work of `pedaxr listen`.

    Attributes:
        clinic, node, spool: where films come from and go.
        department: whose staff may see children that are new.
        poll_s: how often the PACS is asked for films of yesterday and today; None: it sends them itself.
        read: drafts a report; the product's own by default.
    """

    clinic: Clinic
    node: PacsNode
    spool: Spool
    department: str | None = None
    poll_s: float | None = None
    read: Read | None = None
    _wake: threading.Event = field(default_factory=threading.Event)
    _is_ended: bool = False
    _tries: dict[str, int] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _polled: dict[str, str] = field(default_factory=dict)

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def end(self) -> None:
        """Return from `run` after the film in hand."""
        self._is_ended = True
        self._wake.set()

    def run(self) -> None:
        """Work until `end`."""
        while not self._is_ended:
            self._wake.clear()
            self.work_once()
            self._wake.wait(_PAUSE_S)

    def work_once(self) -> None:
        """Do everything that can be done now."""
        if self.poll_s is not None and self._is_due("poll"):
            self._not_before["poll"] = time.monotonic() + self.poll_s
            self._poll()
        for path in self.spool.waiting():
            if self._is_ended:
                return
            if self._is_due(path.stem):
                self._take_in(path)
        if self.node.send != "off":
            self._send_due()

    def _is_due(self, name: str) -> bool:
        return time.monotonic() >= self._not_before.get(name, 0.0)

    def _poll(self) -> None:
        """Fetch films of today that were never seen; of yesterday too, as some come after midnight."""
        from pedaxr.pacs.find import new_films

        today, again = date.today(), list[str]()
        try:
            with closing(new_films(self.node, today - timedelta(days=1), today, self._polled)) as films:
                again += [film.study.study_uid for film in films if not self._fetch(film)]
        except PacsError as err:
            _log.warning("The PACS could not be asked for new films [%s]", err.code)
        except (Full, OSError):
            _log.error("New films were not fetched: the spool is full or cannot be written")
        for study_uid in again:
            self._polled.pop(study_uid, None)

    def _fetch(self, film: "PacsFilm") -> bool:
        """Have a film in the spool; False where the PACS does not give it. Raises PacsDown, Full, OSError."""
        if self.spool.has(film.sop_uid) or self.clinic.registry.study_of_film("", film.sop_uid):
            return True
        try:
            with accessing(self.clinic.home, "fetch", study_id=film.study_id):
                place = Place(film.study.study_uid, film.series_uid, film.sop_uid)
                self.spool.take(film.sop_uid, film_at(place, node=self.node, home=self.clinic.home))
        except PacsDown:
            raise
        except PacsError as err:
            _log.warning("A film was not fetched [%s]: %s", film.study_id, err)
            return False
        return True

    def _take_in(self, path: Path) -> None:
        """Import and read one film, and write down what became of it."""
        name = path.stem
        try:
            self.spool.settle(path, self._outcome(path))
            self._tries.pop(name, None)
        except (*_FOR_LATER, WorkerFailed) as err:
            self._tries[name] = self._tries.get(name, 0) + 1
            self._not_before[name] = time.monotonic() + _AGAIN_S
            _log.warning("A film waits in the spool [%s]", err.code)
            if isinstance(err, WorkerFailed) and self._tries[name] >= _MOST_TRIES:
                self.spool.settle(path, Outcome("failed", said=str(err)))
        except OSError as err:
            self._not_before[name] = time.monotonic() + _AGAIN_S
            _log.error("The spool cannot be written [errno %s]", err.errno)
        except Exception as err:  # noqa: BLE001  (an entry point: a bug met by one film stops no other)
            _log.error("A film could not be read", exc_info=err)
            self.spool.settle(path, Outcome("failed", said=f"A bug in pedaxr: {type(err).__name__}."))

    def _outcome(self, path: Path) -> Outcome:
        """Raises what may be over when it is tried again."""

        def check(radiograph: "Radiograph") -> None:
            if name_of(radiograph.metadata.sop_instance_uid or "") != path.stem:
                raise UnreadableImage("The film's header has another SOPInstanceUID than it was sent under.")
            check_is_abdomen(radiograph)

        study_id: str | None = None
        try:
            study_id = import_film(path, clinic=self.clinic, check=check, department=self.department)
            report = (self.read or _read)(study_id, self.clinic)
        except NotAnAbdominalFilm as err:
            return Outcome("left", study_id=study_id, said=str(err))
        except OtherBodyPart as err:
            return Outcome("left", said=str(err))
        except (*_FOR_LATER, WorkerFailed):
            raise
        except PedaxrError as err:
            return Outcome("failed", said=str(err))
        _log.info("A film was read [%s]", study_id)
        return Outcome("read", study_id=study_id, report_id=report.report_id)

    def _send_due(self) -> None:
        """Send what the settings want sent and is not in the PACS yet."""
        due = self.clinic.registry.reports_to_send(
            node_name(self.node), since=sending_since(self.spool), with_drafts=self.node.send == "drafts"
        )
        for study_id, report_id in due:
            if self._is_ended:
                return
            if self._is_due(report_id) and not self._send(study_id, report_id):
                return

    def _send(self, study_id: str, report_id: str) -> bool:
        """Whether the PACS is there to be sent more."""
        try:
            send_report(study_id, clinic=self.clinic, node=self.node)
            _log.info("A report was sent [%s]", study_id)
        except PacsDown:
            _log.warning("The PACS is away; reports wait")
            self._not_before[report_id] = time.monotonic() + _AGAIN_S
            return False
        except PedaxrError as err:
            later = isinstance(err, (*_FOR_LATER, WorkerFailed))
            self._not_before[report_id] = time.monotonic() + (_AGAIN_S if later else _REFUSED_S)
            _log.error("A report was not sent [%s, %s]: %s", study_id, err.code, err)
        except Exception as err:  # noqa: BLE001  (an entry point, as above)
            self._not_before[report_id] = time.monotonic() + _REFUSED_S
            _log.error("A report could not be sent [%s]", study_id, exc_info=err)
        return True


def sending_since(spool: Spool) -> str:
    """When sending by itself began here: reports from before are only sent by hand."""
    path = spool.folder / _SINCE
    if not path.exists():
        replace_durably(path, datetime.now(UTC).isoformat().encode())
    return path.read_text().strip()


def _read(study_id: str, clinic: Clinic) -> "Report":
    from pedaxr.reports.generate_report import generate_report

    return generate_report(study_id, clinic=clinic)
