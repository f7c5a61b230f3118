"""Train on synthetic and real films together: `train_mixed(MixedConfig(data=..., real=..., out=...))`.

A run is a number of steps, in stages of growing resolution, under one cosine of the learning rate. Its whole
state is kept every few hundred steps, so that a killed run resumes with `resume=True`. Children named
in `leave_out` are not looked at; their films then measure what the recipe gives.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from pedaxr_models.checkpoint import Json, load_checkpoint
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.partial_truth import PartialFilm, read_partial
from pedaxr_models.datasets.read import read_films
from pedaxr_models.segmentation.backbones.efficientnet_lite import imagenet_file
from pedaxr_models.segmentation.data import open_cache, pooled_dice, split_films, unpack_planes
from pedaxr_models.segmentation.losses import PartialLoss
from pedaxr_models.segmentation.mixed.batches import MixedBatches, Shares
from pedaxr_models.segmentation.mixed.folds import left_out
from pedaxr_models.segmentation.mixed.known_planes import GAS_BIT
from pedaxr_models.segmentation.mixed.real_cache import rasterise_real
from pedaxr_models.segmentation.mixed.taught import Lessons
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork, load_backbone
from pedaxr_models.training.loop import (
    keep_statistics,
    one_cycle,
    pick_device,
    set_learning_rate,
    update_average,
    write_rows,
)
from pedaxr_models.training.resumable import Resumable, begin, save_whole

Batch = tuple[Tensor, Tensor, Tensor]
Report = Callable[[str], None]


@dataclass(frozen=True)
class MixedConfig:
    """One run.

    Attributes:
        data: data set folders of synthetic films; real: folders of films with partial truth.
        out: receives `state.pt`, `average.pt` and `log.jsonl`.
        stages: (side of the network's square, steps), in order; the last is the serving size.
        pastes: versions with free air put in, of each real film that shows none.
        backbone_rate: the backbone's learning rate, next to the head's 1.
        start_from: checkpoint folder, or None: ImageNet weights. Its second look for free air is left
            behind, see `pedaxr_models.free_air.join`.
        leave_out: children whose films are not trained on.
        also: folders of films with partial truth that every fold learns from, such as those that
            `pedaxr films --onto` makes of pictures to learn from.
        keep_norms: leave the statistics of batch normalisation as they are: those of a few films are noise.
        only: channels to learn; `start_from` teaches the others, and its backbone stays, see `taught`.
        last_layer: of `only`, learn the last layer's weights alone: all other channels stay exactly as they
            are.
        kept: of `only`, the share of the weights that it began as in what comes out, see `restored`.
        fold: which fifth of the children is left out too; None to learn from all children. The other pictures
            that are kept to test on never are learnt from.
        keep_every: steps between two saved states.
        validate_every: steps between two looks at the validation films; a multiple of `keep_every`.
    """

    data: tuple[Path, ...]
    real: tuple[Path, ...]
    out: Path
    stages: tuple[tuple[int, int], ...] = ((192, 3000), (384, 1000))
    shares: Shares = field(default_factory=Shares)
    pastes: int = 24
    learning_rate: float = 2e-3
    backbone_rate: float = 0.5
    weight_decay: float = 0.01
    warmup: float = 0.03
    ema_decay: float = 0.995
    network: NetworkConfig = field(default_factory=lambda: NetworkConfig(backbone="efficientnet_lite0"))
    start_from: Path | None = None
    leave_out: tuple[str, ...] = ()
    also: tuple[Path, ...] = ()
    keep_norms: bool = False
    only: tuple[str, ...] = ()
    last_layer: bool = False
    kept: float = 0.0
    fold: int | None = None
    resume: bool = False
    seed: int = 0
    workers: int = 0
    device: str = "auto"
    threads: int | None = None
    keep_every: int = 25
    validate_every: int = 200
    validation_films: int = 24

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(steps for _, steps in self.stages)


@dataclass
class MixedRun(Resumable):
    """What a run carries from step to step."""

    PARTS: ClassVar = ("network", "average", "optimiser")
    VALUES: ClassVar = ("step", "history")
    network: SegmentationNetwork
    average: SegmentationNetwork  # exponential moving average of the weights: what is measured and kept
    optimiser: torch.optim.Optimizer
    step: int = 0
    history: list[Json] = field(default_factory=list)
    lessons: Lessons | None = None  # of a run that learns a few channels only

    def save(self, folder: Path) -> None:
        """Also the averaged weights alone, and what was reached."""
        super().save(folder)
        save_whole(self.average.state_dict(), folder / "average.pt")
        write_rows(folder / "log.jsonl", self.history)


def train_mixed(config: MixedConfig, report: Report = print) -> Path:
    """Train; returns the file of the averaged weights.

    Calibrating and measuring are commands of their own, since they may take longer than wanted.
    """
    begin(config.out, seed=config.seed, threads=config.threads)
    run = start_run(config.network, start_from=config.start_from, device=config.device, config=config)
    if config.resume:
        run.resume(config.out)
    splits = splits_of(config)
    films = [film for folder in config.real for film in read_partial(folder)]
    skip = config.leave_out + left_out(films, config.fold)
    films += [film for folder in config.also for film in read_partial(folder)]
    first = 0
    with run.kept_in(config.out):
        for size, steps in config.stages:
            last = first + steps
            if run.step < last:
                _train_stage(config, run, splits, films, skip, size, last, report)
            first = last
    return config.out / "average.pt"


def splits_of(config: MixedConfig) -> dict[str, list[Film]]:
    """Its synthetic films, as they were split when the run began."""
    films = [film for folder in config.data for film in read_films(folder)]
    return split_films(films, config.out / "splits.json")


def _train_stage(
    config: MixedConfig,
    run: MixedRun,
    splits: dict[str, list[Film]],
    films: Sequence[PartialFilm],
    skip: Sequence[str],
    size: int,
    last: int,
    report: Report,
) -> None:
    report(f"preparing films at {size} px")
    cache = open_cache(splits["train"], config.out / "cache", size)
    validation = open_cache(splits["validation"], config.out / "cache", size)
    real = rasterise_real(films, size, pastes=config.pastes, seed=config.seed)
    batches = MixedBatches(cache, real, config.shares, seed=config.seed, skip=skip)
    loader = load_batches(batches, range(run.step, last), workers=config.workers)
    while run.step < last:
        until = min(last, (run.step // config.keep_every + 1) * config.keep_every)
        losses = optimise(run, loader, config, until=until, share=lambda step: step / config.steps)
        row: Json = {"step": run.step, "size": size, "loss": round(losses, 4)}
        if run.step == last or run.step % config.validate_every == 0:
            row["dice"] = pooled_dice(
                run.average, validation, config.validation_films, pick_device(config.device)
            )
        run.history.append(row)
        run.save(config.out)
        report(
            f"step {run.step} of {config.steps}  loss {losses:.3f}  {_findings(row.get('dice', {}))}".rstrip()
        )


def _findings(dice: dict[str, float | None]) -> str:
    return "  ".join(f"{name} {value:.2f}" for name, value in list(dice.items())[:7] if value is not None)


def load_batches(batches: MixedBatches, numbers: Iterable[int], *, workers: int) -> Iterator[Batch]:
    """The batches of these numbers, in order; several processes make them when asked to."""
    loader = DataLoader(
        batches,
        batch_size=None,
        sampler=list(numbers),
        num_workers=workers,
        prefetch_factor=3 if workers else None,
        generator=torch.Generator(),
        pin_memory=torch.cuda.is_available(),
    )
    return iter(loader)


def start_run(
    network: NetworkConfig, *, start_from: Path | None, device: str, config: MixedConfig
) -> MixedRun:
    """A new run from ImageNet weights (None) or from a checkpoint folder."""
    built = SegmentationNetwork(network)
    if start_from is None:
        load_backbone(built, imagenet_file())
    else:
        tensors = load_checkpoint(start_from).tensors
        built.load_state_dict({n: t for n, t in tensors.items() if not n.startswith("second.")})
    return run_of(built, config, device)


def run_of(network: SegmentationNetwork, config: MixedConfig, device: str = "auto") -> MixedRun:
    """A run that begins with these weights; the network is used as it is."""
    place = partial(_placed, device=pick_device(device))
    average = place(SegmentationNetwork(network.config)).eval().requires_grad_(False)
    network = place(network)
    average.load_state_dict(network.state_dict())
    taught = not config.last_layer  # whose other channels have nothing that could drift
    lessons = Lessons(network, config.only, taught=taught).to(pick_device(device)) if config.only else None
    return MixedRun(network, average, _optimiser(network, config), lessons=lessons)


def _placed(network: SegmentationNetwork, device: torch.device) -> SegmentationNetwork:
    return network.to(device).to(memory_format=torch.channels_last)


def _optimiser(network: SegmentationNetwork, config: MixedConfig) -> torch.optim.Optimizer:
    """AdamW; the pretrained backbone moves slower, and biases and batch-norm parameters do not decay."""
    if config.last_layer:
        last = network.requires_grad_(False).get_submodule("head.classifier").requires_grad_(True)
        return torch.optim.AdamW([{"params": [*last.parameters()], "weight_decay": 0.0, "share": 1.0}])
    groups = []
    parts: list[tuple[nn.Module, float]] = [(network.head, 1.0)]
    if not config.only:
        parts.insert(0, (network.encoder, config.backbone_rate))
    for part, rate in parts:
        for decays in (True, False):
            members = [p for p in part.parameters() if (p.dim() > 1) is decays]
            decay = config.weight_decay if decays else 0.0
            groups.append({"params": members, "weight_decay": decay, "share": rate})
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def optimise(
    run: MixedRun,
    batches: Iterator[Batch],
    config: MixedConfig,
    *,
    until: int,
    share: Callable[[int], float],
) -> float:
    """Steps up to number `until`, or to where `share` of the budget reaches 1; their mean loss."""
    device = next(run.network.parameters()).device
    criterion = PartialLoss(run.network.config.channels).to(device)
    run.network.train()
    if config.last_layer:
        run.network.eval()
    elif config.keep_norms or config.only:
        keep_statistics(run.network)
    total, began = torch.zeros((), device=device), run.step
    while run.step < until and (spent := share(run.step)) < 1:
        rate = one_cycle(spent, peak=config.learning_rate, warmup=config.warmup, floor=0.002)
        set_learning_rate(run.optimiser, rate)
        total += _step(run, next(batches), criterion, device)
        run.step += 1
        update_average(run.average, run.network, run.step, config.ema_decay)
    return float(total) / max(1, run.step - began)


def _step(run: MixedRun, batch: Batch, criterion: PartialLoss, device: torch.device) -> Tensor:
    films, bits, unknown = (tensor.to(device, non_blocking=True) for tensor in batch)
    films = films.contiguous(memory_format=torch.channels_last)
    run.optimiser.zero_grad(set_to_none=True)
    if run.lessons is not None:
        loss: Tensor = run.lessons(run.network, films, bits, unknown)
    else:
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = run.network(films)
        gas = (bits >> GAS_BIT & 1).float()
        loss = criterion(logits.float(), unpack_planes(bits), 1 - unpack_planes(unknown), gas)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
    run.optimiser.step()
    return loss.detach()
