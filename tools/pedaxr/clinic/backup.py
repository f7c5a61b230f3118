"""Copy a clinic while it is being used, and make a clinic of a copy.

A backup is one ZIP file: `registry.sqlite3` and `access.sqlite3` as SQLite's online backup gives them, the
films they name, the list of signers where there is one, what the clinic has learned, what a PACS sent and is
not imported yet, and `manifest.json` with the SHA-256 of each. The registry is copied before its films, so
every film it names is there: films are written before their rows and never changed. What a PACS sent is
copied before the registry: a film that is imported meanwhile is in both, and not in neither.
"""

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pedaxr.audit.access_log import AccessLog
from pedaxr.audit.trail import record
from pedaxr.clinic.backup_file import (
    DATABASES,
    FORMATS,
    MANIFEST,
    copy_counted,
    is_packed_film,
    is_spooled,
    unpack,
)
from pedaxr.clinic.backup_learning import learning_files, weights_left_out
from pedaxr.clinic.clinic import Clinic, open_clinic
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.registry.planted_schema import OURS_IN_ACCESS_LOG, OURS_IN_REGISTRY, planted
from pedaxr.registry.schema import writing
from pedaxr.storage.files import disk_errors, make_private, sync_folder
from pedaxr.storage.home import ACCESS_FILE, REGISTRY_FILE, SIGNERS_FILE, SPOOL
from pedaxr.storage.sqlite import storage_errors
from pedaxr.text import counted

_NO_ROOM = "The disk of the backup is full and no backup was made. Free some space on it, or choose another."
_PAGES = 1000  # copied at a time; between them others may write


@dataclass(frozen=True)
class Copied:
    """What a backup holds.

    Attributes:
        missing: films that the registry names and the folder of films does not have.
        weights_left_out: weights that were put in use and lie outside the clinic's folder.
        waiting: films that a PACS sent and that are not imported yet; they are in it.
        unrecorded: why the clinic's audit trail does not say that the backup was made; None where it does.
    """

    films: int
    missing: int
    size: int
    weights_left_out: tuple[str, ...] = ()
    waiting: int = 0
    unrecorded: str | None = None


def back_up(clinic: Clinic, file: Path, *, progress: Callable[[int, int], None] | None = None) -> Copied:
    """Write a backup of the clinic, which may be in use, to a new file.

    Raises:
        InvalidRequest: the file exists, or its folder does not.
        StorageError: something cannot be read or written.
    """
    with disk_errors("The backup"):
        _check_new(file)
    with (
        disk_errors("The backup"),
        tempfile.TemporaryDirectory(prefix=".backup-", dir=file.absolute().parent) as aside,
    ):
        _copy_spool(clinic.home / SPOOL, Path(aside) / SPOOL)
        with _full_where_it_is_written():
            _copy_database(clinic.registry.path, Path(aside) / REGISTRY_FILE)
            _copy_accesses(AccessLog(clinic.home), AccessLog(Path(aside)))
        part = Path(aside) / "part"
        copied = _write(part, Path(aside), clinic.home, progress)
        part.rename(file)
        sync_folder(file.absolute().parent)
    return replace(copied, unrecorded=_not_recorded(clinic, copied))


def _check_new(file: Path) -> None:
    if not file.absolute().parent.is_dir():  # not made: a disk that is not mounted is no folder of this one
        raise InvalidRequest(
            f"There is no folder {str(file.parent)!r}. Make it, or attach the disk it is on."
        )
    with suppress(FileNotFoundError):
        file.lstat()  # a link that leads nowhere is not replaced either
        raise InvalidRequest(f"{str(file)!r} exists already. Choose a new file: backups are not overwritten.")


def _not_recorded(clinic: Clinic, copied: Copied) -> str | None:
    """Write the backup down. Where the clinic's disk is full or failing the backup is wanted all the more."""
    try:
        with writing(clinic.registry.path) as database:
            record(database.conn, "backup", detail=counted(copied.films, "film"))
    except StorageError as err:
        return str(err)
    return None


