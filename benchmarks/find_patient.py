"""How fast find_patient answers, and how often the patient meant is among the first five.

    python benchmarks/find_patient.py --patients 50000 [--per-kind 100] [--seed 0] [--json FILE]

A made-up registry is built in a temporary folder and removed. The queries are
those of `pedaxr.evaluation.search_queries`.
A case counts as found by name when the patient is among the first five of what is listed, matches or nearest.
Where it was not, it is asked again with the birth date, as the tool's next step says to do.
`typo` and `cross` kinds are also counted over names of at most five bearers, where five can hold them all.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.evaluation.population import synthetic_patients, synthetic_study
from pedaxr.evaluation.search_queries import MOST_BEARERS, SearchCase, search_cases
from pedaxr.registry import REGISTRY_FILE, Registry
from pedaxr.types import PatientSearch

BATCH = 100_000
FIRST = 5


@dataclass(frozen=True)
class Row:
    """What was measured of one kind of query: milliseconds by the clock and of this process's CPU; shares."""

    kind: str
    queries: int
    p50_ms: float
    p95_ms: float
    p50_cpu_ms: float
    p95_cpu_ms: float
    recall: float
    recall_few_bearers: float
    recall_with_date: float


def build(home: Path, patients: int, seed: int) -> Registry:
    """A registry of fictitious children with a film each."""
    registry = Registry.create(home / REGISTRY_FILE)
    people = synthetic_patients(patients, seed)
    number = 0
    while batch := list(islice(people, BATCH)):
        registry.add(batch, (synthetic_study(patient, number + at) for at, patient in enumerate(batch)))
        number += len(batch)
        sys.stdout.write(f"  {number} patients registered\n")
    return registry


def ask(clinic: Clinic, case: SearchCase, *, with_date: bool) -> tuple[tuple[float, float], bool]:
    """Milliseconds by the clock and of CPU, and whether the patient is among the first five listed."""
    start, cpu_start = time.perf_counter(), time.process_time()
    born = case.birth_date if with_date else None
    found = find_patient(case.query, patient_birth_date=born, limit=10, clinic=clinic)
    took = (time.perf_counter() - start) * 1000, (time.process_time() - cpu_start) * 1000
    return took, is_listed(found, case)


def is_listed(found: PatientSearch, case: SearchCase) -> bool:
    """Whether the patient is among the first five of the matches, or of the nearest where there is none."""
    return case.patient_id in [match.patient_id for match in (*found.matches, *found.nearest)][:FIRST]


def measure(clinic: Clinic, cases: list[SearchCase]) -> list[Row]:
    """One row per kind, in order, and one of all."""
    by_kind: dict[str, list[SearchCase]] = defaultdict(list)
    for case in cases:
        by_kind[case.kind].append(case)
    by_kind["all"] = cases
    return [measure_kind(clinic, kind, of_kind) for kind, of_kind in by_kind.items()]


def measure_kind(clinic: Clinic, kind: str, cases: list[SearchCase]) -> Row:
    """Times and recall of one kind."""
    times, alone, few, dated = [], [], [], []
    for case in cases:
        took, is_found = ask(clinic, case, with_date=False)
        times.append(took)
        alone.append(is_found)
        if case.bearers <= MOST_BEARERS:
            few.append(is_found)
        if not is_found and case.birth_date is not None and case.kind != "nobody":
            took, is_found = ask(clinic, case, with_date=True)
            times.append(took)
        dated.append(is_found)
    clock, cpu = zip(*times, strict=True)
    spread = [f(ms) for ms in (clock, cpu) for f in (statistics.median, p95)]
    shares = (statistics.fmean(found) if found else 0.0 for found in (alone, few, dated))
    return Row(kind, len(times), *spread, *shares)


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    head = "| query | p50 ms | p95 ms | CPU p50 | CPU p95 | first five | of rare names | with birth date |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for r in rows:
        times = " | ".join(f"{ms:.1f}" for ms in (r.p50_ms, r.p95_ms, r.p50_cpu_ms, r.p95_cpu_ms))
        shares = " | ".join(f"{s:.3f}" for s in (r.recall, r.recall_few_bearers, r.recall_with_date))
        lines.append(f"| {r.kind} | {times} | {shares} |")
    return "\n".join(lines)


def main() -> None:
    """Build, measure, print, remove."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=50_000)
    parser.add_argument("--per-kind", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--keep", type=Path, help="build the registry here, or use the one there, and keep it"
    )
    asked = parser.parse_args()
    home = asked.keep or Path(tempfile.mkdtemp(prefix="pedaxr-search-"))
    home.mkdir(parents=True, exist_ok=True)
    try:
        start = time.perf_counter()
        is_there = (home / REGISTRY_FILE).exists()
        registry = (
            Registry.open(home / REGISTRY_FILE) if is_there else build(home, asked.patients, asked.seed)
        )
        built_s = time.perf_counter() - start
        cases = search_cases(
            list(synthetic_patients(asked.patients, asked.seed)), asked.per_kind, asked.seed + 1
        )
        rows = measure(Clinic(home, registry), cases)
        size_mib = registry.path.stat().st_size / 2**20
    finally:
        if asked.keep is None:
            shutil.rmtree(home, ignore_errors=True)  # the access log is still being written down
    sys.stdout.write(
        f"\n{asked.patients} patients, built in {built_s:.0f} s, {size_mib:.0f} MiB\n\n{table(rows)}\n"
    )
    if asked.json:
        result = {"patients": asked.patients, "seed": asked.seed, "built_s": built_s, "size_mib": size_mib}
        asked.json.write_text(json.dumps({**result, "rows": [asdict(row) for row in rows]}, indent=2))


if __name__ == "__main__":
    main()
