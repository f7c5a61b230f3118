"""The registry's tables, how they change between versions, and how its file is opened.

`synchronous=FULL`: an acknowledged write is on disk; of the journal see `storage`. Every write begins with
`BEGIN IMMEDIATE`, because a read that turns into a write fails at once when another writer was faster,
whatever the busy timeout.
"""

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit import chain as audit_chain
from pedaxr.audit import trail as audit
from pedaxr.audit.callers import current_caller
from pedaxr.errors import StorageError
from pedaxr.registry import departments, row_states
from pedaxr.registry.annotation_rows import ANNOTATIONS
from pedaxr.registry.film_moves import MOVES
from pedaxr.registry.kept_connections import kept_connections
from pedaxr.registry.pictures import TABLES as PICTURES
from pedaxr.registry.report_versions import SIGNED_REPORTS, adopt_reports
from pedaxr.registry.sent_rows import SENT
from pedaxr.storage.sqlite import BUSY_TIMEOUT_S, settle_journal, storage_errors

if TYPE_CHECKING:
    from sqlite_utils import Database

_WRITE_CACHE_KIB = 128 * 1024  # the most that a write holds in memory: an import that spills syncs each time

_KEPT_CACHE_KIB = 16 * 1024  # of a connection that waits for the next search: a million names' upper pages

Step = str | Callable[[sqlite3.Connection], None]


def _build_index(connection: sqlite3.Connection) -> None:
    from pedaxr.patient_search.index_writes import TABLES, build_index

    for statement in TABLES:
        connection.execute(statement)
    build_index(connection)


def _rebuild_index(connection: sqlite3.Connection) -> None:
    from pedaxr.patient_search.index_writes import build_index

    for table in ("patient_names", "name_keys", "near_keys", "name_sounds"):
        connection.execute(f"DELETE FROM {table}")
    build_index(connection)


def _begin_audit(connection: sqlite3.Connection) -> None:
    """The chain begins with a random entry, so that no part of another clinic's fits into it."""
    audit.record(connection, "begin", detail=secrets.token_hex(16))
    adopt_reports(connection)


# MIGRATIONS[n] takes the tables from version n to n + 1. Append; never change one that was released. When the
# keys of `name_keys` change, a migration empties the tables of `index_writes` and calls `build_index` again.
MIGRATIONS: tuple[tuple[Step, ...], ...] = (
    (
        """CREATE TABLE patients (
            patient_id TEXT PRIMARY KEY NOT NULL,
            patient_name TEXT NOT NULL,
            patient_birth_date TEXT,
            patient_sex TEXT CHECK (patient_sex IN ('M', 'F', 'O')),
            added_at TEXT NOT NULL)""",
        """CREATE TABLE studies (
            study_id TEXT PRIMARY KEY NOT NULL,
            patient_id TEXT NOT NULL REFERENCES patients (patient_id),
            study_date TEXT,
            stated_age_months REAL,
            view_position TEXT,
            image_path TEXT NOT NULL,
            image_sha256 TEXT NOT NULL UNIQUE,
            pixel_spacing_row_mm REAL,
            pixel_spacing_column_mm REAL,
            indication TEXT,
            working_diagnosis TEXT,
            source_label TEXT,
            added_at TEXT NOT NULL)""",
        "CREATE INDEX studies_by_patient ON studies (patient_id, study_date)",
        "CREATE INDEX patients_by_birth_date ON patients (patient_birth_date)",
        """CREATE TABLE reports (
            report_id TEXT PRIMARY KEY NOT NULL,
            study_id TEXT NOT NULL REFERENCES studies (study_id),
            version INTEGER NOT NULL,
            status TEXT NOT NULL,
            created_at TEXT NOT NULL,
            image_sha256 TEXT NOT NULL,
            model TEXT NOT NULL,
            document TEXT NOT NULL,
            UNIQUE (study_id, version))""",
        """CREATE TABLE name_terms (
            term TEXT NOT NULL,
            patient_id TEXT NOT NULL REFERENCES patients (patient_id),
            PRIMARY KEY (term, patient_id)) WITHOUT ROWID""",
    ),
    (
        "ALTER TABLE studies ADD COLUMN accession_number TEXT",
        """CREATE TABLE merged_patients (
            patient_id TEXT PRIMARY KEY NOT NULL COLLATE NOCASE,
            merged_into TEXT NOT NULL REFERENCES patients (patient_id),
            merged_at TEXT NOT NULL)""",
        "DROP TABLE name_terms",
        _build_index,
    ),
    SIGNED_REPORTS,
    (*departments.COLUMN, *audit_chain.TABLES, _begin_audit),
    ANNOTATIONS,
    (
        "ALTER TABLE studies ADD COLUMN pixel_spacing_origin TEXT",
        "ALTER TABLE studies ADD COLUMN study_instance_uid TEXT",
        "ALTER TABLE studies ADD COLUMN series_instance_uid TEXT",
        "ALTER TABLE studies ADD COLUMN sop_instance_uid TEXT",
        "CREATE UNIQUE INDEX studies_by_sop_instance ON studies (sop_instance_uid)",
        "CREATE INDEX studies_by_study_instance ON studies (study_instance_uid)",
    ),
    (_rebuild_index,),
    (row_states.adopt_rows,),
    SENT,
    (_rebuild_index,),  # "Son of X", "M아기", "B1": names of newborns that were those of others
    (  # who was born on a day, and under which name, is answered by the index alone
        "CREATE INDEX patients_by_day ON patients (patient_birth_date, patient_name, patient_id)",
        "DROP INDEX patients_by_birth_date",
    ),
    (_rebuild_index,),  # ø, ł, æ and their like are letters, and a sex behind a name is none of it
    (_rebuild_index,),  # Müller is Mueller, too, and 김*준 is found by what it hides
    MOVES,
    (_rebuild_index,),  # Иван Петров is offered for Ivan Petrov
    (_rebuild_index,),  # 髙橋 is 高橋, and 張偉 is 张伟
    PICTURES,
    (_rebuild_index,),  # दीपा is not दिपू: vowel signs are letters
    (_rebuild_index,),  # titles written on to Thai, Japanese and Chinese names
)


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of one's own for one act, so that threads and processes need no lock between them."""
    with storage_errors(), closing(_opened(path)) as connection:
        yield connection


