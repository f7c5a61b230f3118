"""Readers that several servers share, on a real Ray: the same errors and care as a worker of one's own."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest
from mcp import Client

from pedaxr.audit.callers import Caller, called_by
from pedaxr.errors import InvalidRequest, StudyNotFound, WorkerFailed
from pedaxr_server.admission import Busy
from pedaxr_server.mcp.server import create_server
from pedaxr_server.mcp.tools import XrayTools
from pedaxr_server.settings import Settings
from pedaxr_server.worker import ray_readers
from pedaxr_server.worker.process import WorkerBug
from pedaxr_server.worker.ray_readers import _need_room, shared_readers, this_machine
from pedaxr_server.worker.readers import WorkerReader, reader_of
from pedaxr_server.worker.shared_reader import SharedReader
from pedaxr_server.worker.wire import KEY_FILE

from ..ports import free_ports

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,  # Ray gives its processes 15 s to start, which tests beside these may take from it
    # Ray leaves sockets and files of its own to the garbage collector
    pytest.mark.filterwarnings("ignore"),
]
PROGRAM = (sys.executable, str(Path(__file__).parents[1] / "quick_worker.py"))
REPLICAS, WAITING, READING_S = 2, 2, 4


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "home"


def started_ray() -> ModuleType:
    """Ray gives its own processes 15 s to start, which a machine that is busy with other tests may exceed."""
    import ray

    for is_last in (False, False, True):
        try:
            ray.init(
                num_cpus=REPLICAS,
                include_dashboard=False,
                log_to_driver=False,
                object_store_memory=80 * 2**20,
                _node_ip_address="127.0.0.1",
            )
            break
        except Exception:
            ray.shutdown()
            if is_last:
                raise
    return ray


@pytest.fixture(scope="module")
def ray_environment() -> Iterator[None]:
    """Nothing of Ray's goes into the home of who runs the tests, or to anybody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        yield


@pytest.fixture(scope="module")
def url(home: Path, ray_environment: None) -> Iterator[str]:
    settings = Settings(home=home, reading_s=READING_S, waiting=WAITING, threads=1, drain_s=0)
    ray = started_ray()
    try:
        with shared_readers(settings, replicas=REPLICAS, port=free_ports(1)[0], program=PROGRAM) as address:
            yield address
    finally:
        ray.shutdown()


def reader(url: str, home: Path, **changed: Any) -> SharedReader:
    made = reader_of(Settings(**{"home": home, "readers": url, "readers_at_once": 4, **changed}))
    assert isinstance(made, SharedReader)
    return made


@pytest.fixture
def shared(url: str, home: Path) -> SharedReader:
    return reader(url, home)


class Nothing:
    """Ray Serve as it is before readers run on it."""

    def __init__(self, serve: ModuleType) -> None:
        self._serve = serve

    def status(self) -> Any:
        return self._serve.schema.ServeStatus()


async def both(one: SharedReader, other: SharedReader) -> set[tuple[str, ...]]:
    """Processes that answered two servers at once: the worker and its replica."""
    seen: set[tuple[str, ...]] = set()

    async def ask(server: SharedReader) -> None:
        seen.add(tuple((await server.read("who")).decode().split()))

    async with anyio.create_task_group() as tasks:
        for server in (one, other, one, other):
            tasks.start_soon(ask, server)
    return seen


async def until_there(mark: Path) -> None:
    with anyio.fail_after(60):
        while not mark.exists():
            await anyio.sleep(0.01)


async def test_two_servers_share_two_replicas(url: str, home: Path) -> None:
    assert len(await both(reader(url, home), reader(url, home))) == REPLICAS


async def test_they_are_ready_and_elsewhere_they_are_not(shared: SharedReader, home: Path) -> None:
    assert shared.is_ready
    assert not reader(f"http://127.0.0.1:{free_ports(1)[0]}", home).is_ready


async def test_an_error_of_ours_comes_back_as_itself_and_a_bug_stays_one(shared: SharedReader) -> None:
    with pytest.raises(StudyNotFound, match="Call find_patient"):
        await shared.read("refuse")
    with pytest.raises(WorkerBug, match="KeyError") as caught:
        await shared.read("bug")
    assert "child" not in str(caught.value)


@pytest.mark.parametrize(
    ("job", "told"), [("crash", "call again"), ("hoard", "more memory"), ("deaf", "too long")]
)
async def test_a_worker_that_crashes_hoards_or_hangs_says_so_and_is_replaced(
    shared: SharedReader, tmp_path: Path, job: str, told: str
) -> None:
    with pytest.raises(WorkerFailed, match=told):
        await shared.read(job, **({"mark": str(tmp_path / "mark")} if job == "deaf" else {}))
    for number in range(REPLICAS + 1):
        assert await shared.read("echo", text=str(number)) == str(number).encode()


async def test_a_cancelled_call_leaves_the_reader_free_for_others(
    shared: SharedReader, url: str, home: Path, tmp_path: Path
) -> None:
    marks = [tmp_path / str(number) for number in range(REPLICAS)]
    async with anyio.create_task_group() as tasks:
        for mark in marks:
            tasks.start_soon(partial(shared.read, "steps", mark=str(mark)))
        for mark in marks:
            await until_there(mark)
        tasks.cancel_scope.cancel()
    start = time.monotonic()
    assert await reader(url, home).read("echo", text="next") == b"next"
    assert time.monotonic() - start < READING_S, (
        "control: each of the two would have gone on to its time limit"
    )


