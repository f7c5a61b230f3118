"""A user's own pretrained ViT and BERT: local Hugging Face folders, fitted to our planes, patches and words.

The reader takes its sizes from them. What differs is fitted rather than dropped: colours are summed into the
film's plane, the grid of positions is resampled (Dosovitskiy et al. 2021, arXiv:2010.11929), words are taken
over by name. Nothing is downloaded.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertModel, ViTModel

from pedaxr_models.captioning.network import ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.tokenizer import WordPieces
from pedaxr_models.captioning.vision_stem import FEATURE_STEMS, FEATURES, STEMS
from pedaxr_models.checkpoint import Checkpoint

_KINDS = {"vision": "vit", "text": "bert"}
_LEAST = 0.9  # of the encoder's layers; less is another architecture under a known name

Fit = Callable[[Tensor, Tensor], Tensor]


def fit_sizes(
    config: ReportNetworkConfig, *, vision: Path | None = None, text: Path | None = None
) -> ReportNetworkConfig:
    """The same reader in the sizes of the folders that are given.

    Raises:
        ValueError: a folder is not of that kind, or the two and the film do not fit each other.
    """
    found = {k: _read_config(f, k) for k, f in (("vision", vision), ("text", text)) if f is not None}
    if len({(c["hidden_size"], c["num_attention_heads"]) for c in found.values()}) > 1:
        raise ValueError(
            "The ViT and the BERT differ in hidden size or heads, and must meet in the cross-attention. Give "
            "two that agree, or only one of them."
        )
    for kind, theirs in found.items():
        layers = {f"{kind}_layers": theirs["num_hidden_layers"]}
        config = replace(config, hidden=theirs["hidden_size"], heads=theirs["num_attention_heads"], **layers)
    if "vision" in found:
        config = replace(config, patch_size=found["vision"]["patch_size"])
    if config.image_size % config.patch_size:
        raise ValueError(
            f"The ViT's patches of {config.patch_size} pixels do not divide films of {config.image_size}. "
            "Give one with patches of 8, 16 or 32."
        )
    return config


def _read_config(folder: Path, kind: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        is_kind = found["model_type"] == _KINDS[kind]
        sizes = found["hidden_size"], found["num_attention_heads"], found["num_hidden_layers"]
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ValueError(
            f"'{folder.name}' is not a folder of a pretrained model: it lacks a config.json with its sizes. "
            "Give one as `save_pretrained` of transformers writes it."
        ) from err
    if not is_kind or not all(isinstance(size, int) for size in sizes):
        raise ValueError(
            f"'{folder.name}' holds a model of type {found['model_type']!r}, where --{kind} takes "
            f"{_KINDS[kind]!r}."
        )
    return dict(found)


def load_pretrained(
    network: ReportNetwork, pieces: WordPieces, *, vision: Path | None = None, text: Path | None = None
) -> None:
    """Replace the encoders' weights by those of local folders.

    Raises:
        ValueError: a folder's weights are not those of such an encoder of the network's sizes.
    """
    if vision is not None:
        _load(network.vision, _weights(ViTModel, vision), _VISION_FITS, vision)
    if text is not None:
        _load(network.text, _weights(BertModel, text), _text_fits(pieces, text), text)


def with_stem(checkpoint: Checkpoint, stem: str) -> ReportNetworkConfig:
    """A checkpoint's network with patches of that kind; "linear" leaves them as they are.

    Raises:
        ValueError: its patches cannot become of that kind.
    """
    stored = ReportNetworkConfig.from_json(checkpoint.config["network"])
    if stem in (STEMS[0], stored.stem):
        return stored
    if stored.stem != STEMS[0] or stem not in FEATURE_STEMS:
        raise ValueError(
            f"Patches by {stored.stem!r} cannot become {stem!r}: only linear patches can be given features. "
            "Start from other weights, or from none."
        )
    return replace(stored, stem=stem, features=FEATURES)


def widened(stored: Mapping[str, Tensor], network: ReportNetwork) -> dict[str, Tensor]:
    """A checkpoint's tensors for a network whose patches hold more planes: those begin at 0, unread."""
    name = "vision.embeddings.patch_embeddings.projection.weight"
    ours = network.state_dict().get(name)
    if name not in stored or ours is None or ours.ndim != 4:
        return dict(stored)
    before = stored[name]
    wider = before.new_zeros(len(before), ours.shape[1] - before.shape[1], *before.shape[2:])
    return {**stored, name: torch.cat([before, wider], 1)}


