"""A process that reads untrusted files gives up what it never needs, for good.

Two means of Linux, each used where there is it: a filter of system calls (seccomp) against network, programs,
other processes and writing; and Landlock (5.13 and later) against reading anything but Python's own files, so
that a decoder that was taken over finds no film, registry or key.

Sources: `man 2 prctl`, `man 7 landlock`.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pedaxr.radiograph.seccomp import call_filter

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2  # of prctl
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_PATH_BENEATH = 1
_EVERYTHING = (1 << 13) - 1  # all that the first version of Landlock knows
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_LIBRARIES = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache")


def confine() -> tuple[str, ...]:
    """Give up for good: network, programs, other processes, writing, and reading what is not Python's.

    What is open already stays usable, and threads can be started.

    Returns:
        What the kernel agreed to: `calls`, `files`, both or nothing.
    """
    if sys.platform != "linux":
        return ()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return ()
    done = {"files": _read_only(libc, _own_files()), "calls": _filter_calls(libc, platform.machine())}
    return tuple(name for name, agreed in done.items() if agreed)


def _filter_calls(libc: ctypes.CDLL, machine: str) -> bool:
    program = call_filter(machine)
    if not program:
        return False
    kept = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(kept))
    return bool(libc.prctl(_SECCOMP, _FILTER, head, 0, 0) == 0)


def _own_files() -> list[Path]:
    """Where Python and its libraries are, which decoders load when they first need them."""
    named = {sys.prefix, sys.base_prefix, *filter(None, sys.path), *_LIBRARIES}
    return sorted(path for path in map(Path, named) if path.is_absolute() and path.exists())


def _read_only(libc: ctypes.CDLL, paths: Iterable[Path]) -> bool:
    """Nothing in the file system but these, and these to be read."""
    handled = struct.pack("=Q", _EVERYTHING)
    rules = libc.syscall(_CREATE_RULESET, handled, len(handled), 0)
    if rules < 0:
        return False
    try:
        for path in paths:
            with suppress(OSError):
                _allow(libc, rules, path)
        return bool(libc.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path) -> None:
    """Raises OSError when there is no such path."""
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        access = _READ_FILE | (_READ_FOLDER if path.is_dir() else 0)
        libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", access, descriptor), 0)
    finally:
        os.close(descriptor)
