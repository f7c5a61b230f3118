"""Train the tube network: `train_tubes(TubeConfig(data=..., real=(...), out=...))`.

Tubes are drawn onto films that have none, synthetic and real, so that where each runs is known to the pixel
and any hospital's films can be learnt from. The tubes of synthetic films, which another program draws, are
never learnt from: they are there to be found by what was learnt.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset

from pedaxr_models.checkpoint import save_checkpoint
from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.partial_truth import PartialFilm, read_partial
from pedaxr_models.segmentation.card import describe_data
from pedaxr_models.segmentation.data import split_films
from pedaxr_models.segmentation.mixed.train import describe_real
from pedaxr_models.training.loop import (
    load_run,
    one_cycle,
    pick_device,
    reuse_large_blocks,
    save_run,
    set_learning_rate,
    training_progress,
    update_average,
)
from pedaxr_models.tubes.backgrounds import Background, real_backgrounds, synthetic_backgrounds
from pedaxr_models.tubes.batches import TubeBatches
from pedaxr_models.tubes.evaluate import call_films, choose_shortest, in_words
from pedaxr_models.tubes.finder import NAME, TubeFinder
from pedaxr_models.tubes.network import TubeNetwork, TubeNetworkConfig
from pedaxr_models.tubes.torch_finder import Look

_PARTS = ("network", "average", "optimiser")
_VALUES = ("step", "losses")
Batch = tuple[Tensor, Tensor, Tensor]  # of `TubeBatches`
_RARE = 2.0  # a pixel of a tube counts as much as so many without


@dataclass(frozen=True)
class TubeConfig:
    """One run.

    Attributes:
        data: data set folder of synthetic films with masks and facts.
        out: receives `state.pt`, `losses.json` and `average.pt`.
        real: folders of real films with partial truth; children of `leave_out` are not learnt from.
        steps: of the optimiser.
        workers: processes that draw batches.
    """

    data: Path
    out: Path
    real: tuple[Path, ...] = ()
    leave_out: tuple[str, ...] = ()
    steps: int = 5000
    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: float = 0.03
    ema_decay: float = 0.998
    seed: int = 0
    workers: int = 1
    device: str = "auto"
    resume: bool = False
    save_every: int = 100
    show_progress: bool = True
    network: TubeNetworkConfig = field(default_factory=TubeNetworkConfig)


@dataclass
class TubeRun:
    """What a run carries from step to step, and what `state.pt` holds."""

    network: TubeNetwork
    average: TubeNetwork
    optimiser: torch.optim.Optimizer
    step: int = 0
    losses: list[float] = field(default_factory=list)


def train_tubes(config: TubeConfig) -> Path:
    """Train; the averaged weights are kept in `average.pt` below `config.out`, whose path is returned."""
    torch.manual_seed(config.seed)
    reuse_large_blocks()
    config.out.mkdir(parents=True, exist_ok=True)
    device = pick_device(config.device)
    run = _start(config, device)
    with training_progress(show=config.show_progress) as progress:
        films = _backgrounds(config)
        bar = progress.add_task("training", total=config.steps, completed=run.step, note="")
        batches = _batches(config, films, run.step)
        while run.step < config.steps:
            loss = _step(run, config, next(batches), device)
            progress.update(bar, completed=run.step, note=f"loss {loss:.3f}")
            if run.step % config.save_every == 0:
                _save(run, config)
    _save(run, config)
    return config.out / "average.pt"


def chosen_real(config: TubeConfig) -> list[PartialFilm]:
    """Real films to learn from."""
    films = [film for folder in config.real for film in read_partial(folder)]
    return [film for film in films if film.child not in config.leave_out]


def _backgrounds(config: TubeConfig) -> list[Background]:
    films = split_films(read_films(config.data))["train"]
    return [*synthetic_backgrounds(films), *real_backgrounds(chosen_real(config))]


def _start(config: TubeConfig, device: torch.device) -> TubeRun:
    network, average = (TubeNetwork(config.network).to(device) for _ in range(2))
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)
    run = TubeRun(network, average, optimiser)
    if config.resume and (config.out / "state.pt").exists():
        load_run(run, config.out / "state.pt", parts=_PARTS, values=_VALUES)
    return run


def _batches(config: TubeConfig, films: list[Background], first: int) -> Iterator[Batch]:
    drawn = TubeBatches(films, seed=config.seed, batch_size=config.batch_size)
    loader = DataLoader(
        Subset(drawn, range(first, config.steps)),
        batch_size=None,
        num_workers=config.workers,
    )
    return iter(loader)


def _step(run: TubeRun, config: TubeConfig, batch: Batch, device: torch.device) -> float:
    films, tubes, known = (tensor.to(device) for tensor in batch)
    rate = one_cycle(run.step / config.steps, peak=config.learning_rate, warmup=config.warmup, floor=0.01)
    set_learning_rate(run.optimiser, rate)
    run.network.train()
    loss = tube_loss(run.network(films.contiguous(memory_format=torch.channels_last)), tubes, known)
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
    run.optimiser.step()
    run.step += 1
    update_average(run.average, run.network, run.step, config.ema_decay)
    run.losses.append(round(float(loss.detach()), 4))
    return run.losses[-1]


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


def _save(run: TubeRun, config: TubeConfig) -> None:
    save_run(run, config.out / "state.pt", parts=_PARTS, values=_VALUES)
    part = config.out / "average.tmp"
    torch.save(run.average.state_dict(), part)
    part.replace(config.out / "average.pt")
    (config.out / "losses.json").write_text(json.dumps(run.losses) + "\n", encoding="utf-8")


def package(config: TubeConfig) -> Path:
    """The averaged weights as a checkpoint folder below `config.out`, measured on its validation films."""
    network = TubeNetwork(config.network)
    network.load_state_dict(torch.load(config.out / "average.pt", map_location="cpu", weights_only=True))
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


def describe(config: TubeConfig) -> dict[str, object]:
    """The run for recipe.json, without paths."""
    kept: dict[str, object] = json.loads(json.dumps(asdict(config), default=str))
    return {name: value for name, value in kept.items() if name not in ("data", "real", "out", "resume")}