def restore(file: Path, into: Path) -> Clinic:
    """Make a clinic of a backup, in a new folder; every file is checked against the manifest.

    Raises:
        InvalidRequest: the folder exists and is not empty.
        StorageError: the backup is damaged or something else, or the folder cannot be written.
    """
    with disk_errors():
        if into.exists() and (not into.is_dir() or any(into.iterdir())):
            raise InvalidRequest(f"{str(into)!r} is not empty. A backup is restored into a new folder only.")
        into.absolute().parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".restore-", dir=into.absolute().parent))
        try:
            unpack(file, aside)
            aside.chmod(0o700)
            _make_usable(aside)  # before it gets its name: what cannot be used leaves no folder
            aside.rename(into)
            sync_folder(into.absolute().parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return open_clinic(into)


def _make_usable(home: Path) -> None:
    """Open what was unpacked as a clinic; nothing of a hostile registry acts before it was looked through."""
    try:
        for name, ours in ((REGISTRY_FILE, OURS_IN_REGISTRY), (ACCESS_FILE, OURS_IN_ACCESS_LOG)):
            _refuse_planted(home / name, ours)
        clinic = open_clinic(home)
        with AccessLog(home).connected(), writing(clinic.registry.path) as database:
            record(database.conn, "restore")
        films = _films(clinic.registry.path)
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as err:  # cells that pedaxr never wrote
        raise StorageError("The backup's registry is damaged. Use another backup.") from err
    if not all(Path(film).is_absolute() or is_packed_film(film) for film in films):
        raise StorageError("The backup's registry names a film outside its folder, so it was not restored.")


def _refuse_planted(database: Path, ours: dict[str, str]) -> None:
    if not database.is_file():
        return
    with storage_errors(), closing(sqlite3.connect(database)) as connection:
        if planted(connection, ours):
            raise StorageError("The backup's tables hold triggers or views that pedaxr does not make.")
        if database.name == REGISTRY_FILE:
            connection.execute("SELECT version FROM schema_versions")  # an empty file would become a clinic


def _copy_accesses(log: AccessLog, copy: AccessLog) -> None:
    """The chain, and in it what waits outside: a full or failing disk of the clinic cannot take that in."""
    log.copy_waiting(copy.home)  # before the chain: what is taken in meanwhile is in both, and counts once
    if log.path.exists():
        _copy_database(log.path, copy.path)
    copy.fold()
    with copy.connected():  # made where there is none
        pass


@contextmanager
def _full_where_it_is_written() -> Iterator[None]:
    """A database without room is the backup's: the clinic's are only read."""
    try:
        yield
    except StorageError as err:
        if getattr(err.__cause__, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise StorageError(_NO_ROOM) from err
        raise


def _copy_database(source: Path, target: Path) -> None:
    with (
        storage_errors(),
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy, pages=_PAGES, sleep=0.01)
        copy.execute("PRAGMA journal_mode=DELETE")


def _copy_spool(source: Path, target: Path) -> None:
    """What `pedaxr listen` has in hand; a film that it settles meanwhile is in the registry by then."""
    target.mkdir(mode=0o700)
    for path in sorted(source.iterdir()) if source.is_dir() else ():
        if is_spooled(f"{SPOOL}/{path.name}") and not path.is_symlink():
            with suppress(FileNotFoundError):
                shutil.copyfile(path, target / path.name)


def _films(database: Path) -> list[str]:
    with storage_errors(), closing(sqlite3.connect(database)) as connection:
        connection.text_factory = _any_text
        rows = connection.execute("SELECT DISTINCT image_path FROM studies ORDER BY image_path")
        return [str(row[0]) for row in rows]


def _any_text(cell: bytes) -> str:
    return cell.decode("utf-8", "surrogateescape")


def _is_film(home: Path, film: str) -> bool:
    """Whether a film may go into the backup: a file of the films' folder, which may be a link itself."""
    if not is_packed_film(film) or not (path := home / film).is_file():
        return False
    below = path.parents[: len(Path(film).parts) - 2]
    return not any(part.is_symlink() for part in (path, *below))


def _compression(database: Path) -> int:
    """Packed, unless it is mostly free pages, which could be packed further than `restore` believes."""
    with storage_errors(), closing(sqlite3.connect(database)) as connection:
        free, all_pages = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("freelist_count", "page_count")
        )
    return zipfile.ZIP_STORED if 2 * free > all_pages else zipfile.ZIP_DEFLATED


def _write(part: Path, aside: Path, home: Path, progress: Callable[[int, int], None] | None) -> Copied:
    digests: dict[str, str] = {}
    films = _films(aside / REGISTRY_FILE)
    missing = 0
    make_private(part)
    with part.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
            for name in DATABASES:
                digests[name] = _add(archive, aside / name, name, _compression(aside / name))
            if (home / SIGNERS_FILE).is_file():
                digests[SIGNERS_FILE] = _add(archive, home / SIGNERS_FILE, SIGNERS_FILE, zipfile.ZIP_STORED)
            for number, film in enumerate(films, 1):
                if not _is_film(home, film):
                    missing += 1
                    continue
                digests[film] = _add(archive, home / film, film, zipfile.ZIP_STORED)
                if progress:
                    progress(number, len(films))
            more = [(name, home / name) for name in learning_files(home)]
            more += [(f"{SPOOL}/{path.name}", path) for path in sorted((aside / SPOOL).iterdir())]
            for name, path in more:
                digests[name] = _add(archive, path, name, zipfile.ZIP_STORED)
            version = FORMATS[-1 if more else 0]  # older programs read what holds no more than they know
            archive.writestr(MANIFEST, json.dumps({"format": version, "files": digests}, indent=1))
        file.flush()
        os.fsync(file.fileno())
    waiting = sum(path.suffix == ".dcm" for path in (aside / SPOOL).iterdir())
    left_out = tuple(weights_left_out(home))
    return Copied(len(films) - missing, missing, part.stat().st_size, left_out, waiting)


def _add(archive: zipfile.ZipFile, path: Path, name: str, compression: int) -> str:
    info = zipfile.ZipInfo(name)
    info.compress_type, info.external_attr = compression, 0o600 << 16
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        return copy_counted(source, target)