async def test_one_more_than_may_wait_is_told_to_come_back(
    shared: SharedReader, home: Path, url: str
) -> None:
    refused: list[Busy] = []
    many = reader(url, home, readers_at_once=20)

    async def ask() -> None:
        try:
            await many.read("who")
        except Busy as err:
            refused.append(err)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
    assert refused and all(err.retry_after_s >= 1 for err in refused)
    assert len(refused) < 20, "control: some were served"


async def test_a_lost_replica_is_replaced_and_only_its_film_is_given_up(
    shared: SharedReader, url: str, home: Path, tmp_path: Path
) -> None:
    before = await both(shared, reader(url, home))
    killed = int(sorted(before)[0][1])
    told: list[str] = []

    async def ask(number: int) -> None:
        with pytest.raises(WorkerFailed, match="call again") as caught:
            await shared.read("steps", mark=str(tmp_path / str(number)))
        told.append(str(caught.value))

    async with anyio.create_task_group() as tasks:
        for number in range(REPLICAS):
            tasks.start_soon(ask, number)
        for number in range(REPLICAS):
            await until_there(tmp_path / str(number))
        os.kill(killed, signal.SIGKILL)
    ended, slow = sorted(told)
    assert "ended unexpectedly" in ended and "took too long" in slow, "the other one's own limit ended it"
    with anyio.fail_after(120):
        while len(after := await both(shared, reader(url, home))) < REPLICAS:
            await anyio.sleep(0.5)
    assert str(killed) not in {replica for _, replica in after}


async def test_servers_over_mcp_read_a_film_with_them_and_pass_its_refusal_on(url: str, home: Path) -> None:
    settings = Settings(home=home, readers=url)
    for _ in range(2):
        async with Client(create_server(settings, XrayTools(settings))) as client:
            reply = await client.call_tool("segment_xray", {"study_id": "S1"})
            assert not reply.is_error and reply.structured_content is not None
            refused = await client.call_tool("segment_xray", {"study_id": "broken"})
        assert reply.structured_content["summary"] == "Nothing."
        assert refused.is_error and "Export it again" in str(refused.content)


async def test_readers_that_run_already_are_not_replaced(shared: SharedReader, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "other", threads=1)
    with (
        pytest.raises(InvalidRequest, match="already"),
        shared_readers(settings, replicas=1, port=free_ports(1)[0], program=PROGRAM),
    ):
        pass
    assert await shared.read("echo", text="still") == b"still"


async def test_more_cores_than_there_are_is_an_error_and_no_wait(home: Path, url: str) -> None:
    ray, serve = sys.modules["ray"], sys.modules["ray.serve"]
    with pytest.raises(InvalidRequest, match="--replicas"):
        _need_room(ray, Nothing(serve), REPLICAS + 1)
    _need_room(ray, Nothing(serve), REPLICAS)


async def test_readers_run_on_this_machine_wherever_the_cluster_has_others(url: str) -> None:
    import ray

    here = this_machine(ray)
    assert ray.cluster_resources()[here] == 1
    with anyio.fail_after(30):
        while round(1 - ray.available_resources()[here], 3) != REPLICAS * 0.001:
            await anyio.sleep(0.2)  # what is in use is heard of late


async def test_a_port_on_which_nothing_answers_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_readers, "_ROUTED_S", 0.2)
    ray_readers.need_route(url)
    with pytest.raises(InvalidRequest, match="--port"):
        ray_readers.need_route(f"http://127.0.0.1:{free_ports(1)[0]}")


@pytest.mark.parametrize("kind", ["another key", "no key", "another clinic"])
async def test_who_does_not_belong_to_the_clinic_gets_no_film(
    url: str, home: Path, tmp_path: Path, kind: str
) -> None:
    other = tmp_path / "home"
    other.mkdir()
    if kind != "no key":
        (other / KEY_FILE).write_text(
            (home / KEY_FILE).read_text() if kind == "another clinic" else "guessed"
        )
    with pytest.raises(InvalidRequest, match="--home"):
        await reader(url, other).read("echo", text="secret")
    assert (home / KEY_FILE).stat().st_mode & 0o077 == 0, "nobody else on this machine can read it"


async def test_readers_that_cannot_be_reached_are_an_error_that_says_what_to_do(home: Path, url: str) -> None:
    with pytest.raises(WorkerFailed, match="pedaxr readers"):
        await reader(f"http://127.0.0.1:{free_ports(1)[0]}", home).read("echo", text="x")


async def test_nothing_of_a_film_or_caller_is_in_the_logs_of_ray(shared: SharedReader) -> None:
    import ray

    with called_by(Caller("Canary Nurse", "client")):
        assert await shared.read("echo", text="Canary Child") == b"Canary Child"
        with pytest.raises(WorkerBug):
            await shared.read("bug", unwanted="Canary Child")
    folder = Path(ray._private.worker._global_node.get_session_dir_path()) / "logs"  # type: ignore[attr-defined]
    logs = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert any(b"A job failed" in text for text in logs.values()), "control: the worker's log is among them"
    assert [path.name for path, text in logs.items() if b"Canary" in text or b"child's name" in text] == []


def test_a_server_without_shared_readers_keeps_its_own_and_none_loads_ray(home: Path) -> None:
    own = reader_of(Settings(home=home))
    assert isinstance(own, WorkerReader)
    code = (
        "import json, sys\n"
        "from pedaxr_server.mcp.server import create_server\n"
        "from pedaxr_server.settings import Settings\n"
        "import pedaxr_server.cli.app\n"
        "create_server(Settings(readers='http://127.0.0.1:1'))\n"
        "print(json.dumps([name for name in ('ray', 'fastapi') if name in sys.modules]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
