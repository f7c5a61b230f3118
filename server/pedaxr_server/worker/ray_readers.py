"""Reading workers that several servers share, on Ray Serve. The only module of the server that loads Ray.

Each replica keeps one reading worker, the very process that a server has of its own otherwise: the same
limits on memory and time, the same errors, the same answer to a call that is given up. Ray Serve hands films
out, lets a few wait, and replaces a replica that is lost with all of its process.
"""

import json
import logging
import os
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedaxr.audit.callers import Caller, called_by
from pedaxr.errors import InvalidRequest, PedaxrError, WorkerFailed
from pedaxr.storage.home import default_home
from pedaxr_server.settings import Settings
from pedaxr_server.worker.main import BUG
from pedaxr_server.worker.process import MEMORY_BYTES, OWN_PROGRAM, START_S, Worker, WorkerBug
from pedaxr_server.worker.readers import WorkerReader
from pedaxr_server.worker.wire import (
    LONGEST_REQUEST,
    READ_PATH,
    ROUTES_PATH,
    STAGES_HEADER,
    is_authorised,
    make_key,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

HOST = "127.0.0.1"
APPLICATION = "pedaxr-readers"
_PASSED_ON = tuple(
    f"PEDAXR_{name}" for name in ("WEIGHTS", "RUNTIME", "DEVICE", "THREADS", "GRAPHS", "LOG_JSON")
)
_STORE_BYTES = 100 * 2**20  # of a Ray that is started here: films go by HTTP, not through its store
_HEALTH_S = 5.0
_A_SHARE = 0.001  # of a machine, which has one of itself
_ROUTED_S = 10.0  # until the proxy has heard of the readers


@dataclass(frozen=True)
class Reading:
    """What a replica needs to know, and no secret but the key.

    Attributes:
        home: the clinic's folder; it refuses to read of any other.
        environment: which weights and runtime.
        program: of the reading worker.
    """

    home: Path
    key: str
    reading_s: int
    decode_in_worker: bool
    environment: Mapping[str, str]
    program: Sequence[str]


class Replica:
    """One reading worker behind Ray Serve; it is asked one film at a time."""

    def __init__(self, reading: Reading) -> None:
        os.environ |= reading.environment
        self._reading = reading
        self._stages: Mapping[str, float] = {}
        settings = Settings(home=reading.home, reading_s=reading.reading_s, waiting=1)
        options = [str(MEMORY_BYTES), *(("decode-apart",) if reading.decode_in_worker else ())]
        worker = Worker(reading.program, options, timeout_s=reading.reading_s, count_stages=self._note)
        self._reader = WorkerReader(settings, worker)
        worker.start(warm=True)
        self._wait_until_warm()

    def _wait_until_warm(self) -> None:
        """A film is given to a replica once it can be read at once; networks that do not load say so then."""
        end = time.monotonic() + START_S
        while not self._reader.is_ready and self._reader.worker.process_id and time.monotonic() < end:
            time.sleep(0.05)

    def check_health(self) -> None:
        """Asked by Ray Serve, which replaces this replica when it raises: a worker that is gone is started.

        Raises:
            WorkerFailed: it cannot be started.
        """
        self._reader.worker.start(warm=True)

    async def __call__(self, request: "Request") -> "Response":
        """One job."""
        if not is_authorised(request.headers.get("authorization"), self._reading.key):
            return _told("refused", "", 401)
        if int(request.headers.get("content-length") or 0) > LONGEST_REQUEST:
            return _told(InvalidRequest.code, "The request is too long.", 422)
        asked = json.loads(await request.body())
        if Path(asked["home"]) != self._reading.home:
            told = "The readers belong to another clinic. Start them with this server's --home."
            return _told(InvalidRequest.code, told, 422)
        return await self._answer(asked)

    async def _answer(self, asked: Mapping[str, Any]) -> "Response":
        from starlette.responses import Response

        try:
            with called_by(Caller.from_json(asked["caller"])):
                content = await self._reader.read(asked["job"], **asked["arguments"])
        except PedaxrError as err:
            return _told(err.code, str(err), 422)
        except WorkerBug as err:  # its worker's log says where
            return _told(BUG, str(err), 500)
        return Response(content, headers={STAGES_HEADER: json.dumps(dict(self._stages))})

    def _note(self, job: str, stages: Mapping[str, float]) -> None:
        self._stages = stages

    def __del__(self) -> None:
        """Ray Serve calls it when a replica is to go."""
        if reader := getattr(self, "_reader", None):
            reader.close()


def _told(code: str, text: str, status: int) -> "Response":
    from starlette.responses import JSONResponse

    return JSONResponse({"error": code, "text": text}, status)


@contextmanager
def shared_readers(
    settings: Settings,
    *,
    replicas: int,
    port: int,
    address: str | None = None,
    program: Sequence[str] = OWN_PROGRAM,
) -> Iterator[str]:
    """Readers that are up within the block, and their address for `Settings.readers`.

    Args:
        settings: home, waiting, reading_s, decode_in_worker and threads are used.
        replicas: films that are read at once.
        port: of this machine's loopback.
        address: of a Ray cluster; None: the one that `ray start` left here, else one is started.
        program: of each reading worker.

    Raises:
        InvalidRequest: Ray Serve is not installed, or the cluster has too few cores,
            has readers already, or listens on another port.
        WorkerFailed: Ray, or the readers, do not come up.
        StorageError: the clinic's folder cannot be written.
    """
    ray, serve = _ray()
    reading = _reading(settings, program)
    with _connected(ray, address):
        _need_room(ray, serve, replicas * settings.threads)
        try:
            serve.start(proxy_location="EveryNode", http_options={"host": HOST, "port": port})
            deployment = _deployment(serve, settings, replicas, here=this_machine(ray))
            serve.run(deployment.bind(reading), name=APPLICATION, route_prefix=READ_PATH)
        except (RuntimeError, TimeoutError, ray.exceptions.RayError) as err:
            _take_down(serve)
            raise WorkerFailed("Ray Serve did not bring the readers up. Its logs say why.") from err
        try:
            need_route(f"http://{HOST}:{port}")
            yield f"http://{HOST}:{port}"
        finally:
            _take_down(serve)


def _take_down(serve: Any) -> None:
    """The readers, and Ray Serve where nothing else runs on it."""
    serve.delete(APPLICATION)
    if not serve.status().applications:
        serve.shutdown()


def need_route(url: str) -> None:
    """Raise InvalidRequest where Ray Serve does not answer there: it was running, on another port."""
    end = time.monotonic() + _ROUTED_S
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        with suppress(OSError, ValueError), direct.open(url + ROUTES_PATH, timeout=1) as reply:
            if READ_PATH in json.load(reply):
                return
        if time.monotonic() > end:
            raise InvalidRequest("Ray Serve is running there already, on another port. Give that --port.")
        time.sleep(0.1)


def _reading(settings: Settings, program: Sequence[str]) -> Reading:
    home = (settings.home or default_home()).resolve()
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    passed_on["PEDAXR_THREADS"] = str(settings.threads)
    return Reading(
        home, make_key(home), settings.reading_s, settings.decode_in_worker, passed_on, tuple(program)
    )


def this_machine(ray: Any) -> str:
    """The resource of a cluster that this machine alone has: readers run where the clinic's disk is."""
    here = ray.get_runtime_context().get_node_id()
    address = next(node["NodeManagerAddress"] for node in ray.nodes() if node["NodeID"] == here)
    return f"node:{address}"


def _deployment(serve: Any, settings: Settings, replicas: int, *, here: str) -> Any:
    return serve.deployment(Replica).options(
        name="reader",
        num_replicas=replicas,
        max_ongoing_requests=1,
        max_queued_requests=settings.waiting + replicas,  # those that go to a free replica queue, too
        ray_actor_options={"num_cpus": settings.threads, "resources": {here: _A_SHARE}},
        health_check_period_s=_HEALTH_S,
        health_check_timeout_s=START_S,
        graceful_shutdown_timeout_s=settings.drain_s,
        logging_config={"enable_access_log": False},
    )


@contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """A cluster that is started here goes with this process. Its ports listen everywhere, for a token."""
    if ray.is_initialized():
        yield
        return
    quiet = {"log_to_driver": False, "logging_level": logging.WARNING, "namespace": "pedaxr"}
    named = address or os.environ.get("RAY_ADDRESS")
    try:
        try:
            ray.init(address=named or "auto", **quiet)
        except ConnectionError:
            if named:
                raise
            ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=_STORE_BYTES,
                _node_ip_address=HOST,
                **quiet,
            )
    except Exception as err:  # Ray raises a bare Exception where its processes do not come up in time
        raise WorkerFailed("Ray cannot be reached or started. `ray start --head` says why.") from err
    try:
        yield
    finally:
        ray.shutdown()


def _need_room(ray: Any, serve: Any, cores: int) -> None:
    if APPLICATION in serve.status().applications:  # which a second start would replace
        raise InvalidRequest("Readers run on this Ray cluster already. Stop them first.")
    here = ray.get_runtime_context().get_node_id()
    of_here = next(node["Resources"] for node in ray.nodes() if node["NodeID"] == here)
    there = int(of_here.get("CPU", 0))
    if cores > there:
        raise InvalidRequest(
            f"{cores} cores are asked for and Ray has {there} here. Give fewer --replicas or --threads."
        )


def _ray() -> tuple[Any, Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of a clinic is told to anybody
    try:
        import ray
        from ray import serve
    except ImportError as err:
        raise InvalidRequest("Ray Serve is not installed. Run `pip install 'pedaxr[ray]'`.") from err
    return ray, serve
