"""Greedy search among the allowed sentences, and what it costs in fluency."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, LogitsProcessorList

from pedaxr_models.captioning.beam import token_probabilities
from pedaxr_models.captioning.constrained.allowed import Choices
from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.captioning.tokenizer import END, PAD, START


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
    ids = torch.full((len(memory), 1), START, device=memory.device)
    found: Tensor = network.decoder.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        encoder_hidden_states=memory,
        encoder_attention_mask=mask,
        max_length=network.config.longest_report,
        do_sample=False,
        num_beams=1,
        past_key_values=EncoderDecoderCache(DynamicCache(), DynamicCache()),
        bos_token_id=START,
        eos_token_id=END,
        pad_token_id=PAD,
        logits_processor=LogitsProcessorList([OnlyAllowed(choices)]),
    )
    found = found[:, 1:]
    ended = (found == END).long().cumsum(-1)
    found = found.masked_fill((ended > 1) | ((ended == 1) & (found != END)), PAD)
    return found, token_probabilities(network, memory, mask, found)
