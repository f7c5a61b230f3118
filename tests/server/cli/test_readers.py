"""`pedaxr readers`: what it asks of Ray Serve, and that it ends when told to. Ray is tested elsewhere."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import signal
from contextlib import contextmanager
from pedaxr_server.worker import ray_readers

@contextmanager
def pretend(settings, **options):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as Ray does when it starts
    print(settings.home, settings.threads, options, flush=True)
    try:
        yield "http://127.0.0.1:1"
    finally:
        print("closed", flush=True)

ray_readers.shared_readers = pretend
from pedaxr_server.cli.app import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_readers_go_down_in_order_when_they_are_told_to(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["readers", "--home", str(tmp_path), "--replicas", "3", "--threads", "4", "--port", "7001"]
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        assert "PEDAXR_READERS=http://127.0.0.1:1" in process.stderr.readline()
        process.send_signal(number)
        asked, closed = process.stdout.read().splitlines()
        assert process.wait(30) == 0
    assert asked == f"{tmp_path} 4 {{'replicas': 3, 'port': 7001, 'address': None}}"
    assert closed == "closed"


def test_without_ray_the_command_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys\nsys.modules['ray'] = None\nfrom pedaxr_server.cli.app import main\nmain()"
    command = [sys.executable, "-c", code, "readers", "--home", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode != 0
    assert "pip install 'pedaxr[ray]'" in run.stderr and "Traceback" not in run.stderr
