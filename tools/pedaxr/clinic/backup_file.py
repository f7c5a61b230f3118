"""A backup's ZIP file, which may have been made to harm: read in bounded memory, or refused.

What is unpacked is bounded by the file's own size: films and weights are stored as they are, only the two
databases are packed, and those at most `_MOST_PACKED` times smaller. No name leads out of the folder, no
entry is a link or a device, and nothing is encrypted or packed in a way that pedaxr never uses.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pedaxr.errors import StorageError
from pedaxr.storage.files import sync_folder
from pedaxr.storage.home import ACCESS_FILE, REGISTRY_FILE, SIGNERS_FILE, SPOOL
from pedaxr.storage.weights import CHILDREN_FILE, LEARNING_FOLDER, WEIGHTS_FOLDER

MANIFEST = "manifest.json"
FORMATS = (1, 2)  # the second also holds what a clinic has learned, and films that a PACS sent
FILMS = "films"
DATABASES = (REGISTRY_FILE, ACCESS_FILE)
_CHUNK = 1024 * 1024
_MOST_PACKED = 200  # times; SQLite files of records are packed 3 to 20 times
_ALWAYS_UNPACKED = 32 * 1024 * 1024  # bytes of a database, however well packed: a new one is mostly zeros
_MANIFEST_LINE = 128  # bytes beside a name that one file takes in the manifest: digest, quotes, indentation
_LONGEST_NAME = 255
_SPOOLED = re.compile(rf"{SPOOL}/[0-9a-f]{{24}}\.(?:dcm|failed|json)")
_ODD = re.compile(r"[\x00-\x1f\x7f\\:\ud800-\udfff]")
# What zipfile and its unpackers raise for files that are damaged, or made to harm.
_UNREADABLE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, RuntimeError),
    *(KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError, MemoryError),
)


def unpack(file: Path, folder: Path) -> None:
    """Write what a backup holds into an empty folder; every file is checked against the manifest.

    Raises:
        StorageError: it is damaged, no backup, or made to harm.
        OSError: the folder cannot be written.
    """
    with _opened(file) as archive:
        listed = _listed(archive, file.stat().st_size)
        _check_room(archive, listed, folder)
        for name in (FILMS, "overlays"):
            (folder / name).mkdir()
        for name, digest in listed.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("xb") as copy:
                if copy_counted(source, copy) != digest:
                    raise StorageError(f"The backup is damaged: {name} is not what was copied. Use another.")
                copy.flush()
                os.fsync(copy.fileno())
        for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            sync_folder(path)


def copy_counted(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy, and the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


def is_packed_film(name: str) -> bool:
    """Whether a path as the registry has it may stand in a backup: only below the films' folder."""
    return name.split("/")[0] == FILMS and is_packed_name(name)


def is_packed_name(name: str) -> bool:
    """Whether a path may stand in a backup: a film, a file of weights, or who is held out from learning."""
    parts = name.split("/")
    return (
        (parts[0] in (FILMS, WEIGHTS_FOLDER) or name == f"{LEARNING_FOLDER}/{CHILDREN_FILE}")
        and len(parts) > 1
        and not _ODD.search(name)
        and all(part not in ("", ".", "..") and len(part.encode()) <= _LONGEST_NAME for part in parts)
    )


def is_spooled(name: str) -> bool:
    """Whether a path is of a film that a PACS sent and nobody imported yet, or of what became of one."""
    return _SPOOLED.fullmatch(name) is not None


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except _UNREADABLE as err:
        raise StorageError("The backup cannot be read: it is damaged or no backup. Use another.") from err


def _listed(archive: zipfile.ZipFile, size: int) -> dict[str, str]:
    """The files to unpack with their digests, every one of them harmless."""
    _check_entries(archive, size)
    try:
        manifest = json.loads(archive.read(MANIFEST))
        files = {str(name): str(digest) for name, digest in manifest["files"].items()}
        known = manifest["format"] in FORMATS
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as err:
        raise StorageError("The backup cannot be read: it has no manifest. Use another.") from err
    if not known or REGISTRY_FILE not in files:
        raise StorageError("The backup is of another version of pedaxr. Restore it with that version.")
    plain = (*DATABASES, SIGNERS_FILE)
    if not all(name in plain or is_packed_name(name) or is_spooled(name) for name in files):
        raise StorageError("The backup names a file outside its folder, so it was not unpacked.")
    return files


def _check_entries(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse what pedaxr never writes, before anything is unpacked."""
    entries = archive.infolist()
    manifest = archive.getinfo(MANIFEST)
    most_listed = _CHUNK + sum(_MANIFEST_LINE + 6 * len(entry.filename) for entry in entries)
    if not all(map(_is_ours, entries)) or manifest.file_size > most_listed:
        raise StorageError("The backup holds what pedaxr does not write, so it was not unpacked.")
    if sum(entry.compress_size for entry in entries) > size:  # entries that lie over each other
        raise StorageError("The backup would unpack to more than it holds, so it was not unpacked.")


def _is_ours(entry: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:  # a link, a device; encrypted
        return False
    if entry.compress_type == zipfile.ZIP_STORED:
        return entry.file_size == entry.compress_size
    most = max(_ALWAYS_UNPACKED, _MOST_PACKED * entry.compress_size)
    return (
        entry.compress_type == zipfile.ZIP_DEFLATED
        and entry.filename in DATABASES
        and entry.file_size <= most
    )


def _check_room(archive: zipfile.ZipFile, listed: dict[str, str], folder: Path) -> None:
    needed = sum(archive.getinfo(name).file_size for name in listed)
    if needed > shutil.disk_usage(folder).free:
        raise StorageError(
            f"The disk has no room for the backup ({needed / 2**20:.0f} MiB). Free some, then retry."
        )
