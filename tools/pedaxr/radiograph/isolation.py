"""Where this process decodes films; a module of its own, so that choosing loads no decoder."""

import os

_choice = {"in_worker": False}


def decode_in_worker(wanted: bool = True) -> None:
    """Decode in a process of its own, with limits on memory and time, from now on in this process.

    The server does; a script that reads untrusted files should. Where there are no POSIX limits, films are
    decoded in this process whatever was asked for.
    """
    _choice["in_worker"] = wanted and os.name == "posix"


def is_in_worker() -> bool:
    """Whether they are decoded apart."""
    return _choice["in_worker"]
