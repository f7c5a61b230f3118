"""Train the segmentation network on one GPU in ten minutes, films and folds included.

    PYTHONPATH=models python benchmarks/train_on_gpu.py --real REAL/abdomen REAL/other \\
        --imagenet FILE.pth --out OUT --seconds 512

Needs torch, torchvision and OpenCV. Films are made by the processors while the GPU trains, and real films are
distorted there too. A training without any real abdomen (`base.pt`) is followed by five short ones, each with
one fifth of the children left out (`fold0.pt` to `fold4.pt`): their films measure the recipe. The bundled
weights are the mean of the five, which has seen all. Weights are written as soon as they exist.

Seen on one H200 with 16 cores: 28 films a second with 14 processes, 12 steps a second of 64 films at 256
pixels and as many of 32 at 384. The first step of each shape takes ten seconds (the GPU is warmed up while
films are made); cudnn.benchmark made that a minute.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import torch
from live_films import KEPT_BACK, LiveBatches, LiveFilms, Scaled, Shrunk, make_films
from torch.utils.data import DataLoader, Dataset

from pedaxr_models.datasets.partial_truth import PartialFilm, read_partial
from pedaxr_models.labels import CHANNELS, Finding
from pedaxr_models.segmentation.mixed.batches import MixedBatches, Shares
from pedaxr_models.segmentation.mixed.folds import child_folds, other_halves
from pedaxr_models.segmentation.mixed.real_cache import RealFilms, rasterise_real
from pedaxr_models.segmentation.mixed.train import MixedConfig, MixedRun, optimise, run_of
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork, load_backbone
from pedaxr_models.segmentation.transforms import normalise
from pedaxr_models.training.resumable import save_whole

AIR = CHANNELS.index(Finding.PNEUMOPERITONEUM)
BEGAN = time.monotonic()
FORK = multiprocessing.get_context("fork")
# Of the time for training; the rest of it is for looking at what came out.
SPANS = {"small": 0.30, "large": 0.22, "fold": 0.055}


class Phases(Dataset):
    """Batch n of a phase, by its name."""

    def __init__(self, phases: dict[str, MixedBatches]) -> None:
        self.phases = phases

    def __len__(self) -> int:
        return 2**31

    def __getitem__(self, key: tuple[str, int]) -> tuple[str, tuple]:
        cv2.setNumThreads(1)
        return key[0], self.phases[key[0]][key[1]]


class Feed:
    """Batches of the phase that is on; those made ahead for the one before are thrown away."""

    def __init__(self, phases: Phases, workers: int) -> None:
        self.now, self.number = next(iter(phases.phases)), 0
        loader = DataLoader(
            phases,
            batch_size=None,
            sampler=self,
            num_workers=workers,
            prefetch_factor=2,
            pin_memory=torch.cuda.is_available(),
        )
        self.loaded = iter(loader)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        while True:
            self.number += 1
            yield self.now, self.number

    def __len__(self) -> int:
        return 2**31

    def of(self, name: str) -> Iterator[tuple]:
        """Batches of that phase, without end."""
        self.now = name
        for found, batch in self.loaded:
            if found == name:
                yield batch


def raster(film: PartialFilm, size: int, pastes: int, seed: int) -> RealFilms:
    """One film in one process; NaNs of a film that cannot be pasted into cost that film's pastes alone."""
    cv2.setNumThreads(1)
    return rasterise_real([film], size, pastes=pastes, seed=seed)


def joined(parts: list[RealFilms]) -> RealFilms:
    """All in one."""
    stacks = {
        n: np.concatenate([getattr(p, n) for p in parts]) for n in ("films", "bits", "unknown", "content")
    }
    pasted = np.concatenate([p.is_pasted for p in parts])
    return RealFilms(**stacks, of=tuple(f for p in parts for f in p.of), is_pasted=pasted)


def shrunk(real: RealFilms, size: int) -> RealFilms:
    """The same at another size."""
    share = size / real.films.shape[1]
    content = np.stack([Scaled(real.content, share)[i] for i in range(len(real))])
    stacks = {
        n: np.stack([Shrunk(getattr(real, n), size)[i] for i in range(len(real))])
        for n in ("films", "bits", "unknown")
    }
    return replace(real, content=content, **stacks)


