"""Time of one film by stage and end to end, beside the reference networks in the same run, and floors.

Processor time stands beside the wall clock: on a busy machine only the former can be compared.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import arguments, peak_mb, publish, timed
from PIL import Image
from reference_networks import reference_stages
from stages import METADATA, stage_rows

from pedaxr.reading import networks as models
from pedaxr.reading.read_film import forget_films
from pedaxr.reading.segment_xray import segment_xray
from pedaxr.reports.generate_report import generate_report
from pedaxr_models.captioning.film_reporter import FilmReporter
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.runtime.compiled_reporter import CompiledReporter
from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter
from pedaxr_models.runtime.threads import threads_per_call
from pedaxr_models.segmentation.film_segmenter import FilmSegmenter
from pedaxr_models.segmentation.segmenter import Segmenter

Row = dict[str, Any]


def runtime_rows(
    film: np.ndarray, path: Path, segmenter: FilmSegmenter, reporter: FilmReporter, repeats: int
) -> list[Row]:
    """Networks alone, then the two tools on a file, the second of which finds the first one's work."""
    seen = segmenter.predict(film)
    models.segmenter, models.reporter = (lambda: segmenter), (lambda: reporter)

    def tools(keep: bool) -> Callable[[], object]:
        def work() -> None:
            forget_films()
            segment_xray(file=path, overlay=False)
            if not keep:
                forget_films()
            generate_report(file=path)

        return work

    stages: dict[str, Callable[[], object]] = {
        "segmentation": lambda: segmenter.predict(film),
        "report": lambda: reporter.describe(film, seen, METADATA),
        "both tools on a file": tools(keep=True),
        "both tools, nothing kept between": tools(keep=False),
    }
    return [
        {"who": segmenter.runtime, "stage": name, **timed(work, repeats=repeats)}
        for name, work in stages.items()
    ]


def reference_rows(words: int, repeats: int) -> list[Row]:
    """Stages of the reference networks, and their sum."""
    rows = [
        {"who": "reference", "stage": name, **timed(work, repeats=repeats, warm=1)}
        for name, work in reference_stages(words).items()
    ]
    sums = {key: round(sum(row[key] for row in rows), 2) for key in rows[0] if key.endswith("_ms")}
    return [*rows, {"who": "reference", "stage": "all three", **sums}]


def ratio_rows(rows: list[Row]) -> list[Row]:
    """How many times as long the reference networks take."""
    of = {(row["who"], row["stage"]): row for row in rows}
    pairs = (
        ("segmentation", "segmentation", "segmentation"),
        ("report", "encoder", "decoder"),
        ("both tools on a file", "all three", "all three"),
    )
    found = []
    for who in dict.fromkeys(row["who"] for row in rows if row["who"] != "reference"):
        for ours, *theirs in pairs:
            parts = [of["reference", stage] for stage in dict.fromkeys(theirs)]
            found.append(
                {"who": who, "stage": ours}
                | {
                    f"reference / ours, {key}": round(sum(p[key] for p in parts) / of[who, ours][key], 1)
                    for key in ("p50_ms", "cpu_p50_ms")
                }
            )
    return found


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--reference-repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(threads_per_call())
    pixels = make_film(sample_spec(0, 3)).pixels
    film = (pixels / 255).astype(np.float32)
    segmentation, captioner = weights_folder("segmentation"), weights_folder("captioner")
    pairs = (
        (CompiledSegmenter.load(segmentation), CompiledReporter.load(captioner)),
        (Segmenter.load(segmentation), Reporter.load(captioner)),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.png"
        Image.fromarray(pixels).save(path)
        rows = [row for pair in pairs for row in runtime_rows(film, path, *pair, given.repeats)]
        stages = stage_rows(path, given.repeats)
    text = pairs[1][1].describe(film, pairs[1][0].predict(film), METADATA).text
    words = len(pairs[1][1].pieces.rows([text], longest=512)[0]) - 1
    rows += reference_rows(words, given.reference_repeats)
    publish(
        "reading",
        {"threads": threads_per_call(), "words": words, "peak_mb_with_torch": peak_mb()},
        {
            "One film, warm": rows,
            "Beside the reference networks, same run": ratio_rows(rows),
            "Stages, compiled, one thread, against their floors": stages,
        },
        given,
    )


if __name__ == "__main__":
    main()
