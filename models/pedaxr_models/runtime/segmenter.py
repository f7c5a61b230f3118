"""Run the segmentation network on one film."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from pedaxr_models.labels import CHANNELS
from pedaxr_models.runtime.checkpoint import CheckpointError, Json, load_checkpoint
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork
from pedaxr_models.segmentation.transforms import FRAME, FloatArray, Letterbox, prepare

_PROBE_TOLERANCE = 0.02


@dataclass(frozen=True)
class Segmentation:
    """What the network sees on a film.

    Attributes:
        probabilities: (len(CHANNELS), 512, 512) float32 in the letterboxed frame, each pixel and channel on
            its own, as structures overlap.
        letterbox: leads from the frame back to the film.
    """

    probabilities: FloatArray
    letterbox: Letterbox


class Segmenter:
    """A trained network and the way its outputs are read. `predict` may be called from several threads.

    Attributes:
        size: side of the square that the network sees; its outputs are interpolated to 512.
        thresholds: probability from which a pixel belongs to the channel, chosen on the validation split.
        min_area_px: per finding, pixels of the 512 frame that a connected region needs to be called.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        *,
        size: int,
        name: str = "pedaxr-segmentation",
        weights_sha256: str = "",
        thresholds: dict[str, float] | None = None,
        min_area_px: dict[str, int] | None = None,
    ) -> None:
        # Channels-last takes two thirds of the time on a CPU and gives the same result to 1e-5.
        self._network = network.eval().to(memory_format=torch.channels_last)
        self.size = size
        self.name = name
        self.weights_sha256 = weights_sha256
        self.thresholds = dict.fromkeys(CHANNELS, 0.5) | (thresholds or {})
        self.min_area_px = min_area_px or {}

    @classmethod
    def load(cls, folder: Path) -> "Segmenter":
        """Load a checkpoint folder and check on a known picture that it computes here what it did there.

        Raises:
            CheckpointError: the folder is missing, damaged or not of a segmentation network of this version.
        """
        checkpoint = load_checkpoint(folder)
        config = checkpoint.config
        try:
            network = SegmentationNetwork(NetworkConfig.from_json(config["network"]))
            network.load_state_dict(checkpoint.tensors)
            segmenter = cls(
                network,
                size=int(config["size"]),
                name=str(config["name"]),
                weights_sha256=checkpoint.weights_sha256,
                thresholds={str(k): float(v) for k, v in config["thresholds"].items()},
                min_area_px={str(k): int(v) for k, v in config["min_area_px"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as err:
            raise CheckpointError(_not_ours(folder)) from err
        if network.config.channels != CHANNELS:
            raise CheckpointError(_not_ours(folder))
        segmenter._check_probe(config.get("probe", {}), folder)
        return segmenter

    def predict(self, pixels: FloatArray) -> Segmentation:
        """Segment a film (H, W) float32 in [0, 1], bone bright.

        Raises:
            ValueError: not a two-dimensional film, or it holds a NaN or an infinity.
        """
        if pixels.ndim != 2 or min(pixels.shape) < 1 or not np.isfinite(pixels).all():
            raise ValueError("A film is a non-empty array (height, width) of finite numbers.")
        inputs, letterbox = prepare(np.asarray(pixels, np.float32), self.size)
        device = next(self._network.parameters()).device
        with torch.inference_mode():
            probabilities = self._network(torch.from_numpy(inputs)[None, None].to(device)).sigmoid()
            if self.size != FRAME:
                probabilities = F.interpolate(
                    probabilities, size=(FRAME, FRAME), mode="bilinear", align_corners=False
                )
        return Segmentation(probabilities[0].float().cpu().numpy(), letterbox)

    @property
    def network_config(self) -> NetworkConfig:
        """Backbone, head and channels."""
        return self._network.config

    def to_config(self) -> Json:
        """What `load` needs, for config.json."""
        return {
            "name": self.name,
            "network": asdict(self._network.config),
            "size": self.size,
            "frame": FRAME,
            "channels": list(CHANNELS),
            "preprocessing": "pedaxr_models.segmentation.transforms.prepare",
            "thresholds": self.thresholds,
            "min_area_px": self.min_area_px,
            "probe": self.probe(),
        }

    def probe(self) -> dict[str, float]:
        """Mean probability of each channel on a fixed drawing: the fingerprint of the computation."""
        means = self.predict(_probe_film()).probabilities.mean(axis=(1, 2))
        return {channel: round(float(mean), 5) for channel, mean in zip(CHANNELS, means, strict=True)}

    def _check_probe(self, expected: dict[str, float], folder: Path) -> None:
        found = self.probe() if expected else {}
        if any(abs(found[c] - expected[c]) > _PROBE_TOLERANCE for c in expected):
            raise CheckpointError(
                f"The network in '{folder.name}' computes other values here than where it was trained. Check "
                "the installed torch version, or train again with `pedaxr train`."
            )


def _not_ours(folder: Path) -> str:
    return (
        f"'{folder.name}' does not hold a segmentation network of this version of pedaxr. Install the "
        "weights that came with it, or train new ones with `pedaxr train segmentation`."
    )


def _probe_film() -> NDArray[np.float32]:
    """A bright oval with a spine-like bar, a dark bubble and a gradient: near a film in contrast."""
    y, x = np.mgrid[0:320, 0:256].astype(np.float32)
    body = ((x - 128) / 100) ** 2 + ((y - 160) / 150) ** 2 < 1
    film = np.where(body, 0.45 + 0.001 * (y - 160), 0.02)
    film = np.where(body & (np.abs(x - 128) < 12) & (y % 24 < 18), 0.85, film)
    film = np.where((x - 175) ** 2 + (y - 110) ** 2 < 30**2, 0.2, film)
    return film.astype(np.float32)
