"""Films on their way into the clinic: on the disk before the sender is told that they arrived.

One file per film, named by a digest of its SOP Instance UID, and one small file of what became of it. A film
that is sent again is the same film; after a crash the files say what is left to do. One process works on a
spool; a second is refused.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pedaxr.errors import InvalidRequest
from pedaxr.storage.files import replace_durably, sync_folder
from pedaxr.storage.home import SPOOL

_LEAST_FREE = 512 * 2**20
MOST_WAITING = 500
_FILM, _FAILED, _OUTCOME, _LOCK = ".dcm", ".failed", ".json", "lock"


@dataclass(frozen=True)
class Outcome:
    """What became of a film.

    Attributes:
        state: read; left: not for pedaxr, such as a hand; failed: it is kept beside, for a human to look at.
        said: why it was left or failed; nothing of the film.
    """

    state: str
    study_id: str | None = None
    report_id: str | None = None
    said: str = ""
    at: str = ""


class Full(Exception):
    """No room: the sender keeps the film and sends it later."""


class Spool:
    """The folder `spool` of a clinic."""

    def __init__(self, home: Path) -> None:
        self.folder = home / SPOOL
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def has(self, sop_uid: str) -> bool:
        """Whether the film waits here or was read or left before; one that failed may come again."""
        name = name_of(sop_uid)
        outcome = self.outcome(name)
        return self._path(name).exists() or (outcome is not None and outcome.state != "failed")

    def take(self, sop_uid: str, content: bytes) -> bool:
        """Keep a film; True when it is new. On the disk, with its name, when the call returns.

        Raises:
            Full: too many wait, or the disk is nearly full.
            OSError: it cannot be written.
        """
        if self.has(sop_uid):
            return False
        if len(self.waiting()) >= MOST_WAITING or shutil.disk_usage(self.folder).free < _LEAST_FREE:
            raise Full
        replace_durably(self._path(name_of(sop_uid)), content)
        sync_folder(self.folder)
        return True

    def waiting(self) -> list[Path]:
        """Films that nothing became of yet, oldest first."""
        found = [(path.stat().st_mtime_ns, path) for path in self.folder.glob(f"*{_FILM}")]
        return [path for _, path in sorted(found)]

    def settle(self, path: Path, outcome: Outcome) -> None:
        """Write down what became of a film; its file goes, unless it failed."""
        stamped = {**asdict(outcome), "at": datetime.now(UTC).isoformat(timespec="seconds")}
        replace_durably(path.with_suffix(_OUTCOME), json.dumps(stamped).encode())
        if outcome.state == "failed":
            path.replace(path.with_suffix(_FAILED))
        else:
            path.unlink(missing_ok=True)
            path.with_suffix(_FAILED).unlink(missing_ok=True)
        sync_folder(self.folder)

    def outcome(self, name: str) -> Outcome | None:
        """What became of the film of that name; None while it waits, and where the file is torn."""
        try:
            return Outcome(**json.loads((self.folder / f"{name}{_OUTCOME}").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def counts(self) -> dict[str, int]:
        """Films that wait, and those of each outcome."""
        states = [self.outcome(path.stem) for path in self.folder.glob(f"*{_OUTCOME}")]
        counted = {"waiting": len(self.waiting())}
        for outcome in filter(None, states):
            counted[outcome.state] = counted.get(outcome.state, 0) + 1
        return counted

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have the spool for the block. Raises InvalidRequest where another process has it."""
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as err:
            raise InvalidRequest(
                "Another `pedaxr listen` works for this clinic. Stop that one first."
            ) from err
        finally:
            os.close(descriptor)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{_FILM}"


def name_of(sop_uid: str) -> str:
    """The name that a film's files have."""
    return hashlib.sha256(sop_uid.encode()).hexdigest()[:24]
