"""Is everything still there and unchanged? The registry, the films, the reports and both audit chains.

Also what interrupted writes leave behind: files that no row names. They are harmless, and can be removed once
they are old enough to belong to nobody who is still writing.
"""

import hashlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pedaxr.audit import chain as audit_chain
from pedaxr.audit.access_log import AccessLog
from pedaxr.audit.chain import Head
from pedaxr.clinic.clinic import Clinic
from pedaxr.errors import InvalidRequest
from pedaxr.registry.report_versions import stored_as
from pedaxr.registry.schema import connected
from pedaxr.storage.files import disk_errors

_OLD_S = 3600.0
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
    """Every check, in order: tables, films, reports, audit.

    Raises:
        InvalidRequest: `head` is no head.
        StorageError: the files cannot be opened at all.
    """
    with disk_errors():
        return [
            _check_tables(clinic.registry.path),
            _check_films(clinic),
            _check_reports(clinic.registry.path),
            *check_audit(clinic, head=head),
        ]


def check_audit(clinic: Clinic, *, head: str | None = None) -> list[Check]:
    """Both chains: each in itself, the changes against what the accesses noted of them, and a noted head."""
    noted = _parse_heads(head) if head else {}
    log = AccessLog(clinic.home)
    with disk_errors():
        log.fold()
    with connected(clinic.registry.path) as changes, log.connected() as accesses:
        faults = audit_chain.faults_of(changes) + _unknown_anchors(changes, accesses)
        return [
            _check_chain("audit of changes", changes, faults, noted.get("changes")),
            _check_chain(
                "audit of accesses", accesses, audit_chain.faults_of(accesses), noted.get("accesses")
            ),
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
    named = {path.resolve() for path in _film_paths(clinic)}
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
    for folder in (clinic.films, clinic.overlays, clinic.home):
        for path in folder.iterdir() if folder.is_dir() else ():
            is_part = path.name.endswith(".part") or path.name.startswith((".overlay-", ".backup-"))
            is_whole_copy = path.is_dir() and path.name.startswith(".backup-")
            is_file = path.is_file() and (is_part or folder == clinic.films)
            if not path.is_symlink() and (is_file or is_whole_copy):
                yield path


def _last_written(path: Path) -> float:
    """When anything of it changed last, in seconds since 1970."""
    inside = path.iterdir() if path.is_dir() else ()
    return float(max(one.stat().st_mtime for one in (path, *inside)))


def _film_paths(clinic: Clinic) -> list[Path]:
    with connected(clinic.registry.path) as connection:
        return [clinic.home / row[0] for row in connection.execute("SELECT image_path FROM studies")]


def _check_tables(path: Path) -> Check:
    with connected(path) as connection:
        try:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(10)")]
            found += [f"a row of {row[0]} refers to nothing" for row in _foreign_faults(connection)]
        except sqlite3.DatabaseError:  # too damaged to be checked
            found = ["the file is damaged"]
    faults = tuple("the tables are damaged" if "\n" in line else line for line in found if line != "ok")
    return Check("tables", 1, faults)


def _foreign_faults(connection: sqlite3.Connection) -> list[tuple[str]]:
    return connection.execute("PRAGMA foreign_key_check").fetchall()[:_MOST_LISTED]


def _check_films(clinic: Clinic) -> Check:
    with connected(clinic.registry.path) as connection:
        rows = connection.execute("SELECT study_id, image_path, image_sha256 FROM studies").fetchall()
    faults = [
        f"the film of study {study_id} {fault}"
        for study_id, path, digest in rows
        if (fault := _film_fault(clinic.home / path, digest))
    ]
    return Check("films", len(rows), _some(faults))


def _film_fault(path: Path, digest: str) -> str | None:
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    except OSError:
        return "is missing or cannot be read"
    return None if found.hexdigest() == digest else "is not the one that was registered"


def _check_reports(path: Path) -> Check:
    """Each report against what the audit trail says of its text."""
    with connected(path) as connection:
        reports = dict(connection.execute("SELECT report_id, document FROM reports").fetchall())
        noted = dict(
            connection.execute(
                "SELECT report_id, detail FROM audit WHERE report_id IS NOT NULL AND detail LIKE 'sha256:%'"
            ).fetchall()
        )
        deleted = connection.execute("SELECT 1 FROM audit WHERE action = 'delete' LIMIT 1").fetchone()
    faults = [
        f"report {report_id} is not as it was stored"
        if report_id in noted
        else f"report {report_id} is alien"
        for report_id, document in reports.items()
        if noted.get(report_id) != stored_as(document)
    ]
    if not deleted:
        faults += [f"report {report_id} is missing" for report_id in noted if report_id not in reports]
    return Check("reports", len(reports), _some(faults))


def _check_chain(name: str, connection: sqlite3.Connection, faults: list[str], noted: Head | None) -> Check:
    if noted is not None and not audit_chain.has(connection, noted):
        faults = [*faults, f"entry {noted.sequence}, noted outside, is missing or another"]
    return Check(name, audit_chain.head_of(connection).sequence, _some(faults))


def _unknown_anchors(changes: sqlite3.Connection, accesses: sqlite3.Connection) -> list[str]:
    anchors = accesses.execute("SELECT DISTINCT anchor FROM audit WHERE anchor IS NOT NULL").fetchall()
    unknown = []
    for (text,) in anchors:
        try:
            is_known = audit_chain.has(changes, audit_chain.parse_head(text))
        except ValueError:
            is_known = False
        if not is_known:
            unknown.append(f"an entry that an access noted ({str(text)[:20]}...) is missing or another")
    return unknown


def _parse_heads(text: str) -> dict[str, Head]:
    try:
        named = dict(part.split("=", 1) for part in text.strip().split(","))
        if not named or set(named) - {"changes", "accesses"}:
            raise ValueError
        return {name: audit_chain.parse_head(head) for name, head in named.items()}
    except ValueError as err:
        raise InvalidRequest(
            "This is no head. Give the whole line that `pedaxr audit head` printed."
        ) from err


def _some(faults: list[str]) -> tuple[str, ...]:
    more = len(faults) - _MOST_LISTED
    return (*faults[:_MOST_LISTED], *((f"and {more} more",) if more > 0 else ()))
