"""The server as a process of its own: quick to start, silent on stdout, careful on HTTP."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread
import httpx2
import pytest
from mcp import Client, StdioServerParameters

from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr_server.auth.tokens import mint_token
from pedaxr_server.settings import Settings

pytestmark = pytest.mark.anyio
OF_FILMS = (
    *("torch", "transformers", "torchvision", "scipy", "matplotlib", "pydicom", "numpy", "cv2", "PIL"),
    *("pedaxr.reading.read_film", "pedaxr_models.datasets"),
)
HEAVY = (
    *OF_FILMS,
    *("pandas", "sqlite_utils", "rapidfuzz", "pedaxr_models.report_text.parser", "pedaxr_server.cli.train"),
)


def stdio(home: Path) -> StdioServerParameters:
    arguments = ["-m", "pedaxr_server", "serve", "--home", str(home)]
    return StdioServerParameters(command=sys.executable, args=arguments)


async def test_tools_are_listed_over_stdio_soon_after_start(
    clinic_home: Path, era: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start = time.monotonic()
    async with Client(stdio(clinic_home), mode=era) as client:
        tools = (await client.list_tools()).tools
        seconds = time.monotonic() - start
        found = await client.call_tool("find_patient", {"query": DEMO_UNAMBIGUOUS_NAME})
    with capsys.disabled():
        print(f"\n[{era}] start to tools/list: {seconds:.2f} s")  # noqa: T201  (a measurement to be seen)
    assert len(tools) == 4
    assert not found.is_error
    assert seconds < 30


LOADED = """
import json, sys
from pathlib import Path
import anyio
from mcp import Client
from pedaxr_server.cli.app import main
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings

home, name = sys.argv[1:]
server = create_server(Settings(home=Path(home)))
started = set(sys.modules)

async def search():
    async with Client(server) as client:
        return await client.call_tool("find_patient", {"query": name})

