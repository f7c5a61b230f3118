"""A run's averaged weights as a checkpoint folder."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from pedaxr_models.checkpoint import Json, load_checkpoint, save_checkpoint
from pedaxr_models.datasets.partial_truth import PartialFilm, read_partial
from pedaxr_models.segmentation.card import describe_data
from pedaxr_models.segmentation.mixed.train import MixedConfig, splits_of
from pedaxr_models.segmentation.network import SegmentationNetwork
from pedaxr_models.segmentation.segmenter import Segmenter


def package(config: MixedConfig) -> Path:
    """The averaged weights as a checkpoint folder below `config.out`, with thresholds of .5.

    `pedaxr train thresholds` chooses others, `pedaxr evaluate` measures. A run that learned a few channels
    only leaves what it started from as it was: its thresholds, its second look for free air and its recipe.
    """
    segmenter, recipe = _revised(config) if config.only and config.start_from else (_trained(config), {})
    films = [film for folder in config.real for film in read_partial(folder)]
    save_checkpoint(
        config.out / "checkpoint",
        tensors=segmenter.network.state_dict(),
        config=segmenter.to_config(),
        metrics={},
        recipe=recipe | {"retrained": describe(config)} if recipe else describe(config),
        data=describe_data(config.data[0], splits_of(config)) | {"also": describe_real(films)},
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
    network.load_state_dict(stored.tensors | _average(config))
    return start.with_network(network), stored.recipe


def _average(config: MixedConfig) -> dict[str, Tensor]:
    average: dict[str, Tensor] = torch.load(config.out / "average.pt", map_location="cpu", weights_only=True)
    return average


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
