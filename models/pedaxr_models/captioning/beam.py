"""Beam search over reports: several unfinished texts side by side, the likeliest whole text kept.

Lowerre (1976), as used for captions by Vinyals et al. (2015, arXiv:1411.4555). A text's score is the sum of
its tokens' log-probabilities, without a bonus for length: what is measured is what is maximised.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache

from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.captioning.tokenizer import END, PAD, START


@torch.no_grad()
def write_with_beams(
    network: ReportNetwork, memory: Tensor, mask: Tensor, *, num_beams: int
) -> tuple[Tensor, Tensor]:
    """The likelier of the beam search's report and the greedy one, per film.

    A beam search may drop the greedy text on its way and end with a worse one (Meister et al. 2020,
    arXiv:2010.02650), hence the comparison: the result is never less likely than the greedy report.

    Args:
        network: in evaluation mode.
        memory: (B, M, D) of `ReportNetwork.encode`.
        mask: (B, M).
        num_beams: texts followed side by side; 1 is greedy search.

    Returns:
        token ids (B, L) after [CLS], and the probability (B, L) of each; 1 where there is padding.
    """
    greedy = network.write(memory, mask)
    if num_beams == 1:
        return greedy
    found = generated(network, memory, mask, num_beams=num_beams, length_penalty=0.0)
    beams = found, token_probabilities(network, memory, mask, found)
    length = max(greedy[0].shape[1], found.shape[1])
    (ids, given), (beam_ids, beam_given) = (_widened(*pair, length) for pair in (greedy, beams))
    better = (log_probability(beam_given) > log_probability(given))[:, None]
    ids, given = torch.where(better, beam_ids, ids), torch.where(better, beam_given, given)
    used = (ids != PAD).any(0)
    return ids[:, used], given[:, used]


def log_probability(probabilities: Tensor) -> Tensor:
    """Of whole texts (B,), from the probabilities (B, L) of their tokens."""
    return probabilities.double().clamp_min(1e-30).log().sum(-1)


@torch.no_grad()
def token_probabilities(network: ReportNetwork, memory: Tensor, mask: Tensor, ids: Tensor) -> Tensor:
    """(B, L) probability of each token of given texts (B, L), all before it given; 1 where padding."""
    starts = torch.full_like(ids[:, :1], START)
    given = torch.cat([starts, ids[:, :-1]], 1)
    out = network.decoder(
        input_ids=given,
        attention_mask=(given != PAD).long(),
        encoder_hidden_states=memory,
        encoder_attention_mask=mask,
    )
    chosen: Tensor = out.logits.float().softmax(-1).gather(-1, ids[..., None]).squeeze(-1)
    return chosen.masked_fill(ids == PAD, 1.0)


def generated(network: ReportNetwork, memory: Tensor, mask: Tensor, **options: Any) -> Tensor:
    """Token ids (B, L) after [CLS] of what `generate` writes of each film, [PAD] after the end.

    Args:
        network: in evaluation mode.
        memory: (B, M, D) of `ReportNetwork.encode`.
        mask: (B, M).
        options: how to search, as `generate` takes them.
    """
    ids = torch.full((len(memory), 1), START, device=memory.device)
    found: Tensor = network.decoder.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        encoder_hidden_states=memory,
        encoder_attention_mask=mask,
        max_length=network.config.longest_report,
        do_sample=False,
        past_key_values=EncoderDecoderCache(DynamicCache(), DynamicCache()),
        bos_token_id=START,
        eos_token_id=END,
        pad_token_id=PAD,
        **options,
    )
    return _padded_after_end(found[:, 1:])


def _padded_after_end(ids: Tensor) -> Tensor:
    """`generate` fills up with [SEP] where [PAD] is token 0: it takes 0 for no padding token at all."""
    ended = (ids == END).long().cumsum(-1)
    return ids.masked_fill((ended > 1) | ((ended == 1) & (ids != END)), PAD)


def _widened(ids: Tensor, probabilities: Tensor, length: int) -> tuple[Tensor, Tensor]:
    more = (0, length - ids.shape[1])
    return (
        torch.nn.functional.pad(ids, more, value=PAD),
        torch.nn.functional.pad(probabilities, more, value=1.0),
    )
