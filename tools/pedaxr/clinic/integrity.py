"""Is everything still there and unchanged? The registry, the films, the reports and both audit chains.

Also what interrupted writes leave behind: files that no row names. They are harmless, and can be removed once
they are old enough to belong to nobody who is still writing.
"""

import hashlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pedaxr.audit import chain as audit_chain
from pedaxr.audit.access_log import ASIDE_FILE, RESTARTED, AccessLog
from pedaxr.audit.chain import Head
from pedaxr.clinic.clinic import Clinic
from pedaxr.errors import InvalidRequest, StorageBusy, StorageError
from pedaxr.patient_search.index_check import index_faults
from pedaxr.registry.planted_schema import OURS_IN_REGISTRY, missing, planted
from pedaxr.registry.row_states import WATCHED, row_faults
from pedaxr.registry.schema import connected
from pedaxr.storage.files import disk_errors
from pedaxr.storage.home import SPOOL

_OLD_S = 3600.0
_NAMES = {"merged_patients": "merged ids", "moved_films": "moved films"}
_CHUNK = 1024 * 1024
_MOST_LISTED = 20


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        looked_at: how many.
        faults: what is wrong, in words without patients; nothing when all is well.
    """

    name: str
    looked_at: int
    faults: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def check_clinic(clinic: Clinic, *, head: str | None = None) -> list[Check]:
    """Every check, in order: tables, films, rows, search index, audit.

    Raises:
        InvalidRequest: `head` is not a head.
        StorageError: the files cannot be opened at all.
    """
    with disk_errors():
        return [
            _check_tables(clinic.registry.path),
            _check_films(clinic),
            *(_check_rows(clinic.registry.path, table) for table in WATCHED),
            _check_index(clinic.registry.path),
            *check_audit(clinic, head=head),
        ]


def check_audit(clinic: Clinic, *, head: str | None = None) -> list[Check]:
    """Both chains: each in itself, the changes against what the accesses noted of them, and a noted head."""
    noted = _parse_heads(head) if head else {}
    log = AccessLog(clinic.home)
    waiting = _not_folded(log)
    with _readable(clinic.registry.path) as changes, log.connected() as accesses:
        accesses.text_factory = _any_text
        reads = _check_chain("audit of accesses", accesses, noted.get("accesses"))
        return [
            _check_chain("audit of changes", changes, noted.get("changes"), named_by=accesses),
            replace(reads, faults=(*reads.faults, *waiting, *_set_aside(clinic.home))),
        ]


def _not_folded(log: AccessLog) -> list[str]:
    """What cannot enter the chain is no reason to look at nothing: a full disk is when somebody verifies."""
    try:
        with disk_errors():
            log.fold()
    except StorageBusy:  # nothing is wrong: to be called again
        raise
    except StorageError as err:
        return [f"the last accesses wait outside the chain: {str(err)[:1].lower()}{str(err)[1:]}"]
    return []


def _set_aside(home: Path) -> list[str]:
    if not (home / ASIDE_FILE).exists():
        return []
    return [
        f"somebody wrote lines into the access log that pedaxr did not; they are in {ASIDE_FILE}. Look at "
        "them, then move the file away"
    ]


def heads(clinic: Clinic) -> str:
    """Both heads as one line, to be noted outside the clinic."""
    log = AccessLog(clinic.home)
    with disk_errors():
        log.fold()
    with connected(clinic.registry.path) as changes, log.connected() as accesses:
        return f"changes={audit_chain.head_of(changes)},accesses={audit_chain.head_of(accesses)}"


def orphans(clinic: Clinic, *, older_than_s: float = _OLD_S) -> list[Path]:
    """What an interrupted write left: unfinished files and backups, and films that no study names."""
    named = {path.resolve() for path in _film_paths(clinic) if "\0" not in str(path)}
    before = time.time() - older_than_s
    with disk_errors():
        found = [path for path in _left_behind(clinic) if path.resolve() not in named]
        return sorted(path for path in found if _last_written(path) <= before)


def remove_orphans(clinic: Clinic, *, older_than_s: float = _OLD_S) -> list[Path]:
    """Remove them, and say which they were."""
    found = orphans(clinic, older_than_s=older_than_s)
    with disk_errors():
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return found


def _left_behind(clinic: Clinic) -> Iterator[Path]:
    for folder in (clinic.films, clinic.overlays, clinic.home / SPOOL, clinic.home):
        for path in folder.iterdir() if folder.is_dir() else ():
            is_part = path.name.endswith(".part") or path.name.startswith((".overlay-", ".backup-"))
            is_whole_copy = path.is_dir() and path.name.startswith((".backup-", ".fetch-"))
            is_file = path.is_file() and (is_part or folder == clinic.films)
            if not path.is_symlink() and (is_file or is_whole_copy):
                yield path


def _last_written(path: Path) -> float:
    """When anything of it changed last, in seconds since 1970."""
    inside = path.iterdir() if path.is_dir() else ()
    return float(max(one.stat().st_mtime for one in (path, *inside)))


def _film_paths(clinic: Clinic) -> list[Path]:
    with _readable(clinic.registry.path) as connection:
        return [clinic.home / str(row[0]) for row in connection.execute("SELECT image_path FROM studies")]


def _check_tables(path: Path) -> Check:
    with connected(path) as connection:
        try:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(10)")]
            found += [f"a row of {row[0]} refers to nothing" for row in _foreign_faults(connection)]
            found += _schema_faults(connection)
        except sqlite3.DatabaseError:  # too damaged to be checked
            found = ["the file is damaged"]
    faults = tuple("the tables are damaged" if "\n" in line else line for line in found if line != "ok")
    return Check("tables", 1, faults)


def _schema_faults(connection: sqlite3.Connection) -> list[str]:
    faults = [f"the trigger {name} is missing or changed" for name in missing(connection, OURS_IN_REGISTRY)]
    if count := planted(connection, OURS_IN_REGISTRY):
        faults.append(f"{count} triggers, views or virtual tables were not made by pedaxr")
    return faults


def _foreign_faults(connection: sqlite3.Connection) -> list[tuple[str]]:
    return connection.execute("PRAGMA foreign_key_check").fetchall()[:_MOST_LISTED]


def _check_films(clinic: Clinic) -> Check:
    with _readable(clinic.registry.path) as connection:
        rows = connection.execute("SELECT study_id, image_path, image_sha256 FROM studies").fetchall()
    faults = [
        f"the film of study {study_id} {fault}"
        for study_id, path, digest in rows
        if (fault := _film_fault(clinic.home, path, digest))
    ]
    return Check("films", len(rows), _some(faults))


def _film_fault(home: Path, path: object, digest: object) -> str | None:
    found = hashlib.sha256()
    try:
        if not (home / str(path)).is_file():  # a pipe or a device has no end
            return "is missing or cannot be read"
        with (home / str(path)).open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    except (OSError, ValueError):  # ValueError: no path at all
        return "is missing or cannot be read"
    return None if found.hexdigest() == digest else "is not the one that was registered"


def _check_rows(path: Path, table: str) -> Check:
    """Each row against what the audit trail says of it."""
    with _readable(path) as connection:
        try:
            count, faults = row_faults(connection, table)
        except sqlite3.DatabaseError:
            return Check(_NAMES.get(table, table), 0, ("the table cannot be read",))
    return Check(_NAMES.get(table, table), count, _some(faults))


def _check_index(path: Path) -> Check:
    """The search index against the names it is made of."""
    with _readable(path) as connection:
        try:
            count, faults = index_faults(connection)
        except (sqlite3.DatabaseError, TypeError, ValueError):  # cells that are no keys
            return Check("search index", 0, ("the search index cannot be read",))
    return Check("search index", count, _some(faults))


@contextmanager
def _readable(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads whatever somebody put into a cell, text that is none too."""
    with connected(path) as connection:
        connection.text_factory = _any_text
        yield connection


