"""Many callers at once over HTTP, with faults if wanted: who is served, who is told "busy", and how soon.

    python benchmarks/load.py --callers 100 --seconds 60
    python benchmarks/load.py --callers 20 --seconds 600 --faults --slow-clients 50      (`make soak`)

A caller asks for a patient or for outlines of a film, waits for the answer, and asks again; told "busy" it
waits a second. Faults: the reading worker is killed, films are broken, callers hang up, slow clients never
finish a request. The callers and the server share this machine's processors: times are upper bounds.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME

ERA = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": ERA,
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
SHARE_OF_SEARCHES = 0.2
SHARE_OF_HANG_UPS = 0.2  # of readings, when there are faults
KILL_EVERY_S = 20.0
LONGEST_START_S = 120.0
EXPECTED = ("[busy]", "[worker_failed]", "[unreadable_image]", "[storage]")


@dataclass
class Outcomes:
    """What callers met.

    Attributes:
        seconds: of each answer, by tool and kind of answer.
        resident: bytes of the server and its children, over time; what is shared counts by its part.
        own: bytes that only the server itself has, over time; other programs on the machine do not change it.
        own_below: the same of its children, which are killed and start again.
    """

    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    resident: list[int] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    own_below: list[int] = field(default_factory=list)

    def add(self, kind: str, seconds: float) -> None:
        """Count one answer."""
        self.counts[kind] += 1
        self.seconds.setdefault(kind, []).append(seconds)

    def percentile(self, kind: str, percent: int) -> float:
        """In seconds; 0 when there was no such answer."""
        times = sorted(self.seconds.get(kind, [0.0]))
        return times[min(len(times) - 1, len(times) * percent // 100)]


@dataclass(frozen=True)
class Load:
    """One run.

    Attributes:
        url: of the MCP endpoint.
        name: to search for, and `patient_id`, the one right answer.
        study_ids: of whole films; `broken_id` is that of a broken one, or None.
        process_id: the server's; None leaves memory and the worker alone.
    """

    url: str
    name: str
    patient_id: str
    study_ids: tuple[str, ...]
    broken_id: str | None = None
    process_id: int | None = None
    callers: int = 100
    seconds: float = 60.0
    slow_clients: int = 0
    has_faults: bool = False
    kill_every_s: float = KILL_EVERY_S

    def run(self) -> Outcomes:
        """Do it."""
        return asyncio.run(self._run())

    async def _run(self) -> Outcomes:
        outcomes, end = Outcomes(), time.monotonic() + self.seconds
        limits = httpx2.Limits(max_connections=self.callers, max_keepalive_connections=self.callers)
        async with httpx2.AsyncClient(timeout=300, limits=limits) as http:
            jobs = [self._caller(http, outcomes, end, random.Random(n)) for n in range(self.callers)]
            jobs += [self._slow_client(end) for _ in range(self.slow_clients)]
            if self.process_id is not None:
                jobs.append(self._watch(outcomes, end))
                if self.has_faults:
                    jobs.append(self._kill(outcomes, end))
            await asyncio.gather(*jobs)
        return outcomes

    async def _caller(
        self, http: httpx2.AsyncClient, outcomes: Outcomes, end: float, rng: random.Random
    ) -> None:
        while time.monotonic() < end:
            if rng.random() < SHARE_OF_SEARCHES:
                tool, arguments = "find_patient", {"query": self.name}
            else:
                is_broken = self.broken_id is not None and rng.random() < 0.2
                study_id = self.broken_id if is_broken else rng.choice(self.study_ids)
                tool, arguments = "segment_xray", {"study_id": str(study_id)}
            start = time.monotonic()
            hangs_up = self.has_faults and tool != "find_patient" and rng.random() < SHARE_OF_HANG_UPS
            try:
                async with asyncio.timeout(rng.random() if hangs_up else None):
                    kind = await self._call(http, tool, arguments)
            except TimeoutError:
                kind = f"{tool} hung up"
            outcomes.add(kind, time.monotonic() - start)
            await asyncio.sleep(1.0 if kind.endswith("busy") else 0.05)

    async def _call(self, http: httpx2.AsyncClient, tool: str, arguments: dict[str, str]) -> str:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        headers = {"MCP-Protocol-Version": ERA, "Mcp-Method": "tools/call", "Mcp-Name": tool}
        headers["Accept"] = "application/json, text/event-stream"
        params = {"name": tool, "arguments": arguments, "_meta": META}
        try:
            reply = await http.post(self.url, json={**body, "params": params}, headers=headers)
        except httpx2.TransportError as err:
            return f"{tool} {type(err).__name__}"
        if reply.status_code == 503:
            return f"{tool} busy"
        return f"{tool} {self._judged(reply, tool, arguments)}"

    def _judged(self, reply: httpx2.Response, tool: str, arguments: dict[str, str]) -> str:
        """`served`, `busy` or another known refusal; anything else is `wrong`."""
        lines = [line[5:] for line in reply.text.splitlines() if line.startswith("data:")]
        messages = [json.loads(line) for line in lines if line.strip()] if lines else [reply.json()]
        result = next((m["result"] for m in messages if "result" in m), None)
        if reply.status_code != 200 or result is None:
            return f"wrong (HTTP {reply.status_code})"
        if result.get("isError"):
            text = str(result["content"][0]["text"])
            known = next((code for code in EXPECTED if text.endswith(code)), None)
            return known.strip("[]") if known else f"wrong ({text[:80]})"
        data = result["structuredContent"]
        if tool == "find_patient":
            is_right = [match["patient_id"] for match in data["matches"]] == [self.patient_id]
        else:
            is_right = data["study_id"] == arguments["study_id"] != self.broken_id
        return "served" if is_right else "wrong (another answer)"

    async def _slow_client(self, end: float) -> None:
        """Half a request, again and again, from another address: beyond its share it would lose its own."""
        address, other = httpx2.URL(self.url), ("127.0.0.2", 0) if sys.platform == "linux" else None
        while time.monotonic() < end:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(address.host, address.port, local_addr=other)
                writer.write(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-slow: ")
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.1, end - time.monotonic())):
                        await reader.read(1)
                writer.close()
            await asyncio.sleep(0.1)

    async def _watch(self, outcomes: Outcomes, end: float) -> None:
        assert self.process_id is not None
        while time.monotonic() < end:
            below = family(self.process_id)[1:]
            outcomes.resident.append(sum(memory(one, "Pss:") for one in (self.process_id, *below)))
            outcomes.own.append(memory(self.process_id, "Anonymous:"))
            outcomes.own_below.append(sum(memory(one, "Anonymous:") for one in below))
            await asyncio.sleep(max(0.2, self.seconds / 300))

    async def _kill(self, outcomes: Outcomes, end: float) -> None:
        assert self.process_id is not None
        while time.monotonic() + self.kill_every_s < end:
            await asyncio.sleep(self.kill_every_s)
            workers = [one for one in family(self.process_id)[1:] if not keeps_books(one)]
            for child in workers[:1]:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                    outcomes.counts["worker killed"] += 1


def family(process: int) -> list[int]:
    """The process and all below it."""
    found = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                found += family(int(child))
    return found


def keeps_books(process: int) -> bool:
    """Whether it is Python's own tracker of shared resources, which no server of ours started."""
    with suppress(OSError):
        return b"resource_tracker" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def memory(process: int, kind: str) -> int:
    """Bytes of that kind, as /proc/PID/smaps_rollup names it; 0 of a process that is gone."""
    with suppress(OSError):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(kind)), 0)
    return 0


