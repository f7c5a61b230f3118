"""The reader: ViT over patches, BERT over the metadata, cross-attention between them, a causal decoder.

    film + segmentation (B, P + C, S, S) -> ViT -> patch tokens (B, N, D) --+
    segmentation in figures (B, R, F) -> region tokens (B, R, D) -----------+- film tokens --+
    metadata (B, T) -> BERT -> text tokens (B, T, D) -> query the film tokens ---------------+-> memory
    memory -> decoder -> report;  memory -> finding head

The keys and values of the cross-attention are all film tokens. With one pooled image token the softmax over
one key is 1 whatever the film shows, and the film is never read.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertLMHeadModel,
    BertModel,
    DynamicCache,
    EncoderDecoderCache,
    ViTConfig,
    ViTModel,
)

from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import Seen
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.tokenizer import END, PAD, START
from pedaxr_models.captioning.vision_stem import (
    FEATURE_STEMS,
    STEMS,
    FeaturePlanes,
    convolutional_stem,
    feature_planes,
)
from pedaxr_models.labels import CHANNELS, FINDINGS

SOURCES = ("film", "masks", "metadata")


@dataclass(frozen=True)
class ReportNetworkConfig:
    """Sizes of the network.

    Attributes:
        image_size, patch_size: of the square film, pixels; (image_size / patch_size)**2 patch tokens.
        longest_text, longest_report: tokens, special ones included.
        sees: which of `SOURCES` reach the network; the rest is blanked, so that each one's worth can be told.
        region_features: figures per region token; 0 for a reader that sees the masks as pixels only.
        stem: how patches become tokens, one of `vision_stem.STEMS`.
        features: channels of the frozen backbone's features beside the film in each patch; 0: none.
        outlines: kinds of tissue whose share each patch token is to tell, while training; 0: none.
        tells_findings: the decoder may attend to what the finding head goes by.
        quiet_masks: a plane on which nothing was segmented is 0 to the patches, not -1, see `eyes`.
    """

    vocabulary: int
    image_size: int = 160
    patch_size: int = 16
    hidden: int = 128
    heads: int = 4
    vision_layers: int = 3
    text_layers: int = 2
    decoder_layers: int = 2
    longest_text: int = 64
    longest_report: int = 128
    dropout: float = 0.1
    sees: tuple[str, ...] = SOURCES
    region_features: int = REGION_FEATURES
    stem: str = STEMS[0]
    features: int = 0
    outlines: int = 0
    tells_findings: bool = False
    quiet_masks: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain dict, the inverse of `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ReportNetworkConfig":
        """Rebuild from `to_json` output after a trip through JSON."""
        older = {"sees": SOURCES, "region_features": 0}  # readers from before these had a name
        return cls(**{**older, **data, "sees": tuple(data.get("sees", SOURCES))})


class Taught(NamedTuple):
    """Logits under teacher forcing.

    Attributes:
        words: (B, L - 1, V) of report tokens 1..L-1.
        findings: (B, 5).
        outlines: (B, N, C) of the patches; None for a reader without such a head.
    """

    words: Tensor
    findings: Tensor
    outlines: Tensor | None


class RegionTokens(nn.Module):
    """The figures of each channel and measure (B, R, F) as tokens (B, R, D), each by a matrix of its own."""

    def __init__(self, config: ReportNetworkConfig) -> None:
        super().__init__()
        features = config.region_features
        self.project = nn.Parameter(torch.randn(REGION_TOKENS, features, config.hidden) * features**-0.5)
        self.names = nn.Parameter(torch.randn(REGION_TOKENS, config.hidden) * 0.02)
        self.norm = nn.LayerNorm(config.hidden)

    def forward(self, regions: Tensor) -> Tensor:
        """Project; rows that hold nothing are left with their name."""
        tokens: Tensor = self.norm(torch.einsum("brf,rfd->brd", regions, self.project) + self.names)
        return tokens


class ReportNetwork(nn.Module):
    """The whole reader; see the picture at the top of this module."""

    def __init__(self, config: ReportNetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.vision = ViTModel(_vision_config(config), add_pooling_layer=False)
        self.feature_planes = (
            FeaturePlanes(config.features, config.patch_size, config.image_size) if config.features else None
        )
        if bool(config.features) is not (config.stem in FEATURE_STEMS):
            raise ValueError(f"Patches by {config.stem!r} do not go with {config.features} features.")
        if config.stem == "convolutions":
            stem = convolutional_stem(FILM_PLANES + len(CHANNELS), config.hidden, config.patch_size)
            self.vision.embeddings.patch_embeddings.projection = stem
        self.outlines = nn.Linear(config.hidden, config.outlines) if config.outlines else None
        self.text = BertModel(_text_config(config, config.text_layers), add_pooling_layer=False)
        self.regions = RegionTokens(config) if config.region_features else None
        self.look = nn.MultiheadAttention(config.hidden, config.heads, config.dropout, batch_first=True)
        self.look_norm = nn.LayerNorm(config.hidden)
        self.finding_queries = nn.Parameter(torch.randn(len(FINDINGS), config.hidden) * 0.02)
        self.finding_pool = nn.MultiheadAttention(
            config.hidden, config.heads, config.dropout, batch_first=True
        )
        self.finding_head = nn.Linear(config.hidden, 1)
        self.decoder = BertLMHeadModel(_text_config(config, config.decoder_layers, is_decoder=True))

    def encode(self, seen: Seen, text_ids: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Integrated features of a batch.

        Args:
            seen: B films.
            text_ids: (B, T) tokens of the metadata.
            text_mask: (B, T) 1 where there is a token.

        Returns:
            memory (B, M, D) that the decoder attends to, its mask (B, M), and logits (B, 5) of the findings.
        """
        return self.integrate(self.film_tokens(seen), text_ids, text_mask)

    def film_tokens(self, seen: Seen) -> Tensor:
        """What a batch of films looks like, without its metadata: (B, 1 + N + R, D)."""
        seen = self._only_what_is_seen(seen)
        # Channels-last halves the time of cutting the film into patches on a CPU.
        pixels = self._planes(seen).contiguous(memory_format=torch.channels_last)
        patches: Tensor = self.vision(pixel_values=pixels).last_hidden_state  # (B, 1 + N, D)
        return patches if self.regions is None else torch.cat([patches, self.regions(seen.regions)], 1)

    def _planes(self, seen: Seen) -> Tensor:
        """What is cut into patches: (B, P + C, S, S), and the planes of the features."""
        if self.feature_planes is None:
            return seen.pixels
        if seen.features is None:
            raise ValueError(
                "This report writer reads features of a frozen backbone, and this film was opened without."
            )
        return torch.cat([seen.pixels, self.feature_planes(seen.features)], 1)

    def integrate(self, film: Tensor, text_ids: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `encode`, from the tokens of the films; metadata of one row (1, T) are those of all films."""
        if "metadata" not in self.config.sees:  # only [CLS] is left
            text_mask = text_mask * (torch.arange(text_mask.shape[1], device=text_mask.device) == 0)
        words = self.text(input_ids=text_ids, attention_mask=text_mask).last_hidden_state  # (B, T, D)
        words, text_mask = words.expand(len(film), -1, -1), text_mask.expand(len(film), -1)
        looked, _ = self.look(words, film, film, need_weights=False)
        words = self.look_norm(words + looked)
        memory = torch.cat([film, words], 1)
        mask = torch.cat([text_mask.new_ones(film.shape[:2]), text_mask], 1)  # (B, M)
        queries = self.finding_queries.expand(len(memory), -1, -1)
        pooled, _ = self.finding_pool(queries, memory, memory, key_padding_mask=mask == 0, need_weights=False)
        if self.config.tells_findings:
            memory, mask = (
                torch.cat([memory, pooled], 1),
                torch.cat([mask, mask.new_ones(pooled.shape[:2])], 1),
            )
        return memory, mask, self.finding_head(pooled).squeeze(-1)

    def _only_what_is_seen(self, seen: Seen) -> Seen:
        """Blank what of the film this reader is to do without."""
        pixels, regions, features = seen.pixels, seen.regions, seen.features
        if "film" not in self.config.sees:
            features = None if features is None else torch.zeros_like(features)
            pixels = torch.cat([torch.zeros_like(pixels[:, :FILM_PLANES]), pixels[:, FILM_PLANES:]], 1)
        if "masks" not in self.config.sees:
            masks = torch.full_like(pixels[:, FILM_PLANES:], -1.0)
            pixels = torch.cat([pixels[:, :FILM_PLANES], masks], 1)
            regions = torch.zeros_like(regions)
        if self.config.quiet_masks:
            pixels = torch.cat([pixels[:, :FILM_PLANES], (pixels[:, FILM_PLANES:] + 1) / 2], 1)
        return Seen(pixels, regions, features)

    def forward(self, seen: Seen, text_ids: Tensor, text_mask: Tensor, report_ids: Tensor) -> Taught:
        """Teacher forcing: what the report, the findings and the outlines were taken for."""
        memory, mask, findings = self.encode(seen, text_ids, text_mask)
        given = report_ids[:, :-1]
        out = self.decoder(
            input_ids=given,
            attention_mask=(given != PAD).long(),
            encoder_hidden_states=memory,
            encoder_attention_mask=mask,
        )
        outlines = None if self.outlines is None else self.outlines(memory[:, 1 : 1 + self._patches])
        return Taught(out.logits, findings, outlines)

    @property
    def _patches(self) -> int:
        return (self.config.image_size // self.config.patch_size) ** 2

    @torch.no_grad()
    def write(self, memory: Tensor, mask: Tensor, *, use_cache: bool = True) -> tuple[Tensor, Tensor]:
        """Greedy report: token ids (B, L) after [CLS], and the probability (B, L) the decoder gave each."""
        ids = torch.full((len(memory), 1), START, device=memory.device)
        out = self.decoder.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            encoder_hidden_states=memory,
            encoder_attention_mask=mask,
            max_length=self.config.longest_report,
            do_sample=False,
            num_beams=1,
            use_cache=use_cache,
            **({"past_key_values": _empty_cache()} if use_cache else {}),
            bos_token_id=START,
            eos_token_id=END,
            pad_token_id=PAD,
            output_logits=True,
            return_dict_in_generate=True,
        )
        chosen = out.sequences[:, 1:]
        probabilities = torch.stack(out.logits, 1).softmax(-1).gather(-1, chosen[..., None]).squeeze(-1)
        return chosen, probabilities.masked_fill(chosen == PAD, 1.0)


def _empty_cache() -> EncoderDecoderCache:
    # `generate` would make a cache for self-attention alone; this one keeps the film's keys and values too.
    return EncoderDecoderCache(DynamicCache(), DynamicCache())


def _vision_config(config: ReportNetworkConfig) -> ViTConfig:
    return ViTConfig(
        image_size=config.image_size,
        patch_size=config.patch_size,
        num_channels=FILM_PLANES + len(CHANNELS) + feature_planes(config.features, config.patch_size),
        hidden_size=config.hidden,
        num_hidden_layers=config.vision_layers,
        num_attention_heads=config.heads,
        intermediate_size=4 * config.hidden,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=0.0,
    )


def _text_config(config: ReportNetworkConfig, layers: int, *, is_decoder: bool = False) -> BertConfig:
    return BertConfig(
        vocab_size=config.vocabulary,
        hidden_size=config.hidden,
        num_hidden_layers=layers,
        num_attention_heads=config.heads,
        intermediate_size=4 * config.hidden,
        max_position_embeddings=max(config.longest_text, config.longest_report),
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=0.0,
        pad_token_id=PAD,
        is_decoder=is_decoder,
        add_cross_attention=is_decoder,
    )
