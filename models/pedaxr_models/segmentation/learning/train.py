"""Fine-tune on corrected films without unlearning: `fine_tune(LearnConfig(...), films, report)`.

The loss counts only where a film's truth is known; every other channel of it is taught by the weights that
the run starts from (knowledge distillation, Hinton et al. 2015; for fine-tuning, Li and Hoiem 2016).
Statistics of batch norm stay as they are: a few films would spoil them. A run is a number of steps, and
resumes.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from pedaxr_models.checkpoint import load_checkpoint
from pedaxr_models.datasets.film import Film
from pedaxr_models.segmentation.augmentation import Augmentation
from pedaxr_models.segmentation.data import FilmCache, TrainingFilms, open_cache, unpack_planes
from pedaxr_models.segmentation.losses import CHANNEL_WEIGHTS, PartialLoss, drift_from
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork
from pedaxr_models.training.loop import (
    keep_statistics,
    one_cycle,
    pick_device,
    set_learning_rate,
    update_average,
)
from pedaxr_models.training.resumable import Resumable, begin
from pedaxr_models.training.sampling import BalancedBatches, group_films

Report = Callable[[int, str], None]


@dataclass(frozen=True)
class LearnConfig:
    """One run.

    Attributes:
        start_from: checkpoint folder of the weights in use: start and teacher.
        out: receives `state.pt` and the cache of films.
        steps: optimiser steps.
        size: side of the network's square; None: as the weights are served.
        backbone_rate: the backbone's learning rate, next to the head's 1.
        taught: weight of what the teacher says of channels that nobody corrected; a known channel's is 1.
        keep_every: steps between two saved states.
    """

    start_from: Path
    out: Path
    steps: int = 200
    size: int | None = None
    batch_size: int = 4
    learning_rate: float = 3e-4
    backbone_rate: float = 0.3
    weight_decay: float = 0.01
    warmup: float = 0.05
    ema_decay: float = 0.98
    taught: float = 1.0
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    keep_every: int = 20


@dataclass
class _Run(Resumable):
    PARTS: ClassVar = ("network", "average", "optimiser")
    VALUES: ClassVar = ("step",)
    network: SegmentationNetwork
    average: SegmentationNetwork
    optimiser: torch.optim.Optimizer
    step: int = 0


def read_network(checkpoint: Path) -> SegmentationNetwork:
    """The network of a checkpoint folder. Raises CheckpointError."""
    stored = load_checkpoint(checkpoint)
    network = SegmentationNetwork(NetworkConfig.from_json(stored.config["network"]))
    network.load_state_dict(stored.tensors)
    return network.to(memory_format=torch.channels_last)


def fine_tune(config: LearnConfig, films: Sequence[Film], report: Report) -> SegmentationNetwork:
    """The fine-tuned network, in evaluation mode.

    Args:
        config: of the run; one that was interrupted in `config.out` goes on.
        films: with masks or outlines of their `labelled_channels`.
        report: called after each step with its number and what to tell.

    Raises:
        ValueError: there are no films.
        CheckpointError: the weights to start from are damaged.
    """
    if not films:
        raise ValueError("There are no corrected films to learn from.")
    begin(config.out, seed=config.seed, threads=config.threads)
    size = config.size or int(load_checkpoint(config.start_from, with_tensors=False).config["size"])
    cache = open_cache(films, config.out / "cache", size)
    run, teacher = _start(config)
    criterion = _Loss(config.taught).to(pick_device(config.device))
    batches = BalancedBatches(group_films(np.asarray(cache.present)), config.batch_size, seed=config.seed)
    with run.kept_in(config.out):
        while run.step < config.steps:
            loss = _step(config, run, teacher, criterion, _batch(cache, batches.batch(run.step)))
            run.step += 1
            update_average(run.average, run.network, run.step, config.ema_decay)
            if run.step % config.keep_every == 0:
                run.save(config.out)
            report(run.step, f"loss {loss:.3f}")
    return run.average.eval()


def _start(config: LearnConfig) -> tuple[_Run, SegmentationNetwork]:
    device = pick_device(config.device)
    network = read_network(config.start_from).to(device)
    average, teacher = deepcopy(network), deepcopy(network)
    average.eval().requires_grad_(False)
    teacher.eval().requires_grad_(False)
    run = _Run(network, average, _optimiser(network, config))
    run.resume(config.out)
    return run, teacher


def _optimiser(network: SegmentationNetwork, config: LearnConfig) -> torch.optim.Optimizer:
    """AdamW; the backbone moves slower."""
    groups = [
        {"params": list(part.parameters()), "share": share}
        for part, share in ((network.encoder, config.backbone_rate), (network.head, 1.0))
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)


def _batch(cache: FilmCache, chosen: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor, Tensor]:
    films = TrainingFilms(cache, Augmentation())
    pictures, bits, known = zip(*(films[item] for item in chosen), strict=True)
    return torch.stack(pictures), torch.stack(bits), torch.tensor(known, dtype=torch.int64)


def _step(
    config: LearnConfig,
    run: _Run,
    teacher: SegmentationNetwork,
    criterion: "_Loss",
    batch: tuple[Tensor, Tensor, Tensor],
) -> float:
    device = pick_device(config.device)
    films, bits, known = (tensor.to(device) for tensor in batch)
    films = films.contiguous(memory_format=torch.channels_last)
    rate = one_cycle(run.step / config.steps, peak=config.learning_rate, warmup=config.warmup, floor=0.002)
    set_learning_rate(run.optimiser, rate)
    run.network.train()
    keep_statistics(run.network)
    run.optimiser.zero_grad(set_to_none=True)
    with torch.no_grad():
        taught = teacher(films).sigmoid()
    loss: Tensor = criterion(run.network(films), unpack_planes(bits), unpack_planes(known), taught)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
    run.optimiser.step()
    return float(loss.detach())


class _Loss(nn.Module):
    """The partial loss where the truth is known, cross-entropy with the teacher's probabilities elsewhere."""

    weights: Tensor

    def __init__(self, taught: float) -> None:
        super().__init__()
        self.partial = PartialLoss()
        self.taught = taught
        self.register_buffer("weights", torch.tensor(list(CHANNEL_WEIGHTS.values())))

    def forward(self, logits: Tensor, targets: Tensor, known: Tensor, taught: Tensor) -> Tensor:
        """Scalar loss of logits, targets and teacher (N, C, H, W); known (N, C), 1 where a human said."""
        planes = known[:, :, None, None].expand_as(logits)
        truth: Tensor = self.partial(logits, targets, planes)
        apart = drift_from(logits, taught)
        unknown = (1 - known) * self.weights  # (N, C)
        drift = (apart.mean(dim=(2, 3)) * unknown).sum() / unknown.sum().clamp(min=1.0)
        return truth + self.taught * drift


def interpolate(before: SegmentationNetwork, after: SegmentationNetwork, share: float) -> SegmentationNetwork:
    """The network that lies that share of the way from one to the other (Wortsman et al. 2022, WiSE-FT)."""
    mixed = SegmentationNetwork(before.config)
    ends = before.state_dict(), after.state_dict()
    mixed.load_state_dict(
        {n: t.lerp(ends[1][n], share) if t.is_floating_point() else t for n, t in ends[0].items()}
    )
    return mixed.eval()
