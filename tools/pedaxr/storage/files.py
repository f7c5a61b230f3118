"""Files that are on the disk, whole, when the call returns."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from pedaxr.errors import StorageError

# What the refusals of operating systems mean, and what to do about them.
_CAUSES = {
    errno.ENOSPC: "The disk is full: free some space on it, or choose another.",
    errno.EDQUOT: "Your share of the disk is used up: free some space, or choose another disk.",
    errno.EFBIG: "The disk takes no file so large, as FAT takes none of 4 GB: choose another.",
    errno.EROFS: "The disk is read-only: have it attached for writing, or choose another.",
    errno.EIO: "The disk is failing or was detached: check it before anything else is stored on it.",
    errno.ENODEV: "The disk was detached: attach it again, then retry.",
    errno.ENAMETOOLONG: "A name in its path is too long: choose a shorter one.",
    errno.ENOTDIR: "A part of its path is a file, where a folder has to be: choose another path.",
    errno.ELOOP: "A link in its path leads back to itself: choose another path.",
    errno.ENOENT: "A folder of its path is not there, or was removed meanwhile: make it, then retry.",
    errno.EMFILE: "Too many files are open at once: raise the limit (`ulimit -n`), then retry.",
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM),
        "It is not permitted: check who owns the folder and who may use it, or choose another.",
    ),
}


def write_durably(path: Path, content: bytes) -> None:
    """Write a file and have it on the disk. An interruption can leave half of it: see `replace_durably`."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, content: bytes) -> None:
    """Write a file under another name and give it its own when it is whole. `sync_folder` makes that last.

    The other name is this write's own: two programs that write the same file do not meet.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        write_durably(part, content)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def make_private(path: Path) -> None:
    """An empty file that only its owner can read, unless there is a file already."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def sync_folder(folder: Path) -> None:
    """Have the folder's entries on the disk; a file's own fsync does not cover its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(what: str = "The clinic's folder", done: str = "written") -> Iterator[None]:
    """Turn the operating system's refusal to write the clinic, or something else, into a StorageError."""
    try:
        yield
    except OSError as err:
        reason = errno.errorcode.get(err.errno or 0, "unknown")
        cause = _CAUSES.get(err.errno or 0, "Check its disk and permissions, then retry.")
        raise StorageError(f"{what} cannot be {done} ({reason}). {cause}") from err
