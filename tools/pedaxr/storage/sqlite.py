"""How SQLite keeps its word here: the journal that is safe with this SQLite, and its errors as ours.

SQLite from 3.7.0 to 3.51.2 can corrupt a file in write-ahead mode when several connections meet at a
checkpoint (the "WAL-reset bug"; fixed in 3.51.3, and in 3.44.6 and 3.50.7 of the older lines). Such a SQLite
gets a rollback journal. Either way `synchronous=FULL`: what was acknowledged is on the disk.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from pedaxr.errors import StorageBusy, StorageError

BUSY_TIMEOUT_S = 5.0
_FIXED = (3, 51, 3)
_BACKPORTED = ((3, 44, 6), (3, 50, 7))  # and later releases of the same line

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH}


def journal_mode(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> str:
    """`wal` where it is safe, else `delete`: the rollback journal."""
    is_fixed = version >= _FIXED or any(version[:2] == line[:2] and version >= line for line in _BACKPORTED)
    return "wal" if is_fixed else "delete"


def settle_journal(connection: sqlite3.Connection) -> None:
    """Have the file use that journal; it is a property of the file, which may come from another machine."""
    wanted = journal_mode()
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != wanted:
        connection.execute(f"PRAGMA journal_mode={wanted}")


@contextmanager
def storage_errors() -> Iterator[None]:
    """The one seam where SQLite's errors become ours; none of its text, which may quote data, is repeated."""
    try:
        yield
    except sqlite3.DatabaseError as err:
        code = getattr(err, "sqlite_errorcode", None)
        if code is None:  # a wrong call from our own code
            raise
        if code & 0xFF in _BUSY:
            raise StorageBusy(
                "The registry is busy: another program is writing to it. "
                f"Wait, then retry (retry_after={StorageBusy.retry_after_s})."
            ) from err
        raise StorageError(_explanation(code & 0xFF)) from err


def _explanation(code: int) -> str:
    if code == sqlite3.SQLITE_FULL:
        return "The disk of the clinic is full and nothing was stored. Free some space on it, then retry."
    if code in _DAMAGED:
        return (
            "The registry file is damaged or not a registry. Restore a copy, or choose another PEDAXR_HOME."
        )
    if code in _REFUSED:
        return "The registry cannot be opened or written. Check that PEDAXR_HOME exists and may be written."
    return f"The registry could not be read or written (SQLite code {code}). Check the disk, then retry."
