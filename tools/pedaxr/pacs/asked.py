"""What a process of this clinic asked the PACS for by C-MOVE, until it comes.

It comes over a connection of the PACS's own, to whoever listens: this process, or `pedaxr listen`. A mark on
the disk says that it is waited for, so that either hands it to the one who asked.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pedaxr.pacs.spool import name_of
from pedaxr.storage.files import disk_errors, replace_durably

_MARK, _CONTENT = ".asked", ".dcm"
_WAITED_S = 600.0  # a mark that is older was left by a process that was killed


class Asked:
    """One instance that is waited for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def content(self) -> bytes | None:
        """Its file; None where it did not come."""
        return self._path.read_bytes() if self._path.exists() else None


@contextmanager
def asking(home: Path, sop_uid: str) -> Iterator[Asked]:
    """Wait for an instance in the block. Raises StorageError."""
    with disk_errors(), tempfile.TemporaryDirectory(prefix=".fetch-", dir=home) as folder:
        mark = Path(folder) / f"{name_of(sop_uid)}{_MARK}"
        mark.touch()
        yield Asked(mark.with_suffix(_CONTENT))


def hand_over(home: Path, sop_uid: str, content: bytes) -> bool:
    """Give an instance that came to all who wait for it; whether anybody does. Raises OSError."""
    since = time.time() - _WAITED_S
    waiting = [mark for mark in home.glob(f".fetch-*/{name_of(sop_uid)}{_MARK}") if _is_since(mark, since)]
    for mark in waiting:
        with suppress(FileNotFoundError):  # whoever waited has gone
            replace_durably(mark.with_suffix(_CONTENT), content)
    return bool(waiting)


def _is_since(mark: Path, since: float) -> bool:
    try:
        return mark.stat().st_mtime >= since
    except FileNotFoundError:
        return False
