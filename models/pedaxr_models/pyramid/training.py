"""Steps of a pyramid network's training, which keeps all that resuming needs."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from pedaxr_models.checkpoint import load_checkpoint
from pedaxr_models.pyramid.network import PyramidConfig, PyramidNetwork
from pedaxr_models.training.loop import (
    one_cycle,
    pick_device,
    set_learning_rate,
    training_progress,
    update_average,
)
from pedaxr_models.training.resumable import Resumable, begin, save_whole

Batch = tuple[Tensor, Tensor, Tensor]
# Logits of a batch, and its other two tensors, to a scalar.
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class PyramidTraining:
    """How long and how fast, whatever is looked for.

    Attributes:
        out: receives `state.pt`, `losses.json` and `average.pt`.
        steps: of the optimiser.
        start_from: the `average.pt` of another run, a checkpoint folder, or None: random weights.
        workers: processes that draw batches.
    """

    out: Path
    steps: int = 5000
    start_from: Path | None = None
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
    network: PyramidConfig = field(default_factory=PyramidConfig)


@dataclass
class PyramidRun(Resumable):
    """What a run carries from step to step."""

    PARTS: ClassVar = ("network", "average", "optimiser")
    VALUES: ClassVar = ("step", "losses")
    network: PyramidNetwork
    average: PyramidNetwork
    optimiser: torch.optim.Optimizer
    step: int = 0
    losses: list[float] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Also the averaged weights alone, and the losses."""
        super().save(folder)
        save_whole(self.average.state_dict(), folder / "average.pt")
        (folder / "losses.json").write_text(json.dumps(self.losses) + "\n", encoding="utf-8")


def train_pyramid(config: PyramidTraining, batches: Callable[[], Dataset[Batch]], loss: Loss) -> Path:
    """Train; the averaged weights are kept in `average.pt` below `config.out`, whose path is returned.

    Args:
        config: of the run.
        batches: makes what batches are drawn from: item n is batch n, its first tensor the films.
        loss: of the logits and the rest of a batch.
    """
    begin(config.out, seed=config.seed)
    device = pick_device(config.device)
    run = _start(config, device)
    with training_progress(show=config.show_progress) as progress:
        drawn = _drawn(config, batches(), run.step)
        bar = progress.add_task("training", total=config.steps, completed=run.step, note="")
        with run.kept_in(config.out):
            while run.step < config.steps:
                found = _step(run, config, next(drawn), loss, device)
                progress.update(bar, completed=run.step, note=f"loss {found:.3f}")
                if run.step % config.save_every == 0:
                    run.save(config.out)
    return config.out / "average.pt"


def _start(config: PyramidTraining, device: torch.device) -> PyramidRun:
    network, average = (PyramidNetwork(config.network).to(device) for _ in range(2))
    if config.start_from is not None:
        network.load_state_dict(_weights(config.start_from, device))
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)
    run = PyramidRun(network, average, optimiser)
    if config.resume:
        run.resume(config.out)
    return run


def _weights(path: Path, device: torch.device) -> dict[str, Tensor]:
    if path.is_dir():
        return load_checkpoint(path).tensors
    stored: dict[str, Tensor] = torch.load(path, map_location=device, weights_only=True)
    return stored


def _drawn(config: PyramidTraining, batches: Dataset[Batch], first: int) -> Iterator[Batch]:
    loader = DataLoader(
        Subset(batches, range(first, config.steps)), batch_size=None, num_workers=config.workers
    )
    return iter(loader)


def _step(run: PyramidRun, config: PyramidTraining, batch: Batch, loss: Loss, device: torch.device) -> float:
    films, first, second = (tensor.to(device) for tensor in batch)
    rate = one_cycle(run.step / config.steps, peak=config.learning_rate, warmup=config.warmup, floor=0.01)
    set_learning_rate(run.optimiser, rate)
    run.network.train()
    found = loss(run.network(films.contiguous(memory_format=torch.channels_last)), first, second)
    run.optimiser.zero_grad(set_to_none=True)
    found.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
    run.optimiser.step()
    run.step += 1
    update_average(run.average, run.network, run.step, config.ema_decay)
    run.losses.append(round(float(found.detach()), 4))
    return run.losses[-1]


def trained(config: PyramidTraining) -> PyramidNetwork:
    """The network with the averaged weights of a run, on the CPU."""
    network = PyramidNetwork(config.network)
    network.load_state_dict(torch.load(config.out / "average.pt", map_location="cpu", weights_only=True))
    return network.eval()


def describe(config: PyramidTraining) -> dict[str, object]:
    """The run for recipe.json, without paths."""
    kept: dict[str, object] = json.loads(json.dumps(asdict(config), default=str))
    paths = ("data", "real", "also", "out", "resume", "start_from")
    return {name: value for name, value in kept.items() if name not in paths}
