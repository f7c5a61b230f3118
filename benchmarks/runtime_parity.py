"""Do the compiled graphs see and write what torch does? Dice of the outlines and equal texts on test films.

Ends with code 1 where a channel's mean Dice between the two is under 0.995, or fewer than 99 % of the texts
are identical.
"""

import sys
from pathlib import Path

import numpy as np
from measuring import arguments, publish

from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS
from pedaxr_models.runtime.compiled_reporter import CompiledReporter
from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter
from pedaxr_models.segmentation.segmenter import Segmenter

LEAST_DICE, LEAST_EQUAL = 0.995, 0.99


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Of two masks; 1 when both are empty."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def main() -> None:
    """Compare and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/films"))
    parser.add_argument("--films", type=int, default=200)
    given = parser.parse_args()
    films = [film for film in read_films(given.data) if film.split == "test"][: given.films]
    segmentation, captioner = weights_folder("segmentation"), weights_folder("captioner")
    torch_pair = Segmenter.load(segmentation), Reporter.load(captioner)
    graph_pair = CompiledSegmenter.load(segmentation), CompiledReporter.load(captioner)
    thresholds = np.array([torch_pair[0].thresholds[c] for c in CHANNELS], np.float32)[:, None, None]
    scores, texts, furthest = [], [], 0.0
    for film in films:
        pixels = read_pixels(film.image_path)
        one, other = (pair[0].predict(pixels) for pair in (torch_pair, graph_pair))
        furthest = max(furthest, float(np.abs(one.probabilities - other.probabilities).max()))
        masks = [seen.probabilities >= thresholds for seen in (one, other)]
        scores.append([dice(a, b) for a, b in zip(*masks, strict=True)])
        told = [
            pair[1].describe(pixels, seen, film.metadata).text
            for pair, seen in ((torch_pair, one), (graph_pair, other))
        ]
        texts.append(told[0] == told[1])
    means = np.mean(scores, axis=0)
    row = {
        "films": len(films),
        "least mean Dice of a channel": round(float(means.min()), 5),
        "least Dice of any film": round(float(np.min(scores)), 5),
        "largest difference of a probability": round(furthest, 6),
        "identical texts": round(float(np.mean(texts)), 4),
    }
    by_channel = [{"channel": c, "Dice": round(float(m), 5)} for c, m in zip(CHANNELS, means, strict=True)]
    publish("parity", {}, {"Compiled against torch": [row], "By channel": by_channel}, given)
    sys.exit(int(means.min() < LEAST_DICE or np.mean(texts) < LEAST_EQUAL))


if __name__ == "__main__":
    main()
