"""Where the decoder looks while it writes a sentence: its cross-attention, over the film.

A pixel has the attention of its patch's token and of the tokens of the regions it lies in, as the
segmentation predicted them. Attention to the metadata has no place on the film: it is a share. All sentences
look at much the same places; drawn is what one looks at more than the report does on average. Attention
shows what was read from, not why a word was chosen (Jain and Wallace 2019, arXiv:1902.10186).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pedaxr_models.captioning.figures import encoded_metadata
from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.captioning.region_tokens import REGION_TOKENS
from pedaxr_models.captioning.tokenizer import END, PAD, START, WordPieces
from pedaxr_models.labels import CHANNELS, LABELS, TERMS

FloatPlane = NDArray[np.float32]


@dataclass(frozen=True)
class SentenceLook:
    """Where one sentence looked.

    Attributes:
        heat: (S, S) float32, attention of the tokens that stand for each pixel.
        regions: (C,) float32, attention to the token of each of `CHANNELS`; empty without region tokens.
        shares: of the attention, on the "film" (patches), the "regions" and the "metadata".
    """

    sentence: str
    heat: FloatPlane
    regions: FloatPlane
    shares: dict[str, float]


def sentence_looks(
    network: ReportNetwork, pieces: WordPieces, films: ReaderFilms, index: int
) -> list[SentenceLook]:
    """Of each sentence of the report that the reader writes of one film."""
    with torch.inference_mode():
        seen = films.seen([index])
        ids, mask = encoded_metadata(network, pieces, films, [index])
        memory, memory_mask, _ = network.eval().encode(seen, ids, mask)
        written, _ = network.write(memory, memory_mask)
        attention = cross_attention(network, memory, memory_mask, written)[0]  # (L, M)
        planes = ((seen.pixels[0, FILM_PLANES:] + 1) / 2).clamp(0, 1)  # (C, S, S)
        return [
            _look(network, pieces.decode(written[0, part].tolist()), attention[part].mean(0), planes)
            for part in sentence_spans(written[0].tolist(), pieces)
        ]


@torch.no_grad()
def cross_attention(network: ReportNetwork, memory: Tensor, mask: Tensor, ids: Tensor) -> Tensor:
    """(B, L, M): what each token of the texts (B, L) took from the memory, mean over heads and layers."""
    given = torch.cat([torch.full_like(ids[:, :1], START), ids[:, :-1]], 1)
    implementation = network.decoder.config._attn_implementation
    network.decoder.set_attn_implementation("eager")  # the quicker ones keep no weights
    try:
        out = network.decoder(
            input_ids=given,
            attention_mask=(given != PAD).long(),
            encoder_hidden_states=memory,
            encoder_attention_mask=mask,
            output_attentions=True,
        )
    finally:
        network.decoder.set_attn_implementation(implementation)
    return torch.stack(out.cross_attentions).float().mean((0, 2))  # (layers, B, heads, L, M) -> (B, L, M)


def sentence_spans(ids: Sequence[int], pieces: WordPieces) -> list[slice]:
    """The tokens of each sentence, its full stop included."""
    stop = pieces.vocabulary.pieces.get(".")
    length = next((at for at, token in enumerate(ids) if token in (END, PAD)), len(ids))
    ends = [at + 1 for at in range(length) if ids[at] == stop]
    return [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]


def _look(network: ReportNetwork, sentence: str, attention: Tensor, planes: Tensor) -> SentenceLook:
    side = network.config.image_size // network.config.patch_size
    patches = attention[1 : 1 + side * side]
    tokens = attention[1 + side * side :][: REGION_TOKENS if network.config.region_features else 0]
    regions = tokens[: len(CHANNELS)]  # those that have a place on the film; measures follow
    size = planes.shape[-2:]
    heat = F.interpolate(patches.reshape(1, 1, side, side), size=size, mode="bicubic")[0, 0].clamp_min(0)
    if len(regions):
        heat = heat + (regions[:, None, None] * planes).sum(0)
    film, parts = float(patches.sum() + attention[0]), float(tokens.sum())
    shares = {"film": film, "regions": parts, "metadata": max(0.0, 1 - film - parts)}
    return SentenceLook(sentence, heat.float().numpy(), regions.float().numpy(), shares)


def one_film_per_label(films: ReaderFilms) -> list[int]:
    """The first film of each label, in the order of `LABELS`."""
    labels = [facts.label for facts in films.facts]
    return [labels.index(label) for label in LABELS if label in labels]


def more_than_average(looks: Sequence[SentenceLook]) -> list[FloatPlane]:
    """Where each sentence looks more than the report does on average, 0 to 1, each on its own scale.

    A sentence that looks where all do is faint: no scale is below a tenth of the widest.
    """
    maps = np.stack([look.heat for look in looks])
    more = np.maximum(maps - maps.mean(0), 0)
    tops = np.percentile(more, 99.5, axis=(1, 2))
    return list(np.clip(more / np.maximum(tops, max(tops.max() / 10, 1e-9))[:, None, None], 0, 1))


def draw_attention(film: NDArray[np.uint8], looks: Sequence[SentenceLook], title: str, path: Path) -> None:
    """One film (S, S) with a heat map per sentence, as PNG."""
    from matplotlib.figure import Figure

    columns = -(-(len(looks) + 1) // 2)
    figure = Figure(figsize=(3.1 * columns, 9.2))
    panels = figure.subplots(2, columns, squeeze=False).ravel()
    figure.subplots_adjust(left=0.01, right=0.99, top=0.85, bottom=0.07, wspace=0.07, hspace=0.45)
    for panel in panels:
        panel.axis("off")
    panels[0].imshow(film, cmap="gray", vmin=0, vmax=255)
    panels[0].set_title("The film", fontsize=11, loc="left")
    usual = np.mean([look.regions for look in looks], axis=0)
    for panel, look, heat in zip(panels[1:], looks, more_than_average(looks), strict=False):
        panel.imshow(film, cmap="gray", vmin=0, vmax=255)
        panel.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=np.clip(heat * 1.5, 0, 0.65))
        panel.set_title(_wrapped(look.sentence, 37), fontsize=10.5, loc="left")
        panel.text(
            0, -0.03, _shares(look, usual), transform=panel.transAxes, va="top", fontsize=9, color="#333"
        )
    figure.suptitle(title, fontsize=14, x=0.01, y=0.985, ha="left")
    figure.savefig(path, dpi=100)


def _shares(look: SentenceLook, usual: FloatPlane) -> str:
    """The shares of the attention, and the regions that gained most over the report's average."""
    text = "   ".join(f"{name} {share:.0%}" for name, share in look.shares.items())
    gained = [i for i in np.argsort(usual - look.regions)[:2] if look.regions[i] > usual[i]]
    names = ", ".join(TERMS[CHANNELS[i]].english for i in gained)
    return f"{text}\n{_wrapped(f'more than usual: {names}', 40)}" if names else text


def _wrapped(text: str, width: int) -> str:
    return "\n".join(wrap(text, width))


def film_title(films: ReaderFilms, index: int) -> str:
    """What is on the film, in words."""
    present = [TERMS[finding].english for finding in films.facts[index].present] or ["Normal"]
    view = films.facts[index].view.replace("_", " ")
    return (
        f"Where each sentence looks more than the others. On the film: {', '.join(present).lower()} ({view})"
    )
