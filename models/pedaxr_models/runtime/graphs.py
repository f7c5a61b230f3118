"""The networks as graphs that a compiled runtime can hold: tensors in, tensors out, no Python in between.

    segmentation:  film (1, 1, S, S) -> logits (C, S/4, S/4), which OpenCV enlarges in a third of the time;
                   the backbone's features (F, S/16, S/16)
    encoder:       film (P, S, S), probabilities (C, S/2, S/2), regions (R, F), metadata (1, T), and features
                   where the report writer reads them
                   -> mask, findings (5,), keys and values of the cross-attention by layer
    decoder step:  token (1,), mask, keys and values of the cross-attention by layer, past ones by layer
                   -> next token (1,), its probability (1,), dependence (1,), past with this token by layer

The two rows of the decoder's batch are the film and a blank one: with both fed the same words,
`Narrative.image_dependence` falls out of writing the report, and needs no second pass over it. What is
the same for all films, the tokens of the blank one, is computed when the graph is made.
The decoder is written out here so that its cache is an input and an output; tests hold it against BERT's own.
Every layer's keys and values are tensors of their own, in the order in which they are multiplied: taking
them out of one tensor and turning them took two thirds of a step.
"""

import torch
from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertAttention, BertLayer, BertSelfAttention

from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import Seen, blank_like, pixel_values
from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.labels import CHANNELS
from pedaxr_models.segmentation.network import SegmentationNetwork


class SegmentationGraph(nn.Module):
    """`Segmenter.predict` from the prepared film to features, and to logits before they are enlarged."""

    def __init__(self, network: SegmentationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, film: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, S, S) normalised to logits (B, C, s, s) and features (B, F, S / 16, S / 16)."""
        return self.network.look(film)


class EncoderGraph(nn.Module):
    """From what was seen of one film to what the decoder needs, for the film (row 0) and a blank one (1)."""

    blank: Tensor

    def __init__(self, network: ReportNetwork) -> None:
        super().__init__()
        self.network = network
        config = network.config
        side = config.image_size
        nothing = Seen(
            torch.zeros(1, FILM_PLANES + len(CHANNELS), side, side),
            torch.zeros(1, REGION_TOKENS, config.region_features or REGION_FEATURES),
            torch.zeros(1, config.features, 1, 1) if config.features else None,
        )
        with torch.no_grad():
            self.register_buffer("blank", network.film_tokens(blank_like(nothing)))

    def forward(
        self,
        film: Tensor,
        probabilities: Tensor,
        regions: Tensor,
        text_ids: Tensor,
        text_mask: Tensor,
        features: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Film (1, P, S, S), probabilities (1, C, s, s), regions (1, R, F), tokens (1, T) and their mask.

        Features (1, F, h, w) where the report writer reads them.

        Returns:
            What to add to the scores of the cross-attention, (M,): 0, or -inf where there is no token; the
            logits (5,) of the findings; and by layer its keys (2, H, d, M) and values (2, H, M, d).
        """
        seen = Seen(pixel_values(film, probabilities), regions, features)
        tokens = torch.cat([self.network.film_tokens(seen), self.blank])
        memory, mask, findings = self.network.integrate(tokens, text_ids, text_mask)
        crossed = [_crossed(layer.crossattention, memory) for layer in _layers(self.network)]
        bias = torch.zeros_like(memory[0, :, 0]).masked_fill(mask[0] == 0, float("-inf"))
        return bias, findings[0], *(tensor for pair in crossed for tensor in pair)


class DecoderGraph(nn.Module):
    """One token further, with all keys and values as inputs and outputs."""

    def __init__(self, network: ReportNetwork) -> None:
        super().__init__()
        self.network = network
        self.projections = nn.ModuleList(_joined(layer.attention.self) for layer in _layers(network))

    def logits(self, token: Tensor, bias: Tensor, *keys_values: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Token (1,) int64 given to both rows, and as `forward`; logits (2, V) of the next, and its past."""
        bert = self.network.decoder.bert
        layers = _layers(self.network)
        crossed, past = keys_values[: 2 * len(layers)], keys_values[2 * len(layers) :]
        position = torch.full_like(token, 1) * past[0].shape[2]
        x = bert.embeddings(token[None], position_ids=position[None])[0].expand(2, -1)  # (2, D)
        grown: list[Tensor] = []
        for index, layer in enumerate(layers):
            pair = slice(2 * index, 2 * index + 2)
            query, key, value = (self._heads(part) for part in self.projections[index](x).chunk(3, dim=-1))
            keys, values = (
                torch.cat([old, new], dim=2) for old, new in zip(past[pair], (key, value), strict=True)
            )
            x = _attend(layer.attention, x, query, keys.transpose(2, 3), values)
            query = self._heads(layer.crossattention.self.query(x))
            x = _attend(layer.crossattention, x, query, *crossed[pair], bias=bias)
            x = layer.feed_forward_chunk(x)
            grown += [keys, values]
        return self.network.decoder.cls(x), grown

    def forward(self, token: Tensor, bias: Tensor, *keys_values: Tensor) -> tuple[Tensor, ...]:
        """Token (1,) int64 given to both rows; of each layer the encoder's, then the past (2, H, P, d).

        Returns:
            The likeliest next token (1,) given the film; its probability (1,); the total variation distance
            (1,) of what is likely given the film and given the blank one; and the past with this token.
        """
        logits, grown = self.logits(token, bias, *keys_values)
        likely = logits.softmax(-1)
        chance, chosen = likely[:1].max(-1)
        dependence = (likely[0] - likely[1]).abs().sum(-1, keepdim=True) / 2
        return chosen, chance, dependence, *grown

    def _heads(self, x: Tensor) -> Tensor:
        """(2, D) to (2, H, 1, d)."""
        config = self.network.config
        return x.reshape(2, config.heads, 1, config.hidden // config.heads)


def _layers(network: ReportNetwork) -> list[BertLayer]:
    return list(network.decoder.bert.encoder.layer)


def _joined(attention: BertSelfAttention) -> nn.Linear:
    """Query, key and value as one layer: one product instead of three small ones."""
    parts = (attention.query, attention.key, attention.value)
    joined = nn.Linear(parts[0].in_features, sum(part.out_features for part in parts))
    joined.weight = nn.Parameter(torch.cat([part.weight for part in parts]))
    joined.bias = nn.Parameter(torch.cat([part.bias for part in parts]))
    return joined


def _crossed(attention: BertAttention, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Memory (2, M, D) to keys (2, H, d, M) and values (2, H, M, d)."""
    inner = attention.self
    shape = (*memory.shape[:2], inner.num_attention_heads, inner.attention_head_size)
    keys, values = (part(memory).reshape(shape) for part in (inner.key, inner.value))
    return keys.permute(0, 2, 3, 1), values.transpose(1, 2)


def _attend(
    attention: BertAttention,
    x: Tensor,
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    bias: Tensor | None = None,
) -> Tensor:
    """The x (2, D) after a look of its query (2, H, 1, d) at keys (2, H, d, M) and values (2, H, M, d)."""
    weights = (query @ keys) * attention.self.attention_head_size**-0.5
    weights = weights if bias is None else weights + bias
    looked = (weights.softmax(-1) @ values).reshape(x.shape)
    attended: Tensor = attention.output(looked, x)
    return attended
