"""The long tests, each with one command, and what they came to with its date.

    python benchmarks/endurance.py load --publish docs/safety.md     (`make load`; also soak, fuzz, survival)

load: 100 and 200 callers, then 50 beside 300 slow clients. soak: callers, killed workers, broken films,
hang-ups and slow clients for five minutes. fuzz: thousands of damaged files, calls and tables, then atheris
on each decoder and its control. survival: 200 kills, every position of a failing disk, eight writers. Ends
with status 1 where one of them failed.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import arguments, publish

from pedaxr.demo.clinic import create_demo_clinic

ROOT = Path(__file__).parents[1]
LONGEST_S = 900
Row = dict[str, Any]
_FIGURES = re.compile(r"^[.\s]*(\{.*\}|\d+ steps in .*|\S.* of \d+ .*)$", re.MULTILINE)
_SUMMARY = re.compile(r"(\d+ (?:passed|failed)[^\n]*?) in ([\d.]+)s")


@dataclass(frozen=True)
class Step:
    """One program of a run.

    Attributes:
        name: as the table has it.
        command: what is run, after `python`.
        told: from its output to a row.
        may_fail: whether an end with an error is what must happen, as of a planted bug.
    """

    name: str
    command: tuple[str, ...]
    told: Callable[[str], Row]
    may_fail: bool = False

    def run(self) -> tuple[Row, bool]:
        """The row of the table, and whether all went as it must."""
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, *self.command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        output = done.stdout + done.stderr
        is_good = (done.returncode == 0) is not self.may_fail
        if not is_good:
            sys.stderr.write(output[-4000:])
        return {"what": self.name, "s": round(time.monotonic() - start), **self.told(output)}, is_good


def _tested(output: str) -> Row:
    found = _SUMMARY.search(output)
    figures = "; ".join(dict.fromkeys(figure.strip() for figure in _FIGURES.findall(output)))
    return {"result": found[1] if found else "did not end", "figures": figures.replace("|", "/")[:600]}


def _fuzzed(output: str) -> Row:
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    crashed = "a file raised what is no refusal" if "Uncaught Python exception" in output else "no crash"
    return {"result": crashed, "figures": f"{int(executed[1]):,} files" if executed else ""}


def _loaded(path: Path) -> Callable[[str], Row]:
    def told(output: str) -> Row:
        if not path.exists():
            return {"result": output.strip()[-200:]}
        figures = json.loads(path.read_text())
        answers, memory = figures["answers"], figures["memory"]
        told = {kind: f"{row['count']:,} (p95 {row['p95_s']:.2f} s)" for kind, row in answers.items()}
        wrong = sum(row["count"] for kind, row in answers.items() if "wrong" in kind or "Error" in kind)
        grown = f"{memory['growth_of_server']:+.1%}, {memory['growth_of_helpers']:+.1%}"
        return {
            "wrong": wrong,
            "answers": "; ".join(f"{kind} {text}" for kind, text in told.items()),
            "memory, MB": round(memory["most_mb"]),
            "growth of server, helpers": grown,
        }

    return told


def _load_step(folder: Path, name: str, *options: str) -> Step:
    out = folder / f"{len(list(folder.iterdir()))}-{re.sub(r'[^a-z0-9]', '-', name)}.json"
    command = ("benchmarks/load.py", "--home", str(folder / "clinic"), "--json", str(out), *options)
    return Step(name, command, _loaded(out))


def _pytest(name: str, *tests: str) -> Step:
    options = ("-s", "-p", "no:cacheprovider", "-m", "slow or not slow")
    return Step(name, ("-m", "pytest", *options, *tests), _tested)


def load(folder: Path) -> Iterator[Step]:
    """Under four minutes with the starts of the server."""
    most = ("--most-busy-s", "0.5", "--most-search-s", "0.5")
    yield _load_step(folder, "100 callers, 60 s", "--callers", "100", "--seconds", "60", *most)
    yield _load_step(folder, "200 callers, 60 s", "--callers", "200", "--seconds", "60")
    yield _load_step(
        folder,
        "50 callers beside 300 slow ones, 60 s",
        "--callers",
        "50",
        "--seconds",
        "60",
        "--slow-clients",
        "300",
    )


def soak(folder: Path) -> Iterator[Step]:
    """Five minutes; killed workers, broken films, hang-ups, slow clients."""
    options = (
        "--callers",
        "20",
        "--seconds",
        "290",
        "--faults",
        "--slow-clients",
        "50",
        "--most-growth",
        "0.05",
    )
    yield _load_step(folder, "20 callers, 50 slow clients, faults, 290 s", *options)


def fuzz(folder: Path) -> Iterator[Step]:
    """About five minutes. atheris must be installed."""
    yield _pytest("damaged films", "tests/tools/radiograph/test_fuzz_files.py")
    yield _pytest("tables and label files", "tests/tools/clinic/test_fuzz_tables.py")
    yield _pytest("calls and bodies", "tests/server/mcp/test_fuzz_calls.py")
    for decoder in ("png", "jpeg", "dicom"):
        fuzzer = ("tests/fuzz_decoders.py", decoder, "--seconds", "40", "--keep", str(folder))
        yield Step(f"atheris, {decoder}", fuzzer, _fuzzed)
        yield Step(f"atheris, {decoder} with a planted bug", (*fuzzer, "--planted"), _fuzzed, may_fail=True)


def survival(folder: Path) -> Iterator[Step]:
    """About five minutes."""
    yield _pytest("kills, failing disks, limits", "tests/tools/storage/test_survival.py")
    yield _pytest("eight writers", "tests/tools/registry/test_writers.py")


RUNS: dict[str, Callable[[Path], Iterator[Step]]] = {
    "load": load,
    "soak": soak,
    "fuzz": fuzz,
    "survival": survival,
}


def main() -> None:
    """Run one of them, print and publish."""
    parser = arguments(__doc__)
    parser.add_argument("run", choices=RUNS)
    given = parser.parse_args()
    rows, failed = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.run in ("load", "soak"):
            create_demo_clinic(folder / "clinic")
        for step in RUNS[given.run](folder):
            row, is_good = step.run()
            rows.append(row)
            failed += [] if is_good else [step.name]
    publish(given.run, {}, {given.run.capitalize(): rows}, given)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
