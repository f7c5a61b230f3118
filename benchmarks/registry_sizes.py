"""How find_patient's time and memory grow with the registry: the queries of `find_patient.py`, by size.

    python benchmarks/registry_sizes.py [--patients 1000 100000 1000000] [--per-kind 25] [--keep FOLDER]

Each size is searched in a process of its own, which has the queries and nothing else, so that its memory is
that of a search. Registries are filled with the rows and the index that `pedaxr import` writes, in one
transaction and without the audit chain, which no search reads: a million patients take minutes, not an hour.
"""

import json
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from find_patient import Row, measure, p95
from measuring import arguments, peak_mb, publish, timed

from pedaxr.audit.access_log import AccessLog
from pedaxr.audit.chain import Entry, now
from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.evaluation.population import synthetic_patients, synthetic_study
from pedaxr.evaluation.search_queries import MOST_BEARERS, SearchCase, search_cases
from pedaxr.patient_search.index_writes import build_index
from pedaxr.records import Patient, study_row
from pedaxr.registry import REGISTRY_FILE, Registry

SIZES = (1_000, 100_000, 1_000_000)
_AT_ONCE = 50_000
_FILLED_IN, _MEASURED, _UNFINISHED = "filled.json", "measured.json", "unfinished"
_FAST = ("synchronous=OFF", "journal_mode=OFF", "temp_store=MEMORY", "cache_size=-2000000")


def fill(home: Path, patients: int) -> float:
    """A registry of fictitious children with a film each; the seconds of processor time that it took."""
    begin = time.process_time()
    registry = Registry.create(home / REGISTRY_FILE)
    people, number = synthetic_patients(patients, 0), 0
    with closing(sqlite3.connect(registry.path, isolation_level=None)) as connection:
        for pragma in _FAST:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        while some := list(islice(people, _AT_ONCE)):
            _insert(connection, "patients", map(_patient_row, some))
            films = (synthetic_study(patient, number + at) for at, patient in enumerate(some))
            _insert(connection, "studies", (study_row(film, home) for film in films))
            number += len(some)
        build_index(connection)
        connection.execute("COMMIT")
    Registry.open(registry.path)  # with the journal that registries have
    return time.process_time() - begin


def _patient_row(patient: Patient) -> dict[str, Any]:
    born = patient.patient_birth_date
    return {
        "patient_id": patient.patient_id,
        "patient_name": patient.patient_name,
        "patient_birth_date": born.isoformat() if born else None,
        "patient_sex": patient.patient_sex,
    }


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[dict[str, Any]]) -> None:
    first, *others = ({**row, "added_at": now()} for row in rows)
    columns, places = ", ".join(first), ", ".join(f":{column}" for column in first)
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", [first, *others])


def searched(home: Path, cases: list[SearchCase]) -> dict[str, Any]:
    """Times and shares by kind of query, what an entry in the access log takes, and memory."""
    clinic = Clinic(home, Registry.open(home / REGISTRY_FILE))
    before = peak_mb()
    find_patient(cases[0].query, clinic=clinic)
    rows = measure(clinic, cases)
    least = [_least_ms(clinic, case) for case in cases]
    entry = Entry("0", now(), "find_patient", "ok", "nobody", "benchmark", query=cases[0].query)
    logged = timed(lambda: AccessLog(home).add(entry), repeats=200)
    return {
        "rows": [asdict(row) for row in rows],
        "least": least,
        "log": logged,
        "before_mb": before,
        "peak_mb": peak_mb(),
    }


def asked(kept: Path, patients: int, per_kind: int) -> list[SearchCase]:
    """The queries, which take longer to draw among a million patients than to ask."""
    if not kept.exists():
        cases = search_cases(list(synthetic_patients(patients, 0)), per_kind, 1)
        kept.write_text(json.dumps([asdict(case) for case in cases], default=str))
    listed = [SearchCase(**case) for case in json.loads(kept.read_text())]
    days = [date.fromisoformat(str(case.birth_date)) if case.birth_date else None for case in listed]
    return [replace(case, birth_date=day) for case, day in zip(listed, days, strict=True)]


def measured(home: Path, patients: int, per_kind: int) -> list[list[dict[str, Any]]]:
    """The row of a size and those of its kinds of query; as measured before, where that is kept beside it."""
    kept = home / _MEASURED
    if not kept.exists():
        rows = size_rows(home, patients, per_kind)
        kept.write_text(json.dumps(rows))
    return list(json.loads(kept.read_text()))


