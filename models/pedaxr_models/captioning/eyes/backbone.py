"""The frozen backbone of a hybrid vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929).

Its features at stride 16 lie beside film and outlines in the reader's patches. `hybrid` takes the backbone of
the segmentation, which looks at every film anyway; `imagenet` one that has seen photographs alone.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray

from pedaxr_models.segmentation.augmentation import Augmentation
from pedaxr_models.segmentation.backbones import efficientnet_lite
from pedaxr_models.segmentation.network import Encoder, NetworkConfig, SegmentationNetwork, load_backbone
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.transforms import FRAME, FloatArray, Letterbox, frame_film, prepare_frame

STRIDE = 16
_IMAGENET_SIZE = 384  # pixels, as the bundled segmentation sees a film

# Other exposures and processing, nothing moved: moving is done afterwards, to the features.
_EXPOSURES = Augmentation(
    rotation_degrees=0.0, shift=0.0, log_scale=0.0, log_aspect=0.0, bend=0.0, shutters=0.0, dropout=0.0
)


@dataclass(frozen=True)
class FilmBackbone:
    """A frozen network from the framed film to features at stride 16.

    Attributes:
        encoder: in evaluation mode.
        size: pixels, side of the square it sees.
        name: of these weights, for the files that keep what they gave.
    """

    encoder: Encoder
    size: int
    name: str

    @classmethod
    def of(cls, segmenter: Segmenter) -> "FilmBackbone":
        """The backbone of a segmentation."""
        probe = repr(sorted(segmenter.probe().items()))
        return cls(segmenter.network.encoder, segmenter.size, sha256(probe.encode()).hexdigest()[:16])

    @classmethod
    def imagenet(cls) -> "FilmBackbone":
        """EfficientNet-Lite0 that was trained on photographs.

        Raises:
            ValueError: its package is not installed.
        """
        network = SegmentationNetwork(NetworkConfig(backbone="efficientnet_lite0")).eval()
        load_backbone(network, efficientnet_lite.imagenet_file())
        return cls(network.encoder.to(memory_format=torch.channels_last), _IMAGENET_SIZE, "imagenet")

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of the features of a film."""
        blank = np.zeros((FRAME, FRAME), np.float32)
        channels, rows, columns = self.features(blank, Letterbox(FRAME, FRAME)).shape
        return channels, rows, columns

    @torch.inference_mode()
    def features(self, frame: FloatArray, letterbox: Letterbox) -> NDArray[np.float32]:
        """Features (C, size / 16, size / 16) of a framed film (512, 512)."""
        film = torch.from_numpy(prepare_frame(frame, letterbox, self.size))[None, None]
        found: NDArray[np.float32] = self.encoder(film)[STRIDE][0].float().numpy()
        return found

    def looks(self, pixels: FloatArray, views: int) -> NDArray[np.float32]:
        """Features (views, C, h, w) of a film (H, W) in [0, 1]: as it is, then at other exposures."""
        frame, letterbox = frame_film(pixels)
        rng = np.random.default_rng(int(frame[::8, ::8].sum() * 1e3))  # the same film, the same exposures
        frames = [frame, *(_exposed(frame, letterbox, rng) for _ in range(views - 1))]
        return np.stack([self.features(view, letterbox) for view in frames])


def _exposed(frame: FloatArray, letterbox: Letterbox, rng: np.random.Generator) -> FloatArray:
    grey = (frame * 255).round().clip(0, 255).astype(np.uint8)
    shown = _EXPOSURES.distort(grey, [], rng)[0].astype(np.float32) / 255
    exposed = np.zeros_like(frame)
    exposed[letterbox.content] = shown[letterbox.content]
    return exposed
