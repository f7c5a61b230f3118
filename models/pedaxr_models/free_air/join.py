"""The network that looks for free air, put beside a segmentation as its second look."""

import math
from dataclasses import replace
from pathlib import Path

import torch

from pedaxr_models.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from pedaxr_models.free_air.train import NAME, SIDE, STRIDE
from pedaxr_models.labels import Finding
from pedaxr_models.pyramid.network import PyramidNetwork, load_network
from pedaxr_models.segmentation.film_segmenter import FilmSegmenter
from pedaxr_models.segmentation.network import SegmentationNetwork
from pedaxr_models.segmentation.segmenter import Segmenter


def join(segmentation: Path, free_air: Path, out: Path, *, outlined_from: float, called_from: float) -> Path:
    """A segmentation checkpoint that takes, of free air, what the surer of both networks says.

    The second network's log-odds are brought to the scale of the first one's, so that what is outlined and
    what is called is decided at the thresholds as they are.

    Args:
        segmentation: checkpoint folder; a second look that it has is replaced.
        free_air: checkpoint folder of `free_air.train.package`.
        out: receives the checkpoint, which has not been measured.
        outlined_from: log-odds of the second network from which free air is outlined.
        called_from: the same, from which it is called.

    Raises:
        CheckpointError: a folder is damaged, or not of such a network.
        ValueError: the points do not rise, or the networks' outputs are of different sizes.
    """
    segmenter, stored = Segmenter.load(segmentation), load_checkpoint(segmentation, with_tensors=False)
    _check_size(segmenter)
    learned = _checkpoint(free_air)
    second = load_network(learned)
    put_on_scale(second, segmenter, outlined_from, called_from)
    points = points_of(segmenter, called_from - outlined_from)
    network = replace(segmenter.network_config, second=second.config, second_points=points)
    joined = SegmentationNetwork(network)
    kept = segmenter.network.state_dict()
    own = {name: tensor for name, tensor in kept.items() if not name.startswith("second.")}
    joined.load_state_dict(own | {f"second.{name}": tensor for name, tensor in second.state_dict().items()})
    own_points = {"outlined_from": outlined_from, "called_from": called_from}
    save_checkpoint(
        out,
        tensors=joined.state_dict(),
        config=segmenter.with_network(joined).to_config(),
        metrics=stored.metrics,
        recipe=stored.recipe | {"second": learned.recipe | own_points},
        data=stored.data,
        card=stored.card,
    )
    return out


def _check_size(segmenter: Segmenter) -> None:
    config = segmenter.network_config
    stride = 16 if config.head == "deeplabv3" else config.skips[-1][0]
    if (segmenter.size, stride) != (SIDE, STRIDE):
        raise ValueError(
            f"A second look is for networks that see {SIDE} pixels and outline at a stride of {STRIDE}; it "
            f"has {segmenter.size} and {stride}. Train one with `pedaxr train mixed`, or leave it without."
        )


def load_free_air(folder: Path) -> PyramidNetwork:
    """Of a checkpoint folder. Raises CheckpointError for one of something else."""
    return load_network(_checkpoint(folder))


def _checkpoint(folder: Path) -> Checkpoint:
    checkpoint = load_checkpoint(folder)
    if checkpoint.config.get("name") != NAME:
        raise CheckpointError(
            f"'{folder.name}' does not hold a network that looks for free air. Train one with `pedaxr train "
            "free-air`."
        )
    return checkpoint


@torch.no_grad()
def put_on_scale(
    second: PyramidNetwork, segmenter: FilmSegmenter, outlined_from: float, called_from: float
) -> None:
    """Change its last layer so that its points are the thresholds of a segmentation.

    Raises:
        ValueError: the points do not rise.
    """
    if called_from <= outlined_from:
        raise ValueError("Free air must be called from higher log-odds than it is outlined from.")
    outlined, called = points_of(segmenter, called_from - outlined_from)
    factor = (called - outlined) / (called_from - outlined_from)
    assert second.head.bias is not None
    second.head.weight.mul_(factor)
    second.head.bias.mul_(factor).add_(outlined - factor * outlined_from)


def points_of(segmenter: FilmSegmenter, apart: float) -> tuple[float, float]:
    """Log-odds from which a segmentation outlines free air, and calls it.

    One that calls whatever it outlines leaves them `apart`.
    """
    outlined = _log_odds(segmenter.thresholds[Finding.PNEUMOPERITONEUM])
    called = segmenter.call_thresholds.get(Finding.PNEUMOPERITONEUM)
    return outlined, outlined + apart if called is None else _log_odds(called)


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
