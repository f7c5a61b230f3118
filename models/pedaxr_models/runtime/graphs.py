"""The networks as graphs that a compiled runtime can hold: tensors in, tensors out, no Python in between.

    segmentation:  film (1, 1, S, S) -> probabilities (C, 512, 512)
    encoder:       film (P, S, S), probabilities (C, S/2, S/2), regions (R, F), metadata (1, T)
                   -> keys, values and mask of the cross-attention, findings (5,)
    decoder step:  token (1,), past keys and values, those of the cross-attention -> logits (2, V), grown past

The two rows of the encoder's and the decoder's batch are the film and a blank one: with both fed the same
words, `Narrative.image_dependence` falls out of writing the report, and needs no second pass over it.
The decoder is written out here so that its cache is an input and an output; tests hold it against BERT's own.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.models.bert.modeling_bert import BertAttention, BertLayer

from pedaxr_models.captioning.inputs import Seen, blank_like, both, pixel_values
from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.segmentation.network import SegmentationNetwork
from pedaxr_models.segmentation.transforms import FRAME


class SegmentationGraph(nn.Module):
    """`Segmenter.predict` between the prepared film and the probabilities in the frame."""

    def __init__(self, network: SegmentationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, film: Tensor) -> Tensor:
        """(B, 1, S, S) normalised to (B, C, 512, 512) in [0, 1]."""
        probabilities: Tensor = self.network(film).sigmoid()
        if probabilities.shape[-1] == FRAME:
            return probabilities
        return F.interpolate(probabilities, size=(FRAME, FRAME), mode="bilinear", align_corners=False)


class EncoderGraph(nn.Module):
    """From what was seen of one film to what the decoder needs, for the film (row 0) and a blank one (1)."""

    def __init__(self, network: ReportNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, film: Tensor, probabilities: Tensor, regions: Tensor, text_ids: Tensor, text_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Film (1, P, S, S), probabilities (1, C, s, s), regions (1, R, F), tokens (1, T) and their mask.

        Returns:
            Keys and values of the cross-attention (L, 2, 2, H, M, d), by layer and by key or value; what to
            add to its scores, (M,): 0, or -inf where there is no token; and the logits (5,) of the findings.
        """
        seen = Seen(pixel_values(film, probabilities), regions)
        memory, mask, findings = self.network.encode(
            both(seen, blank_like(seen)), text_ids.expand(2, -1), text_mask.expand(2, -1)
        )
        crossed = [_keys_values(layer.crossattention, memory) for layer in _layers(self.network)]
        bias = torch.zeros_like(memory[0, :, 0]).masked_fill(mask[0] == 0, float("-inf"))
        return torch.stack(crossed), bias, findings[0]


class DecoderGraph(nn.Module):
    """One token further, with all keys and values as inputs and outputs."""

    def __init__(self, network: ReportNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, token: Tensor, past: Tensor, crossed: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Token (1,) int64 given to both rows, past (L, 2, 2, H, P, d), crossed and bias of the encoder.

        Returns:
            Logits (2, V) of the next token, and the past with this token (L, 2, 2, H, P + 1, d).
        """
        bert = self.network.decoder.bert
        position = torch.full_like(token, 1) * past.shape[4]
        x = bert.embeddings(token.expand(2, 1), position_ids=position[None])  # (2, 1, D)
        grown = []
        for index, layer in enumerate(_layers(self.network)):
            own = torch.cat([past[index], _keys_values(layer.attention, x)], dim=3)
            x = _layer(layer, x, own, crossed[index], bias)
            grown.append(own)
        return self.network.decoder.cls(x)[:, 0], torch.stack(grown)


def _layers(network: ReportNetwork) -> list[BertLayer]:
    return list(network.decoder.bert.encoder.layer)


def _heads(attention: BertAttention, x: Tensor) -> Tensor:
    """(B, T, D) to (B, H, T, d)."""
    inner = attention.self
    return x.reshape(*x.shape[:2], inner.num_attention_heads, inner.attention_head_size).transpose(1, 2)


def _keys_values(attention: BertAttention, x: Tensor) -> Tensor:
    """(B, T, D) to (2, B, H, T, d)."""
    return torch.stack([_heads(attention, attention.self.key(x)), _heads(attention, attention.self.value(x))])


def _attend(attention: BertAttention, x: Tensor, keys_values: Tensor, bias: Tensor | None = None) -> Tensor:
    query = _heads(attention, attention.self.query(x))
    weights = (query @ keys_values[0].transpose(2, 3)) * attention.self.attention_head_size**-0.5
    weights = weights if bias is None else weights + bias
    looked = (weights.softmax(-1) @ keys_values[1]).transpose(1, 2).flatten(2)  # (B, 1, D)
    attended: Tensor = attention.output(looked, x)
    return attended


def _layer(layer: BertLayer, x: Tensor, own: Tensor, crossed: Tensor, bias: Tensor) -> Tensor:
    x = _attend(layer.attention, x, own)
    x = _attend(layer.crossattention, x, crossed, bias)
    out: Tensor = layer.feed_forward_chunk(x)
    return out
