"""The filter of system calls that a confined process lives under, as a program for Linux's seccomp.

It refuses with EPERM and does not kill, so that a library that tries is told no and a film is refused, not a
decoder lost. Files can still be opened, to be read only: which ones is for `confinement`.

Sources: `man 2 seccomp`, `linux/filter.h`, `linux/audit.h`, and the kernel's tables of system calls.
"""

import os
import struct

_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM
_NO_SUCH_CALL = 0x00050000 | 38  # ENOSYS: the C library then uses the older call, whose flags can be seen
_LOAD, _EQUAL, _ANY_BIT, _ATLEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_X32 = 0x40000000  # a second way to make the same calls on x86-64
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONE_THREAD = 0x10000

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Numbers on x86-64, and in the table of 64-bit Arm and all newer architectures (None: there is no such call).
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "sendto": (44, 206),
    "bind": (49, 200),
    "listen": (50, 201),
    "socketpair": (53, 199),
    "accept4": (288, 242),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "creat": (85, None),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "truncate": (76, 45),
    "mount": (165, 40),
    "umount2": (166, 39),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "openat2": (437, 437),
}
# Number, and which argument has the flags.
_OPENING: dict[str, tuple[tuple[int | None, int | None], ...]] = {
    "open": ((2, 1), (None, None)),
    "openat": ((257, 2), (56, 2)),
}
_CLONE, _CLONE3, _LIMITS = (56, 220), (435, 435), (302, 261)
_ALL_BITS = 0xFFFFFFFF


def call_filter(machine: str) -> bytes:
    """The filter for one architecture, as classic BPF; empty where its numbers are not known.

    Refused: sockets, programs, processes, signals, debugging, whatever writes to the file system, limits of
    other processes. Allowed: threads, memory, what is open already, opening files to read.
    """
    if machine not in _AUDIT:
        return b""
    column = list(_AUDIT).index(machine)
    refused = [numbers[column] for numbers in _REFUSED.values()]
    steps = [_step(_LOAD, _ARCHITECTURE), _step(_EQUAL, _AUDIT[machine], 1, 0), _step(_RETURN, _REFUSE)]
    steps += [_step(_LOAD, _NUMBER), _step(_ATLEAST, _X32, 0, 1), _step(_RETURN, _REFUSE)]
    for number in refused:
        if number is not None:
            steps += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _REFUSE)]
    steps += [_step(_EQUAL, _CLONE3[column], 0, 1), _step(_RETURN, _NO_SUCH_CALL)]
    steps += _only_with(_CLONE[column], 0, _CLONE_THREAD)
    steps += _only_without(_LIMITS[column], 0, _ALL_BITS)  # prlimit64 of the process itself
    for opening in _OPENING.values():
        number, argument = opening[column]
        if number is not None and argument is not None:
            steps += _only_without(number, argument, _WRITING)
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _only_without(number: int, argument: int, bits: int) -> list[bytes]:
    """That call is refused when any of the bits is set."""
    return [
        _step(_EQUAL, number, 0, 4),
        _step(_LOAD, _low_half(argument)),
        _step(_ANY_BIT, bits, 0, 1),
        _step(_RETURN, _REFUSE),
        _step(_RETURN, _ALLOW),
    ]


def _only_with(number: int, argument: int, bit: int) -> list[bytes]:
    """That call is refused when the bit is not set."""
    return [
        _step(_EQUAL, number, 0, 4),
        _step(_LOAD, _low_half(argument)),
        _step(_ANY_BIT, bit, 1, 0),
        _step(_RETURN, _REFUSE),
        _step(_RETURN, _ALLOW),
    ]


def _low_half(argument: int) -> int:
    """Offset of an argument's low 32 bits; both architectures are little-endian."""
    return 16 + 8 * argument


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One struct sock_filter."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
