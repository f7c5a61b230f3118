"""What a run that learned a few channels leaves of the others: as nearly as it can what they said before.

The head is shared, so that other channels drift while a few are learned. Averaged with the weights that the
run began as, what was known is kept better (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR
2022); and the last layer of each other channel is fitted to what that channel said before, by least squares.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from pedaxr_models.labels import CHANNELS
from pedaxr_models.segmentation.network import SegmentationNetwork

_FAR = 6.0  # log-odds from which a pixel counts less than half: nothing is decided there
_FIRM = 1e-4  # how strongly weights are held where nothing tells them


def between(start: dict[str, Tensor], trained: dict[str, Tensor], kept: float) -> dict[str, Tensor]:
    """Weights of which `kept`, 0 to 1, is as the run began; those that are not trained stay."""
    return start | {
        name: torch.lerp(tensor.float(), start[name].float(), kept) if tensor.is_floating_point() else tensor
        for name, tensor in trained.items()
    }


@torch.no_grad()
def restore_others(
    network: SegmentationNetwork,
    start: SegmentationNetwork,
    learned: Sequence[str],
    films: Iterable[Tensor],
) -> None:
    """Fit the last layer of all channels but `learned` to the logits of `start`, here and now.

    Args:
        network: in evaluation mode.
        start: in evaluation mode, whose backbone is the same.
        learned: channels that stay as they are.
        films: batches (N, 1, S, S) of the kinds that the network is used on.
    """
    last = network.get_submodule("head.classifier")
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    before = torch.cat((last.weight.flatten(1), last.bias[:, None]), 1).T.double()
    gram, told = torch.zeros(len(before), len(before)).double(), torch.zeros_like(before)
    for batch in films:
        inputs, wanted = _seen(network, last, batch), _rows(start.head(start.encoder(batch)))
        near = (1 / (1 + (wanted / _FAR) ** 2)).mean(1, keepdim=True)
        gram += inputs.T @ (inputs * near)
        told += inputs.T @ (wanted * near)
    firm = _FIRM * gram.diagonal().mean()
    fitted = torch.linalg.solve(gram + firm * torch.eye(len(gram)).double(), told + firm * before).T.float()
    for channel in (at for at, name in enumerate(CHANNELS) if name not in learned):
        last.weight[channel] = fitted[channel, :-1, None, None]
        last.bias[channel] = fitted[channel, -1]


def _seen(network: SegmentationNetwork, last: nn.Conv2d, films: Tensor) -> Tensor:
    """What the last layer is given, a row a pixel and a column of ones for its bias."""
    given: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    network.head(network.encoder(films))
    hook.remove()
    rows = _rows(given[0])
    return torch.cat((rows, torch.ones(len(rows), 1).double()), 1)


def _rows(planes: Tensor) -> Tensor:
    """(N, C, h, w) as (N * h * w, C) of double precision."""
    return planes.float().permute(0, 2, 3, 1).flatten(0, 2).double()
