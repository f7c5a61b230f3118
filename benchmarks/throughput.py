"""Films a second: the segmentation graph by batch and threads, calls at once, an archive by processes."""

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from measuring import arguments, publish, timed
from PIL import Image

from pedaxr.archive.read_archive import read_archive
from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.runtime.compiled_reporter import CompiledReporter
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


def caller_rows(repeats: int) -> list[dict[str, Any]]:
    """Segmentation and report of one film, by calls at once and threads of each: do two calls fight?"""
    film = (make_film(sample_spec(0, 3)).pixels / 255).astype(np.float32)
    rows = []
    for threads in THREADS:
        os.environ[THREADS_VARIABLE] = str(threads)
        segmenter = CompiledSegmenter.load(weights_folder("segmentation"))
        reporter = CompiledReporter.load(weights_folder("captioner"))

        def call(_: int, s: CompiledSegmenter = segmenter, r: CompiledReporter = reporter) -> float:
            begin = time.perf_counter()
            r.describe(film, s.predict(film), FilmMetadata())
            return time.perf_counter() - begin

        for callers in (1, 2):
            with ThreadPoolExecutor(callers) as pool:
                list(pool.map(call, range(2 * callers)))
                begin = time.perf_counter()
                took = list(pool.map(call, range(callers * repeats)))
                whole = time.perf_counter() - begin
            rows.append(
                {
                    "threads of a call": threads,
                    "calls at once": callers,
                    "p50_ms": round(float(np.median(took)) * 1e3, 1),
                    "films/s": round(len(took) / whole, 1),
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
        "throughput",
        {},
        {
            "Segmentation by batch and threads": batch_rows(given.repeats),
            "Calls at once in one process, networks only": caller_rows(given.repeats),
            "Archive, from files to Parquet": archive_rows(given.films),
        },
        given,
    )


if __name__ == "__main__":
    main()
