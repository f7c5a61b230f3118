"""Films that were found in the PACS and are not here: the ids by which a later call asks for one of them.

A file of its own beside the registry, which a search never writes: losing it costs another search. It holds
UIDs and digests, no name, id or date of a child, and forgets after a month.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pedaxr.pacs.handle_ids import PREFIX
from pedaxr.pacs.rows import PacsFilm
from pedaxr.records import bare_id
from pedaxr.storage.files import disk_errors, make_private
from pedaxr.storage.sqlite import BUSY_TIMEOUT_S, settle_journal, storage_errors

PACS_FILE = "pacs.sqlite3"
_KEPT = timedelta(days=30)
_TABLE = """CREATE TABLE IF NOT EXISTS films (
    study_id TEXT PRIMARY KEY NOT NULL,
    study_uid TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    sop_uid TEXT NOT NULL,
    whose TEXT NOT NULL,
    seen_at TEXT NOT NULL) WITHOUT ROWID"""


@dataclass(frozen=True)
class Handle:
    """Where a film lies in the PACS.

    Attributes:
        whose: `PacsPatient.digest` of the child it was listed for.
    """

    study_id: str
    study_uid: str
    series_uid: str
    sop_uid: str
    whose: str


def handle_of(film: PacsFilm) -> Handle:
    """The handle of a film that was found."""
    return Handle(
        film.study_id, film.study.study_uid, film.series_uid, film.sop_uid, film.study.patient.digest
    )


def remember(home: Path, films: Iterable[PacsFilm]) -> None:
    """Keep where the films lie. Raises StorageError."""
    now = datetime.now(UTC)
    rows = [(*vars(handle_of(film)).values(), now.isoformat()) for film in films]
    with _opened(home) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM films WHERE seen_at < ?", [(now - _KEPT).isoformat()])
        connection.executemany("INSERT OR REPLACE INTO films VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")


def recall(home: Path, study_id: str) -> Handle | None:
    """Where the film of that id lies; None for one not found lately. Raises StorageError."""
    if not (home / PACS_FILE).is_file():
        return None
    columns = "study_id, study_uid, series_uid, sop_uid, whose"
    with _opened(home) as connection:
        asked = [PREFIX + bare_id(study_id)[len(PREFIX) :].lower()]
        row = connection.execute(f"SELECT {columns} FROM films WHERE study_id = ?", asked).fetchone()
    return Handle(*row) if row else None


@contextmanager
def _opened(home: Path) -> Iterator[sqlite3.Connection]:
    with disk_errors():
        make_private(home / PACS_FILE)
    with (
        storage_errors(),
        closing(
            sqlite3.connect(home / PACS_FILE, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        ) as connection,
    ):
        settle_journal(connection)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute(_TABLE)
        yield connection
