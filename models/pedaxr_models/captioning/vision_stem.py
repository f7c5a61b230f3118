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

STEMS = ("linear", "convolutions")


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
