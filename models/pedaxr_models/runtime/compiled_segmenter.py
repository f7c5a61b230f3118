"""Run the segmentation network as a compiled graph. Loads no torch once the graph is in the cache."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pedaxr_models.checkpoint import CheckpointError, Json, load_checkpoint
from pedaxr_models.labels import CHANNELS
from pedaxr_models.runtime.compiled import Graph, as_float, open_graphs
from pedaxr_models.segmentation.film_segmenter import (
    FilmSegmenter,
    Segmentation,
    call_thresholds,
    core_thresholds,
    not_a_segmenter,
)
from pedaxr_models.segmentation.transforms import FRAME, FloatArray, frame_film, prepare_frame


class CompiledSegmenter(FilmSegmenter):
    """A segmentation network as one graph, from the prepared film to its logits.

    Attributes:
        graph: of the network.
    """

    runtime = "compiled"

    def __init__(self, graph: Graph, config: Json, *, weights_sha256: str) -> None:
        """Read how the outputs are to be taken from a checkpoint's config.json.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is not that of a segmentation network.
        """
        super().__init__(
            size=int(config["size"]),
            name=str(config["name"]),
            weights_sha256=weights_sha256,
            thresholds={str(k): float(v) for k, v in config["thresholds"].items()},
            min_area_px={str(k): int(v) for k, v in config["min_area_px"].items()},
            core_thresholds=core_thresholds(config),
            call_thresholds=call_thresholds(config),
            features_from=str(config.get("features_sha256", "")),
        )
        self.graph = graph

    @classmethod
    def load(cls, folder: Path) -> "CompiledSegmenter":
        """Load a checkpoint folder, and check on a known picture that the graph computes what torch did.

        Raises:
            CheckpointError: the folder is missing, damaged or not of a segmentation network of this version.
            GraphError: no graph can be made of it here.
        """
        checkpoint = load_checkpoint(folder, with_tensors=False)
        graph = open_graphs("segmentation", folder, checkpoint)["segmentation"]
        try:
            segmenter = cls(graph, checkpoint.config, weights_sha256=checkpoint.weights_sha256)
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            raise CheckpointError(not_a_segmenter(folder)) from err
        if tuple(checkpoint.config["network"]["channels"]) != CHANNELS:
            raise CheckpointError(not_a_segmenter(folder))
        segmenter._check_probe(checkpoint.config.get("probe", {}), folder)
        segmenter.data = checkpoint.data
        return segmenter

    def _probabilities(self, film: FloatArray) -> FloatArray:
        return self._look(film)[0]

    def _look(self, film: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        logits, features = self.graph(film[:, None])
        return enlarge(as_float(logits), self.size), as_float(features)

    def glance(self, pixels: FloatArray, channels: Sequence[str]) -> Segmentation:
        """See `FilmSegmenter.glance`."""
        frame, letterbox = frame_film(pixels)
        inputs = prepare_frame(frame, letterbox, self.size)
        planes = [CHANNELS.index(channel) for channel in channels]
        logits = as_float(self.graph(inputs[None, None])[0])
        return Segmentation(enlarge(logits, self.size, planes)[0], letterbox, frame)


def enlarge(logits: FloatArray, size: int, channels: Sequence[int] | None = None) -> FloatArray:
    """Logits (B, C, s, s) to probabilities (B, C, 512, 512), by way of the `size` that the network saw.

    Where `channels` are given, the planes of others are zero: enlarging all takes a fifth of a look.
    """
    wanted = range(logits.shape[1]) if channels is None else channels
    shape = (*logits.shape[:2], FRAME, FRAME)
    found = np.empty(shape, np.float32) if channels is None else np.zeros(shape, np.float32)
    for planes, enlarged in zip(logits, found, strict=True):
        for channel in wanted:
            _enlarge(planes[channel], size, enlarged[channel])
    return found


def _enlarge(logits: FloatArray, size: int, whole: FloatArray) -> None:
    """Logits (s, s) as probabilities into `whole` (512, 512), interpolated on the way as the network does."""
    plane = cv2.resize(-logits, (size, size), interpolation=cv2.INTER_LINEAR)
    cv2.exp(
        plane, dst=plane
    )  # a quarter of NumPy's time; of the surest no it is infinite, and 1 / infinity right
    plane += 1
    np.reciprocal(plane, out=plane)
    cv2.resize(plane, (FRAME, FRAME), dst=whole, interpolation=cv2.INTER_LINEAR)
