"""Who may sign, and how it is known that a person did: the clinic's list of signers, and one-time codes.

`signers.txt` in the clinic's folder holds one name a line; where it is there, only they sign. A one-time
code is made by a person at a terminal, is good for one signature under one name and for a quarter of an
hour. Only its digest is stored, as the name of a file: whoever removes that file has spent the code.
"""

import base64
import hashlib
import json
import secrets
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pedaxr.errors import InvalidRequest, NotFound, StorageError
from pedaxr.storage.files import disk_errors, write_durably
from pedaxr.storage.home import SIGNERS_FILE

LIFE_S = 15 * 60
CONFIRMED = "by a one-time code, made at a terminal"
_CODES = "signing_codes"
_BYTES = 10  # of a code: nobody finds one by trying
_LARGEST_LIST = 1024 * 1024
_REFUSED = (
    "This code is not good for a signature under that name: it was mistyped, used before, made for another "
    "name, or is too old. Make one at a terminal: pedaxr reports code --by NAME."
)


def check_signer(name: str, home: Path) -> None:
    """Refuse a name that the clinic's list of signers lacks. Raises InvalidRequest, StorageError."""
    listed = _listed(home / SIGNERS_FILE)
    if listed is not None and _plain(name) not in listed:
        raise InvalidRequest(
            f"That name is not in the clinic's list of signers, {SIGNERS_FILE}. Sign under a name in it, or "
            "have whoever runs the clinic add it."
        )


def make_code(home: Path, *, by: str) -> str:
    """A code for one signature under that name; the caller has seen to it that a person asked for it.

    Raises:
        InvalidRequest: the name may not sign.
        StorageError: the clinic cannot be written.
    """
    check_signer(by, home)
    code = base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower()
    now = time.time()
    with disk_errors():
        folder = home / _CODES
        folder.mkdir(mode=0o700, exist_ok=True)
        for old in folder.iterdir():
            if old.stat().st_mtime < now - LIFE_S:
                old.unlink(missing_ok=True)
        content = json.dumps({"name": _plain(by), "made": now}).encode()
        write_durably(folder / _digest(code), content)
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


@contextmanager
def spending(home: Path, code: str, *, by: str) -> Iterator[str]:
    """The block signs by a code, which is used up unless the block is refused; yields how that was confirmed.

    Raises:
        InvalidRequest: the code is none, or for another name; it is gone all the same.
    """
    path = home / _CODES / _digest(code)
    content = _taken(path)
    if not _is_good(content, by):
        raise InvalidRequest(_REFUSED)
    try:
        yield CONFIRMED
    except (InvalidRequest, NotFound):  # nothing was signed: a slip in the form costs no walk to the terminal
        with suppress(OSError):
            write_durably(path, content)
        raise


def _taken(path: Path) -> bytes:
    with suppress(OSError, ValueError):
        content = path.read_bytes() if path.is_file() else b""
        path.unlink()  # of two at once one finds nothing to remove
        return content
    return b""


def _is_good(content: bytes, by: str) -> bool:
    """For that name and not too old; a clock that was set back makes none last longer."""
    made: object = None
    with suppress(ValueError):
        made = json.loads(content)
    if not isinstance(made, dict):
        return False
    at = made.get("made")
    is_fresh = isinstance(at, float) and -1 <= time.time() - at <= LIFE_S
    return is_fresh and made.get("name") == _plain(by)


def _listed(path: Path) -> frozenset[str] | None:
    if not path.exists():
        return None
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_LIST:
            raise ValueError
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as err:
        raise StorageError(
            f"The clinic's list of signers, {SIGNERS_FILE}, cannot be read, so nobody can sign. Correct it."
        ) from err
    return frozenset(_plain(line) for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _plain(name: str) -> str:
    """A name as two spellings of it are compared: width, case and spaces do not count."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _digest(code: str) -> str:
    bare = "".join(char for char in code.lower() if char.isalnum())
    return hashlib.sha256(bare.encode("utf-8", "replace")).hexdigest()
