"""Reads, searches and refusals, written down without making a search wait for the disk.

A commit that is safe costs 15 to 60 ms on a small disk and would hold up imports, a search 5. So an entry is
first appended to a plain file, before the answer is given: from then on it survives the death of any process.
Within half a second a thread moves what was appended into the hash chain of `access.sqlite3`, synchronously.
Only a power cut in that half second can lose an entry. A crash between the two steps doubles none: the
chain knows the entries it has.

Changes are not written here but in the registry's own chain, in the transaction that makes them.
"""

import atexit
import errno
import json
import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from pedaxr.audit import chain as audit_chain
from pedaxr.audit.chain import Entry
from pedaxr.errors import StorageError
from pedaxr.storage.home import ACCESS_FILE, REGISTRY_FILE
from pedaxr.storage.sqlite import BUSY_TIMEOUT_S, settle_journal, storage_errors

RESTARTED = "restarted"  # the action of an entry that begins a chain where there was one
MALFORMED = "malformed_entry"  # the action of an entry in the place of a line that pedaxr did not write
PENDING_FILE = "access.pending"
ASIDE_FILE = "access.malformed"
_FOLDING_FILE = "access.folding"  # taken out of `PENDING_FILE`, not yet in the chain for certain
_LOCK_FILE = "access.lock"
_FOLD_EVERY_S = 0.5
_LONGEST_LINE = 1024 * 1024
_VERSION = 1  # of the chain's tables
_log = logging.getLogger(__name__)


class AccessLog:
    """The access log of one clinic; any number of processes may write to it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def path(self) -> Path:
        """The chain's file."""
        return self.home / ACCESS_FILE

    def add(self, entry: Entry) -> None:
        """Append an entry. Raises OSError."""
        line = json.dumps(vars(entry), ensure_ascii=True)
        while True:
            with _opened(self.home / PENDING_FILE) as pending, _locked(pending):
                if not _is_still(self.home / PENDING_FILE, pending):
                    continue  # it was taken away between the opening and the lock
                _append(pending, f"\n{line}\n".encode())  # a line that was torn before stays alone
                break
        _folder.wake(self.home)

    def fold(self) -> None:
        """Move everything appended so far into the chain, if anything waits. Raises StorageError, OSError."""
        if not any((self.home / name).exists() for name in (PENDING_FILE, _FOLDING_FILE)):
            return  # so that a copy on a disk that cannot be written is looked at, too
        with _opened(self.home / _LOCK_FILE) as lock, _locked(lock):
            self._fold_taken()
            self._take()
            self._fold_taken()

    def copy_waiting(self, home: Path) -> None:
        """Copy what was appended, and may not be in the chain yet, into another folder. Raises OSError.

        What is appended first, as it becomes what is being folded. A line that is being written is left out.
        """
        for name in (PENDING_FILE, _FOLDING_FILE):
            with suppress(FileNotFoundError):
                content = (self.home / name).read_bytes()
                (home / name).write_bytes(content[: content.rfind(b"\n") + 1])

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """A connection to the chain, made where there is none. Raises StorageError."""
        with storage_errors(), closing(self._connect()) as connection:
            yield connection

    def _connect(self) -> sqlite3.Connection:
        is_new = not self.path.exists()
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA trusted_schema=OFF")
        if is_new:
            self.path.chmod(0o600)  # it holds what was searched for
        settle_journal(connection)
        _make_tables(connection)
        return connection

    def _set_aside(self, lines: Sequence[bytes]) -> None:
        """Keep what pedaxr did not write where it can be looked at; `pedaxr verify` says that it is there."""
        if lines:
            with _opened(self.home / ASIDE_FILE) as aside:
                _append(aside, b"".join(line + b"\n" for line in lines))
                os.fsync(aside)
            _log.error("%s lines of the access log were malformed and set aside", len(lines))

    def _take(self) -> None:
        pending = self.home / PENDING_FILE
        if not pending.exists():
            return
        with _opened(pending) as file, _locked(file):
            pending.rename(self.home / _FOLDING_FILE)
        with _opened(self.home / _FOLDING_FILE) as file:  # no longer locked: no search waits for the disk
            os.fsync(file)

    def _fold_taken(self) -> None:
        taken = self.home / _FOLDING_FILE
        if not taken.exists():
            return
        with _opened(taken) as file:
            content = os.read(file, os.fstat(file).st_size)
        lines = [line for line in content.split(b"\n") if line.strip()]
        entries = [_parsed(line) for line in lines]
        self._set_aside(
            [line for line, entry in zip(lines, entries, strict=True) if entry.action == MALFORMED]
        )
        anchor = _anchor(self.home)
        with self.connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            audit_chain.append(connection, [replace(entry, anchor=anchor) for entry in entries])
            connection.execute("COMMIT")
        taken.unlink()


