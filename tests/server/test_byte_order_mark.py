"""A byte order mark before the first message over stdio, whole or in pieces, costs nothing."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pedaxr_server.serve import _Unmarked

MARK = b"\xef\xbb\xbf"
PARAMS = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
FIRST = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": PARAMS}).encode() + b"\n"


class Pieces(io.RawIOBase):
    """A pipe that gives its bytes as they were written."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        piece = self._pieces.pop(0) if self._pieces else b""
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize(
    "pieces",
    [
        (MARK + FIRST,),
        (MARK, FIRST),
        (MARK[:1], MARK[1:], FIRST),
        (MARK[:1], MARK[1:2], MARK[2:] + FIRST),
        (FIRST,),
        (FIRST[:1], FIRST[1:]),
    ],
)
def test_a_mark_at_the_start_is_dropped_and_nothing_else(pieces: tuple[bytes, ...]) -> None:
    read = io.TextIOWrapper(_Unmarked(Pieces(*pieces)), encoding="utf-8").readline()  # type: ignore[arg-type]
    assert read.encode() == FIRST


def test_only_a_mark_is_the_end_and_a_later_one_stays() -> None:
    assert _Unmarked(Pieces(MARK)).read1() == b""  # type: ignore[arg-type]
    later = _Unmarked(Pieces(b"a\n", MARK))  # type: ignore[arg-type]
    assert (later.read1(), later.read1()) == (b"a\n", MARK)


@pytest.mark.parametrize("mark", [b"", MARK], ids=["without", "with"])
def test_the_first_message_is_answered(tmp_path: Path, mark: bytes) -> None:
    command = [sys.executable, "-m", "pedaxr_server", "serve", "--home", str(tmp_path)]
    environment = {**os.environ, "PEDAXR_WARM": "false"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(mark + FIRST)
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        server.stdin.close()
        deadline = time.monotonic() + 30
        while server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.returncode == 0
    assert answer["id"] == 7 and "result" in answer
