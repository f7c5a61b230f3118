"""Pictures of what a trained report writer has learned: features by label, learning curves, attention.

Attention is where the decoder looks while it writes a sentence: its cross-attention, over the film.
A pixel has the attention of its patch's token and of the tokens of the regions it lies in, as the
segmentation predicted them. Attention to the metadata has no place on the film: it is a share. All sentences
look at much the same places; drawn is what one looks at more than the report does on average. Attention
shows what was read from, not why a word was chosen (Jain and Wallace 2019, arXiv:1902.10186).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.metadata_text import metadata_text
from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.captioning.region_tokens import REGION_TOKENS
from pedaxr_models.captioning.tokenizer import END, PAD, START, WordPieces
from pedaxr_models.checkpoint import Json
from pedaxr_models.labels import CHANNELS, LABELS, TERMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatPlane = NDArray[np.float32]
FloatTable = NDArray[np.float32]
_BATCH = 32
_FEWEST = 10  # films that t-SNE is drawn of


def integrated_features(reader: ReportNetwork, pieces: WordPieces, films: ReaderFilms) -> FloatTable:
    """(N, 5 D) of each film: what the finding queries take from the integrated features, side by side.

    The metadata are given without a working diagnosis, so that the label is not handed in.
    """
    kept: list[torch.Tensor] = []

    def keep(_module: torch.nn.Module, _given: object, out: tuple[torch.Tensor, object]) -> None:
        kept.append(out[0].flatten(1).float().cpu())

    device = reader.finding_queries.device
    hook = reader.finding_pool.register_forward_hook(keep)
    try:
        with torch.inference_mode():
            for begin in range(0, len(films), _BATCH):
                part = range(begin, min(len(films), begin + _BATCH))
                ids, mask = encoded_metadata(reader, pieces, films, part)
                reader.eval().encode(films.seen(part).to(device), ids.to(device), mask.to(device))
    finally:
        hook.remove()
    return np.asarray(torch.cat(kept).numpy(), np.float32)


def encoded_metadata(
    reader: ReportNetwork, pieces: WordPieces, films: ReaderFilms, indices: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and mask (B, T) of the films' metadata, the working diagnosis left out."""
    texts = [metadata_text(replace(films.metadata[i], working_diagnosis=None)) for i in indices]
    return pieces.encode(texts, longest=reader.config.longest_text)


def untrained(reader: ReportNetwork, seed: int = 0) -> ReportNetwork:
    """A reader of the same sizes as before its training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ReportNetwork(reader.config).eval()


def draw_features(
    before: FloatTable, after: FloatTable, labels: Sequence[str], path: Path, *, seed: int = 0
) -> None:
    """PCA and t-SNE of features (N, F) before and after training, coloured by label, as PNG.

    t-SNE: van der Maaten and Hinton 2008. Silhouette (Rousseeuw 1987): 1 where labels lie apart, 0 where they
    are mixed; of the plane in the panel's title, of all dimensions at the row's side, where no projection
    flatters it.
    """
    from matplotlib.figure import Figure

    if len(labels) < _FEWEST or len(set(labels)) < 2:
        raise ValueError(f"The features are drawn of {_FEWEST} films or more, of two labels or more.")
    figure = Figure(figsize=(11.5, 10), layout="constrained")
    rows = figure.subplots(2, 2)
    for row, (when, features) in zip(rows, (("before", before), ("after", after)), strict=True):
        flat = _standardised(features)
        for panel, (method, points) in zip(row, _planes(flat, seed).items(), strict=True):
            _draw_points(panel, points, labels)
            panel.set_title(
                f"{method}, {when} training: silhouette {_silhouette(points, labels):.2f}", fontsize=12
            )
        row[0].set_ylabel(f"all {features.shape[1]} dimensions: silhouette {_silhouette(flat, labels):.2f}")
    handles, names = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=11)
    figure.suptitle(f"Integrated features of {len(labels)} films by label", fontsize=14)
    figure.savefig(path, dpi=110)


def _standardised(features: FloatTable) -> FloatTable:
    spread = features.std(0)
    return np.asarray((features - features.mean(0)) / np.where(spread > 1e-6, spread, 1), np.float32)


def _planes(features: FloatTable, seed: int) -> dict[str, FloatTable]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    few = PCA(min(50, *features.shape), random_state=seed).fit_transform(features)
    perplexity = min(30.0, (len(features) - 1) / 3)
    spread = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(few)
    return {"PCA": few[:, :2], "t-SNE": spread}


def _silhouette(points: FloatTable, labels: Sequence[str]) -> float:
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(points, list(labels)))


def _draw_points(panel: "Axes", points: FloatTable, labels: Sequence[str]) -> None:
    names = np.asarray(labels)
    for label in LABELS:
        mine = points[names == label]
        colour = [level / 255 for level in TERMS[label].colour]
        panel.scatter(
            mine[:, 0],
            mine[:, 1],
            s=26,
            color=colour,
            label=TERMS[label].english,
            edgecolors="white",
            linewidths=0.4,
        )
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_color("#BBBBBB")


def draw_curves(history: Sequence[Json], path: Path) -> None:
    """Loss and free-running scores over time, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    minutes = [row["minutes"] for row in history]
    left.plot(minutes, [row["loss"] for row in history])
    left.set(title="training loss", xlabel="minutes", yscale="log")
    for name in ("fact_f1", "hallucination_rate", "presence_accuracy"):
        right.plot(minutes, [row[name] for row in history], label=name.replace("_", " "))
    right.set(title="validation films, free running", xlabel="minutes", ylim=(0, 1))
    right.legend(fontsize=8)
    figure.savefig(path, dpi=110)


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
