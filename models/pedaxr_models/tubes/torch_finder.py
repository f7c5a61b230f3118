"""The tube network run by torch: for training, measuring, and where no graph can be made."""

from pathlib import Path

import numpy as np
import torch

from pedaxr_models.checkpoint import load_checkpoint
from pedaxr_models.pyramid.network import PyramidNetwork, load_network
from pedaxr_models.tubes.finder import FloatArray, TubeFinder, check, finder_of


def load_finder(folder: Path) -> TubeFinder:
    """Of a checkpoint folder.

    Raises:
        CheckpointError: the folder is missing, damaged or not of a tube network of this version.
    """
    checkpoint = load_checkpoint(folder)
    check(checkpoint.config, folder)
    return finder_of(Look(load_network(checkpoint)), checkpoint)


class Look:
    """A normalised film (512, 512) to logits (128, 128)."""

    def __init__(self, network: PyramidNetwork) -> None:
        self.network = network.eval()

    @torch.no_grad()
    def __call__(self, film: FloatArray) -> FloatArray:
        """See the class."""
        logits = self.network(torch.from_numpy(film)[None, None])[0]
        return np.asarray(logits.numpy(), np.float32)
