"""The mean of several runs' weights: one network that has learned from every run's films.

Runs that start from the same weights may be averaged (Wortsman et al., Model soups, ICML 2022). Five runs,
each without one fifth of the children, are measured on those children; their mean, which has seen all, is
bundled.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from pedaxr_models.checkpoint import load_checkpoint, save_checkpoint
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork
from pedaxr_models.segmentation.segmenter import Segmenter


def save_mean(checkpoints: Sequence[Path], out: Path) -> Path:
    """The mean of segmentation checkpoints as a checkpoint folder, with thresholds of .5.

    Raises:
        CheckpointError: a folder is damaged.
        ValueError: the networks differ.
    """
    loaded = [load_checkpoint(folder) for folder in checkpoints]
    networks = [one.config["network"] for one in loaded]
    if any(network != networks[0] for network in networks):
        raise ValueError("The networks of these runs differ; the mean is of runs of one network.")
    network = SegmentationNetwork(NetworkConfig.from_json(networks[0]))
    network.load_state_dict(mean_tensors([one.tensors for one in loaded]))
    save_checkpoint(
        out,
        tensors=network.state_dict(),
        config=Segmenter(network, size=int(loaded[0].config["size"])).to_config(),
        metrics={},
        recipe={"weights": f"mean of {len(loaded)} runs", "runs": [one.recipe for one in loaded]},
        data=dict(loaded[0].data),  # each of the others leaves out other children of the same folders
        card="# pedaxr segmentation\n\nNot measured yet: `pedaxr evaluate segmentation` and `real`.\n",
    )
    return out


def mean_tensors(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Of each tensor the mean, in its own type; counters are those of the first."""
    mean = {}
    for name, first in states[0].items():
        stacked = torch.stack([state[name].float() for state in states])
        mean[name] = stacked.mean(0).to(first.dtype) if first.is_floating_point() else first
    return mean
