"""A few channels retrained, while the network that a run starts from teaches the others.

The backbone stays as it is, and with it what a report writer reads of it; so do the statistics of batch
normalisation. Of the head's other channels the earlier head says what they should be (knowledge distillation,
Hinton et al. 2015; so that they are not forgotten, Li and Hoiem 2016). Where gas is drawn and nobody said
which loop's, the earlier head says that as well; where it sees stool, that there is no colon is not believed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedaxr_models.labels import CHANNELS, Structure
from pedaxr_models.segmentation.losses import CHANNEL_WEIGHTS, MISSES, drift_from, tversky_index
from pedaxr_models.segmentation.mixed.known_planes import GAS_BIT
from pedaxr_models.segmentation.network import SegmentationNetwork

_HARDEST = 0.005  # of a film's pixels
# Pixels on both sides of an edge: nobody tells them for sure, and they would be the hardest of every film.
_EDGE = 4
_SUREST = 20  # pixels of a finding by which it is called
_GAS = (Structure.STOMACH, Structure.COLON, Structure.SMALL_BOWEL_GAS)
_STOOL, _SOME = CHANNELS.index(Structure.STOOL), 0.3
_TAUGHT = 100.0  # weight of the drift from what was known, which is a hundredth of the rest


class FilmLoss(nn.Module):
    """Each film counts alike, however little of it a finding covers.

    Cross-entropy over all known pixels; over each film's hardest ones away from edges (Shrivastava et al.
    2016, arXiv:1604.03540), as one false region makes a false alarm; over the surest pixels of each finding,
    as these are what it is called by; and the Tversky loss film by film, so that a thin crescent weighs as
    much as a pool.
    """

    misses: Tensor

    def __init__(self, channels: Sequence[str]) -> None:
        super().__init__()
        self.register_buffer("misses", torch.tensor([MISSES[channel] for channel in channels]))

    def forward(self, logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        """Scalar loss of (N, C, H, W) each; known is 1 where it is known what the pixel holds."""
        apart = F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * known
        everywhere = apart.sum() / known.sum().clamp(min=1.0)
        count = max(1, round(_HARDEST * apart[0, 0].numel()))
        hardest = (apart * (1 - _edges(targets))).flatten(2).topk(count).values.mean()
        shown = targets * known
        return (
            everywhere + hardest + _uncalled(logits, shown) + self._tversky(logits.sigmoid() * known, shown)
        )

    def _tversky(self, said: Tensor, true: Tensor) -> Tensor:
        hit, every, all_true = ((said * true).sum((2, 3)), said.sum((2, 3)), true.sum((2, 3)))
        index = tversky_index(hit, every, all_true, self.misses)
        shown = (all_true > 0).float()
        return ((1 - index) * shown).sum() / shown.sum().clamp(min=1.0)


def _edges(targets: Tensor) -> Tensor:
    """1 where a pixel and its neighbourhood are not all of one kind."""
    grown, kept = (F.max_pool2d(sign * targets, 2 * _EDGE + 1, 1, _EDGE) for sign in (1, -1))
    return grown + kept


def _uncalled(logits: Tensor, shown: Tensor) -> Tensor:
    """Cross-entropy of the surest pixels of each finding (N, C, H, W) that is shown; 0 without any."""
    surest = logits.masked_fill(shown == 0, -torch.inf).flatten(2).topk(_SUREST).values
    found = surest[surest > -torch.inf]
    return F.softplus(-found).sum() / max(1, found.numel())


class Lessons(nn.Module):
    """What a run learns in some channels, and what it is taught in the rest.

    Args:
        start: the network that the run starts from; its head is copied.
        channels: the ones to learn.
        taught: whether the others are held where they were; needless where nothing of theirs is learnt.
    """

    weights: Tensor
    of_gas: Tensor
    of_colon: Tensor

    def __init__(self, start: SegmentationNetwork, channels: Sequence[str], *, taught: bool = True) -> None:
        super().__init__()
        self.drift = _TAUGHT if taught else 0.0
        self.channels = [CHANNELS.index(channel) for channel in channels]
        self.teacher = SegmentationNetwork(start.config).head
        self.teacher.load_state_dict(start.head.state_dict())
        self.teacher.requires_grad_(False)
        self.loss = FilmLoss(channels)
        self.register_buffer("of_gas", torch.tensor([float(channel in _GAS) for channel in channels]))
        of_colon = [float(channel == Structure.COLON) for channel in channels]
        self.register_buffer("of_colon", torch.tensor(of_colon))
        weights = torch.tensor([0.0 if c in channels else w for c, w in CHANNEL_WEIGHTS.items()])
        self.register_buffer("weights", weights / weights.sum())

    def forward(self, network: SegmentationNetwork, films: Tensor, bits: Tensor, unknown: Tensor) -> Tensor:
        """Scalar loss of a batch: films (N, 1, S, S), bit planes (N, S, S); gradients for the head alone."""
        with torch.no_grad():
            features = network.encoder(films)
            taught = self.teacher.eval()(features).float().sigmoid()
        coarse = network.head(features).float()
        logits = _enlarged(coarse[:, self.channels], films)
        holds, known = self._planes(bits), 1 - self._planes(unknown)
        gas = self._gas(bits, _enlarged(taught[:, self.channels], films)) * (1 - known)
        stool = (_enlarged(taught[:, [_STOOL]], films) > _SOME) * self.of_colon[:, None, None]
        known = known * (1 - stool * (1 - holds)) + gas
        learned: Tensor = self.loss(logits, torch.maximum(holds, gas), known)
        drift = drift_from(coarse, taught).mean((0, 2, 3))
        return learned + self.drift * (drift * self.weights).sum()

    def _gas(self, bits: Tensor, taught: Tensor) -> Tensor:
        """1 where gas is drawn and the teacher sees that channel's."""
        drawn = (bits >> GAS_BIT & 1).float()[:, None]
        return drawn * (taught > 0.5).float() * self.of_gas[:, None, None]

    def _planes(self, bits: Tensor) -> Tensor:
        return torch.stack([bits >> channel & 1 for channel in self.channels], 1).float()


def _enlarged(planes: Tensor, films: Tensor) -> Tensor:
    return F.interpolate(planes, size=films.shape[-2:], mode="bilinear", align_corners=False)
