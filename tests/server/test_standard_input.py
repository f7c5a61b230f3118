"""What comes over stdio beside messages: a byte order mark, a line without an end, nothing at all."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pedaxr_server.serve import _Wire

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
    read = io.TextIOWrapper(_Wire(Pieces(*pieces)), encoding="utf-8").readline()  # type: ignore[arg-type]
    assert read.encode() == FIRST


def test_only_a_mark_is_the_end_and_a_later_one_stays() -> None:
    assert _Wire(Pieces(MARK)).read1() == b""  # type: ignore[arg-type]
    later = _Wire(Pieces(b"a\n", MARK))  # type: ignore[arg-type]
    assert (later.read1(), later.read1()) == (b"a\n", MARK)


def test_a_line_without_an_end_is_no_client_and_fills_no_memory(caplog: pytest.LogCaptureFixture) -> None:
    zeros = Pieces(*[bytes(2**16)] * 1000)
    wire = _Wire(zeros, 2**16)  # type: ignore[arg-type]
    assert len(b"".join(iter(wire.read1, b""))) <= 17 * 2**20
    assert "no MCP client" in caplog.text and zeros._pieces, "control: there was more to read"


def test_long_lines_that_end_are_read_to_the_last(caplog: pytest.LogCaptureFixture) -> None:
    lines = [bytes(2**16 - 1) + b"\n"] * 400
    wire = _Wire(Pieces(*lines), 2**16)  # type: ignore[arg-type]
    assert b"".join(iter(wire.read1, b"")) == b"".join(lines) and not caplog.text


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor by a shell")
def test_no_standard_input_is_said_in_a_line(tmp_path: Path) -> None:
    command = f'"{sys.executable}" -m pedaxr_server serve --home "{tmp_path}" <&-'
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "no standard input" in ended.stderr
    assert "Traceback" not in ended.stderr


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