def inputs_of(films: np.ndarray, content: np.ndarray) -> torch.Tensor:
    """Films (N, S, S) uint8 as the network takes them."""
    levelled = [
        normalise(np.asarray(f / 255, np.float32), (slice(int(c[0]), int(c[1])), slice(int(c[2]), int(c[3]))))
        for f, c in zip(films, content, strict=True)
    ]
    return torch.from_numpy(np.stack(levelled))[:, None]


def warm_up(network: NetworkConfig, config: MixedConfig, shapes: tuple[tuple[int, int], ...]) -> None:
    """Two steps of each shape and a prediction, while films are being made."""
    run = run_of(SegmentationNetwork(network), config)
    for count, size in shapes:
        planes = torch.randint(0, 2**20, (count, size, size), dtype=torch.int32)
        batch = (torch.rand(count, 1, size, size), planes, planes)
        optimise(run, iter([batch] * 2), config, until=run.step + 2, share=lambda _: 0.5)
    predict(run.average, torch.rand(32, 1, size, size))


@torch.no_grad()
def predict(network: SegmentationNetwork, inputs: torch.Tensor) -> torch.Tensor:
    """Logits (N, C, S, S) on the processor."""
    device = next(network.parameters()).device
    network.eval()
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        count = len(inputs)
        inputs = torch.cat([inputs, inputs[:1].expand(-count % 32, -1, -1, -1)])  # a new shape costs seconds
        return torch.cat([network(part.to(device)).float().cpu() for part in inputs.split(32)])[:count]


def largest(mask: np.ndarray) -> int:
    """Pixels of the largest piece."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return int(stats[1:, cv2.CC_STAT_AREA].max()) if count > 1 else 0


def look(
    name: str, network: SegmentationNetwork, real: RealFilms, live: LiveFilms, wanted: np.ndarray
) -> dict:
    """Free air outlined on real films, and Dice on synthetic ones: a first impression, not the ruler."""
    back = live.ready()
    back = back[back < KEPT_BACK]
    logits = predict(network, inputs_of(live.films[back], live.content[back])) > 0
    truth = torch.from_numpy(live.bits[back].view(np.int32))
    dice = {}
    for index, channel in enumerate(CHANNELS):
        true, said = (truth >> index & 1).bool(), logits[:, index]
        dice[channel] = round(float(2 * (true & said).sum() / max(1, int(true.sum() + said.sum()))), 3)
    if len(wanted):
        air = predict(network, inputs_of(real.films[wanted], real.content[wanted]))[:, AIR].numpy()
    rows = []
    for place, index in enumerate(wanted):
        area = largest(air[place] > 0)
        true = real.bits[index] >> np.uint32(AIR) & np.uint32(1) > 0
        hit = float((true & (air[place] > 0)).sum() / max(1, true.sum()))
        rows.append(
            (real.of[index].id, real.of[index].kind, bool(real.is_pasted[index]), area, round(hit, 2))
        )
    other = [r for r in rows if r[1] != "abdomen"]
    plain = [r for r in rows if r[1] == "abdomen" and not r[2]]
    pasted = [r for r in rows if r[2]]
    found = [r[4] for r in pasted]
    say(
        f"[{name}] synthetic Dice {np.mean(list(dice.values())[:5]):.3f}, free air {dice[CHANNELS[AIR]]}; "
        f"free air on {sum(r[3] > 60 for r in other)} of {len(other)} other pictures, on abdomens "
        f"{[(r[0][-5:], r[3]) for r in plain]}; {sum(f > 0.3 for f in found)} of {len(found)} pastes found"
    )
    return {"dice": dice, "rows": rows}


def keep(network: SegmentationNetwork, path: Path) -> None:
    """Half-precision weights, replaced in one rename."""
    state = {n: t.half().cpu() if t.is_floating_point() else t.cpu() for n, t in network.state_dict().items()}
    save_whole(state, path)


def timed(seconds: float) -> Callable[[int], float]:
    """A share of the budget that passes with the clock, from now on."""
    began = time.monotonic()
    return lambda _: (time.monotonic() - began) / seconds


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{time.monotonic() - BEGAN:6.1f} s  {text}\n")
    sys.stdout.flush()


@dataclass
class Training:
    """What all phases share."""

    args: argparse.Namespace
    live: LiveFilms
    real: RealFilms
    feed: Feed
    record: dict

    def phase(
        self, run: MixedRun, name: str, config: MixedConfig, *, share: Callable[[int], float], end: float
    ) -> None:
        """Steps of that phase's batches until `share` of the budget reaches `end`."""
        start, at = run.step, clock()
        mean: list[float] = []
        batches = self.feed.of(name)
        while share(run.step) < end:
            if mean and len(mean) % 3 == 0:
                say(f"{name} step {run.step - start}, loss {mean[-1]:.3f}, {len(self.live.ready())} films")
            mean.append(optimise(run, batches, config, until=run.step + 100, share=up_to(share, end)))
        steps, seconds = run.step - start, clock() - at
        losses = [round(m, 4) for m in mean]
        self.record["phases"][name] = {"steps": steps, "seconds": round(seconds, 1), "losses": losses}
        speed = steps / max(seconds, 1e-3)
        say(f"{name}: {steps} steps, {speed:.1f} a second, losses {mean[:1]} to {mean[-1:]}")

    def keep_and_look(self, name: str, network: SegmentationNetwork, wanted: np.ndarray) -> None:
        """Write the weights, and note what they make of the real films of these numbers."""
        keep(network, self.args.out / f"{name}.pt")
        self.record[name] = look(name, network, self.real, self.live, np.flatnonzero(wanted))


