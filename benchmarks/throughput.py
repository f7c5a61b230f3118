"""Films a second: the segmentation graph by batch size and threads, and an archive by number of processes."""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import arguments, publish, timed
from PIL import Image

from pedaxr.archive import read_archive
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.runtime.checkpoint import weights_folder
from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter
from pedaxr_models.runtime.threads import THREADS_VARIABLE

BATCHES, THREADS = (1, 2, 4, 8), (1, 2)


def batch_rows(repeats: int) -> list[dict[str, Any]]:
    """Batches are worth having only where a film of a larger one takes less time."""
    rows = []
    for threads in THREADS:
        os.environ[THREADS_VARIABLE] = str(threads)
        segmenter = CompiledSegmenter.load(weights_folder("segmentation"))
        for batch in BATCHES:
            films = np.zeros((batch, segmenter.size, segmenter.size), np.float32)
            films += np.random.default_rng(0).random(films.shape, np.float32)
            took = timed(lambda s=segmenter, f=films: s._probabilities(f), repeats=repeats)
            rows.append(
                {
                    "threads": threads,
                    "batch": batch,
                    "films/s": round(batch / took["p50_ms"] * 1e3, 1),
                    "cpu ms a film": round(took["cpu_p50_ms"] / batch, 1),
                }
            )
    os.environ.pop(THREADS_VARIABLE)
    return rows


def archive_rows(films: int) -> list[dict[str, Any]]:
    """From files to Parquet, workers' start included and taken out again."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "films"
        source.mkdir()
        for index in range(min(films, 40)):
            Image.fromarray(make_film(sample_spec(0, index)).pixels).save(source / f"{index:05}.png")
        for index in range(40, films):
            (source / f"{index:05}.png").hardlink_to(source / f"{index % 40:05}.png")
        for processes in (1, 2):
            begin = time.perf_counter()
            marks: list[tuple[float, int]] = []
            read_archive(
                source,
                Path(folder) / f"out{processes}",
                processes=processes,
                shard_size=10,
                progress=lambda done, _, m=marks: m.append((time.perf_counter(), done)),
            )
            whole = time.perf_counter() - begin
            (first, after), (last, done) = marks[min(processes, len(marks) - 1)], marks[-1]
            warm = (done - after) / max(last - first, 1e-9)
            rows.append(
                {
                    "processes": processes,
                    "films": films,
                    "films/s in all": round(films / whole, 2),
                    "films/s once started": round(warm, 2),
                }
            )
    return rows


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--films", type=int, default=200)
    given = parser.parse_args()
    publish(
        {},
        {
            "Segmentation by batch and threads": batch_rows(given.repeats),
            "Archive": archive_rows(given.films),
        },
        given.json,
    )


if __name__ == "__main__":
    main()
