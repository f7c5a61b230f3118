"""The network that looks for free air, alone, as if it were the segmentation: for measuring it by itself."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from pedaxr_models.checkpoint import load_checkpoint
from pedaxr_models.free_air.join import load_free_air, put_on_scale
from pedaxr_models.free_air.train import NAME
from pedaxr_models.labels import CHANNELS, Finding
from pedaxr_models.pyramid.network import PyramidNetwork
from pedaxr_models.segmentation.film_segmenter import FilmSegmenter
from pedaxr_models.segmentation.transforms import FRAME, FloatArray

_AIR = CHANNELS.index(Finding.PNEUMOPERITONEUM)


class SecondAlone(FilmSegmenter):
    """What a segmentation outlines, and of free air what the second network alone sees."""

    runtime = "torch"

    def __init__(self, first: FilmSegmenter, second: PyramidNetwork) -> None:
        super().__init__(size=first.size)
        self.take_thresholds_of(first)
        self.first, self.second = first, second

    def _probabilities(self, film: FloatArray) -> FloatArray:
        return self._look(film)[0]

    @torch.no_grad()
    def _look(self, film: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        probabilities, features = self.first._look(film)  # the same class
        logits = self.second(torch.from_numpy(film)[:, None])[:, None]
        for side, turn in ((self.size, Tensor.sigmoid), (FRAME, Tensor.contiguous)):
            logits = turn(F.interpolate(logits, size=(side, side), mode="bilinear", align_corners=False))
        probabilities[:, _AIR] = logits[:, 0].numpy()
        return probabilities, features


def is_second(folder: Path) -> bool:
    """Whether a checkpoint folder holds a network that looks for free air alone."""
    return load_checkpoint(folder, with_tensors=False).config.get("name") == NAME


def second_alone(
    folder: Path, first: FilmSegmenter, *, outlined_from: float, called_from: float
) -> SecondAlone:
    """Of a checkpoint folder, on the scale of a segmentation.

    Raises:
        CheckpointError: the folder is damaged or not of such a network.
        ValueError: the points do not rise.
    """
    second = load_free_air(folder)
    put_on_scale(second, first, outlined_from, called_from)
    return SecondAlone(first, second)
