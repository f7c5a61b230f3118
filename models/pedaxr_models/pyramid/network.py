"""A small network from a film to where on it one thing is seen: a gastric tube, or free air.

A tube is a line two or three pixels wide that a segmentation at a quarter of the size does not keep, and a
crescent under the diaphragm is not much wider; what tells either from what looks like it is where it lies in
the whole child. So: depthwise separable convolutions (Howard et al. 2017, arXiv:1704.04861) from stride 2
down to 32, and a pyramid that brings what is seen there back to a quarter of the size (Lin et al. 2017,
arXiv:1612.03144).
"""

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from pedaxr_models.checkpoint import Checkpoint

# Channels and blocks of the stages, at strides 4, 8, 16 and 32.
_STAGES = ((24, 2), (48, 3), (96, 4), (128, 3))


@dataclass(frozen=True)
class PyramidConfig:
    """Sizes of the network.

    Attributes:
        stem: channels at stride 2.
        stages: channels and blocks of each stride from 4 on.
        pyramid: channels in which what is seen at all strides is added up.
        outputs: planes of logits.
    """

    stem: int = 16
    stages: tuple[tuple[int, int], ...] = _STAGES
    pyramid: int = 32
    outputs: int = 1

    def to_json(self) -> dict[str, Any]:
        """Plain dict, the inverse of `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "PyramidConfig":
        """Rebuild from `to_json` output after a trip through JSON."""
        stages = tuple((int(c), int(n)) for c, n in data["stages"])
        return cls(int(data["stem"]), stages, int(data["pyramid"]), int(data.get("outputs", 1)))


class PyramidNetwork(nn.Module):
    """Film (B, 1, S, S), normalised, to logits of what it looks for.

    (B, S / 4, S / 4), or (B, C, S / 4, S / 4) where it has several outputs.
    """

    def __init__(self, config: PyramidConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = _conv_norm(1, config.stem, 3, stride=2)
        before, stages = config.stem, []
        for channels, count in config.stages:
            blocks = [_Separable(before, channels, stride=2)]
            blocks += [_Separable(channels, channels) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            before = channels
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList(nn.Conv2d(channels, config.pyramid, 1) for channels, _ in config.stages)
        self.merged = _Separable(config.pyramid, config.pyramid)
        self.head = nn.Conv2d(config.pyramid, config.outputs, 1)
        nn.init.constant_(self.head.bias, -4.0)  # type: ignore[arg-type]

    def forward(self, film: Tensor) -> Tensor:
        """See the class."""
        x, seen = self.stem(film), []
        for stage, lateral in zip(self.stages, self.lateral, strict=True):
            x = stage(x)
            seen.append(lateral(x))
        summed = seen[-1]
        for finer in reversed(seen[:-1]):
            summed = finer + F.interpolate(summed, scale_factor=2.0, mode="nearest")
        logits: Tensor = self.head(self.merged(summed)).squeeze(1)
        return logits


class _Separable(nn.Module):
    """A depthwise and a pointwise convolution; what comes in is added where the shape stays."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = _conv_norm(before, before, 5 if stride > 1 else 3, stride=stride, groups=before)
        self.pointwise = _conv_norm(before, after, 1)
        self.keeps_shape = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, h, w) to (B, after, h / stride, w / stride)."""
        y: Tensor = self.pointwise(self.depthwise(x))
        return x + y if self.keeps_shape else y


def _conv_norm(before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


def load_network(checkpoint: Checkpoint) -> PyramidNetwork:
    """The network of a checkpoint, for use."""
    network = PyramidNetwork(PyramidConfig.from_json(checkpoint.config["network"]))
    network.load_state_dict(checkpoint.tensors)
    return network.eval()
