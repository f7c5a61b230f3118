"""How find_patient's time grows with the registry: the queries of `find_patient.py`, by number of patients.

Times are of all kinds of queries, shares of typos and of names in another script.

python benchmarks/registry_sizes.py [--patients 1000 10000 50000] [--per-kind 25]
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from find_patient import build, measure_kind
from measuring import arguments, publish

from pedaxr.clinic import Clinic
from pedaxr.evaluation.population import synthetic_patients
from pedaxr.evaluation.search_queries import search_cases

SIZES = (1_000, 10_000, 50_000)


def size_row(patients: int, per_kind: int) -> dict[str, Any]:
    """All kinds of queries together on a made-up registry of that size."""
    with tempfile.TemporaryDirectory(prefix="pedaxr-search-", ignore_cleanup_errors=True) as folder:
        begin = time.perf_counter()
        registry = build(Path(folder), patients, 0)
        built_s = time.perf_counter() - begin
        cases = search_cases(list(synthetic_patients(patients, 0)), per_kind, 1)
        clinic = Clinic(Path(folder), registry)
        found = measure_kind(clinic, "all", cases)
        hard = measure_kind(clinic, "hard", [c for c in cases if c.kind.startswith(("typo", "cross"))])
        size_mib = registry.path.stat().st_size / 2**20
    return {
        "patients": patients,
        "queries": found.queries,
        "p50_ms": round(found.p50_ms, 1),
        "p95_ms": round(found.p95_ms, 1),
        "cpu_p50_ms": round(found.p50_cpu_ms, 1),
        "typos and other scripts: among the first five": round(hard.recall, 3),
        "of at most five bearers": round(hard.recall_few_bearers, 3),
        "with the birth date": round(hard.recall_with_date, 3),
        "registry, MiB": round(size_mib),
        "built in, s": round(built_s),
    }


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=SIZES)
    parser.add_argument("--per-kind", type=int, default=25)
    given = parser.parse_args()
    rows = [size_row(patients, given.per_kind) for patients in given.patients]
    publish("registry", {}, {"find_patient by registry size": rows}, given)


if __name__ == "__main__":
    main()
