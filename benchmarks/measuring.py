"""What the benchmarks share: timed calls, memory, this machine's own limits, tables."""

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with --json FILE."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="also write the figures here")
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
    """Cores, processor and how busy it is: above the number of cores, wall clock times mean little."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "load_1min": round(os.getloadavg()[0], 2),
        "is_busy": os.getloadavg()[0] > 0.5,
    }


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


def publish(result: dict[str, Any], tables: dict[str, Sequence[dict[str, Any]]], path: Path | None) -> None:
    """Print the tables as Markdown; with --json FILE also write everything there and FILE.md beside it."""
    text = "\n\n".join(f"### {title}\n\n{markdown(rows)}" for title, rows in tables.items())
    print(text)  # noqa: T201
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**result, **tables, "machine": machine()}, indent=2) + "\n")
        path.with_suffix(".md").write_text(text + "\n")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
