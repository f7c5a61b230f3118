"""Where one SQLite registry ends: films registered a second, and how long each waits, by writing processes.

Each act is one transaction that is on the disk when it returns (`synchronous=FULL`), with its search keys and
its entry in the audit chain. Beside it searches, each of which leaves an entry in the access log.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from measuring import arguments, publish

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import StorageBusy
from pedaxr.evaluation.population import synthetic_patients, synthetic_study
from pedaxr.registry import REGISTRY_FILE, Registry

WRITERS = (1, 2, 4, 8)
_MOST = 100_000  # patients one writer can register at most


def register(home: Path, number: int, seconds: float) -> tuple[list[float], int]:
    """Seconds of each act of one writer until the time is up, and how many were told to come back."""
    registry, times, busy = open_clinic(home).registry, [], 0
    end = time.monotonic() + seconds
    for at, made in enumerate(synthetic_patients(_MOST, 1 + number), 10**5):
        if time.monotonic() > end:
            break
        patient = replace(made, patient_id=f"W{os.getpid()}-{at}")
        begin = time.perf_counter()
        try:
            registry.add([patient], [synthetic_study(patient, os.getpid() * 10**6 + at)])
        except StorageBusy:
            busy += 1
        times.append(time.perf_counter() - begin)
    return times, busy


def search(home: Path, number: int, seconds: float) -> tuple[list[float], int]:
    """The same of one who searches."""
    clinic, times, busy = open_clinic(home), [], 0
    names = [patient.patient_name for patient in islice(synthetic_patients(500, 0), number, None, 7)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.perf_counter()
        try:
            find_patient(names[len(times) % len(names)], clinic=clinic)
        except StorageBusy:
            busy += 1
        times.append(time.perf_counter() - begin)
    return times, busy


def row(act: Callable[..., Any], what: str, home: Path, processes: int, seconds: float) -> dict[str, Any]:
    """So many processes at once on one registry."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        found = pool.starmap(act, [(home, number, seconds) for number in range(processes)])
    times = np.concatenate([times for times, _ in found])
    p50, p95 = np.percentile(times, (50, 95)) * 1e3
    return {
        "what": what,
        "processes": processes,
        "a second": round(len(times) / seconds, 1),
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "told to come back": sum(busy for _, busy in found),
    }


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each row")
    parser.add_argument("--writers", type=int, nargs="+", default=WRITERS)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        registry = Registry.create(home / REGISTRY_FILE)
        people = list(synthetic_patients(500, 0))
        registry.add(people, [synthetic_study(patient, number) for number, patient in enumerate(people)])
        for act, what in ((register, "a film registered"), (search, "a search")):
            rows += [row(act, what, home, count, given.seconds) for count in given.writers]
    publish("writers", {"cores": os.cpu_count()}, {"One registry, several processes": rows}, given)


if __name__ == "__main__":
    main()
