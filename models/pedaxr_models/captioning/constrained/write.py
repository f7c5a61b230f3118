"""Greedy search among the allowed sentences, and what it costs in fluency."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessorList

from pedaxr_models.captioning.beam import generated, token_probabilities
from pedaxr_models.captioning.constrained.allowed import Choices
from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.captioning.tokenizer import END, PAD


class OnlyAllowed:
    """A logits processor: each text of a batch is left the tokens that its film's choices allow next."""

    def __init__(self, choices: Sequence[Choices]) -> None:
        self._choices = choices

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores (B, V) with -inf where a token is not allowed; input_ids (B, L) begin with [CLS]."""
        barred = torch.full_like(scores, -torch.inf)
        for row, ids in enumerate(input_ids.tolist()):
            told = ids[1:]
            allowed = [PAD] if END in told else self._choices[row].next_tokens(told)
            barred[row, allowed] = 0.0
        return scores + barred


@torch.no_grad()
def write_allowed(
    network: ReportNetwork, memory: Tensor, mask: Tensor, choices: Sequence[Choices]
) -> tuple[Tensor, Tensor]:
    """The greedy report of each film among its allowed sentences.

    Args:
        network: in evaluation mode.
        memory: (B, M, D) of `ReportNetwork.encode`.
        mask: (B, M).
        choices: of each film.

    Returns:
        token ids (B, L) after [CLS], and the probability (B, L) that the network, unconstrained, gives each;
        1 where there is padding.
    """
    found = generated(
        network, memory, mask, num_beams=1, logits_processor=LogitsProcessorList([OnlyAllowed(choices)])
    )
    return found, token_probabilities(network, memory, mask, found)
