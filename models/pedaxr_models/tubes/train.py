"""Train the tube network: `train_tubes(TubeConfig(data=..., real=(...), out=...))`.

Tubes are drawn onto films that have none, synthetic and real, so that where each runs is known to the pixel
and any hospital's films can be learnt from. The tubes of synthetic films, which another program draws, are
never learnt from: they are there to be found by what was learnt.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from pedaxr_models.checkpoint import save_checkpoint
from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.partial_truth import PartialFilm, read_partial
from pedaxr_models.pyramid.training import Batch, PyramidTraining, describe, train_pyramid, trained
from pedaxr_models.segmentation.card import describe_data
from pedaxr_models.segmentation.data import split_films
from pedaxr_models.segmentation.mixed.package import describe_real
from pedaxr_models.tubes.backgrounds import real_backgrounds, synthetic_backgrounds
from pedaxr_models.tubes.batches import TubeBatches
from pedaxr_models.tubes.evaluate import call_films, choose_shortest, in_words
from pedaxr_models.tubes.finder import NAME, TubeFinder
from pedaxr_models.tubes.torch_finder import Look

_RARE = 2.0  # a pixel of a tube counts as much as so many without


@dataclass(frozen=True, kw_only=True)
class TubeConfig(PyramidTraining):
    """One run.

    Attributes:
        data: data set folder of synthetic films with masks and facts.
        real: folders of real films with partial truth; children of `leave_out` are not learnt from.
        batch_size: films of a step.
    """

    data: Path
    real: tuple[Path, ...] = ()
    leave_out: tuple[str, ...] = ()
    batch_size: int = 8


def train_tubes(config: TubeConfig) -> Path:
    """Train; the averaged weights are kept in `average.pt` below `config.out`, whose path is returned."""
    return train_pyramid(config, lambda: _batches(config), tube_loss)


def chosen_real(config: TubeConfig) -> list[PartialFilm]:
    """Real films to learn from."""
    films = [film for folder in config.real for film in read_partial(folder)]
    return [film for film in films if film.child not in config.leave_out]


def _batches(config: TubeConfig) -> Dataset[Batch]:
    films = split_films(read_films(config.data))["train"]
    backgrounds = [*synthetic_backgrounds(films), *real_backgrounds(chosen_real(config))]
    return TubeBatches(backgrounds, seed=config.seed, batch_size=config.batch_size)


def tube_loss(logits: Tensor, tubes: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy of each square, and of each film that has a tube one minus its soft Dice.

    All (B, h, w); squares that are not `known` count for nothing.
    """
    rare = torch.full((), _RARE, device=logits.device)
    squares = F.binary_cross_entropy_with_logits(logits, tubes, weight=known, pos_weight=rare)
    said, sizes = logits.sigmoid() * known, tubes.sum(dim=(1, 2))
    dice = (2 * (said * tubes).sum(dim=(1, 2)) + 1) / (said.sum(dim=(1, 2)) + sizes + 1)
    has_tube = (sizes > 0).float()
    return 4 * squares + ((1 - dice) * has_tube).sum() / has_tube.sum().clamp(min=1)


def package(config: TubeConfig) -> Path:
    """The averaged weights as a checkpoint folder below `config.out`, measured on its validation films."""
    network = trained(config)
    splits = split_films(read_films(config.data))
    calls = call_films(TubeFinder(Look(network), 0.0, "", {}), splits["validation"])
    shortest = choose_shortest(calls)
    save_checkpoint(
        config.out / "checkpoint",
        tensors=network.state_dict(),
        config={"name": NAME, "network": config.network.to_json(), "shortest": shortest},
        metrics={"validation": in_words(calls, shortest)},
        recipe=describe(config),
        data=describe_data(config.data, splits) | {"also": describe_real(chosen_real(config))},
        card=model_card(in_words(calls, shortest)),
    )
    return config.out / "checkpoint"


def model_card(figures: dict[str, object]) -> str:
    """README.md of a checkpoint."""
    rows = "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in figures.items())
    return (
        "# pedaxr tubes\n\nSees lines that run like a gastric tube on abdominal radiographs. Learnt from "
        "tubes drawn onto films; nobody who judged them is a radiologist. Research and teaching use; not a "
        "medical device: it must not be relied on to confirm where a tube lies.\n\n"
        "## Synthetic validation films\n\n"
        f"{rows}\n\nMore in docs/tubes.md.\n"
    )
