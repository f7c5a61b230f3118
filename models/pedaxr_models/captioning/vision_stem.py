"""Options of the reader's eyes, for learning to see from few films; off by default.

A vision transformer has to learn from nothing that neighbouring pixels belong together, and the words of a
report say only faintly where to look. A reader that was given the film alone, trained for a thousand steps
without these, wrote one and the same report of every film (`pedaxr ablation`).

A plane on which nothing was segmented is -1. All its weights, 256 a patch and plane, then see one constant
and move together: with seventeen such planes a step of Adam shifts every patch token alike by thousands of
learning rates, and what differs between films is a few hundredths of a token. `quiet_masks` makes nothing 0.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import Seen

STEMS = ("linear", "convolutions", "hybrid", "imagenet")
FEATURE_STEMS = STEMS[2:]  # features of a frozen backbone lie beside the film in each patch, see `eyes`
FEATURES = 320  # channels of EfficientNet-Lite0 at stride 16


def feature_planes(features: int, patch_size: int) -> int:
    """How many planes of the film's size the features fill: two by two cells of them lie in a patch.

    Raises:
        ValueError: they do not fill whole planes.
    """
    if features % (patch_size // 2) ** 2:
        raise ValueError(
            f"{features} features do not fill whole planes beside patches of {patch_size} pixels."
        )
    return features // (patch_size // 2) ** 2


class FeaturePlanes(nn.Module):
    """Features of a frozen backbone (B, C, h, w) as planes (B, C / (P / 2)**2, S, S) beside the film's.

    Levelled, resampled to two by two cells a patch and laid out within it: the matrix that cuts the film
    into patches then takes the features of a patch to its token, as in a hybrid vision transformer.
    """

    def __init__(self, features: int, patch_size: int, image_size: int) -> None:
        super().__init__()
        self.features = features
        self.cells, self.spread = 2 * image_size // patch_size, patch_size // 2

    def forward(self, features: Tensor) -> Tensor:
        """Level each cell, resample, lay out."""
        levelled = F.layer_norm(features.permute(0, 2, 3, 1), (self.features,)).permute(0, 3, 1, 2)
        cells = (self.cells, self.cells)
        return F.pixel_shuffle(F.interpolate(levelled, cells, mode="bilinear"), self.spread)


class Stem(nn.Sequential):
    """Layers in the place of a single convolution, by whose weight `ViTModel` tells its type of numbers."""

    @property
    def weight(self) -> Tensor:
        """The last layer's."""
        weight = self[-1].weight
        assert isinstance(weight, Tensor)
        return weight


def convolutional_stem(planes: int, hidden: int, patch_size: int) -> Stem:
    """(B, planes, S, S) to (B, hidden, S / P, S / P) by convolutions of stride 2 instead of one large one.

    Xiao et al. 2021 (arXiv:2106.14881): a transformer that sees through them learns in fewer steps. Group
    normalisation, so that a film is read the same alone and in a batch.
    """
    steps = patch_size.bit_length() - 1
    if patch_size != 2**steps or steps < 2:
        raise ValueError(f"A convolutional stem needs patches of 4, 8, 16 ... pixels, not of {patch_size}.")
    widths = [max(16, hidden >> (steps - 1 - step)) for step in range(steps)]
    layers: list[nn.Module] = []
    for given, made in zip([planes, *widths], widths, strict=False):
        layers += [nn.Conv2d(given, made, 3, 2, 1, bias=False), nn.GroupNorm(8, made), nn.GELU()]
    return Stem(*layers, nn.Conv2d(widths[-1], hidden, 1))


def outline_loss(logits: Tensor, seen: Seen, patch_size: int) -> Tensor:
    """Binary cross-entropy of the share of each kind in each patch, summed over kinds.

    Args:
        logits: (B, N, C) of the patches.
        seen: the batch they were made from, whose predicted outlines are the target; the reader itself may be
            blind to them.
        patch_size: of the patches, pixels.
    """
    shares = F.avg_pool2d((seen.pixels[:, FILM_PLANES:] + 1) / 2, patch_size)  # (B, C, S / P, S / P)
    target = shares.flatten(2).transpose(1, 2).clamp(0, 1).to(logits.device)
    loss: Tensor = F.binary_cross_entropy_with_logits(logits.float(), target, reduction="none")
    return loss.sum(-1).mean()
