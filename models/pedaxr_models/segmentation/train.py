"""Train the segmentation network: `train_segmentation(TrainConfig(data=..., out=...))`.

A run is a time budget. Its resolution grows in stages and its learning rate falls to zero by elapsed time, so
that it ends on time on a laptop as on a GPU. It can be stopped at any moment and resumed with `resume=True`.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from rich.progress import Progress, TaskID
from torch import Tensor, nn
from torch.utils.data import DataLoader

from pedaxr_models.checkpoint import Json, load_checkpoint, save_checkpoint, weights_folder
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.own_names import AS_OURS, OwnNames
from pedaxr_models.datasets.read import is_synthetic, read_films
from pedaxr_models.json_records import to_json
from pedaxr_models.labels import FINDINGS
from pedaxr_models.segmentation.augmentation import Augmentation
from pedaxr_models.segmentation.card import describe_data, describe_recipe, model_card
from pedaxr_models.segmentation.data import (
    FilmCache,
    TrainingFilms,
    check_outlined,
    open_cache,
    pooled_dice,
    split_films,
    unpack_planes,
)
from pedaxr_models.segmentation.evaluate import evaluate_segmentation
from pedaxr_models.segmentation.losses import SegmentationLoss
from pedaxr_models.segmentation.metrics_tables import write_metrics
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork, load_backbone
from pedaxr_models.segmentation.pictures import draw_cases, draw_curves
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.thresholds import calibrate
from pedaxr_models.training.distributed import ALONE, Processes, join
from pedaxr_models.training.loop import (
    one_cycle,
    pick_device,
    set_learning_rate,
    training_progress,
    update_average,
    used_share,
    write_rows,
    write_scalars,
)
from pedaxr_models.training.resumable import Resumable, begin
from pedaxr_models.training.sampling import BalancedBatches, group_films

Report = Callable[[str], None]


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes:
        data: data set folder or CSV file; names: what a CSV file calls columns and classes otherwise.
        out: receives the run's files and, at the end, `checkpoint/`.
        minutes: time budget of training with its validations; measuring at the end comes on top.
        steps: budget in optimiser steps instead, the same on a busy machine.
        stages: (side of the network's square, share of the budget), in order; the last is the serving size.
        accumulate: batches per optimiser step.
        start_from: checkpoint folder to fine-tune, or torchvision file for the backbone; None: random.
        validation_films: films of the periodic validation; measured_films: of calibration and the last test.
        patience: stop after N validations without a better mean Dice of the findings; None never stops.
    """

    data: Path
    out: Path
    minutes: float = 66.0
    steps: int | None = None
    stages: tuple[tuple[int, float], ...] = ((256, 0.4), (384, 0.6))
    batch_size: int = 8
    accumulate: int = 1
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warmup: float = 0.03
    ema_decay: float = 0.995
    network: NetworkConfig = field(default_factory=NetworkConfig)
    start_from: Path | None = None
    resume: bool = False
    seed: int = 0
    workers: int = 0
    device: str = "auto"
    threads: int | None = None
    validate_every_s: float = 240.0
    validation_films: int = 80
    measured_films: int = 300
    patience: int | None = None
    names: OwnNames = AS_OURS
    show_progress: bool = True


PRESETS: dict[str, dict[str, Any]] = {
    "small": {},
    "full": {
        "minutes": 14.0,
        "stages": ((384, 0.5), (512, 0.5)),
        "batch_size": 8,  # with two of them a step, in bfloat16, within 8 GB at 512 pixels
        "accumulate": 2,
        "ema_decay": 0.999,
        "network": NetworkConfig(backbone="resnet50", width=256),
        "workers": 12,
        "validation_films": 400,
        "measured_films": 2000,
    },
    "finetune": {
        "minutes": 10.0,
        "stages": ((384, 1.0),),
        "learning_rate": 5e-4,
        "ema_decay": 0.98,
        "validate_every_s": 60.0,
        "start_from": weights_folder("segmentation"),
    },
}


def preset(name: str, **changes: Any) -> TrainConfig:
    """The configuration of a preset, with `changes` to it.

    `small` is for two CPU cores, `full` for one GPU, `finetune` takes the bundled weights to other films.
    """
    if name not in PRESETS:
        raise ValueError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return TrainConfig(**(PRESETS[name] | changes))