def growth(samples: list[int]) -> float:
    """Highest decile of the last fifth over that of the second fifth, minus 1.

    Helpers are killed and start again: their median says how long they were up, their peaks what they hold.
    """
    fifth = len(samples) // 5
    if fifth < 2:
        return 0.0
    early, late = (
        statistics.quantiles(part, n=10)[-1] for part in (samples[fifth : 2 * fifth], samples[-fifth:])
    )
    return late / max(1.0, early) - 1


@contextmanager
def served(home: Path, waiting: int) -> Iterator[tuple[str, int]]:
    """A server of that clinic: its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "pedaxr_server", "serve", "--http", "--warm", "--port", str(port)]
    environment = os.environ | {"PEDAXR_WAITING": str(waiting)}
    process = subprocess.Popen([*command, "--home", str(home)], env=environment, stderr=subprocess.DEVNULL)
    try:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + LONGEST_START_S
        while process.poll() is None:
            if time.monotonic() > deadline:
                sys.exit("the server does not get ready")
            with suppress(httpx2.TransportError):
                if httpx2.get(f"{address}/readyz", timeout=10).status_code == 200:
                    break
            time.sleep(0.2)
        yield f"{address}/mcp", process.pid
    finally:
        process.terminate()
        process.wait(60)


def breakable(clinic: Clinic, home: Path) -> tuple[str, tuple[str, ...], str]:
    """The searched patient's id, some whole films, and one that is broken now."""
    match = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=clinic).matches[0]
    with_films = [study.study_id for study in match.studies]
    broken = clinic.registry.study(with_films[-1]).image_path
    assert home in broken.parents
    broken.write_bytes(broken.read_bytes()[:-100])
    return match.patient_id, tuple(with_films[:-1]), with_films[-1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--callers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--slow-clients", type=int, default=0)
    parser.add_argument("--waiting", type=int, default=8)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--most-busy-s", type=float, default=float("inf"), help="p95 of the refusals")
    parser.add_argument("--most-search-s", type=float, default=float("inf"), help="p95 of searches served")
    parser.add_argument("--most-growth", type=float, default=float("inf"), help="of memory: 0.05 is 5 %%")
    parser.add_argument("--home", type=Path, help="a demo clinic, which is copied; by default one is made")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "clinic"
        if given.home:
            shutil.copytree(given.home, home)
        else:
            create_demo_clinic(home)
        patient_id, whole, broken = breakable(open_clinic(home), home)
        with served(home, given.waiting) as (url, process):
            load = Load(
                url,
                DEMO_UNAMBIGUOUS_NAME,
                patient_id,
                whole,
                broken,
                process,
                callers=given.callers,
                seconds=given.seconds,
                slow_clients=given.slow_clients,
                has_faults=given.faults,
            )
            outcomes = load.run()
    _show(outcomes, given.json)
    if found := faults(outcomes, given.most_busy_s, given.most_growth, given.most_search_s):
        sys.exit(f"what must not be: {', '.join(found)}")


def faults(
    outcomes: Outcomes, most_busy_s: float, most_growth: float, most_search_s: float = float("inf")
) -> list[str]:
    """Wrong answers, a "busy" or a search that came too late, memory that grew."""
    found = [kind for kind in sorted(outcomes.counts) if "wrong" in kind or "Error" in kind]
    for kind in outcomes.seconds:
        most_s = most_search_s if kind == "find_patient served" else most_busy_s
        if kind.endswith(("busy", "find_patient served")) and outcomes.percentile(kind, 95) > most_s:
            found.append(f"{kind} after {outcomes.percentile(kind, 95):.2f} s")
    for whose, samples in (("the server", outcomes.own), ("its helpers", outcomes.own_below)):
        if growth(samples) > most_growth:
            found.append(f"memory of {whose} {growth(samples):+.1%}")
    return found


def _show(outcomes: Outcomes, path: Path | None) -> None:
    rows = {
        kind: {"count": count, "p50_s": outcomes.percentile(kind, 50), "p95_s": outcomes.percentile(kind, 95)}
        for kind, count in sorted(outcomes.counts.items())
    }
    for kind, row in rows.items():
        print(f"{kind:44} {row['count']:7}  p50 {row['p50_s']:7.3f} s  p95 {row['p95_s']:7.3f} s")  # noqa: T201
    sizes = {
        "most_mb": max(outcomes.resident, default=0) / 2**20,
        "growth_of_server": growth(outcomes.own),
        "growth_of_helpers": growth(outcomes.own_below),
    }
    print(  # noqa: T201
        f"memory of all processes: most {sizes['most_mb']:.0f} MB; growth of the server "
        f"{sizes['growth_of_server']:+.1%}, of its helpers {sizes['growth_of_helpers']:+.1%}"
    )
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"answers": rows, "memory": sizes}, indent=1))


if __name__ == "__main__":
    main()