def _weights(model_class: type[Any], folder: Path) -> Mapping[str, Tensor]:
    try:
        model = model_class.from_pretrained(folder, local_files_only=True, add_pooling_layer=False)
    except (OSError, ValueError, RuntimeError, SafetensorError) as err:
        raise ValueError(
            f"The weights in '{folder.name}' cannot be read. Write them with `save_pretrained` of "
            "transformers."
        ) from err
    return dict(model.state_dict())


def _load(module: nn.Module, theirs: Mapping[str, Tensor], fits: Mapping[str, Fit], folder: Path) -> None:
    ours = module.state_dict()
    taken = {
        name: fits.get(name, _as_is)(value, ours[name]) for name, value in theirs.items() if name in ours
    }
    taken = {name: value for name, value in taken.items() if value.shape == ours[name].shape}
    layers = [name for name in ours if re.search(r"\blayers?\.\d", name)]
    if not layers or sum(name in taken for name in layers) < _LEAST * len(layers):
        raise ValueError(
            f"The layers in '{folder.name}' are not shaped as ours. Give a plain ViT or BERT whose inner "
            "layer is four times its hidden size."
        )
    module.load_state_dict(ours | taken)


def _as_is(theirs: Tensor, _: Tensor) -> Tensor:
    return theirs


def _planes(theirs: Tensor, ours: Tensor) -> Tensor:
    """(D, 3, P, P) to (D, our planes, P, P): grey is a colour whose channels are equal, so theirs add up."""
    fitted = ours.clone()
    fitted[:, :1] = theirs.sum(1, keepdim=True)
    return fitted


def _grid(theirs: Tensor, ours: Tensor) -> Tensor:
    """(1, 1 + n n, D) to (1, 1 + m m, D): the first is [CLS]'s, the rest a square of patches."""
    n, m = (round((table.shape[1] - 1) ** 0.5) for table in (theirs, ours))
    square = theirs[:, 1:].reshape(1, n, n, -1).permute(0, 3, 1, 2)
    square = F.interpolate(square, size=(m, m), mode="bicubic", align_corners=False)
    return torch.cat([theirs[:, :1], square.flatten(2).transpose(1, 2)], 1)


def _first_rows(theirs: Tensor, ours: Tensor) -> Tensor:
    return theirs[: len(ours)]


_VISION_FITS: dict[str, Fit] = {
    "embeddings.patch_embeddings.projection.weight": _planes,
    "embeddings.position_embeddings": _grid,
}


def _text_fits(pieces: WordPieces, folder: Path) -> dict[str, Fit]:
    words = _vocabulary(folder)

    def by_word(theirs: Tensor, ours: Tensor) -> Tensor:
        fitted = ours.clone()
        for word, row in pieces.vocabulary.pieces.items():
            if (other := words.get(word)) is not None and other < len(theirs):
                fitted[row] = theirs[other]
        return fitted

    return {
        "embeddings.word_embeddings.weight": by_word,
        "embeddings.position_embeddings.weight": _first_rows,
    }


def _vocabulary(folder: Path) -> dict[str, int]:
    """Word pieces and their rows; empty where the folder names none, and no word is then taken over."""
    plain, whole = folder / "vocab.txt", folder / "tokenizer.json"
    try:
        if plain.exists():
            lines = plain.read_text(encoding="utf-8").splitlines()
            return {word: row for row, word in enumerate(lines)}
        if whole.exists():
            found = json.loads(whole.read_text(encoding="utf-8"))["model"]["vocab"]
            return {str(word): int(row) for word, row in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise ValueError(f"The vocabulary in '{folder.name}' cannot be read. Delete it, or mend it.") from err
    return {}
