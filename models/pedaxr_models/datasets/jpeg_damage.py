"""JPEG pictures whose data are damaged in their middle: decoders go on with what is not there.

libjpeg, which decodes for Pillow and for OpenCV, says what it met and goes on. Only OpenCV passes that on, to
the standard error stream.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

_LOST = re.compile(r"premature end|bad Huffman|instead of RST", re.IGNORECASE)
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0x(?:d[0-79]|da|c4)")
_FEW = 3  # bytes that cameras leave behind a whole picture
_STDERR = 2
_one_at_a_time = threading.Lock()


def is_damaged_jpeg(stream: bytes) -> bool:
    """Whether a JPEG of 8 bits lacks data, has too many, or such as are none; False where nobody can tell."""
    said = _complaints(stream)
    too_many = any(int(found) > _FEW for found in _LEFT_OVER.findall(said))
    return too_many or _LOST.search(said) is not None


def _complaints(stream: bytes) -> str:
    """What libjpeg says of a picture: of several complaints the first. Every block is decoded, none drawn."""
    import cv2  # no other picture needs it

    try:
        with _one_at_a_time, _stderr_into_pipe() as pipe:
            cv2.imdecode(np.frombuffer(stream, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
            os.write(_STDERR, b"\n")  # so that there is something to read
            return os.read(pipe, 4096).decode("ascii", "replace")
    except (OSError, cv2.error):  # there is no standard error stream, or no picture
        return ""


@contextmanager
def _stderr_into_pipe() -> Iterator[int]:
    """The end from which to read what is written to file descriptor 2 meanwhile."""
    kept, (pipe, entry) = os.dup(_STDERR), os.pipe()
    try:
        if hasattr(os, "set_blocking"):  # Windows has it from Python 3.12 on
            os.set_blocking(entry, False)  # a thread that writes much meanwhile must not wait
        os.dup2(entry, _STDERR)
        yield pipe
    finally:
        os.dup2(kept, _STDERR)
        for descriptor in (kept, pipe, entry):
            os.close(descriptor)