def _make_tables(connection: sqlite3.Connection) -> None:
    """Raises StorageError for a chain of a newer program: what was appended waits for that one."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > _VERSION:
        raise StorageError(
            f"The access log has version {version}, newer than the {_VERSION} known here. Update pedaxr."
        )
    there = "SELECT 1 FROM sqlite_master WHERE name = 'audit'"
    if connection.execute(there).fetchone():
        return
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute(there).fetchone():
        for statement in audit_chain.TABLES:
            connection.execute(statement)
        if version:  # there was a table, and somebody took it away
            audit_chain.append(connection, [_mark(RESTARTED)])
        connection.execute(f"PRAGMA user_version={_VERSION}")
    connection.execute("COMMIT")


def _anchor(home: Path) -> str | None:
    """The head of the registry's chain: cutting that chain is seen by this one."""
    uri = f"{(home / REGISTRY_FILE).absolute().as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True, timeout=0.1)) as registry:
        return str(audit_chain.head_of(registry))
    return None


def _parsed(line: bytes) -> Entry:
    """The entry of a line; of a torn or malformed one, that there was something."""
    try:
        values = json.loads(line) if len(line) <= _LONGEST_LINE else None
    except (ValueError, RecursionError):
        torn = line.startswith(b"{") and not line.rstrip().endswith(b"}")
        return _mark("unreadable_entry" if torn else MALFORMED, detail=f"{len(line)} bytes")
    try:
        return audit_chain.checked_entry(values)
    except (ValueError, TypeError):
        return _mark(MALFORMED, detail=f"{len(line)} bytes")


def _mark(action: str, detail: str | None = None) -> Entry:
    """An entry about the chain itself."""
    return Entry(
        entry_id=uuid4().hex,
        at=audit_chain.now(),
        action=action,
        outcome="storage",
        user="",
        client="",
        detail=detail,
    )


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A plain file, made where there is none: through a link another would be written, a pipe never ends."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Alone with the file among all processes; where there are no such locks, among the threads of this."""
    try:
        import fcntl
    except ImportError:
        with _threads:
            yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield  # closing the file gives the lock back


_threads = threading.RLock()


def _append(descriptor: int, content: bytes) -> None:
    """All of it: a disk that fills up in the middle takes a part and says nothing but how much."""
    if os.write(descriptor, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


class _Folder:
    """One thread of this process that folds what it appended, and ends when there is nothing left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._homes: set[Path] = set()
        self._timer: threading.Timer | None = None

    def forget(self) -> None:
        """In a child after a fork: it has no such thread, and a lock may be held for ever."""
        self.__init__()  # type: ignore[misc]

    def wake(self, home: Path) -> None:
        with self._lock:
            self._homes.add(home)
            if self._timer is None:
                self._timer = threading.Timer(_FOLD_EVERY_S, self.fold_all)
                self._timer.daemon = True
                self._timer.start()

    def fold_all(self) -> None:
        with self._lock:
            homes, self._homes, self._timer = self._homes, set(), None
        for home in homes:
            if (home / PENDING_FILE).exists():
                try:
                    AccessLog(home).fold()
                except (OSError, StorageError) as err:  # it stays appended; the next entry tries again
                    _log.warning("The access log could not be moved into its chain [%s]", type(err).__name__)


_folder = _Folder()
atexit.register(_folder.fold_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_folder.forget)
