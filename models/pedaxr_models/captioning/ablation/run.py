"""The ablation: what each input of the report writer contributes, from a constant report upwards.

    constant                   the one report that fits the training films best
    class template             the true label's best report: what knowing only the diagnosis is worth
    oracle facts               the grammar on the true facts: how high the overlap scores can get
    metadata only ... + masks  the same network, retrained with the named inputs only

With `AblationConfig.eyes` kinds of patches are compared instead, each by a reader that sees the film alone,
on the validation films: for choosing among them.

Trained variants are run with several seeds. A variant with a finished checkpoint is not trained again, an
interrupted one resumes, and all share one cache of predicted masks.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from pedaxr_models.captioning.ablation.record import stored
from pedaxr_models.captioning.ablation.report import IMAGE_ONLY, conclusion, contrasts
from pedaxr_models.captioning.ablation.scores import (
    SCORES,
    AblationScores,
    FloatTable,
    SetScores,
    VariantScore,
    best_single_report,
    film_counts,
    interval,
    resampled_scores,
    resamples,
    scores_of,
)
from pedaxr_models.captioning.eyes.kept_features import backbone_of, with_features
from pedaxr_models.captioning.inputs import ReaderFilms, open_inputs
from pedaxr_models.captioning.network import SOURCES
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.captioning.train import TrainConfig, train_captioner
from pedaxr_models.checkpoint import load_checkpoint, weights_folder
from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.read import is_synthetic
from pedaxr_models.facts import FilmFacts
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.report_text.text_scores import references
from pedaxr_models.segmentation.data import split_films
from pedaxr_models.segmentation.segmenter import Segmenter

TRAINED: dict[str, tuple[str, ...]] = {
    "metadata only": ("metadata",),
    IMAGE_ONLY: ("film",),
    "image + metadata": ("film", "metadata"),
    "image + metadata + masks": SOURCES,
}
UNTRAINED = ("constant", "class template", "oracle facts")
VARIANTS = (*UNTRAINED[:2], *TRAINED, UNTRAINED[2])

_CHECKED_FILMS = 32  # measured at the end of each training; the ablation measures all of them itself
_MAY_DIFFER = {"out", "cache", "sees", "seed", "resume", "device", "threads", "show_progress"}


@dataclass(frozen=True)
class AblationConfig:
    """Settings of one ablation.

    Attributes:
        training: of each variant and seed; `out` is the folder of all, `sees` and `seed` are set per variant.
        seeds: trainings per variant, from seed `training.seed` on.
        shifted: a second set of films to measure on.
        limit: measure on the first N films only.
        eyes: kinds of patches to compare on the validation films, of `vision_stem.STEMS`; none: the ablation
            of one kind on the test films.
    """

    training: TrainConfig
    seeds: int = 3
    shifted: Path | None = None
    limit: int | None = None
    eyes: tuple[str, ...] = ()

    @property
    def trained(self) -> dict[str, tuple[tuple[str, ...], str]]:
        """By variant: what it sees, and how patches become tokens."""
        if not self.eyes:
            return {variant: (sees, self.training.stem) for variant, sees in TRAINED.items()}
        alone = {f"{IMAGE_ONLY}, {stem}": (("film",), stem) for stem in self.eyes}
        return {"metadata only": (("metadata",), self.training.stem), **alone}


def run_ablation(config: AblationConfig, tell: Callable[[str], None] = lambda _: None) -> AblationScores:
    """Train what is not trained yet, measure every variant, write `ablation.json` into `config.training.out`.

    Args:
        config: what to run.
        tell: is given one line per step.

    Raises:
        ValueError: no film says what is on it, or the folder holds an ablation with other settings.
    """
    out = config.training.out
    _claim(config.training, out / "settings.json")
    train_facts, measured = _films(config)
    tell(f"predicting masks of {sum(map(len, measured.values()))} films where they are not cached")
    stems = sorted({stem for _, stem in config.trained.values()})
    opened = {
        name: {stem: _open(films, replace(config.training, stem=stem)) for stem in stems}
        for name, films in measured.items()
    }
    checkpoints = _train_variants(config, tell)
    tell("writing the reports of every variant and measuring them")
    sets = {}
    for name, films in opened.items():
        texts = _variant_texts(config, films, train_facts, checkpoints, name)
        sets[name] = measure(texts, films[stems[0]].facts, config.training.seed)
    result = AblationScores(
        synthetic=is_synthetic(config.training.data),
        films={name: len(films) for name, films in measured.items()},
        minutes=config.training.minutes,
        steps=config.training.steps,
        seeds=config.seeds,
        measured_with={"segmentation": _segmenter(config.training).weights_sha256},
        sets=sets,
        conclusion={name: tuple(conclusion(scores)) for name, scores in sets.items()},
    )
    (out / "ablation.json").write_text(json.dumps(stored(result), indent=2) + "\n", encoding="utf-8")
    return result


def _claim(training: TrainConfig, path: Path) -> None:
    """Keep the settings in the folder, so that variants of different ablations are never compared."""
    names = sorted({f.name for f in fields(training)} - _MAY_DIFFER)
    settings = {name: str(getattr(training, name)) for name in names}
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        defaults = {f.name: str(f.default) for f in fields(training)}  # options added since that run
        differing = [n for n in names if before.get(n, defaults[n]) != settings[n]]
        if differing:
            raise ValueError(
                f"{path.parent} holds an ablation with another {', '.join(differing)}. Choose another "
                "--out, or the settings it was started with."
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _films(config: AblationConfig) -> tuple[list[FilmFacts], dict[str, list[Film]]]:
    """Facts of the training films, and the films of each set to measure on."""
    splits = split_films(read_films(config.training.data, names=config.training.names))
    name = "validation" if config.eyes or not splits["test"] else "test"
    measured = {name: splits[name]}
    if config.shifted:
        shifted = read_films(config.shifted)
        measured["shifted"] = [f for f in shifted if f.split in (None, "test")] or shifted
    measured = {n: [f for f in films if f.facts][: config.limit] for n, films in measured.items()}
    train_facts = [film.facts for film in splits["train"] if film.facts]
    if not train_facts or not all(measured.values()):
        raise ValueError("The ablation needs films that carry facts. Use films written by `pedaxr films`.")
    return train_facts, measured


def _open(films: Sequence[Film], training: TrainConfig) -> ReaderFilms:
    segmenter, cache = _segmenter(training), _cache(training)
    opened = open_inputs(films, segmenter, cache, training.image_size)
    return with_features(opened, films, backbone_of(training.stem, segmenter), cache)


def _segmenter(training: TrainConfig) -> Segmenter:
    return Segmenter.load(training.segmenter or weights_folder("segmentation"))


def _cache(training: TrainConfig) -> Path:
    return training.cache or training.out / "cache"


def _train_variants(config: AblationConfig, tell: Callable[[str], None]) -> dict[str, list[Path]]:
    """The checkpoints of each trained variant, one per seed; all variants of a seed before the next seed."""
    planned = [(variant, seed) for seed in range(config.seeds) for variant in config.trained]
    checkpoints: dict[str, list[Path]] = {variant: [] for variant in config.trained}
    for number, (variant, seed) in enumerate(planned, 1):
        checkpoint = variant_config(config, variant, seed).out / "checkpoint"
        done = checkpoint.is_dir()
        tell(f"{number} of {len(planned)}: {variant}, seed {seed}{' is there already' if done else ''}")
        checkpoints[variant].append(
            checkpoint if done else train_captioner(variant_config(config, variant, seed))
        )
    return checkpoints


def variant_config(config: AblationConfig, variant: str, seed: int) -> TrainConfig:
    """How one variant is trained with one seed."""
    training = config.training
    sees, stem = config.trained[variant]
    # An ablation of the kind that was chosen finds what the comparison has trained.
    name = variant.removesuffix(f", {training.stem}") if stem == training.stem else variant
    return replace(
        training,
        out=training.out / f"{name.replace(' + ', '_').replace(', ', '_').replace(' ', '_')}-{seed}",
        cache=_cache(training),
        sees=sees,
        stem=stem,
        seed=training.seed + seed,
        measured_films=_CHECKED_FILMS,
        resume=True,
    )


def untrained_texts(train_facts: Sequence[FilmFacts], truth: Sequence[FilmFacts]) -> dict[str, list[str]]:
    """Reports of the variants that look at nothing, or at the truth itself."""
    constant = best_single_report(train_facts)
    labels = {facts.label for facts in train_facts}
    templates = {x: best_single_report([f for f in train_facts if f.label == x]) for x in labels}
    return {
        "constant": [narrate(constant)] * len(truth),
        "class template": [narrate(templates.get(facts.label, constant)) for facts in truth],
        "oracle facts": [narrate(facts) for facts in truth],
    }


def _variant_texts(
    config: AblationConfig,
    films: dict[str, ReaderFilms],
    train_facts: Sequence[FilmFacts],
    checkpoints: dict[str, list[Path]],
    name: str,
) -> dict[str, list[list[str]]]:
    """Per variant, per seed, the reports of all films, which were opened for each kind of patches."""
    truth = next(iter(films.values())).facts
    untrained = {variant: [said] for variant, said in untrained_texts(train_facts, truth).items()}
    oracle = untrained.popitem()
    trained = {
        variant: [_written(films[config.trained[variant][1]], folder, name) for folder in made]
        for variant, made in checkpoints.items()
    }
    return untrained | trained | dict([oracle])


def _written(films: ReaderFilms, checkpoint: Path, name: str) -> list[str]:
    """Reports by one checkpoint, kept next to it for as long as weights, films and masks are the same."""
    weights = load_checkpoint(checkpoint, with_tensors=False).weights_sha256
    path = checkpoint.parent / f"reports-{name}.json"
    inputs = films.films.tobytes() + films.probabilities.tobytes()
    key = sha256(inputs + weights.encode()).hexdigest()
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["of"] == key:
            return list(kept["reports"])
    reports = Reporter.load(checkpoint).describe_cached(films, range(len(films)))
    path.write_text(json.dumps({"of": key, "reports": reports}, indent=1) + "\n", encoding="utf-8")
    return reports


def measure(texts: dict[str, list[list[str]]], truth: Sequence[FilmFacts], seed: int = 0) -> SetScores:
    """Scores, intervals and spread of seeds of every variant, and what one variant adds to another.

    Args:
        texts: per variant, per seed, a report of each film.
        truth: of the films.
        seed: of the bootstrap samples.
    """
    wordings = references(truth, seed=seed)
    counts = {r: [film_counts(truth, said, wordings) for said in seeds] for r, seeds in texts.items()}
    weights = resamples(len(truth), seed=seed)
    samples = {variant: resampled_scores(made, weights) for variant, made in counts.items()}
    return SetScores(
        variants={variant: _scores(made, samples[variant]) for variant, made in counts.items()},
        contrasts=contrasts({variant: _pooled(made) for variant, made in counts.items()}, samples),
    )


def _pooled(counts: Sequence[FloatTable]) -> FloatTable:
    return scores_of(np.sum(counts, axis=0).sum(0))


def _scores(counts: Sequence[FloatTable], samples: FloatTable) -> dict[str, VariantScore]:
    pooled = _pooled(counts)
    seeds = np.stack([scores_of(made.sum(0)) for made in counts])  # (seeds, scores)
    spread = seeds.std(0, ddof=1) if len(seeds) > 1 else np.zeros(len(SCORES))
    variant = {}
    for column, name in enumerate(SCORES):
        found = interval(pooled[column], samples[:, column])
        value, low, high = (round(part, 4) for part in (found.value, found.low, found.high))
        by_seed = tuple(round(float(score), 4) for score in seeds[:, column])
        variant[name] = VariantScore(value, low, high, by_seed, round(float(spread[column]), 4))
    return variant
