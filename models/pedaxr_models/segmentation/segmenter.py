"""Run the segmentation network on one film with torch."""

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from pedaxr_models.checkpoint import CheckpointError, Json, load_checkpoint, tensors_sha256
from pedaxr_models.labels import CHANNELS
from pedaxr_models.segmentation.film_segmenter import (
    FilmSegmenter,
    Segmentation,
    call_thresholds,
    core_thresholds,
    not_a_segmenter,
)
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork
from pedaxr_models.segmentation.transforms import FRAME, FloatArray

__all__ = ["Segmentation", "Segmenter"]

_CHECKED: set[tuple[str, int, tuple[tuple[str, float], ...]]] = set()


class Segmenter(FilmSegmenter):
    """A segmentation network that torch runs, where it lies."""

    runtime = "torch"

    def __init__(
        self,
        network: SegmentationNetwork,
        *,
        size: int,
        name: str = "pedaxr-segmentation",
        weights_sha256: str = "",
        thresholds: dict[str, float] | None = None,
        min_area_px: dict[str, int] | None = None,
        core_thresholds: dict[str, float] | None = None,
        call_thresholds: dict[str, float] | None = None,
        features_from: str = "",
    ) -> None:
        super().__init__(
            size=size,
            name=name,
            weights_sha256=weights_sha256,
            thresholds=thresholds,
            min_area_px=min_area_px,
            core_thresholds=core_thresholds,
            call_thresholds=call_thresholds,
            features_from=features_from,
        )
        # Channels-last takes two thirds of the time on a CPU and gives the same result to 1e-5.
        self._network = network.eval().to(memory_format=torch.channels_last)

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
                core_thresholds=core_thresholds(config),
                call_thresholds=call_thresholds(config),
                features_from=str(config.get("features_sha256", "")),
            )
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as err:
            raise CheckpointError(not_a_segmenter(folder)) from err
        if network.config.channels != CHANNELS:
            raise CheckpointError(not_a_segmenter(folder))
        segmenter._check_once(config.get("probe", {}), folder)
        segmenter.data = checkpoint.data
        return segmenter

    def _check_once(self, expected: dict[str, float], folder: Path) -> None:
        """Once in a process: the same tensors at the same size compute the same again."""
        known = self.weights_sha256, self.size, tuple(sorted(expected.items()))
        if known not in _CHECKED:
            self._check_probe(expected, folder)
            _CHECKED.add(known)

    def _probabilities(self, film: FloatArray) -> FloatArray:
        return self._look(film)[0]

    def _look(self, film: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        device = next(self._network.parameters()).device
        with torch.inference_mode():
            logits, features = self._network.look(torch.from_numpy(film)[:, None].to(device))
            probabilities = _enlarged(logits.contiguous(), film.shape[-1]).sigmoid()
            if self.size != FRAME:
                probabilities = _enlarged(probabilities, FRAME)
        found, known = (part.float().cpu().numpy() for part in (probabilities, features))
        return found, known

    def with_network(self, network: SegmentationNetwork) -> "Segmenter":
        """Another network, read by the same thresholds."""
        other = Segmenter(network, size=self.size, name=self.name)
        other.take_thresholds_of(self)
        return other

    @property
    def network(self) -> SegmentationNetwork:
        """The trained network, in evaluation mode."""
        return self._network

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
            "core_thresholds": self.core_thresholds,
            "call_thresholds": self.call_thresholds,
            "features_sha256": tensors_sha256(self._network.encoder.state_dict()),
            "probe": self.probe(),
        }


def _enlarged(planes: Tensor, side: int) -> Tensor:
    return F.interpolate(planes, size=(side, side), mode="bilinear", align_corners=False)