@dataclass
class Run(Resumable):
    """What a run carries from step to step."""

    PARTS: ClassVar = ("network", "average", "optimiser")
    VALUES: ClassVar = ("step", "elapsed_s", "best", "stale", "history")
    network: SegmentationNetwork
    average: SegmentationNetwork  # exponential moving average of the weights: what is validated and kept
    optimiser: torch.optim.Optimizer
    parallel: nn.Module  # the network, or what shares its gradients with other processes
    processes: Processes = ALONE
    step: int = 0
    elapsed_s: float = 0.0
    best: float = 0.0
    stale: int = 0
    history: list[Json] = field(default_factory=list)

    def share(self, config: "TrainConfig") -> float:
        """How much of the budget is used up; 1: all of it."""
        return used_share(self.step, self.elapsed_s, steps=config.steps, minutes=config.minutes)

    def agree(self, device: torch.device) -> None:
        """Take over the first process's clock and patience, so that all stop at the same step."""
        self.elapsed_s = self.processes.agree(self.elapsed_s, device)
        self.stale = int(self.processes.agree(self.stale, device))


def train_segmentation(config: TrainConfig) -> Path:
    """Train, choose thresholds on the validation split, measure on the test split.

    Returns:
        The checkpoint folder, below `config.out`; next to it metrics, curves and pictures of cases.
    """
    begin(config.out, seed=config.seed, threads=config.threads)
    splits = split_films(read_films(config.data, names=config.names), config.out / "splits.json")
    check_outlined(splits["train"])
    with join(pick_device(config.device)) as processes:
        run = start(config, processes)
        with training_progress(show=config.show_progress and processes.is_first) as progress:
            bar = progress.add_task("training", total=1.0, note="")
            with run.kept_in(config.out, writes=processes.is_first):
                train(config, run, splits, partial(_show, progress, bar, config, run))
            return finish(config, run, splits, progress) if processes.is_first else config.out / "checkpoint"


def _show(progress: Progress, bar: TaskID, config: TrainConfig, run: "Run", note: str) -> None:
    progress.update(bar, completed=run.share(config), note=note)


def start(config: TrainConfig, processes: Processes = ALONE) -> Run:
    """A new run, or the one in `config.out` as it was when it stopped."""
    network = SegmentationNetwork(config.network)
    if config.start_from and config.start_from.is_dir():
        checkpoint = load_checkpoint(config.start_from)
        network = SegmentationNetwork(NetworkConfig.from_json(checkpoint.config["network"]))
        network.load_state_dict(checkpoint.tensors)
    elif config.start_from:
        load_backbone(network, config.start_from)
    network = _placed(network, config)
    average = _placed(SegmentationNetwork(network.config), config).eval().requires_grad_(False)
    average.load_state_dict(network.state_dict())
    parallel = processes.share_gradients(network, pick_device(config.device))
    run = Run(network, average, _optimiser(network, config), parallel, processes)
    if config.resume:
        run.resume(config.out)
    return run


def _placed(network: SegmentationNetwork, config: TrainConfig) -> SegmentationNetwork:
    # On two EPYC cores channels-last trains 1.4 times as fast; bfloat16 adds nothing to it there.
    return network.to(pick_device(config.device)).to(memory_format=torch.channels_last)


