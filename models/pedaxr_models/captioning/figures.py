"""Pictures of what a trained report writer has learned: its features by label, and its learning curves."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.metadata_text import metadata_text
from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.captioning.tokenizer import WordPieces
from pedaxr_models.checkpoint import Json
from pedaxr_models.labels import LABELS, TERMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
