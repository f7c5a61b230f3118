"""A run's averaged weights as a checkpoint folder."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from pedaxr_models.checkpoint import Json, load_checkpoint, save_checkpoint
from pedaxr_models.datasets.partial_truth import PartialFilm, read_partial
from pedaxr_models.segmentation.card import describe_data
from pedaxr_models.segmentation.data import open_cache
from pedaxr_models.segmentation.mixed.batches import MixedBatches
from pedaxr_models.segmentation.mixed.folds import left_out
from pedaxr_models.segmentation.mixed.real_cache import rasterise_real
from pedaxr_models.segmentation.mixed.restored import between, restore_others
from pedaxr_models.segmentation.mixed.train import MixedConfig, load_batches, splits_of
from pedaxr_models.segmentation.network import SegmentationNetwork
from pedaxr_models.segmentation.segmenter import Segmenter

_BATCHES = 14  # to fit the other channels' last layer to: a million pixels


def package(config: MixedConfig) -> Path:
    """The averaged weights as a checkpoint folder below `config.out`, with thresholds of .5.

    `pedaxr train thresholds` chooses others, `pedaxr evaluate` measures. A run that learned a few channels
    only leaves what it started from as it was: its thresholds, its second look for free air and its recipe,
    and the other channels as nearly as it can, see `restored`.
    """
    segmenter, recipe = _revised(config) if config.only and config.start_from else (_trained(config), {})
    films = [film for folder in config.real for film in read_partial(folder)]
    save_checkpoint(
        config.out / "checkpoint",
        tensors=segmenter.network.state_dict(),
        config=segmenter.to_config(),
        metrics={},
        recipe=recipe | {"retrained": describe(config)} if recipe else describe(config),
        data=describe_data(config.data[0], splits_of(config))
        | {"also": also_learnt(films, config.start_from)},
        card="# pedaxr segmentation\n\nNot measured yet: `pedaxr evaluate segmentation` and `real`.\n",
    )
    return config.out / "checkpoint"


def _trained(config: MixedConfig) -> Segmenter:
    network = SegmentationNetwork(config.network)
    network.load_state_dict(_average(config))
    return Segmenter(network, size=config.stages[-1][0])


def _revised(config: MixedConfig) -> tuple[Segmenter, Json]:
    """What the run started from, its weights revised; and its recipe."""
    assert config.start_from is not None
    start, stored = Segmenter.load(config.start_from), load_checkpoint(config.start_from)
    network = SegmentationNetwork(start.network_config)
    network.load_state_dict(between(stored.tensors, _average(config), config.kept))
    if not config.last_layer:
        restore_others(network.eval(), start.network, config.only, _films_like_those(config))
    return start.with_network(network), stored.recipe


def _films_like_those(config: MixedConfig) -> Iterator[Tensor]:
    """Batches of what the run learned from, other ones."""
    size = config.stages[-1][0]
    films = [film for folder in config.real for film in read_partial(folder)]
    skip = config.leave_out + left_out(films, config.fold)
    cache = open_cache(splits_of(config)["train"], config.out / "cache", size)
    real = rasterise_real(films, size, pastes=1, seed=config.seed + 1)
    batches = MixedBatches(cache, real, config.shares, seed=config.seed + 1, skip=skip)
    return (films for films, _, _ in load_batches(batches, range(_BATCHES), workers=config.workers))


def _average(config: MixedConfig) -> dict[str, Tensor]:
    average: dict[str, Tensor] = torch.load(config.out / "average.pt", map_location="cpu", weights_only=True)
    return average


def also_learnt(films: Sequence[PartialFilm], start: Path | None = None) -> list[Json]:
    """The real films of a run, and those that the checkpoint it began from had learned from, for data.json.

    A set that both name is told once, as of whoever learned from more of its films.
    """
    earlier = load_checkpoint(start, with_tensors=False).data.get("also", []) if start else []
    told = {(one.get("name"), one.get("abdomen")): one for one in earlier}
    for one in describe_real(films):
        key = (one["name"], one["abdomen"])
        if key not in told or told[key].get("films", 0) < one["films"]:
            told[key] = one
    return list(told.values())


def describe_real(films: Sequence[PartialFilm]) -> list[Json]:
    """Source and number of the real films, for data.json."""
    sources = Counter((film.source.split(":")[0] or "unnamed", film.is_abdomen) for film in films)
    return [
        {"name": name, "is_synthetic": False, "films": count, "abdomen": is_abdomen}
        for (name, is_abdomen), count in sorted(sources.items())
    ]


def describe(config: MixedConfig) -> Json:
    """The run for recipe.json."""
    plain: Json = json.loads(json.dumps(asdict(config), default=str))
    return {name: value for name, value in plain.items() if name not in ("data", "real", "out", "resume")}
