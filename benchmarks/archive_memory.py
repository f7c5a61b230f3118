"""How much memory reading an archive takes, and whether it grows with the number of films.

    python benchmarks/archive_memory.py --publish docs/safety.md

One film of the demo clinic is copied so many times, no two copies alike, and read as `pedaxr read` does in a
process of its own; its memory is looked at while it runs, workers included.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from load import family, memory
from measuring import arguments, publish

READ = """
import sys
from pathlib import Path
from pedaxr.archive.read_archive import read_archive
read_archive(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def measure(films: int, sample: Path, folder: Path) -> dict[str, Any]:
    """Peak memory of reading so many films."""
    source, out = folder / f"films-{films}", folder / f"archive-{films}"
    source.mkdir()
    content = sample.read_bytes()[:-2]  # the last pixel tells them apart
    for number in range(films):
        (source / f"{number:05}{sample.suffix}").write_bytes(content + number.to_bytes(2, "little"))
    process = subprocess.Popen([sys.executable, "-c", READ, str(source), str(out)])
    start, most, own = time.monotonic(), 0, 0
    while process.poll() is None:
        pids = family(process.pid)
        most = max(most, sum(memory(one, "Pss:") for one in pids))
        own = max(own, memory(process.pid, "Anonymous:"))
        time.sleep(0.2)
    if process.returncode:
        sys.exit("the archive could not be read")
    shutil.rmtree(source)
    return {
        "films": films,
        "s": round(time.monotonic() - start),
        "the reader's own peak, MB": round(own / 2**20),
        "with its workers, MB": round(most / 2**20),
    }


def main() -> None:
    """Measure twice and compare."""
    parser = arguments(__doc__)
    parser.add_argument("--films", type=int, nargs="+", default=[20, 100])
    parser.add_argument(
        "--most-growth", type=float, default=0.15, help="of the peak from fewest to most films"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample = _sample(folder)
        rows = [measure(films, sample, folder) for films in given.films]
    publish("archive memory", {}, {"Memory of the archive reader": rows}, given)
    first, last = (row["with its workers, MB"] for row in (rows[0], rows[-1]))
    if last > first * (1 + given.most_growth):
        sys.exit(f"memory grew with the films: {first} -> {last} MB")


def _sample(folder: Path) -> Path:
    from pedaxr.clinic.find_patient import find_patient
    from pedaxr.demo.clinic import create_demo_clinic
    from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME, FEWEST_PATIENTS

    clinic = create_demo_clinic(folder / "clinic", patients=FEWEST_PATIENTS, processes=1)
    match = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=clinic).matches[0]
    return clinic.registry.study(match.studies[0].study_id).image_path


if __name__ == "__main__":
    main()
