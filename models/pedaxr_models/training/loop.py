"""What all trainings share: where they run, how their learning rate moves, how they show progress."""

import ctypes
import json
import math
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import nn


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is the GPU where there is one.

    Raises:
        ValueError: there is no such kind of device, or none on this machine.
    """
    if name != "auto":
        return _device_named(name)
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))  # torchrun tells each its own


def _device_named(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as err:  # AssertionError: torch without CUDA
        raise ValueError(
            f"PyTorch finds no device {name!r} on this machine. Give cpu, or auto, which takes a GPU where "
            "PyTorch can use one."
        ) from err
    return device


def one_cycle(share: float, *, peak: float, warmup: float, floor: float) -> float:
    """Rate at a share of the budget: linear rise over the warm-up, cosine fall to `floor` of the peak."""
    if share < warmup:
        return peak * (0.05 + 0.95 * share / warmup)
    fallen = min(1.0, (share - warmup) / (1 - warmup))
    return peak * (floor + (1 - floor) * (1 + math.cos(math.pi * fallen)) / 2)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give each group of parameters that rate, times its `share` where it has one."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("share", 1.0)


def used_share(step: int, elapsed_s: float, *, steps: int | None, minutes: float) -> float:
    """How much of the budget is used up, by steps where they are given; 1: all of it."""
    return min(1.0, step / steps if steps else elapsed_s / (minutes * 60))


def training_progress(*, show: bool) -> Progress:
    """Bars on stderr with elapsed and remaining time; each task needs a `note`."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=not show,
    )


def write_rows(path: Path, rows: Iterable[object]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_scalars(folder: Path, step: int, scalars: Mapping[str, float]) -> None:
    """One point of each curve for TensorBoard, where it is installed (`pip install pedaxr[train]`)."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return
    with SummaryWriter(str(folder), purge_step=step) as board:
        for name, value in scalars.items():
            board.add_scalar(name, value, step)


def keep_statistics(network: nn.Module) -> None:
    """Leave the statistics of batch normalisation as they are: those of a few films would spoil them."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights, and batch-norm statistics, towards the current ones; faster at the start."""
    decay = min(decay, (1 + step) / (10 + step))
    averaged, current = average.state_dict(), network.state_dict()
    floating = [name for name, tensor in averaged.items() if tensor.is_floating_point()]
    torch._foreach_lerp_([averaged[n] for n in floating], [current[n] for n in floating], 1 - decay)
    for name in averaged.keys() - set(floating):
        averaged[name].copy_(current[name])


_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD = -4, -1, -2  # of mallopt(3)


def reuse_large_blocks() -> bool:
    """Tell glibc to keep what is freed, for the whole process; False where there is no glibc.

    glibc maps and unmaps every block above 32 MiB, and the kernel clears each page of it on first touch. A
    training step allocates gigabytes of such blocks: on two EPYC cores it took 1.29 s at 256 pixels as usual
    and 0.68 s with this setting (batch of 8), 2.6 and 1.7 s at 384.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    wanted = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 64 * 2**20))
    return all([library.mallopt(option, value) for option, value in wanted])
