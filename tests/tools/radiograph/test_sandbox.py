"""A decoder that was taken over has no network, no program and no file but Python's; and it still decodes."""

import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pedaxr.radiograph.decode_pool import DecodeProcess
from pedaxr.radiograph.seccomp import call_filter

from ..film_files import samples

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="filters of Linux"
)

TRIES = """
import json, os, resource, socket, subprocess, sys, threading
from pathlib import Path
from pedaxr.radiograph.sandbox import confine

secret, folder, is_confined = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "confined"
mine = (folder / "mine").open("w+b", buffering=0)
pair = socket.socketpair()
done = {"agreed": confine() if is_confined else []}

def start_thread():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()

tries = {
    "read a film": lambda: secret.read_bytes(),
    "read what the server was started with": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "list a folder": lambda: os.listdir(folder),
    "write a file": lambda: (folder / "new").write_text("x"),
    "append to a film": lambda: os.open(secret, os.O_WRONLY | os.O_APPEND),
    "remove a file": lambda: (folder / "victim").unlink(),
    "rename a file": lambda: os.rename(folder / "other", folder / "else"),
    "make a folder": lambda: (folder / "made").mkdir(),
    "make a link": lambda: (folder / "link").symlink_to(secret),
    "speak to the network": lambda: socket.socket().close(),
    "speak to a program here": lambda: socket.socket(socket.AF_UNIX).close(),
    "start a program": lambda: subprocess.run(["true"], check=True),
    "fork": lambda: os.fork() or os._exit(0),
    "signal the server": lambda: os.kill(os.getppid(), 0),
    "limit the server": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE),
    "load a module": lambda: __import__("colorsys"),
    "start a thread": start_thread,
    "write what is open": lambda: os.pwrite(mine.fileno(), b"x", 0),
    "answer": lambda: os.write(pair[0].fileno(), b"x"),
    "limit itself": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
}
for name, attempt in tries.items():
    try:
        attempt()
        done[name] = "done"
    except OSError as err:
        done[name] = f"errno {err.errno}"
print(json.dumps(done))
"""
STILL_NEEDED = ("load a module", "start a thread", "write what is open", "answer", "limit itself")


def tried(folder: Path, how: str) -> tuple[list[str], dict[str, str]]:
    """What the kernel agreed to, and what came of each attempt, in a process of its own."""
    folder.mkdir()
    for name in ("victim", "other"):
        (folder / name).touch()
    secret = folder / "film.png"
    secret.write_bytes(b"another child")
    command = [sys.executable, "-P", "-c", TRIES, str(secret), str(folder), how]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    done = json.loads(run.stdout)
    return done.pop("agreed"), done


def test_a_confined_process_can_do_what_decoding_needs_and_nothing_else(tmp_path: Path) -> None:
    agreed, free = tried(tmp_path / "free", "free")
    assert not agreed and set(free.values()) == {"done"}, "control"
    agreed, held = tried(tmp_path / "held", "confined")
    assert "calls" in agreed
    for name, outcome in held.items():
        if name in STILL_NEEDED:
            assert outcome == "done", name
        elif "files" in agreed or not name.startswith(("read", "list")):
            assert outcome in ("errno 1", "errno 13"), name
    assert (tmp_path / "held" / "victim").exists() and not (tmp_path / "free" / "victim").exists()


@pytest.fixture
def decoder() -> Iterator[DecodeProcess]:
    made = DecodeProcess()
    yield made
    made.close()


def test_decoders_are_confined_and_decode_every_kind(decoder: DecodeProcess) -> None:
    assert decoder.confined == frozenset(), "control: not before it is there"
    kinds = samples()
    for kind, data in kinds.items():
        assert decoder.decode(data).pixels.size > 0, kind
    assert "calls" in decoder.confined
    assert decoder.is_usable, "one process for all"


def test_where_the_numbers_of_calls_are_not_known_there_is_no_filter() -> None:
    assert call_filter("riscv64") == b""
    for machine in ("x86_64", "aarch64"):
        program = call_filter(machine)
        assert len(program) % 8 == 0 and len(program) // 8 < 255, "jumps are of one byte"
    assert call_filter("x86_64") != call_filter("aarch64")
