"""Both tools of two checkouts, film by film in turns: what a change gains where others keep the machine busy.

    python benchmarks/in_turns.py --before ../before --films 14 --rounds 4

Each checkout reads the same studies of a synthetic clinic in a process of its own; nothing is found in a
cache but what the report finds of the film just outlined. Prints the medians of the ratios, film by film,
with a second process of the checkout before as a control: what that is away from 1 is chance.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import arguments, publish

from pedaxr import generate_report, segment_xray
from pedaxr.clinic import open_clinic
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import FEWEST_PATIENTS
from pedaxr.errors import PedaxrError
from pedaxr.reading.read_film import forget_films

HERE = Path(__file__).resolve()


def read_when_asked(home: Path) -> None:
    """In a child: seconds of processor time and of the clock for each study named on a line, or null."""
    clinic = open_clinic(home)
    for line in sys.stdin:
        forget_films()
        for picture in clinic.overlays.glob("*.png"):
            picture.unlink()
        begin = time.process_time(), time.perf_counter()
        try:
            segment_xray(line.strip(), clinic=clinic)
            generate_report(line.strip(), clinic=clinic)
            took: list[float] | None = [time.process_time() - begin[0], time.perf_counter() - begin[1]]
        except PedaxrError:
            took = None
        sys.stdout.write(json.dumps(took) + "\n")
        sys.stdout.flush()


class Checkout:
    """A process that reads films by the program of one checkout, in a clinic of its own."""

    def __init__(self, root: Path, home: Path, patients: int) -> None:
        create_demo_clinic(home, patients=patients)
        folders = [str(root.resolve() / name) for name in ("models", "tools", "server")]
        self._process = subprocess.Popen(
            [sys.executable, str(HERE), "--serve", str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*folders, str(HERE.parent)])},
            text=True,
        )

    def read(self, study_id: str) -> list[float] | None:
        """Seconds of the processor and of the clock; None of a film that is refused."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(study_id + "\n")
        self._process.stdin.flush()
        took: list[float] | None = json.loads(self._process.stdout.readline())
        return took

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def compare(checkouts: dict[str, Checkout], studies: list[str], rounds: int) -> list[dict[str, Any]]:
    """Medians, and those of the ratios to the first checkout, film by film."""
    names = list(checkouts)
    times: dict[str, list[list[float]]] = {name: [] for name in names}
    for turn in range(rounds * len(studies)):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            times[name].append(checkouts[name].read(studies[turn % len(studies)]) or [0.0, 0.0])
    rows = []
    for name in names:
        ratios = [
            [a / b for a, b in zip(one, first, strict=True)]
            for one, first in zip(times[name], times[names[0]], strict=True)
        ]
        cpu, wall = (statistics.median(one[at] for one in times[name]) * 1e3 for at in (0, 1))
        of_cpu, of_wall = (round(statistics.median(one[at] for one in ratios), 3) for at in (0, 1))
        rows.append(
            {"checkout": name, "cpu_p50_ms": round(cpu, 1), "ratio": of_cpu, "p50_ms": round(wall, 1)}
            | {"ratio of the wait": of_wall}
        )
    return rows


def main() -> None:
    """Compare, or serve as a child."""
    parser = arguments(__doc__)
    parser.add_argument("--before", type=Path, help="the other checkout")
    parser.add_argument("--films", type=int, default=14)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--serve", type=Path, metavar="HOME", help="for its own children")
    given = parser.parse_args()
    if given.serve:
        read_when_asked(given.serve)
        return
    roots = {"before": given.before, "now": HERE.parent.parent, "before, again": given.before}
    with tempfile.TemporaryDirectory() as folder:
        patients = max(FEWEST_PATIENTS, given.films)
        checkouts = {
            name: Checkout(root, Path(folder) / str(at), patients)
            for at, (name, root) in enumerate(roots.items())
        }
        newest = open_clinic(Path(folder) / "0").registry.newest_studies(1000)
        ids = [study.study_id for study in newest]
        read = [one for one in ids if all([process.read(one) for process in checkouts.values()])]
        rows = compare(checkouts, read[: given.films], given.rounds)
        for process in checkouts.values():
            process.close()
    publish("in turns", {}, {"Both tools in Python, registered studies": rows}, given)


if __name__ == "__main__":
    main()