assert not anyio.run(search).is_error
main(["find", name, "--home", home, "--json", "-"], standalone_mode=False)
print()
print(json.dumps([list(started), list(sys.modules)]))
"""


@pytest.fixture(scope="module")
def loaded(clinic_home: Path) -> tuple[list[str], list[str]]:
    """The modules of a server that has started, and those after a search by it and by the command."""
    command = [sys.executable, "-c", LOADED, str(clinic_home), DEMO_UNAMBIGUOUS_NAME]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    started, searched = json.loads(run.stdout.splitlines()[-1])
    return started, searched


def test_starting_the_server_loads_nothing_heavy(loaded: tuple[list[str], list[str]]) -> None:
    assert [name for name in HEAVY if name in loaded[0]] == []


def test_a_search_loads_nothing_that_reads_films(loaded: tuple[list[str], list[str]]) -> None:
    assert [name for name in OF_FILMS if name in loaded[1]] == []
    assert "rapidfuzz" in loaded[1], "control: it was a search"


@pytest.mark.slow
async def test_reading_a_film_loads_no_network_into_the_server(clinic_home: Path, study_id: str) -> None:
    code = (
        "import sys, anyio\n"
        "from pathlib import Path\n"
        "from mcp import Client\n"
        "from pedaxr_server.mcp.server import create_server\n"
        "from pedaxr_server.settings import Settings\n"
        "from pedaxr_server.mcp.tools import XrayTools\n"
        f"settings = Settings(home=Path({str(clinic_home)!r}))\n"
        "tools = XrayTools(settings)\n"
        "async def call():\n"
        "    async with Client(create_server(settings, tools)) as client:\n"
        f"        return await client.call_tool('segment_xray', {{'study_id': {study_id!r}}})\n"
        "reply = anyio.run(call)\n"
        "tools.reader.close()\n"
        "print(reply.is_error, [name for name in ('torch', 'transformers', 'onnxruntime', 'PIL', 'cv2')"
        " if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False []"


async def test_the_import_check_can_fail() -> None:
    code = f"import sys, scipy\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "scipy" in run.stdout


@pytest.fixture
def port(clinic_home: Path) -> Iterator[int]:
    """Port of an HTTP server that is up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "pedaxr_server", "serve", "--http", "--port", str(port)]
    environment = os.environ | {"PEDAXR_HOME": str(clinic_home)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_until_open(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120  # a second or two on a machine that is not busy
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # or the waiting takes the processor from what is waited for
    raise AssertionError("the HTTP server did not come up")


async def test_http_serves_both_eras_and_refuses_foreign_hosts_and_origins(port: int) -> None:
    url = f"http://127.0.0.1:{port}/mcp"
    for era in ("auto", "legacy"):
        async with Client(url, mode=era) as client:
            assert len((await client.list_tools()).tools) == 4
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with httpx2.AsyncClient() as http:
        assert (await http.post(url, json=body, headers={"Host": "evil.example"})).status_code == 421
        assert (await http.post(url, json=body, headers={"Origin": "http://evil.example"})).status_code == 403
        own = await http.post(url, json=body, headers={"Origin": f"http://127.0.0.1:{port}"})
    assert own.status_code not in (403, 421), "control: our own origin passes the check"


SECRET = "a secret of forty characters or more, for tests"


def start_with_login(home: Path, **more: str) -> "tuple[int, subprocess.Popen[bytes]]":
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "pedaxr_server", "serve", "--http", "--port", str(port)]
    given = {"PEDAXR_AUTH_SECRET": SECRET, "PEDAXR_AUTH_ISSUER": "https://issuer.example"}
    environment = os.environ | given | {"PEDAXR_HOME": str(home)} | more
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    _wait_until_open(port, process)
    return port, process


async def test_no_secret_or_name_is_in_the_process_list_or_on_stderr(clinic_home: Path) -> None:
    port, process = start_with_login(clinic_home)
    settings = Settings(port=port, auth_issuer="https://issuer.example", auth_secret=SECRET)
    token = mint_token(settings, subject="tester", scopes=["patients:read"], minutes=5)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    call = {"name": "find_patient", "arguments": {"query": DEMO_UNAMBIGUOUS_NAME, "limit": "x"}}
    async with httpx2.AsyncClient() as http:
        for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Authorization": f"Bearer {token}x"}):
            await http.post(settings.url, json=body | {"params": call}, headers=headers)
    shown = Path(f"/proc/{process.pid}/cmdline").read_text()
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert b"pedaxr listens on" in errors, "control"
    for secret in (SECRET, token, DEMO_UNAMBIGUOUS_NAME):
        assert secret not in shown
        assert secret not in errors.decode()


async def test_a_stopping_server_lets_a_call_finish_and_takes_no_other(
    clinic_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_SEARCH)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PEDAXR_HOME": str(clinic_home), "PYTHONPATH": path}
    command = [sys.executable, "-m", "pedaxr_server", "serve", "--http", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    _wait_until_open(port, process)
    answers: list[bool] = []
    url = f"http://127.0.0.1:{port}/mcp"
    another = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "find_patient"}}

    async def call() -> None:
        with suppress(Exception):  # after the answer the server may be gone before the client says goodbye
            async with Client(url) as client:
                await client.list_tools()  # or it asks for the schema after the answer, when nobody listens
                reply = await client.call_tool("find_patient", {"query": DEMO_UNAMBIGUOUS_NAME})
                answers.append(bool(reply.is_error))

    try:
        async with httpx2.AsyncClient(timeout=60) as open_before, anyio.create_task_group() as tasks:
            assert (await open_before.post(url, json=another)).status_code != 503, "control"
            tasks.start_soon(call)
            with anyio.fail_after(60):
                while not (tmp_path / "started").exists():
                    await anyio.sleep(0.05)
                process.terminate()
                while (await open_before.post(url, json=another)).status_code != 503:
                    await anyio.sleep(0.02)  # until the signal is heard
            (tmp_path / "go").touch()
        assert answers == [False]
        assert await anyio.to_thread.run_sync(lambda: process.wait(20)) in (0, -15)
    finally:
        process.kill()
        process.wait()


SLOW_SEARCH = """
import importlib, pathlib, sys, threading, time

def slow():
    while "pedaxr.clinic.find_patient" not in sys.modules:
        time.sleep(0.01)
    module = importlib.import_module("pedaxr.clinic.find_patient")
    real = module.find_patient

    def search(*arguments, **named):
        here = pathlib.Path(__file__).parent
        (here / "started").touch()
        deadline = time.monotonic() + 15
        while not (here / "go").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return real(*arguments, **named)

    module.find_patient = search

if "pedaxr_server" in " ".join(sys.orig_argv):
    import pedaxr.clinic.find_patient
    slow()
"""


async def test_http_refuses_to_listen_for_others() -> None:
    command = [sys.executable, "-m", "pedaxr_server", "serve", "--http", "--host", "0.0.0.0"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("error: pedaxr has no login")
    assert len(run.stderr.splitlines()) == 1
