"""What a server and the readers it shares with others say to each other, over HTTP.

    POST /read   Authorization: Bearer KEY    {"home": ..., "job": ..., "arguments": {...}, "caller": ...}
    200          X-Pedaxr-Stages: {...}       the bytes of the answer
    422, 500                                  {"error": code, "text": ...}, as the reading worker says it
    503                                       too many films wait (Ray Serve says so itself)

The key lies in the clinic's folder, where only those can read it who can read the clinic: so whoever may ask
for a film over this door could have opened its file.
"""

import hmac
import secrets
from pathlib import Path

from pedaxr.errors import InvalidRequest
from pedaxr.storage.files import disk_errors, make_private, write_durably

KEY_FILE = "readers.key"
READ_PATH = "/read"
ROUTES_PATH = "/-/routes"  # Ray Serve's own: what is deployed
STAGES_HEADER = "x-pedaxr-stages"
LONGEST_REQUEST = 64 * 1024
_SCHEME = "Bearer "


def make_key(home: Path) -> str:
    """The key of a clinic's readers, made where there is none.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = home / KEY_FILE
    with disk_errors():
        home.mkdir(parents=True, exist_ok=True)
        make_private(path)
        if not path.read_bytes().strip():
            write_durably(path, secrets.token_urlsafe(32).encode())
        return path.read_text(encoding="ascii").strip()


def known_key(home: Path) -> str:
    """The key, for a server.

    Raises:
        InvalidRequest: no readers were ever started for this clinic, or the file cannot be read.
    """
    try:
        return (home / KEY_FILE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidRequest(
            f"The clinic's folder has no {KEY_FILE} that this server can read. Start the readers with "
            "`pedaxr readers` and the same --home."
        ) from err


def authorization(key: str) -> str:
    """The value of the header."""
    return _SCHEME + key


def is_authorised(header: str | None, key: str) -> bool:
    """Whether a request's header holds the key."""
    return hmac.compare_digest((header or "").encode(), authorization(key).encode())
