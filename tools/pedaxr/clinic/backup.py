"""Copy a clinic while it is being used, and make a clinic of a copy.

A backup is one ZIP file: `registry.sqlite3` and `access.sqlite3` as SQLite's online backup gives them, the
films they name, and `manifest.json` with the SHA-256 of each. The registry is copied first, so every film it
names is there: films are written before their rows and never changed.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pedaxr.audit.access_log import AccessLog
from pedaxr.audit.trail import record
from pedaxr.clinic.clinic import Clinic, open_clinic
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.registry import REGISTRY_FILE
from pedaxr.registry.schema import writing
from pedaxr.storage.files import disk_errors, make_private, sync_folder
from pedaxr.storage.home import ACCESS_FILE
from pedaxr.storage.sqlite import storage_errors

MANIFEST = "manifest.json"
_FORMAT = 1
_FILMS = "films"
_CHUNK = 1024 * 1024
_PAGES = 1000  # copied at a time; between them others may write


@dataclass(frozen=True)
class Copied:
    """What a backup holds.

    Attributes:
        missing: films that the registry names and the folder no longer has.
    """

    films: int
    missing: int
    size: int


def back_up(clinic: Clinic, file: Path, *, progress: Callable[[int, int], None] | None = None) -> Copied:
    """Write a backup of the clinic, which may be in use, to a new file.

    Raises:
        InvalidRequest: the file exists.
        StorageError: something cannot be read or written.
    """
    if file.exists():
        raise InvalidRequest(f"{str(file)!r} exists already. Choose a new file: backups are not overwritten.")
    with disk_errors(), tempfile.TemporaryDirectory(prefix=".backup-", dir=file.absolute().parent) as aside:
        for path in (clinic.registry.path, _folded(clinic).path):
            _copy_database(path, Path(aside) / path.name)
        part = Path(aside) / "part"
        copied = _write(part, Path(aside), clinic.home, progress)
        part.rename(file)
        sync_folder(file.absolute().parent)
    with writing(clinic.registry.path) as database:
        record(database.conn, "backup", detail=f"{copied.films} films")
    return copied


def restore(file: Path, into: Path) -> Clinic:
    """Make a clinic of a backup, in a new folder; every file is checked against the manifest.

    Raises:
        InvalidRequest: the folder exists and is not empty.
        StorageError: the backup is damaged or something else, or the folder cannot be written.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise InvalidRequest(f"{str(into)!r} is not empty. A backup is restored into a new folder only.")
    with disk_errors():
        into.absolute().parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".restore-", dir=into.absolute().parent))
        try:
            _unpack(file, aside)
            aside.chmod(0o700)
            aside.rename(into)
            sync_folder(into.absolute().parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    clinic = open_clinic(into)
    with writing(clinic.registry.path) as database:
        record(database.conn, "restore")
    return clinic


def _folded(clinic: Clinic) -> AccessLog:
    log = AccessLog(clinic.home)
    log.fold()
    with log.connected():
        return log


def _copy_database(source: Path, target: Path) -> None:
    with (
        storage_errors(),
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy, pages=_PAGES, sleep=0.01)
        copy.execute("PRAGMA journal_mode=DELETE")


def _films(database: Path) -> list[str]:
    with storage_errors(), closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT image_path FROM studies ORDER BY image_path")]


def _write(part: Path, aside: Path, home: Path, progress: Callable[[int, int], None] | None) -> Copied:
    digests: dict[str, str] = {}
    films = _films(aside / REGISTRY_FILE)
    missing = 0
    make_private(part)
    with part.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
            for name in (REGISTRY_FILE, ACCESS_FILE):
                digests[name] = _add(archive, aside / name, name, zipfile.ZIP_DEFLATED)
            for number, film in enumerate(films, 1):
                path = home / film
                if Path(film).is_absolute() or not path.is_file():
                    missing += 1
                    continue
                digests[film] = _add(archive, path, film, zipfile.ZIP_STORED)
                if progress:
                    progress(number, len(films))
            archive.writestr(MANIFEST, json.dumps({"format": _FORMAT, "files": digests}, indent=1))
        file.flush()
        os.fsync(file.fileno())
    return Copied(len(films) - missing, missing, part.stat().st_size)


def _add(archive: zipfile.ZipFile, path: Path, name: str, compression: int) -> str:
    info = zipfile.ZipInfo(name)
    info.compress_type, info.external_attr = compression, 0o600 << 16
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        return _copy(source, target)


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


def _unpack(file: Path, folder: Path) -> None:
    with _opened(file) as archive:
        listed = _listed(archive)
        for name in ("films", "overlays"):
            (folder / name).mkdir()
        for name, digest in listed.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("xb") as copy:
                if _copy(source, copy) != digest:
                    raise StorageError(f"The backup is damaged: {name} is not what was copied. Use another.")
                copy.flush()
                os.fsync(copy.fileno())
        for path in (folder / _FILMS, folder):
            sync_folder(path)


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, KeyError, EOFError, NotImplementedError) as err:
        raise StorageError("The backup cannot be read: it is damaged or no backup. Use another.") from err


def _listed(archive: zipfile.ZipFile) -> dict[str, str]:
    try:
        manifest = json.loads(archive.read(MANIFEST))
        files = {str(name): str(digest) for name, digest in manifest["files"].items()}
        known = manifest["format"] == _FORMAT
    except (ValueError, TypeError, AttributeError, KeyError) as err:
        raise StorageError("The backup cannot be read: it has no manifest. Use another.") from err
    if not known or REGISTRY_FILE not in files:
        raise StorageError("The backup is of another version of pedaxr. Restore it with that version.")
    for name in files:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
            raise StorageError("The backup names a file outside its folder, so it was not unpacked.")
    return files