def _least_ms(clinic: Clinic, case: SearchCase) -> float:
    """Processor time of the quickest of five times: what others on the machine cost it is left out."""
    times = []
    for _ in range(5):
        begin = time.process_time()
        find_patient(case.query, limit=10, clinic=clinic)
        times.append(time.process_time() - begin)
    return min(times) * 1e3


def size_rows(home: Path, patients: int, per_kind: int) -> list[list[dict[str, Any]]]:
    """One row of all queries on a registry of that size, and one of each kind."""
    if not (home / REGISTRY_FILE).exists() or (home / _UNFINISHED).exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / REGISTRY_FILE).unlink(missing_ok=True)
        (home / _UNFINISHED).touch()
        (home / _FILLED_IN).write_text(json.dumps(fill(home, patients)))
        (home / _UNFINISHED).unlink()
    cases = asked(home / f"queries_{per_kind}.json", patients, per_kind)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(searched, (home, cases))
    kinds = [Row(**row) for row in found["rows"]]
    everything = kinds[-1]
    hard = [row for row in kinds if row.kind.startswith(("typo", "cross"))]
    filled = home / _FILLED_IN
    row = {
        "patients": patients,
        "queries": everything.queries,
        "p50_ms": round(everything.p50_ms, 1),
        "p95_ms": round(everything.p95_ms, 1),
        "cpu_p50_ms": round(everything.p50_cpu_ms, 1),
        "cpu_p95_ms": round(everything.p95_cpu_ms, 1),
        "cpu_p50_ms, least of five": round(statistics.median(found["least"]), 1),
        "cpu_p95_ms, least of five": round(p95(found["least"]), 1),
        "of it the access log, cpu_p50_ms": found["log"]["cpu_p50_ms"],
        "typos and other scripts: among the first five": _mean(row.recall for row in hard),
        f"of at most {MOST_BEARERS} bearers": _mean(row.recall_few_bearers for row in hard),
        "with the birth date": _mean(row.recall_with_date for row in hard),
        "memory, MB": found["peak_mb"],
        "of it before the first search": found["before_mb"],
        "file, MiB": round((home / REGISTRY_FILE).stat().st_size / 2**20),
        "filled in, cpu s": round(json.loads(filled.read_text())) if filled.exists() else "",
    }
    return [[row], [_kind_row(kind) for kind in kinds]]


def _mean(shares: Iterable[float]) -> float:
    listed = list(shares)
    return round(sum(listed) / len(listed), 3)


def _kind_row(row: Row) -> dict[str, Any]:
    return {
        "query": row.kind,
        "p50_ms": round(row.p50_ms, 1),
        "p95_ms": round(row.p95_ms, 1),
        "cpu_p50_ms": round(row.p50_cpu_ms, 1),
        "cpu_p95_ms": round(row.p95_cpu_ms, 1),
        "among the first five": round(row.recall, 3),
        f"of at most {MOST_BEARERS} bearers": round(row.recall_few_bearers, 3),
        "with the birth date": round(row.recall_with_date, 3),
    }


def _folders(keep: Path | None, sizes: Iterable[int]) -> Iterator[tuple[int, Path]]:
    """A folder for each size, which is removed again unless they are kept."""
    for patients in sizes:
        if keep is not None:
            yield patients, keep / str(patients)
            continue
        with tempfile.TemporaryDirectory(prefix="pedaxr-search-", ignore_cleanup_errors=True) as folder:
            yield patients, Path(folder)


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=SIZES)
    parser.add_argument("--per-kind", type=int, default=25)
    parser.add_argument("--keep", type=Path, help="fill and measure here, and resume what is there")
    given = parser.parse_args()
    rows, kinds = list[dict[str, Any]](), list[dict[str, Any]]()
    for patients, home in _folders(given.keep, given.patients):
        [row], kinds = measured(home, patients, given.per_kind)
        rows.append(row)
    tables: dict[str, Sequence[dict[str, Any]]] = {
        "find_patient by registry size": rows,
        f"By kind of query, {rows[-1]['patients']} patients": kinds,
    }
    publish("registry", {}, tables, given)


if __name__ == "__main__":
    main()
