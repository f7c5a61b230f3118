"""A command typed in letters that the locale of the process does not know, such as Hangul under LC_ALL=C."""

import os
import sys


def in_utf8() -> None:
    """Start over in Python's UTF-8 mode where what was typed could not be read.

    Python takes to it by itself under LC_ALL=C, but not where PYTHONUTF8=0 or another locale keeps it from
    doing so: a name would be searched for as bytes that no name has, and found nowhere.
    """
    if sys.flags.utf8_mode or not any(map(_is_unread, sys.argv)):
        return
    # Written with the bytes that they were read from.
    os.execv(sys.executable, [sys.executable, "-X", "utf8", "-m", "pedaxr_server", *sys.argv[1:]])


def _is_unread(typed: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in typed)
