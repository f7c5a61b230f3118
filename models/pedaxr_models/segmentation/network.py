"""DeepLabv3 and DeepLabv3+ for one-channel films, with one sigmoid per channel because structures overlap.

Measured on one EPYC core with MobileNetV3 (seconds of processor time; training at 256 px, batch 8; films/s):

    head           parameters   training, plain / channels-last   one film of 512 px, plain / channels-last
    deeplabv3      11.0 M       3.6 / 5.6                         245 / 154 ms
    deeplabv3plus   3.8 M       4.5 / 6.3                         171 / 122 ms

With bfloat16 as well: 6.3 films/s and 90 ms with deeplabv3plus. A skip at stride 2 more than halves
its speed (2.6 films/s). Free air reached Dice .64 after 158 steps of 8 films at 192 px with the skips; a run
with the plain head on other (sketched) films had stayed at .00 for 20 minutes. That is not like for like.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedaxr_models.labels import CHANNELS, Finding
from pedaxr_models.pyramid.network import PyramidConfig, PyramidNetwork
from pedaxr_models.segmentation.backbones import efficientnet_lite
from pedaxr_models.training.state_file import read_state

BACKBONES = ("mobilenet_v3_large", "efficientnet_lite0", "resnet50", "resnet101")
HEADS = ("deeplabv3plus", "deeplabv3")
# Where each backbone's features leave: layer -> stride, coarsest last.
_TAPS = {
    "mobilenet_v3_large": {"1": 2, "3": 4, "6": 8, "16": 16},
    "efficientnet_lite0": efficientnet_lite.TAPS,
    "resnet": {"relu": 2, "layer1": 4, "layer2": 8, "layer4": 16},
}
_WIDTHS = {
    "mobilenet_v3_large": {2: 16, 4: 24, 8: 40, 16: 960},
    "efficientnet_lite0": efficientnet_lite.WIDTHS,
    "resnet": {2: 64, 4: 256, 8: 512, 16: 2048},
}
_REACH = 32  # pixels of the logits, a third of their side, that free air may stretch from where it is called
_PRIOR = 0.03  # share of pixels an average channel covers; outputs start there


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build the network again.

    Attributes:
        width: channels of the atrous pyramid and the decoder.
        skips: width of the backbone features taken into the decoder, by stride, coarse to fine; the finest is
            the stride of the logits before they are interpolated to the input.
        channels: what each output means, in order.
        second: of the small network that looks for free air as well; None: there is none.
        second_points: log-odds from which that one outlines, and calls.
    """

    backbone: str = "mobilenet_v3_large"
    head: str = "deeplabv3plus"
    width: int = 128
    skips: tuple[tuple[int, int], ...] = ((8, 48), (4, 32))
    channels: tuple[str, ...] = CHANNELS
    second: PyramidConfig | None = None
    second_points: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "NetworkConfig":
        """From `dataclasses.asdict` after a trip through JSON, which turns tuples into lists."""
        skips = tuple((int(stride), int(width)) for stride, width in data["skips"])
        second = PyramidConfig.from_json(data["second"]) if data.get("second") else None
        points = tuple(data.get("second_points", (0.0, 0.0)))
        given = {
            "skips": skips,
            "channels": tuple(data["channels"]),
            "second": second,
            "second_points": points,
        }
        return cls(**{**data, **given})


