"""Train the report writer: `train_captioner(TrainConfig(data=..., out=..., segmenter=...))`.

Teacher forcing with cross-entropy over the report, binary cross-entropy over the findings. A run is a time
budget: the learning rate falls to zero by elapsed time. It can be stopped at any moment and resumed with
`resume=True`.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn
from torch.nn import functional as F

from pedaxr_models.captioning.card import model_card
from pedaxr_models.captioning.evaluate import evaluate_captioner, to_metrics
from pedaxr_models.captioning.eyes.kept_features import backbone_of, with_features, with_ood_features
from pedaxr_models.captioning.figures import draw_curves
from pedaxr_models.captioning.inputs import (
    ReaderFilms,
    Seen,
    blank_like,
    distort,
    joined,
    noise_like,
    open_inputs,
    open_ood_images,
)
from pedaxr_models.captioning.metadata_text import metadata_text, with_dropout
from pedaxr_models.captioning.network import (
    ReportNetwork,
    ReportNetworkConfig,
    Taught,
)
from pedaxr_models.captioning.pretrained import fit_sizes, load_pretrained, widened, with_stem
from pedaxr_models.captioning.real.taught import describe_learnt, groups_of, with_real_films
from pedaxr_models.captioning.real.versions import write_posed
from pedaxr_models.captioning.recipe import TrainConfig, preset
from pedaxr_models.captioning.reporter import TOKENIZER_FILE, Reporter
from pedaxr_models.captioning.tokenizer import PAD, WordPieces
from pedaxr_models.captioning.vision_stem import FEATURE_STEMS, FEATURES, outline_loss
from pedaxr_models.checkpoint import Json, load_checkpoint, save_checkpoint, weights_folder
from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.read import is_synthetic
from pedaxr_models.facts import UNREADABLE
from pedaxr_models.labels import CHANNELS
from pedaxr_models.report_text.fact_scores import fact_scores
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.report_text.known_facts import with_facts
from pedaxr_models.segmentation.card import describe_data, describe_recipe
from pedaxr_models.segmentation.data import split_films
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.training.distributed import ALONE, Processes, join
from pedaxr_models.training.loop import (
    one_cycle,
    pick_device,
    set_learning_rate,
    training_progress,
    used_share,
    write_rows,
    write_scalars,
)
from pedaxr_models.training.resumable import Resumable, begin
from pedaxr_models.training.sampling import BalancedBatches

__all__ = ["TrainConfig", "preset", "train_captioner"]


@dataclass
class Run(Resumable):
    """What a run carries from step to step."""

    PARTS: ClassVar = ("network", "optimiser")
    VALUES: ClassVar = ("step", "elapsed_s", "history")
    network: ReportNetwork
    pieces: WordPieces
    optimiser: torch.optim.Optimizer
    device: torch.device
    parallel: nn.Module  # the network, or what shares its gradients with other processes
    processes: Processes = ALONE
    step: int = 0
    elapsed_s: float = 0.0
    history: list[Json] = field(default_factory=list)

    def share(self, config: "TrainConfig") -> float:
        """How much of the budget is used up; 1: all of it."""
        return used_share(self.step, self.elapsed_s, steps=config.steps, minutes=config.minutes)


def train_captioner(config: TrainConfig) -> Path:
    """Train, measure on the test split, write the checkpoint.

    Returns:
        The checkpoint folder, below `config.out`; next to it the metrics and curves.
    """
    begin(config.out, seed=config.seed, threads=config.threads)
    splits = split_films(with_facts(read_films(config.data, names=config.names)), config.out / "splits.json")
    if not any(film.facts for film in splits["train"]) or not any(f.facts for f in splits["validation"]):
        raise ValueError(
            "No film to learn reports from has facts, a caption or a class. Add the columns Class and "
            "Caption."
        )
    segmenter = Segmenter.load(config.segmenter or weights_folder("segmentation"))
    device = pick_device(config.device)
    with (
        join(device) as processes,
        training_progress(show=config.show_progress and processes.is_first) as progress,
    ):
        with processes.first_goes_first():
            opened = open_splits(config, splits, segmenter, progress)
        run = start(config, opened["train"], processes)
        bar = progress.add_task("training", total=1000, completed=int(1000 * run.share(config)), note="")
        with run.kept_in(config.out, writes=processes.is_first):
            train(
                config, run, opened, lambda note: progress.update(bar, completed=run.share(config), note=note)
            )
        if processes.is_first:
            data = describe_data(config.data, splits) | describe_learnt(config)
            finish(config, run, opened, data, segmenter)
    return config.out / "checkpoint"


def open_splits(
    config: TrainConfig, splits: dict[str, list[Film]], segmenter: Segmenter, progress: Progress
) -> dict[str, ReaderFilms]:
    """The inputs of every split, and the pictures that are not films, predicted on first use."""
    cache = config.cache or config.out / "cache"
    backbone = backbone_of(_stem(config), segmenter)

    def open_films(name: str, films: list[Film], views: int) -> ReaderFilms:
        bar = progress.add_task(f"segmenting {name}", total=len(films), note="")
        advance = partial(progress.advance, bar)
        seen = open_inputs(films, segmenter, cache, config.image_size, progress=advance)
        progress.update(bar, completed=len(films))
        return with_features(seen, films, backbone, cache, views=views)

    opened = {
        name: open_films(name, films[: config.measured_films], 1)
        for name, films in splits.items()
        if name != "train"
    }
    opened["train"] = open_films("train", splits["train"], config.exposures)
    if config.posed:
        posed = write_posed(splits["train"], cache / "posed", count=config.posed)
        opened["train"] = joined(opened["train"], open_films("train, posed", posed, config.exposures))
    if config.real:
        opened["train"] = with_real_films(config, opened["train"], segmenter, backbone, cache)
    ood_images = open_ood_images(segmenter, cache, config.image_size)
    return opened | {"ood_images": with_ood_features(ood_images, backbone, cache)}


def start(config: TrainConfig, films: ReaderFilms, processes: Processes = ALONE) -> Run:
    """A new run, or the one in `config.out` as it was when it stopped."""
    device = pick_device(config.device)
    with processes.first_goes_first():
        network, pieces = _new_network(config, films)
    network.to(device)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    parallel = processes.share_gradients(network, device)
    run = Run(network, pieces, optimiser, device, parallel, processes)
    if config.resume:
        run.resume(config.out)
    return run


def _new_network(config: TrainConfig, films: ReaderFilms) -> tuple[ReportNetwork, WordPieces]:
    """The network and its vocabulary, which is kept in `config.out`."""
    vocabulary = config.out / TOKENIZER_FILE
    if config.start_from:
        checkpoint = load_checkpoint(config.start_from)
        pieces = WordPieces.from_json(checkpoint.files[TOKENIZER_FILE].decode())
        network = ReportNetwork(with_stem(checkpoint, config.stem))
        network.load_state_dict(widened(checkpoint.tensors, network))
    else:
        resumes = config.resume and vocabulary.exists()
        pieces = (
            WordPieces.from_json(vocabulary.read_text(encoding="utf-8"))
            if resumes
            else WordPieces.train(corpus(films, config.seed))
        )
        sizes = _network_config(config, len(pieces))
        network = ReportNetwork(fit_sizes(sizes, vision=config.vision, text=config.text))
        load_pretrained(network, pieces, vision=config.vision, text=config.text)
    vocabulary.write_text(pieces.to_json(), encoding="utf-8")
    return network, pieces


def _network_config(config: TrainConfig, vocabulary: int) -> ReportNetworkConfig:
    return ReportNetworkConfig(
        vocabulary=vocabulary,
        image_size=config.image_size,
        hidden=config.hidden,
        sees=config.sees,
        vision_layers=config.vision_layers,
        decoder_layers=config.decoder_layers,
        stem=config.stem,
        features=FEATURES if config.stem in FEATURE_STEMS else 0,
        outlines=len(CHANNELS) if config.outline_weight else 0,
        tells_findings=config.tells_findings,
        quiet_masks=config.quiet_masks,
    )


def _stem(config: TrainConfig) -> str:
    """How the patches of the network to be trained become tokens."""
    if not config.start_from:
        return config.stem
    return with_stem(load_checkpoint(config.start_from, with_tensors=False), config.stem).stem


def corpus(films: ReaderFilms, seed: int) -> list[str]:
    """Reports in many wordings and the metadata texts of the training films, for the vocabulary."""
    rng = np.random.default_rng(seed)
    reports = [narrate(facts, rng) for facts in films.facts for _ in range(2)]
    return [*reports, UNREADABLE, *(metadata_text(metadata) for metadata in films.metadata)]


def train(
    config: TrainConfig, run: Run, films: dict[str, ReaderFilms], report: Callable[[str], None]
) -> None:
    """From wherever the run is to the end of the budget."""
    batches = BalancedBatches(groups_of(films["train"]), config.batch_size, seed=config.seed)
    while run.share(config) < 1:
        losses = train_one_epoch(config, run, films, batches, report)
        if run.processes.is_first:
            _record(config, run, films["validation"], losses)
        run.elapsed_s = run.processes.agree(run.elapsed_s, run.device)


def _record(config: TrainConfig, run: Run, films: ReaderFilms, loss: float) -> None:
    """Validate, append to the history, draw the curves, save the state."""
    scores = validate(config, run, films)
    row = {"minutes": round(run.elapsed_s / 60, 2), "step": run.step, "loss": round(loss, 4), **scores}
    run.history.append(row)
    write_scalars(config.out / "tensorboard", run.step, {"loss": loss, **scores})
    write_rows(config.out / "metrics.jsonl", run.history)
    draw_curves(run.history, config.out / "curves.png")
    run.save(config.out)


def train_one_epoch(
    config: TrainConfig,
    run: Run,
    films: dict[str, ReaderFilms],
    batches: BalancedBatches,
    report: Callable[[str], None],
) -> float:
    """Optimise until the next validation is due; mean loss. The rate falls to a hundredth over the budget."""
    run.parallel.train()
    losses: list[float] = []
    due = run.elapsed_s + config.validate_every_s
    while run.elapsed_s < due and (share := run.share(config)) < 1:
        began = time.monotonic()
        rate = one_cycle(share, peak=config.learning_rate, warmup=config.warmup, floor=0.01)
        set_learning_rate(run.optimiser, rate)
        drawn = batches.batch(run.step * run.processes.count + run.processes.rank)
        loss = report_loss(config, run, films, [index for index, _ in drawn], seed=drawn[0][1])
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
        run.optimiser.step()
        run.step += 1
        run.elapsed_s += time.monotonic() - began
        run.elapsed_s = run.processes.agree(run.elapsed_s, run.device)
        losses.append(float(loss.detach()))
        report(f"step {run.step}  loss {np.mean(losses[-20:]):.3f}")
    return float(np.mean(losses))


def report_loss(
    config: TrainConfig, run: Run, opened: dict[str, ReaderFilms], indices: list[int], *, seed: int
) -> Tensor:
    """Cross-entropy of the next report token plus that of the findings, on one distorted batch."""
    rng = np.random.default_rng(seed)
    films = opened["train"]
    seen, spoilt = _training_inputs(config, opened, indices, rng, torch.Generator().manual_seed(seed))
    texts = [metadata_text(with_dropout(films.metadata[i], rng)) for i in indices]
    reports = [
        UNREADABLE if bad else narrate(films.facts[i], None if rng.random() < config.plain_wording else rng)
        for i, bad in zip(indices, spoilt.tolist(), strict=True)
    ]
    sizes, device = run.network.config, run.device
    text_ids, text_mask = (t.to(device) for t in run.pieces.encode(texts, longest=sizes.longest_text))
    report_ids = run.pieces.encode(reports, longest=sizes.longest_report)[0].to(device)
    target, counts = films.present(indices)
    target[spoilt], counts[spoilt] = 0.0, 1.0
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        taught: Taught = run.parallel(seen.to(device), text_ids, text_mask, report_ids)
    words = F.cross_entropy(taught.words.float().transpose(1, 2), report_ids[:, 1:], ignore_index=PAD)
    called = F.binary_cross_entropy_with_logits(
        taught.findings.float(), target.to(device), weight=counts.to(device)
    )
    loss = words + config.finding_weight * called
    if taught.outlines is None:
        return loss
    weight = config.outline_weight * (1 - run.share(config))
    return loss + weight * outline_loss(taught.outlines, seen, sizes.patch_size)


def _training_inputs(
    config: TrainConfig,
    opened: dict[str, ReaderFilms],
    indices: list[int],
    rng: np.random.Generator,
    noise: torch.Generator,
) -> tuple[Seen, Tensor]:
    """Distorted inputs, and (B,) which of them were replaced by images that are not films.

    Whatever the metadata say of such a picture, the reader must learn to say nothing of it: of a blank, of
    noise, and of out-of-distribution images on which the segmentation saw what is not there.
    """
    seen = distort(opened["train"].seen(indices, rng), noise)
    if seen.features is not None and "masks" in config.sees:
        seen.features[torch.rand(len(seen), generator=noise) < config.features_lost] = 0.0
    if config.outlines_lost:
        seen.lose_outlines(torch.rand(len(seen), generator=noise) < config.outlines_lost)
    spoilt = rng.random(len(indices)) < config.unreadable
    for row in np.flatnonzero(spoilt).tolist():
        seen.replace_row(row, _unreadable(opened["ood_images"], seen.row(row), rng, noise))
    return seen, torch.from_numpy(spoilt)


def _unreadable(
    ood_images: ReaderFilms, seen: Seen, rng: np.random.Generator, noise: torch.Generator
) -> Seen:
    """In the place of one film: a blank, noise, or in half of the cases an out-of-distribution picture."""
    kind = rng.integers(0, 4)
    if kind > 1:
        return ood_images.seen([int(rng.integers(0, len(ood_images)))])
    return noise_like(seen, noise) if kind else blank_like(seen)


def validate(config: TrainConfig, run: Run, films: ReaderFilms) -> Json:
    """Free-running scores on evenly spaced validation films, without a working diagnosis."""
    began = time.monotonic()
    chosen = np.unique(np.linspace(0, len(films) - 1, min(len(films), config.validation_films)).astype(int))
    narratives = Reporter(run.network, run.pieces).describe_cached(films, [int(i) for i in chosen])
    run.elapsed_s += time.monotonic() - began
    scores = fact_scores([films.facts[int(i)] for i in chosen], narratives)
    return {name: scores[name] for name in ("fact_f1", "hallucination_rate", "presence_accuracy")}


def finish(
    config: TrainConfig, run: Run, films: dict[str, ReaderFilms], data: Json, segmenter: Segmenter
) -> Path:
    """Measure on the test films and write the checkpoint."""
    reporter = Reporter(run.network, run.pieces)
    measured = films["test"] if len(films["test"]) else films["validation"]
    metrics = evaluate_captioner(reporter, measured, films["ood_images"], synthetic=is_synthetic(config.data))
    metrics = replace(metrics, measured_with={"segmentation": segmenter.weights_sha256})
    (config.out / "metrics.json").write_text(
        json.dumps(to_metrics(metrics), indent=2) + "\n", encoding="utf-8"
    )
    spent = {"steps": run.step, "seconds": round(run.elapsed_s), "history": run.history}
    recipe = {**describe_recipe(asdict(config)), **spent}
    save_checkpoint(
        config.out / "checkpoint",
        tensors=run.network.state_dict(),
        config={**reporter.to_config(), "features_sha256": segmenter.features_from},
        metrics=to_metrics(metrics),
        recipe=recipe,
        data=data,
        card=model_card(run.network, metrics, data),
        extra_files={TOKENIZER_FILE: config.out / TOKENIZER_FILE},
    )
    return config.out / "checkpoint"
