"""Readers on Ray Serve that two servers share, beside a reading worker of one's own: films a second, waits.

    python benchmarks/shared_readers.py --publish docs/speed.md

Each film of a small clinic is outlined and reported, by callers who wait for their answers; each reader has
one thread, so that more replicas can show what they add. Memory is what all processes of a row take together.
"""

import os
import socket
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import anyio
from load import family, memory
from measuring import arguments, publish

from pedaxr.clinic import Clinic
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import FEWEST_PATIENTS
from pedaxr_server.settings import Settings
from pedaxr_server.worker.ray_readers import shared_readers
from pedaxr_server.worker.readers import Reader, reader_of

_CALLERS = 4


def free_port() -> int:
    """One of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def read_all(readers: Sequence[Reader], study_ids: Sequence[str]) -> list[float]:
    """Seconds of each film, outlined and reported, with the callers spread over the servers."""
    waiting, times = list(study_ids), []

    async def call(reader: Reader) -> None:
        while waiting:
            study_id = waiting.pop()
            begin = time.perf_counter()
            await reader.read("segment", study_id=study_id)
            await reader.read("report", study_id=study_id, indication=None, working_diagnosis=None)
            times.append(time.perf_counter() - begin)

    async with anyio.create_task_group() as tasks:
        for number in range(_CALLERS):
            tasks.start_soon(call, readers[number % len(readers)])
    return times


def row(what: str, clinic: Clinic, settings: Settings, replicas: int, rounds: int) -> dict[str, Any]:
    """One way of reading the clinic."""
    study_ids = [study.study_id for study in clinic.registry.newest_studies(100)]
    begin = time.perf_counter()
    readers_up = (
        shared_readers(settings, replicas=replicas, port=free_port()) if replicas else nullcontext(None)
    )
    with readers_up as url:
        up = time.perf_counter() - begin
        asking = Settings(home=clinic.home, readers=url, readers_at_once=max(1, replicas), waiting=64)
        readers = [reader_of(asking) for _ in range(2 if replicas else 1)]
        try:
            anyio.run(read_all, readers, study_ids[: 2 * _CALLERS])  # each reader has read
            begin = time.perf_counter()
            times = anyio.run(read_all, readers, study_ids * rounds)
            took, used = time.perf_counter() - begin, _memory_mb()
        finally:
            for reader in readers:
                reader.close()
    return {
        "readers": what,
        "up after, s": round(up, 1) if replicas else "",
        "films": len(times),
        "films/s": round(len(times) / took, 2),
        "p50_ms": round(statistics.median(times) * 1e3),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1] * 1e3),
        "memory, MB": used,
    }


def _memory_mb() -> int:
    """Of this process and all that it started; of Ray, what runs in its session."""
    pids = set(family(os.getpid()))
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if command.startswith(b"ray::") or b"/ray/" in command:
            pids |= set(family(int(process.name)))
    return round(sum(memory(pid, "Pss:") for pid in pids) / 2**20)


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="times that each film of the clinic is read")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    os.environ |= {"PEDAXR_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        clinic = create_demo_clinic(Path(folder) / "home", patients=FEWEST_PATIENTS, processes=1)
        settings = Settings(home=clinic.home, threads=1, waiting=64, drain_s=0)
        rows = [row("a worker of one server's own", clinic, settings, 0, given.rounds)]
        for count in given.replicas:
            rows.append(row(f"{count} on Ray, two servers", clinic, settings, count, given.rounds))
    publish("shared readers", {}, {"Readers that servers share": rows}, given)


if __name__ == "__main__":
    main()