def clock() -> float:
    """Seconds since the program began."""
    return time.monotonic() - BEGAN


def wait_for(live: LiveFilms, count: int) -> None:
    """Until so many films are made."""
    while len(live.ready()) < count:
        time.sleep(0.5)


def up_to(share: Callable[[int], float], end: float) -> Callable[[int], float]:
    """The share of the budget for `optimise`, which ends at 1."""
    return lambda step: min(share(step), 0.9999) if share(step) < end else 1.0


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, nargs="+", required=True)
    parser.add_argument("--imagenet", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/films"))
    parser.add_argument("--seconds", type=float, default=570)
    parser.add_argument("--films", type=int, default=900, help="made before training starts")
    parser.add_argument("--most", type=int, default=9000)
    parser.add_argument("--pastes", type=int, default=50)
    parser.add_argument("--sizes", type=int, nargs=2, default=(256, 384))
    parser.add_argument("--batches", type=int, nargs=2, default=(8, 4), help="times eight films")
    parser.add_argument("--processes", type=int, default=14)
    parser.add_argument("--seed", type=int, default=1000)
    return parser.parse_args()


def start_makers(args: argparse.Namespace) -> None:
    """Processes that make films until the file `stop` lies in the scratch folder."""
    make = partial(make_films, args.scratch, args.most, args.sizes[1], args.seed)
    for rank in range(args.processes):
        FORK.Process(target=make, args=(rank, args.processes, args.scratch), daemon=True).start()


def rasterised(films: list[PartialFilm], args: argparse.Namespace) -> RealFilms:
    """Real films and their versions with free air put in, made by several processes."""
    with ProcessPoolExecutor(min(8, args.processes), mp_context=FORK) as pool:
        jobs = [
            pool.submit(raster, f, args.sizes[1], args.pastes if f.is_abdomen else 0, args.seed)
            for f in films
        ]
        return joined([job.result() for job in jobs])


def phases_of(
    args: argparse.Namespace,
    live: LiveFilms,
    real: RealFilms,
    folds: list[tuple[str, ...]],
    tested: tuple[str, ...],
) -> Phases:
    """Batches of each phase: without any abdomen, without each fifth of the children, and with all."""
    small, large = args.sizes
    first, later = args.batches
    skip = (*chain(*folds), *tested)
    no_abdomen, mixed = Shares(6, 0, 2), Shares(5, 2, 1)
    build = partial(LiveBatches, live)
    phases = {
        "small": build(small, shrunk(real, small), no_abdomen.times(first), seed=1, skip=skip),
        "large": build(large, real, no_abdomen.times(later), seed=2, skip=skip),
    }
    for number, fold in enumerate(folds):
        phases[f"fold{number}"] = build(large, real, mixed.times(later), seed=3, skip=fold + tested)
    return Phases(phases | {"all": build(large, real, mixed.times(later), seed=4, skip=tested)})


def prepare(args: argparse.Namespace) -> Training:
    """Films in the making, the real ones, and what feeds the phases."""
    films = [film for folder in args.real for film in read_partial(folder)]
    learn, test = other_halves(films)
    abdomens = [film for film in films if film.is_abdomen]
    say(f"{len(abdomens)} abdomens, {len(learn)} other pictures to learn from, {len(test)} to test on")
    live = LiveFilms(args.scratch, args.most, args.sizes[1])
    start_makers(args)
    real = rasterised([*abdomens, *learn, *test], args)
    say(
        f"{len(real)} real films, {int(real.is_pasted.sum())} with free air put in; {len(live.ready())} films"
    )
    folds, tested = child_folds(films, 5), tuple(film.id for film in test)
    phases = phases_of(args, live, real, folds, tested)
    record = {"folds": folds, "test": sorted(tested), "phases": {}}
    wait_for(live, min(args.films, KEPT_BACK + 60))  # since batches are made ahead
    return Training(args, live, real, Feed(phases, args.processes), record)


def train_base(training: Training, network: SegmentationNetwork, config: MixedConfig, budget: float) -> None:
    """The network without any real abdomen, in place: at both sizes."""
    run = run_of(network, config)
    whole = SPANS["small"] + SPANS["large"]
    share = timed(budget * whole)
    training.phase(run, "small", config, share=share, end=SPANS["small"] / whole)
    training.phase(run, "large", config, share=share, end=1.0)
    real, tested = training.real, training.record["test"]
    in_test, abdomen = (
        np.array([kind(film) for film in real.of])
        for kind in (lambda film: film.id in tested, lambda film: film.is_abdomen)
    )
    training.keep_and_look("base", run.average, in_test | ~real.is_pasted & abdomen)
    network.load_state_dict(run.average.state_dict())


def train_branches(training: Training, base: SegmentationNetwork, config: MixedConfig, budget: float) -> None:
    """From the base five networks without a fifth of the children each, and one with all."""
    short = replace(config, learning_rate=1e-3, warmup=0.06, ema_decay=0.99)
    args, record = training.args, training.record
    for number, name in enumerate([*(f"fold{i}" for i in range(5)), "all"]):
        branch = run_of(deepcopy(base), short)
        left = max(6.0, args.seconds - clock() - 8)
        span = left if name == "all" else min(budget * SPANS["fold"], left / 2)
        training.phase(branch, name, short, share=timed(span), end=1.0)
        fold = () if name == "all" else record["folds"][number]
        wanted = [film.id in record["test"] or film.child in fold for film in training.real.of]
        training.keep_and_look(name, branch.average, np.array(wanted))
        (args.out / "log.json").write_text(json.dumps(record))


def main() -> None:
    """Make films, train, leave out, write."""
    args = options()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(4 if torch.cuda.is_available() else 1)
    cv2.setNumThreads(1)
    torch.backends.cuda.matmul.allow_tf32 = True
    training = prepare(args)
    network = SegmentationNetwork(NetworkConfig(backbone="efficientnet_lite0"))
    load_backbone(network, args.imagenet)
    config = MixedConfig((args.scratch,), tuple(args.real), args.out, ema_decay=0.998)
    shapes = tuple((8 * count, size) for count, size in zip(args.batches, args.sizes, strict=True))
    warm_up(network.config, config, shapes)
    say("the GPU is warm")
    wait_for(training.live, args.films)
    (args.scratch / "polite").touch()
    say(f"{len(training.live.ready())} films: training begins")
    budget = args.seconds - clock() - 12
    train_base(training, network, config, budget)
    (args.scratch / "stop").touch()
    train_branches(training, network, config, budget)
    say("done")
    sys.stdout.flush()
    os._exit(0)  # the loader's processes are of no more use


if __name__ == "__main__":
    main()
