"""Seconds for one 512 x 512 film on one core, with masks, outlines and facts: `make bench-films`."""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy starts its threads

import cv2  # noqa: E402

from pedaxr_models.phantom.film import make_film  # noqa: E402
from pedaxr_models.phantom.spec import VERSION, Domain, FilmSpec, sample_spec  # noqa: E402
from pedaxr_server.cli.publish import publish  # noqa: E402

TARGET_S = 0.35


def measure(count: int, seed: int, domain: Domain, times: int = 1) -> dict[str, Any]:
    """Wall and processor seconds per film, the least of `times`; the first films fill caches, uncounted."""
    cv2.setNumThreads(1)
    for index in range(2):
        make_film(sample_spec(seed + 1, index, domain))
    wall: list[float] = []
    cpu: list[float] = []
    labels: dict[str, list[float]] = {}
    for index in range(count):
        spec = sample_spec(seed, index, domain)
        found = [_timed(spec) for _ in range(times)]
        wall.append(min(seconds for _, seconds, _ in found))
        cpu.append(min(seconds for _, _, seconds in found))
        labels.setdefault(found[0][0], []).append(cpu[-1])
    return {
        "films": count,
        "seed": seed,
        "domain": domain.value,
        "times": times,
        "generator_version": VERSION,
        "target_s": TARGET_S,
        "processor_s": _summary(cpu),
        "wall_s": _summary(wall),
        "processor_s_by_label": {
            label: round(statistics.median(t), 3) for label, t in sorted(labels.items())
        },
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _timed(spec: FilmSpec) -> tuple[str, float, float]:
    """What a film shows, and the wall and processor seconds it took."""
    started, busy = time.perf_counter(), time.process_time()
    film = make_film(spec)
    return film.label, time.perf_counter() - started, time.process_time() - busy


def _summary(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "median": round(statistics.median(ordered), 3),
        "mean": round(statistics.fmean(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
        "most": round(ordered[-1], 3),
    }


def main() -> int:
    """Print the table; 1 where the median film takes more processor time than the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="films (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", type=int, default=1, help="each film so many times, the least counts")
    parser.add_argument("--shifted", action="store_true", help="shifted films")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument("--publish", type=Path, metavar="PAGE", help="also put them between their markers")
    arguments = parser.parse_args()
    domain = Domain.SHIFTED if arguments.shifted else Domain.STANDARD
    found = measure(arguments.count, arguments.seed, domain, arguments.times)
    rows = [f"{kind:12s}" + "".join(f"{found[kind][k]:>10.3f}" for k in found[kind]) for kind in _KINDS]
    header = f"{'seconds':12s}" + "".join(f"{k:>10s}" for k in found["wall_s"])
    by_label = [f"{label:24s}{seconds:8.3f}" for label, seconds in found["processor_s_by_label"].items()]
    sys.stdout.write("\n".join([found["machine"], header, *rows, "", *by_label, ""]))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if arguments.publish:
        publish(arguments.publish, "generator", _table(found))
    return int(found["processor_s"]["median"] > TARGET_S)


def _table(found: dict[str, Any]) -> str:
    names = list(found["wall_s"])
    lines = ["| seconds a film | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    lines += [
        f"| {kind[:-2]} | " + " | ".join(f"{found[kind][n]:.3f}" for n in names) + " |" for kind in _KINDS
    ]
    return "\n".join([*lines, "", f"*{found['films']} films, {found['machine']}.*"])


_KINDS = ("processor_s", "wall_s")

if __name__ == "__main__":
    sys.exit(main())
