"""Read connections that wait for the next search: opening one costs as much as what a search looks up.

One is used again only while the registry's file is the one that it was opened on and nobody has touched it
since: a file put in its place, taken away, written, or made unreadable is opened again, and fails as it would
have. Where the journal is a write-ahead log none is kept: as long as one is open, that log is not put
back into the file, and somebody who copies the file alone would miss the last entries.
"""

import atexit
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pedaxr.storage.sqlite import journal_mode

_MOST = 8  # of all registries and callers together


@dataclass(frozen=True)
class _Kept:
    """An open connection between two transactions.

    Attributes:
        seen: the departments that it shows; None shows everything.
        stamp: what the file was just before it was opened.
    """

    connection: sqlite3.Connection
    path: Path
    seen: frozenset[str] | None
    stamp: tuple[int, ...]


class KeptConnections:
    """Those of one process, for all its threads; each is in one hand at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Kept] = []
        self._inherited: list[_Kept] = []

    @contextmanager
    def borrowed(
        self, path: Path, seen: frozenset[str] | None, opened: Callable[[], sqlite3.Connection]
    ) -> Iterator[sqlite3.Connection]:
        """One that shows these departments, from `opened` where none waits; given back but after an error."""
        stamp = _stamp_of(path)
        connection = self._taken(path, seen, stamp) or opened()
        is_whole = False
        try:
            yield connection
            if connection.in_transaction:
                connection.execute("COMMIT")
            is_whole = True
        finally:
            if is_whole and stamp is not None:
                self._give(_Kept(connection, path, seen, stamp))
            else:
                connection.close()

    def close(self) -> None:
        """Close all that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for kept in idle:
            kept.connection.close()

    def forget(self) -> None:
        """In a child after a fork: they are the parent's, to be neither used nor closed here."""
        self._lock = threading.Lock()
        self._inherited, self._idle = [*self._inherited, *self._idle], []

    def _taken(
        self, path: Path, seen: frozenset[str] | None, stamp: tuple[int, ...] | None
    ) -> sqlite3.Connection | None:
        with self._lock:
            stale = [kept for kept in self._idle if kept.path == path and kept.stamp != stamp]
            fits = [kept for kept in self._idle if (kept.path, kept.seen, kept.stamp) == (path, seen, stamp)]
            gone = [*stale, *fits[-1:]]
            self._idle = [kept for kept in self._idle if kept not in gone]
        for kept in stale:
            kept.connection.close()
        return fits[-1].connection if fits else None

    def _give(self, kept: _Kept) -> None:
        """Have it wait; where there are many, the one that has waited longest is closed."""
        with self._lock:
            self._idle.append(kept)
            surplus, self._idle = self._idle[:-_MOST], self._idle[-_MOST:]
        for one in surplus:
            one.connection.close()


def _stamp_of(path: Path) -> tuple[int, ...] | None:
    """What tells a file and its states apart; None where there is none, or where none may be kept open."""
    if os.name != "posix" or journal_mode() == "wal":  # Windows cannot replace a file that is open
        return None
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


kept_connections = KeptConnections()
atexit.register(kept_connections.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=kept_connections.forget)
