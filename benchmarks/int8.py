"""What the segmentation loses and gains in 8-bit integers: Dice on validation films, and processor time.

The graph is quantised by ONNX Runtime, weights per channel, after seeing a few training films. It may be used
only where no channel's mean Dice against the true outlines falls by more than 0.005.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measuring import arguments, publish, timed
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from pedaxr_models.checkpoint import load_checkpoint, weights_folder
from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.film import Film, unpack_masks
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS
from pedaxr_models.runtime.compiled import Graph
from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter
from pedaxr_models.runtime.export import EXPORTS
from pedaxr_models.segmentation.data import rasterise
from pedaxr_models.segmentation.transforms import prepare

MOST_LOST = 0.005


class Films(CalibrationDataReader):  # type: ignore[misc]
    """Prepared films, one by one."""

    def __init__(self, films: Sequence[Film], size: int) -> None:
        self._films = iter(films)
        self._size = size

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next, or None."""
        film = next(self._films, None)
        if film is None:
            return None
        return {"film": prepare(read_pixels(film.image_path), self._size)[0][None, None]}


def quantised(document: bytes, films: Films) -> bytes:
    """The graph with 8-bit weights and activations."""
    with tempfile.TemporaryDirectory() as folder:
        whole, ready, small = (Path(folder) / f"{name}.onnx" for name in ("whole", "ready", "small"))
        whole.write_bytes(document)
        quant_pre_process(str(whole), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(small),
            films,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,  # processors without VNNI add two products in 16 bits
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return small.read_bytes()


def dice(said: np.ndarray, true: np.ndarray) -> float:
    """Of two masks; 1 when both are empty."""
    total = int(said.sum()) + int(true.sum())
    return 2 * int((said & true).sum()) / total if total else 1.0


def dice_of(segmenters: dict[str, CompiledSegmenter], films: list[Film]) -> dict[str, np.ndarray]:
    """Mean Dice per channel of each, at the thresholds of the first."""
    first = next(iter(segmenters.values()))
    thresholds = np.array([first.thresholds[c] for c in CHANNELS], np.float32)[:, None, None]
    scores: dict[str, list[list[float]]] = {name: [] for name in segmenters}
    for film in films:
        pixels = read_pixels(film.image_path)
        for name, segmenter in segmenters.items():
            found = segmenter.predict(pixels)
            true = unpack_masks(rasterise(film, found.letterbox))
            scores[name].append(
                [dice(a, b) for a, b in zip(found.probabilities >= thresholds, true, strict=True)]
            )
    return {name: np.mean(rows, axis=0) for name, rows in scores.items()}


def main() -> None:
    """Compare and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/films"))
    parser.add_argument("--films", type=int, default=60)
    parser.add_argument("--calibration", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    films = read_films(given.data)
    folder = weights_folder("segmentation")
    document, checkpoint = EXPORTS["segmentation"](folder)["segmentation"], load_checkpoint(folder)
    size = int(checkpoint.config["size"])
    seen = Films([film for film in films if film.split == "train"][: given.calibration], size)
    graphs = {"float": Graph(document), "int8": Graph(quantised(document, seen))}
    segmenters = {
        name: CompiledSegmenter(graph, checkpoint.config, weights_sha256=checkpoint.weights_sha256)
        for name, graph in graphs.items()
    }
    judged = [film for film in films if film.split == "validation"][: given.films]
    found = dice_of(segmenters, judged)
    before, after = found["float"], found["int8"]
    picture = np.random.default_rng(0).random((1, 1, size, size), np.float32)
    ms = {
        name: timed(lambda g=g: g(picture), repeats=given.repeats)["cpu_p50_ms"] for name, g in graphs.items()
    }
    lost = {channel: float(loss) for channel, loss in zip(CHANNELS, before - after, strict=True)}
    worst = max(lost, key=lambda channel: lost[channel])
    row: dict[str, Any] = {
        "films": len(judged),
        "float, ms": ms["float"],
        "int8, ms": ms["int8"],
        "mean Dice, float": round(float(before.mean()), 4),
        "mean Dice, int8": round(float(after.mean()), 4),
        "most lost by a channel": f"{lost[worst]:.4f} ({worst})",
        "channels that lose more than 0.005": sum(loss > MOST_LOST for loss in lost.values()),
    }
    publish("int8", {"lost": lost}, {"Segmentation in 8-bit integers": [row]}, given)


if __name__ == "__main__":
    main()