def _optimiser(network: SegmentationNetwork, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW; no decay of biases and batch-norm parameters."""
    decayed = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def train(
    config: TrainConfig, run: Run, splits: dict[str, list[Film]], report: Callable[[str], None]
) -> None:
    """All stages, from wherever the run is, to the end of the budget or of the patience."""
    until = 0.0
    for size, share in config.stages:
        until = min(1.0, until + share)
        if run.share(config) >= until:
            continue
        with run.processes.first_goes_first():
            caches = [
                open_cache(splits[name], config.out / "cache", size) for name in ("train", "validation")
            ]
        batches = iter(_loader(config, caches[0], run))
        while run.share(config) < until:
            loss = train_one_epoch(config, run, batches, until, report)
            if run.processes.is_first:
                dice = validate(config, run, caches[1])
                _record(config, run, size, loss, dice)
            run.agree(pick_device(config.device))
            if config.patience is not None and run.stale >= config.patience:
                return


def _loader(config: TrainConfig, cache: FilmCache, run: Run) -> DataLoader[tuple[Tensor, Tensor, int]]:
    """Batches from where the run is; of several processes each takes its own."""
    batches = BalancedBatches(
        group_films(np.asarray(cache.present)),
        config.batch_size,
        seed=config.seed,
        first=run.step * config.accumulate * run.processes.count + run.processes.rank,
        stride=run.processes.count,
    )
    return DataLoader(
        TrainingFilms(cache, Augmentation()),
        batch_sampler=batches,
        num_workers=config.workers,
        generator=torch.Generator(),  # or it would draw from the one that `Run.save` keeps
        pin_memory=pick_device(config.device).type == "cuda",
    )


def train_one_epoch(
    config: TrainConfig,
    run: Run,
    batches: Iterator[tuple[Tensor, Tensor, Tensor]],
    until: float,
    report: Report,
) -> float:
    """Optimise until the next validation is due or the share `until` of the budget is spent; mean loss."""
    device = pick_device(config.device)
    criterion = SegmentationLoss(run.network.config.channels).to(device)
    run.parallel.train()
    losses: list[float] = []
    due = min(until, run.share(config) + config.validate_every_s / (config.minutes * 60))
    while run.share(config) < due:
        began = time.monotonic()
        set_learning_rate(run.optimiser, learning_rate(config, run.share(config)))
        losses.append(_step(config, run, batches, criterion, device))
        run.step += 1
        run.elapsed_s += time.monotonic() - began
        run.agree(device)
        report(f"step {run.step}  loss {np.mean(losses[-20:]):.3f}")
    return float(np.mean(losses))


def _step(
    config: TrainConfig,
    run: Run,
    batches: Iterator[tuple[Tensor, Tensor, Tensor]],
    criterion: SegmentationLoss,
    device: torch.device,
) -> float:
    run.optimiser.zero_grad(set_to_none=True)
    total = 0.0
    for _ in range(config.accumulate):
        films, bits, known = (tensor.to(device, non_blocking=True) for tensor in next(batches))
        films = films.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = run.parallel(films)  # (N, C, S, S)
        loss = criterion(logits.float(), unpack_planes(bits), unpack_planes(known)) / config.accumulate
        loss.backward()
        total += float(loss.detach())
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
    run.optimiser.step()
    update_average(run.average, run.network, run.step, config.ema_decay)
    return total


def learning_rate(config: TrainConfig, share: float) -> float:
    """One cycle over the budget, down to nearly nothing."""
    return one_cycle(share, peak=config.learning_rate, warmup=config.warmup, floor=0.002)


def validate(config: TrainConfig, run: Run, cache: FilmCache) -> dict[str, float | None]:
    """The averaged network on validation films; the time it takes counts."""
    began = time.monotonic()
    dices = pooled_dice(run.average, cache, config.validation_films, pick_device(config.device))
    run.elapsed_s += time.monotonic() - began
    return dices


def _record(config: TrainConfig, run: Run, size: int, loss: float, dice: dict[str, float | None]) -> None:
    """Append to the history, judge progress, save the state, draw the curves."""
    findings = [dice[f] or 0.0 for f in FINDINGS if dice[f] is not None]
    mean = float(np.mean(findings)) if findings else 0.0
    run.stale = 0 if mean > run.best else run.stale + 1
    run.best = max(run.best, mean)
    rate = run.optimiser.param_groups[0]["lr"]
    row = {"minutes": round(run.elapsed_s / 60, 2), "step": run.step, "size": size, "loss": round(loss, 4)}
    run.history.append({**row, "learning_rate": rate, "dice": dice})
    history = config.out / "metrics.jsonl"
    write_rows(history, run.history)
    draw_curves(history, config.out / "curves.png")
    scalars = {"loss": loss, "learning rate": rate, "dice/mean of the findings": mean}
    scalars |= {f"dice/{channel}": value for channel, value in dice.items() if value is not None}
    write_scalars(config.out / "tensorboard", run.step, scalars)
    run.save(config.out)


def finish(config: TrainConfig, run: Run, splits: dict[str, list[Film]], progress: Progress) -> Path:
    """Calibrate, measure, draw cases and write the checkpoint."""
    segmenter = Segmenter(run.average, size=config.stages[-1][0])
    validation = splits["validation"][: config.measured_films]
    test = (splits["test"] or splits["validation"])[: config.measured_films]
    bar = progress.add_task("measuring", total=len(validation) + len(test), note="")
    calibrate(segmenter, validation, lambda n: progress.advance(bar, n))
    measure = partial(
        evaluate_segmentation, films=test, synthetic=is_synthetic(config.data), seed=config.seed
    )
    metrics = measure(segmenter, progress=lambda n: progress.advance(bar, n))
    if config.start_from and config.start_from.is_dir():
        before = measure(Segmenter.load(config.start_from))
        metrics = replace(metrics, mean_dice_before=before.mean_dice)
    write_metrics(metrics, config.out)
    draw_cases(segmenter, test, config.out / "cases")
    data = describe_data(config.data, splits)
    save_checkpoint(
        config.out / "checkpoint",
        tensors=run.average.state_dict(),
        config=segmenter.to_config(),
        metrics=to_json(metrics),
        recipe={**describe_recipe(asdict(config)), "steps": run.step, "seconds": round(run.elapsed_s)},
        data=data,
        card=model_card(run.network.config, metrics, data),
    )
    return config.out / "checkpoint"
