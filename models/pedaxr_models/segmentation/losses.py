"""Cross-entropy and Tversky loss per channel, silent where a source does not outline the channel."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from pedaxr_models.labels import CHANNELS, Finding, Structure

# Bowel gas whose loop nobody named is one of these.
_GAS = tuple(CHANNELS.index(c) for c in (Structure.STOMACH, Structure.COLON, Structure.SMALL_BOWEL_GAS))
_GAS_WEIGHT = 0.05

# A missed pneumoperitoneum costs most, and it covers about 1 % of the film. Which loops hold a level is the
# hardest question; thin and mottled structures are lost next.
CHANNEL_WEIGHTS: Mapping[str, float] = {
    **dict.fromkeys(CHANNELS, 1.0),
    **dict.fromkeys(Finding, 2.0),
    Finding.PNEUMOPERITONEUM: 5.0,
    Finding.AIR_FLUID_LEVEL: 3.5,
    Structure.L2_BODY: 1.5,
    Structure.DIAPHRAGM: 1.5,
    Structure.STOOL: 1.5,
    Structure.COLON: 1.5,
}
# Share of the Tversky penalty on missed pixels; the rest is on false ones. 0.5 is the Dice loss.
MISSES: Mapping[str, float] = {**dict.fromkeys(CHANNELS, 0.5), Finding.PNEUMOPERITONEUM: 0.65}


def tversky_index(hit: Tensor, said: Tensor, true: Tensor, misses: Tensor) -> Tensor:
    """Salehi et al. 2017, arXiv:1706.05721, from sums of pixels rightly said, said, true; 1: all is right."""
    return (hit + 1) / (hit + misses * (true - hit) + (1 - misses) * (said - hit) + 1)


def drift_from(logits: Tensor, taught: Tensor) -> Tensor:
    """Kullback-Leibler divergence of logits from what a teacher says, pixel by pixel; 0 where they agree."""
    apart = F.binary_cross_entropy_with_logits(logits, taught, reduction="none")
    return apart - F.binary_cross_entropy(taught, taught, reduction="none")


class SegmentationLoss(torch.nn.Module):
    """Weighted mean over channels of BCE + Tversky (Salehi et al. 2017, arXiv:1706.05721)."""

    weights: Tensor
    misses: Tensor

    def __init__(self, channels: tuple[str, ...] = CHANNELS) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor([CHANNEL_WEIGHTS[c] for c in channels]))
        self.register_buffer("misses", torch.tensor([MISSES[c] for c in channels]))

    def forward(self, logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        """Scalar loss.

        Args:
            logits: (N, C, H, W).
            targets: (N, C, H, W), 0 or 1.
            known: (N, C), 1 where the film's source outlines the channel; elsewhere there is no gradient.
        """
        known = known.to(logits.dtype)
        weights = self.weights * (known.sum(dim=0) > 0)
        per_channel = self._cross_entropy(logits, targets, known) + self._tversky(logits, targets, known)
        return (weights * per_channel).sum() / weights.sum().clamp(min=1.0)

    def _cross_entropy(self, logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        per_film = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=(2, 3))
        return (per_film * known).sum(dim=0) / known.sum(dim=0).clamp(min=1.0)  # (C,)

    def _tversky(self, logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        """Over the whole batch: most films lack most findings, and the Dice of an empty mask is noise."""
        probabilities = logits.sigmoid()
        hit = ((probabilities * targets).sum(dim=(2, 3)) * known).sum(dim=0)
        said = (probabilities.sum(dim=(2, 3)) * known).sum(dim=0)
        true = (targets.sum(dim=(2, 3)) * known).sum(dim=0)
        return (1 - tversky_index(hit, said, true, self.misses)) * (true > 0)  # (C,)


class PartialLoss(SegmentationLoss):
    """As `SegmentationLoss`, where each pixel of a channel may be known or not, and gas may be any loop's."""

    def forward(self, logits: Tensor, targets: Tensor, known: Tensor, gas: Tensor | None = None) -> Tensor:
        """Scalar loss.

        Args:
            logits: (N, C, H, W).
            targets: (N, C, H, W), 0 or 1.
            known: (N, C, H, W), 1 where it is known what the pixel holds; elsewhere there is no gradient.
            gas: (N, H, W), 1 where the stomach's, the colon's or the small bowel's gas is; None: unknown.
        """
        seen = known.sum(dim=(0, 2, 3))  # (C,)
        weights = self.weights * (seen > 0)
        apart = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        cross_entropy = (apart * known).sum(dim=(0, 2, 3)) / seen.clamp(min=1.0)
        said = logits.sigmoid() * known
        hit, every, true = ((t * u).sum(dim=(0, 2, 3)) for t, u in self._products(said, targets, known))
        index = tversky_index(hit, every, true, self.misses)
        loss = (weights * (cross_entropy + (1 - index) * (true > 0))).sum() / weights.sum().clamp(min=1.0)
        return loss if gas is None else loss + _GAS_WEIGHT * self._some_loop(logits, gas)

    @staticmethod
    def _products(said: Tensor, targets: Tensor, known: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(said, targets), (said, known), (targets, known)]

    @staticmethod
    def _some_loop(logits: Tensor, gas: Tensor) -> Tensor:
        """Cross-entropy of "none of the loops holds this gas", over the pixels of `gas`."""
        none = F.logsigmoid(-logits[:, _GAS]).sum(dim=1).clamp(max=-1e-4)  # (N, H, W)
        return (-torch.log1p(-none.exp()) * gas).sum() / gas.sum().clamp(min=1.0)