class SegmentationNetwork(nn.Module):
    """Backbone, head, and interpolation back to the input."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        family = config.backbone if config.backbone in _TAPS else "resnet"
        if config.backbone not in BACKBONES or config.head not in HEADS:
            raise ValueError(f"Backbone must be one of {BACKBONES} and head one of {HEADS}.")
        self.config = config
        self.encoder = Encoder(config.backbone, _TAPS[family])
        widths = _WIDTHS[family]
        self.head: nn.Module
        if config.head == "deeplabv3":
            self.head = CoarseHead(widths[16], len(config.channels))
        else:
            self.head = RefiningHead(widths, config.width, config.skips, len(config.channels))
        _start_at_prior(self.head)
        self.second = None if config.second is None else PyramidNetwork(config.second).requires_grad_(False)

    def train(self, mode: bool = True) -> "SegmentationNetwork":
        """As of any module; the second network learns apart (`pedaxr_models.free_air`) and stays as it is."""
        super().train(mode)
        if self.second is not None:
            self.second.eval()
        return self

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Film (N, 1, H, W) float32, normalised, to logits (N, len(channels), H, W)."""
        logits = self.coarse(pixel_values).contiguous()  # halves the time of the loss
        return F.interpolate(logits, size=pixel_values.shape[-2:], mode="bilinear", align_corners=False)

    def coarse(self, pixel_values: Tensor) -> Tensor:
        """As `forward`, before the interpolation: logits at the stride of the finest skip."""
        return self.look(pixel_values)[0]

    def look(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """As `coarse`, and the backbone's features (N, C, H / 16, W / 16), which a report writer may read."""
        features = self.encoder(pixel_values)
        logits: Tensor = self.head(features)
        return self._with_second(logits, pixel_values), features[16]

    def _with_second(self, logits: Tensor, pixel_values: Tensor) -> Tensor:
        """Of free air what the surer of both networks says; the second speaks on the first one's scale.

        It has a say where it outlines free air that it calls. What it outlines and does not call would look
        like a trace of some on most films.
        """
        if self.second is None:
            return logits
        air = self.config.channels.index(Finding.PNEUMOPERITONEUM)
        seen = self.second(pixel_values)
        called = _called(seen, *self.config.second_points)
        surer = torch.where(called, torch.maximum(logits[:, air], seen), logits[:, air])
        return torch.cat([logits[:, :air], surer[:, None], logits[:, air + 1 :]], dim=1)


def _called(logits: Tensor, outlined_from: float, called_from: float) -> Tensor:
    """Where pixels (N, h, w) are outlined that hang together with called ones (hysteresis, Canny 1986).

    Four that touch are called: about as many pixels of the film as any outline of free air must have.
    """
    logits = logits[:, None]  # pooling in a graph wants four axes
    outlined = (logits >= outlined_from).float()
    fourfold = -F.max_pool2d(-logits, 2, 1, padding=1)[:, :, 1:, 1:]
    reached = (fourfold >= called_from).float()
    for _ in range(_REACH):
        reached = F.max_pool2d(reached, 3, 1, 1) * outlined
    return reached[:, 0] > 0


class Encoder(nn.Module):
    """A backbone with one input channel, dilated to stride 16; features by stride."""

    def __init__(self, backbone: str, taps: Mapping[str, int]) -> None:
        super().__init__()
        self.taps = dict(taps)
        if backbone == "efficientnet_lite0":
            layers = efficientnet_lite.efficientnet_lite0_layers(inputs=1)
        else:
            layers = _torchvision_layers(backbone)
        self.layers = nn.ModuleDict(layers)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.1  # torchvision's .01 for MobileNet lags far behind in a short run

    def forward(self, x: Tensor) -> dict[int, Tensor]:
        """(N, 1, H, W) to features (N, C, H/stride, W/stride) by stride."""
        features: dict[int, Tensor] = {}
        for name, layer in self.layers.items():
            x = layer(x)
            if name in self.taps:
                features[self.taps[name]] = x
        return features


def _torchvision_layers(backbone: str) -> dict[str, nn.Module]:
    """By name; torchvision is loaded for them alone, as that takes longer than loading torch."""
    from torchvision import models

    if backbone == "mobilenet_v3_large":
        layers = dict(models.mobilenet_v3_large(weights=None, dilated=True).features.named_children())
        layers["0"][0] = _one_channel(layers["0"][0])
        return layers
    build = models.resnet50 if backbone == "resnet50" else models.resnet101
    trunk = build(weights=None, replace_stride_with_dilation=[False, False, True])
    layers = {name: layer for name, layer in trunk.named_children() if name not in ("avgpool", "fc")}
    layers["conv1"] = _one_channel(layers["conv1"])
    return layers


class CoarseHead(nn.Module):
    """torchvision's DeepLabv3 head (Chen et al. 2017, arXiv:1706.05587): logits at stride 16."""

    def __init__(self, width: int, channels: int) -> None:
        from torchvision.models.segmentation.deeplabv3 import DeepLabHead

        super().__init__()
        self.layers = DeepLabHead(width, channels)

    def forward(self, features: dict[int, Tensor]) -> Tensor:
        """Features by stride to logits at stride 16."""
        logits: Tensor = self.layers(features[16])
        return logits


class RefiningHead(nn.Module):
    """DeepLabv3+ (Chen et al. 2018, arXiv:1802.02611): separable atrous pyramid, then a decoder with skips.

    Crescents of free air are a few pixels high and do not survive stride 16; the skips bring them back.
    """

    def __init__(
        self, widths: Mapping[int, int], width: int, skips: tuple[tuple[int, int], ...], channels: int
    ) -> None:
        super().__init__()
        self.pyramid = AtrousPyramid(widths[16], width)
        self.strides = [stride for stride, _ in skips]
        self.projections = nn.ModuleList(_conv_norm(widths[stride], kept, 1) for stride, kept in skips)
        inputs = [width, *([width] * (len(skips) - 1))]
        self.refinements = nn.ModuleList(
            _separable(before + kept, width) for before, (_, kept) in zip(inputs, skips, strict=True)
        )
        self.classifier = nn.Conv2d(width, channels, 1)

    def forward(self, features: dict[int, Tensor]) -> Tensor:
        """Features by stride to logits at the finest stride of the skips."""
        x = self.pyramid(features[16])
        for stride, project, refine in zip(self.strides, self.projections, self.refinements, strict=True):
            skip = project(features[stride])
            x = refine(torch.cat((_enlarged(x, skip), skip), dim=1))
        logits: Tensor = self.classifier(x)
        return logits


class AtrousPyramid(nn.Module):
    """Atrous spatial pyramid pooling with separable convolutions; rates of the paper for stride 16."""

    def __init__(self, inputs: int, width: int, rates: tuple[int, ...] = (6, 12, 18)) -> None:
        super().__init__()
        self.local = _conv_norm(inputs, width, 1)
        self.atrous = nn.ModuleList(_separable(inputs, width, rate) for rate in rates)
        self.whole = nn.Conv2d(inputs, width, 1)
        self.project = nn.Sequential(_conv_norm(width * (len(rates) + 2), width, 1), nn.Dropout(0.1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, h, w) to (N, width, h, w)."""
        sides = [int(side) for side in x.shape[-2:]]
        whole = F.relu(self.whole(x.mean(dim=(2, 3), keepdim=True))).expand(-1, -1, *sides)
        branches = [self.local(x), *(branch(x) for branch in self.atrous), whole]
        pooled: Tensor = self.project(torch.cat(branches, dim=1))
        return pooled


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    """To the height and width of another, linearly; by a factor where it is whole, which needs no sizes."""
    (height, width), (high, wide) = ([int(side) for side in one.shape[-2:]] for one in (x, like))
    if high % height == 0 and high * width == wide * height:
        return F.interpolate(x, scale_factor=float(high // height), mode="bilinear", align_corners=False)
    return F.interpolate(x, size=(high, wide), mode="bilinear", align_corners=False)


def load_backbone(network: SegmentationNetwork, path: Path) -> int:
    """Copy what fits from an ImageNet checkpoint file into the encoder.

    It is torchvision's, or that of EfficientNet-Lite0 (see `backbones.efficientnet_lite`).

    The three colour filters of the first layer are summed: a grey film excites them alike.

    Returns:
        Number of tensors copied.

    Raises:
        ValueError: the file holds nothing that fits this backbone.
    """
    own = network.encoder.layers.state_dict()
    if network.config.backbone == "efficientnet_lite0":
        network.encoder.layers.load_state_dict(efficientnet_lite.imagenet_tensors(path, own))
        return len(own)
    stored: dict[str, Tensor] = read_state(path, f"'{path.name}'")
    copied: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        key = name.removeprefix("backbone.").removeprefix("features.")
        if key in own and own[key].dim() == 4 and own[key].shape[1] == 1 and tensor.shape[1] == 3:
            tensor = tensor.sum(dim=1, keepdim=True)
        if key in own and own[key].shape == tensor.shape:
            copied[key] = tensor
    if len(copied) < len(own) // 2:
        raise ValueError(f"'{path.name}' is not a torchvision {network.config.backbone} checkpoint.")
    network.encoder.layers.load_state_dict(copied, strict=False)
    return len(copied)


def _one_channel(conv: nn.Conv2d) -> nn.Conv2d:
    """The same layer for grey films: its colour filters summed, as a grey film excites them alike."""
    conv.weight = nn.Parameter(conv.weight.detach().sum(dim=1, keepdim=True))
    conv.in_channels = 1
    return conv


def _conv_norm(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _separable(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=dilation, dilation=dilation, groups=inputs, bias=False)
    return nn.Sequential(
        depthwise, nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), *_conv_norm(inputs, outputs, 1)
    )


def _start_at_prior(head: nn.Module) -> None:
    """Bias of the last layer so that the first outputs equal an average channel's share of pixels."""
    last = [module for module in head.modules() if isinstance(module, nn.Conv2d)][-1]
    assert last.bias is not None
    nn.init.normal_(last.weight, std=0.01)
    nn.init.constant_(last.bias, float(torch.logit(torch.tensor(_PRIOR))))