def _any_text(cell: bytes) -> str:
    return cell.decode("utf-8", "surrogateescape")


def _check_chain(
    name: str,
    connection: sqlite3.Connection,
    noted: Head | None,
    *,
    named_by: sqlite3.Connection | None = None,
) -> Check:
    """A chain in itself, against the entries of the other that name it, and against a head noted outside."""
    try:
        faults = audit_chain.faults_of(connection)
        faults += _unknown_anchors(connection, named_by) if named_by else []
        if connection.execute("SELECT 1 FROM audit WHERE action = ?", [RESTARTED]).fetchone():
            faults.append("the chain was restarted: the table before it was taken away")
        if noted is not None and not audit_chain.has(connection, noted):
            faults.append(f"entry {noted.sequence}, noted outside, is missing or another")
        return Check(name, audit_chain.head_of(connection).sequence, _some(faults))
    except sqlite3.DatabaseError:  # no table of that name, or without its columns
        return Check(name, 0, ("the chain cannot be read: its table is missing, changed or damaged",))


def _unknown_anchors(changes: sqlite3.Connection, accesses: sqlite3.Connection) -> list[str]:
    try:
        anchors = accesses.execute("SELECT DISTINCT anchor FROM audit WHERE anchor IS NOT NULL").fetchall()
    except sqlite3.DatabaseError:  # the check of that chain says so
        return []
    unknown = []
    for (text,) in anchors:
        try:
            is_known = audit_chain.has(changes, audit_chain.parse_head(text))
        except (ValueError, OverflowError, AttributeError, TypeError):  # a head that is none
            is_known = False
        if not is_known:
            unknown.append("an entry that an access noted is missing or another")
    return unknown


def _parse_heads(text: str) -> dict[str, Head]:
    try:
        named = dict(part.split("=", 1) for part in text.strip().split(","))
        if not named or set(named) - {"changes", "accesses"}:
            raise ValueError
        return {name: audit_chain.parse_head(head) for name, head in named.items()}
    except ValueError as err:
        raise InvalidRequest(
            "This is not a head. Give the whole line that `pedaxr audit head` printed."
        ) from err


def _some(faults: list[str]) -> tuple[str, ...]:
    more = len(faults) - _MOST_LISTED
    return (*faults[:_MOST_LISTED], *((f"and {more} more",) if more > 0 else ()))
