"""Cross-entropy and Tversky loss per channel, silent where a source does not outline the channel."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from pedaxr_models.labels import CHANNELS, Finding, Structure

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
        index = (hit + 1) / (hit + self.misses * (true - hit) + (1 - self.misses) * (said - hit) + 1)
        return (1 - index) * (true > 0)  # (C,)
