"""An archive read by Ray Data beside processes of its own: films a second by workers, and memory by films.

    python benchmarks/archive_on_ray.py --publish docs/speed.md

Each worker has one thread. The start, with all that is loaded, is in "in all" and not in "once started".
Memory is what all processes of a row take together at most, Ray's own included.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from load import family, memory
from measuring import arguments, publish
from PIL import Image

from pedaxr_models.phantom import make_film, sample_spec

_DIFFERENT = 20
READ = """
import sys, time
from pathlib import Path
source, out, workers, how = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
marks = []
def progress(done, _):
    marks.append((time.perf_counter(), done))
if __name__ == "__main__":
    if how == "ray":
        import ray
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False,
                 object_store_memory=100 * 2**20, _node_ip_address="127.0.0.1")
        ray.data.DataContext.get_current().enable_progress_bars = False
        from pedaxr.archive.on_ray import read_archive_on_ray
        read_archive_on_ray(source, out, shard_size=5, progress=progress)
    else:
        from pedaxr.archive.read_archive import read_archive
        read_archive(source, out, processes=workers, shard_size=5, progress=progress)
    first, last = marks[min(workers, len(marks) - 1)], marks[-1]
    print("once started", (last[1] - first[1]) / max(last[0] - first[0], 1e-9))
"""


def films_in(folder: Path, count: int) -> Path:
    """A folder of so many films, some of them alike."""
    source = folder / f"films-{count}"
    source.mkdir()
    for index in range(min(count, _DIFFERENT)):
        Image.fromarray(make_film(sample_spec(0, index)).pixels).save(source / f"{index:05}.png")
    for index in range(_DIFFERENT, count):
        (source / f"{index:05}.png").hardlink_to(source / f"{index % _DIFFERENT:05}.png")
    return source


def row(how: str, workers: int, source: Path, films: int, folder: Path, *, is_timed: bool) -> dict[str, Any]:
    """One reading of the archive, in processes that end with it; of a few parts no rate can be told."""
    program = folder / "read.py"
    program.write_text(READ)
    out = folder / f"out-{how}-{workers}-{films}"
    command = [sys.executable, str(program), str(source), str(out), str(workers), how]
    begin, most = time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        most = max(most, sum(memory(pid, "Pss:") for pid in _all(process.pid)))
        time.sleep(0.5)
    said, wrong = process.communicate()
    if process.returncode:
        sys.exit(f"the archive was not read: {wrong[-2000:]}")
    return {
        "read by": "Ray Data" if how == "ray" else "processes of its own",
        "workers": workers,
        "films": films,
        "films/s in all": round(films / (time.perf_counter() - begin), 2),
        "films/s once started": round(float(said.rsplit("once started", 1)[1]), 2) if is_timed else "",
        "memory at most, MB": round(most / 2**20),
    }


def _all(process: int) -> set[int]:
    """The process, all below it, and what runs in Ray's session."""
    pids = set(family(process))
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if command.startswith(b"ray::") or b"/ray/" in command:
            pids.add(int(entry.name))
    return pids


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--films", type=int, nargs=2, default=[40, 80], help="fewer, to see memory; more")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    few, many = given.films
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = {count: films_in(folder, count) for count in (few, many)}
        rows = [
            row(how, workers, sources[many], many, folder, is_timed=True)
            for how in ("own", "ray")
            for workers in given.workers
        ]
        most = max(given.workers)
        rows += [row(how, most, sources[few], few, folder, is_timed=False) for how in ("own", "ray")]
    publish("archive on ray", {}, {"An archive by workers": rows}, given)


if __name__ == "__main__":
    main()
