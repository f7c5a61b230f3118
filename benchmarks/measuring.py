"""What the benchmarks share: timed calls, memory, this machine's own limits, tables."""

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from pedaxr_server.cli.publish import publish as publish_figures

_MOST_BUSY = 0.05


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with --json FILE."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--publish", type=Path, help="also put the tables between their markers in this page")
    return parser


def timed(work: Callable[[], object], *, repeats: int, warm: int = 2) -> dict[str, float]:
    """Milliseconds of wall clock (p50, p95, least) and of processor time (p50) per call."""
    for _ in range(warm):
        work()
    wall, cpu = [], []
    for _ in range(repeats):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - begin_cpu)
    p50, p95 = np.percentile(wall, (50, 95)) * 1e3
    return {
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "least_ms": round(min(wall) * 1e3, 2),
        "cpu_p50_ms": round(float(np.median(cpu)) * 1e3, 2),
    }


def peak_mb() -> int:
    """Most resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def machine() -> dict[str, Any]:
    """Cores, processor and how busy others kept it: then wall clock times mean little."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "load_before": round(_LOAD_BEFORE, 2),
        "is_busy": busy_share() > _MOST_BUSY,
    }


def busy_share() -> float:
    """Of this machine's time since the start, what others than this process and its children took, 0 to 1."""
    used = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    own = sum(each.ru_utime + each.ru_stime for each in used)
    elapsed = time.monotonic() - _BEGIN
    return max(0.0, _busy_s() - _BUSY_BEFORE_S - own) / (elapsed * (os.cpu_count() or 1))


def _busy_s() -> float:
    """Seconds that all cores together have worked since the machine started; 0 where it does not say."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system = map(int, stat.read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def limits(side: int = 1024, megabytes: int = 256) -> dict[str, float]:
    """What one thread of this machine does: float32 operations (matrix product) and bytes (copy), per second.

    By processor time, so that a busy machine gives nearly the figures of an idle one.
    """
    a = np.random.default_rng(0).random((side, side), np.float32)
    flops = 2 * side**3 / (timed(lambda: a @ a, repeats=9)["cpu_p50_ms"] / 1e3)
    source = np.ones(megabytes * 2**20 // 4, np.float32)
    target = np.empty_like(source)
    ms = timed(lambda: np.copyto(target, source), repeats=9)["cpu_p50_ms"]
    return {"gflops": round(flops / 1e9, 1), "gb_per_s": round(2 * source.nbytes / ms / 1e6, 1)}


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Rows with the same keys as a table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(str(row.get(name, "")) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def publish(
    name: str,
    result: dict[str, Any],
    tables: dict[str, Sequence[dict[str, Any]]],
    given: argparse.Namespace,
) -> None:
    """Print the tables as Markdown, and write them where --json and --publish say.

    --json FILE holds everything; --publish PAGE gets the tables between `<!-- NAME figures -->` and its end.
    """
    measured_on = machine()
    text = "\n\n".join(f"**{title}**\n\n{markdown(rows)}" for title, rows in tables.items())
    text += f"\n\n{taken(measured_on)}"
    print(text)  # noqa: T201
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({**result, **tables, "machine": measured_on}, indent=2) + "\n")
    if given.publish:
        publish_figures(given.publish, name, text)


def taken(measured_on: dict[str, Any]) -> str:
    """When and on what, and whether the clock can be believed."""
    busy = " **The machine was busy: compare processor times only.**" if measured_on["is_busy"] else ""
    return (
        f"*{date.today().isoformat()}, {measured_on['cores']} cores, {measured_on['processor']}, "
        f"load before {measured_on['load_before']}.*{busy}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


_LOAD_BEFORE, _BUSY_BEFORE_S, _BEGIN = os.getloadavg()[0], _busy_s(), time.monotonic()
