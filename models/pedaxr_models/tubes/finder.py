"""Look for a gastric tube on one film, whatever runs the network. Loads no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.checkpoint import Checkpoint, CheckpointError
from pedaxr_models.segmentation.transforms import FRAME, Letterbox, prepare_frame
from pedaxr_models.tubes.follow import SeenTube, follow

FloatArray = NDArray[np.float32]
NAME = "pedaxr-tubes"


@dataclass(frozen=True)
class TubeFinder:
    """The network and the way its output is read. May be called from several threads.

    Attributes:
        look: a normalised film (512, 512) to logits (128, 128).
        shortest: line that is called a tube, see `SeenTube.sure_length`.
        data: what it was trained on, as its checkpoint's data.json says.
    """

    look: Callable[[FloatArray], FloatArray]
    shortest: float
    weights_sha256: str
    data: Mapping[str, Any]
    name: str = NAME

    def probabilities(self, frame: FloatArray, letterbox: Letterbox) -> FloatArray:
        """Of a film in its letterbox (512, 512): (128, 128), that a tube runs through each square."""
        logits = self.look(prepare_frame(frame, letterbox, FRAME))
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)

    def find(self, frame: FloatArray, letterbox: Letterbox) -> SeenTube | None:
        """The tube on a film in its letterbox (512, 512); None where none is seen."""
        return follow(self.probabilities(frame, letterbox), shortest=self.shortest)


def finder_of(look: Callable[[FloatArray], FloatArray], checkpoint: Checkpoint) -> TubeFinder:
    """A finder by what runs the network, and the checkpoint that it is of, which was checked."""
    shortest = float(checkpoint.config["shortest"])
    return TubeFinder(look, shortest, checkpoint.weights_sha256, checkpoint.data)


def check(config: Mapping[str, Any], folder: Path) -> None:
    """Raises CheckpointError for a checkpoint of something else."""
    if config.get("name") != NAME or not {"shortest", "network"} <= set(config):
        raise CheckpointError(
            f"'{folder.name}' does not hold a tube network of this version of pedaxr. Install the weights "
            "that came with it, or train new ones with `pedaxr train tubes`."
        )