def _opened(path: Path, *, is_shared: bool = False) -> sqlite3.Connection:
    """A new connection; a shared one may go from one thread to another."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=not is_shared
    )
    with _closed_on_error(connection):
        for pragma in ("foreign_keys=ON", "synchronous=FULL", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}")
    return connection


@contextmanager
def reading(path: Path, *, is_kept: bool = False) -> Iterator[sqlite3.Connection]:
    """One read transaction: everything in it is of one state of the registry, and the caller's to see.

    What is read inside the block of another one, by the same caller, is read in that one: opening a
    connection takes as long as a look-up.

    Args:
        path: of the registry's file.
        is_kept: whether to use a connection of `kept_connections`, for what is done many times a second.
    """
    seen = current_caller().departments
    outer, thread = _transaction.get(), threading.get_ident()
    if outer is not None and (outer.path, outer.seen, outer.thread) == (path, seen, thread):
        yield outer.connection
        return
    opened = partial(_for_reading, path, seen, is_shared=is_kept)
    with (
        storage_errors(),
        kept_connections.borrowed(path, seen, opened) if is_kept else closing(opened()) as connection,
    ):
        connection.execute("BEGIN")
        token = _transaction.set(_Transaction(path, seen, thread, connection))
        try:
            yield connection
        finally:
            _transaction.reset(token)


def _for_reading(path: Path, seen: frozenset[str] | None, *, is_shared: bool) -> sqlite3.Connection:
    """A connection on which the caller of these departments sees what is theirs, whatever the cells hold."""
    connection = _opened(path, is_shared=is_shared)
    connection.row_factory = sqlite3.Row
    connection.text_factory = _any_text
    if is_shared:
        connection.execute(f"PRAGMA cache_size=-{_KEPT_CACHE_KIB}")
    if seen is not None:
        with _closed_on_error(connection):
            departments.show_only(connection, seen)
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


@dataclass(frozen=True)
class _Transaction:
    """A read transaction that is open, and whose it is."""

    path: Path
    seen: object
    thread: int
    connection: sqlite3.Connection


_transaction: ContextVar[_Transaction | None] = ContextVar("transaction", default=None)


# Text of a cell; of bytes that are none, what `records` knows for damage: no search ends there.
def _any_text(cell: bytes) -> str:
    return cell.decode("utf-8", "surrogateescape")


@contextmanager
def writing(path: Path) -> Iterator["Database"]:
    """One write transaction: committed at the end of the block, rolled back when it raises."""
    # Imported by writers alone: sqlite-utils loads pandas where there is one; searches do not wait.
    from sqlite_utils import Database

    with connected(path) as connection:
        connection.execute(f"PRAGMA cache_size=-{_WRITE_CACHE_KIB}")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("BEGIN IMMEDIATE")
        try:
            row_states.watch(connection)
            yield Database(connection, execute_plugins=False)
            row_states.write_states(connection)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def migrate(path: Path) -> None:
    """Bring the tables to this program's version in one transaction; refuse a registry of a newer program."""
    with connected(path) as connection:
        version = _version(connection)
        if version <= len(MIGRATIONS):
            settle_journal(connection)
    if version > len(MIGRATIONS):
        raise StorageError(
            f"The registry has version {version}, newer than the {len(MIGRATIONS)} known here. Update pedaxr."
        )
    if version < len(MIGRATIONS):
        with writing(path) as database:
            _apply(database.conn)


def _version(connection: sqlite3.Connection) -> int:
    there = "SELECT 1 FROM sqlite_master WHERE name = 'schema_versions'"
    if connection.execute(there).fetchone() is None:
        return 0
    return int(connection.execute("SELECT max(version) FROM schema_versions").fetchone()[0] or 0)


def _apply(connection: sqlite3.Connection) -> None:
    # Read again under the write lock: another program may have migrated meanwhile.
    done = _version(connection)
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, applied_at TEXT)"
    )
    rebuilds = [version for version, steps in enumerate(MIGRATIONS, 1) if _rebuild_index in steps]
    for version, steps in enumerate(MIGRATIONS[done:], done + 1):
        for step in steps:
            if isinstance(step, str):
                connection.execute(step)
            elif step is not _rebuild_index or version == rebuilds[-1]:  # the last one does it for all
                step(connection)
        applied = (version, datetime.now(UTC).isoformat())
        connection.execute("INSERT INTO schema_versions VALUES (?, ?)", applied)
