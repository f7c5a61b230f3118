"""Where one SQLite registry ends: films registered a second, and how long each waits, by writing processes.

Each act is one transaction that is on the disk when it returns (`synchronous=FULL`), with its search keys and
its entry in the audit chain. Beside it searches, each of which leaves an entry in the access log. From the
times of one writer the peak hour of a hospital group is simulated.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from measuring import arguments, publish

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import StorageBusy
from pedaxr.evaluation.population import synthetic_patients, synthetic_study
from pedaxr.registry import REGISTRY_FILE, Patient, Registry

WRITERS = (1, 2, 4, 8)
Times: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.float64]]"
_BEFORE = 2000  # patients that are there before
_SHARES = (0.25, 0.5, 0.75, 0.9)
_WRITES_A_FILM, _PEAK_HOUR, _FILMS_A_DAY = 3, 1 / 6, 100  # registered, drafted, signed; of a day; a hospital
_MOST = 100_000  # patients one writer can register at most


def register(home: Path, number: int, seconds: float) -> tuple[list[float], int]:
    """Seconds of each act of one writer until the time is up, and how many were told to come back."""
    registry, times, busy = open_clinic(home).registry, list[float](), 0
    with suppress(StorageBusy):
        registry.add([Patient(f"W{os.getpid()}", "Nobody")], [])  # loads what a writer needs, once
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
    clinic, times, busy = open_clinic(home), list[float](), 0
    names = [patient.patient_name for patient in islice(synthetic_patients(_BEFORE, 0), number, None, 7)]
    find_patient(names[0], clinic=clinic)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.perf_counter()
        try:
            find_patient(names[len(times) % len(names)], clinic=clinic)
        except StorageBusy:
            busy += 1
        times.append(time.perf_counter() - begin)
    return times, busy


def together(act: Callable[..., Any], home: Path, processes: int, seconds: float) -> tuple[Times, int]:
    """Seconds of every act of so many processes on one registry, and how many were told to come back."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        found = pool.starmap(act, [(home, number, seconds) for number in range(processes)])
    return np.concatenate([times for times, _ in found]), sum(busy for _, busy in found)


def row(what: str, processes: int, seconds: float, times: Times, busy: int) -> dict[str, Any]:
    """The figures of one such run."""
    p50, p95 = np.percentile(times, (50, 95)) * 1e3
    return {
        "what": what,
        "processes": processes,
        "a second": round(len(times) / seconds, 1),
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "told to come back": busy,
    }


def group_row(times: Times, share: float) -> dict[str, Any]:
    """A simulated peak hour of a hospital group whose writes keep one registry busy for that share of it.

    Writes come at random and are served one by one, each for as long as one of those measured. SQLite does
    not serve in order but lets who waits look again and again: single waits are longer than these.
    """
    draw = np.random.default_rng(0)
    rate = share / float(times.mean())  # writes a second
    arrivals = np.cumsum(draw.exponential(1 / rate, round(rate * 3600)))
    free, waits = 0.0, np.empty_like(arrivals)
    for at, (arrival, service) in enumerate(zip(arrivals, draw.choice(times, arrivals.size), strict=True)):
        waits[at] = max(free - arrival, 0.0)
        free = arrival + waits[at] + service
    films = rate / _WRITES_A_FILM * 3600 / _PEAK_HOUR
    return {
        "registry busy": f"{share:.0%}",
        "writes a second": round(rate, 1),
        "films a day": round(films),
        f"hospitals of {_FILMS_A_DAY} films a day": round(films / _FILMS_A_DAY),
        "wait p50_ms": round(float(np.median(waits)) * 1e3, 1),
        "wait p99_ms": round(float(np.percentile(waits, 99)) * 1e3, 1),
        "longest wait, ms": round(float(waits.max()) * 1e3),
    }


def bytes_a_patient(home: Path, patients: int, seconds: float) -> dict[str, Any]:
    """The file of a registry after so many patients with a film each, with keys, states and audit chain."""
    return {
        "patients with a film": patients,
        "KiB a patient": round((home / REGISTRY_FILE).stat().st_size / 1024 / patients, 1),
        "registered together in, s": round(seconds, 1),
    }


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each row")
    parser.add_argument("--writers", type=int, nargs="+", default=WRITERS)
    given = parser.parse_args()
    rows, alone = list[dict[str, Any]](), np.zeros(0)
    with tempfile.TemporaryDirectory() as folder:
        home, begin = Path(folder), time.perf_counter()
        registry = Registry.create(home / REGISTRY_FILE)
        people = list(synthetic_patients(_BEFORE, 0))
        registry.add(people, [synthetic_study(patient, number) for number, patient in enumerate(people)])
        sizes = bytes_a_patient(home, _BEFORE, time.perf_counter() - begin)
        for act, what in ((register, "a film registered"), (search, "a search")):
            for count in given.writers:
                times, busy = together(act, home, count, given.seconds)
                rows.append(row(what, count, given.seconds, times, busy))
                alone = times if (act, count) == (register, min(given.writers)) else alone
    tables: dict[str, Sequence[dict[str, Any]]] = {
        "One registry, several processes": rows,
        "A file of this size": [sizes],
        "A hospital group's peak hour, simulated from the times of one writer": [
            group_row(alone, share) for share in _SHARES
        ],
    }
    publish("writers", {"cores": os.cpu_count()}, tables, given)


if __name__ == "__main__":
    main()
