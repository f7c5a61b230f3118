"""One batch of a training of the report writer: distorted films, and now and then what is no film."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pedaxr_models.captioning.inputs import ReaderFilms, Seen, blank_like, both, distort, noise_like
from pedaxr_models.captioning.metadata_text import metadata_text, with_dropout
from pedaxr_models.captioning.recipe import TrainConfig
from pedaxr_models.facts import UNREADABLE, FilmFacts
from pedaxr_models.report_text.grammar import narrate


@dataclass(frozen=True)
class Lesson:
    """What a batch shows, and what is to be said of it.

    Attributes:
        seen: the films.
        metadata: one text a film.
        reports: likewise.
        target, counts: (B, 5) of the finding head, and which of them count.
    """

    seen: Seen
    metadata: list[str]
    reports: list[str]
    target: Tensor
    counts: Tensor


@dataclass(frozen=True)
class Films:
    """What a training draws from.

    Attributes:
        train: films whose truth is known.
        ood_images: pictures that are no films.
        real: looks of real films whose truth is partly known; None: there are none.
    """

    train: ReaderFilms
    ood_images: ReaderFilms
    real: ReaderFilms | None = None


def lesson(config: TrainConfig, films: Films, indices: Sequence[int], *, seed: int) -> Lesson:
    """The films of `indices`, the last of them replaced by looks of real films where there are such."""
    rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    parts = [(films.train, list(indices))]
    if films.real is not None:
        count = round(config.real_share * len(indices))
        looks = rng.integers(len(films.real), size=count).tolist()
        parts = [(films.train, list(indices)[: len(indices) - count]), (films.real, looks)]
    seen = [part.seen(chosen, rng) for part, chosen in parts]
    known = [part.present(chosen) for part, chosen in parts]
    facts = [part.facts[i] for part, chosen in parts for i in chosen]
    metadata = [part.metadata[i] for part, chosen in parts for i in chosen]
    shown, spoilt = _shown(config, seen[0] if len(seen) == 1 else both(*seen), films.ood_images, rng, noise)
    target, counts = torch.cat([t for t, _ in known]), torch.cat([c for _, c in known])
    target[spoilt], counts[spoilt] = 0.0, 1.0
    return Lesson(
        shown,
        [metadata_text(with_dropout(of_film, rng)) for of_film in metadata],
        [_report(config, f, bad, rng) for f, bad in zip(facts, spoilt.tolist(), strict=True)],
        target,
        counts,
    )


def _report(config: TrainConfig, facts: FilmFacts, is_spoilt: bool, rng: np.random.Generator) -> str:
    if is_spoilt:
        return UNREADABLE
    return narrate(facts, None if rng.random() < config.plain_wording else rng)


def _shown(
    config: TrainConfig, seen: Seen, ood_images: ReaderFilms, rng: np.random.Generator, noise: torch.Generator
) -> tuple[Seen, Tensor]:
    """Distorted inputs, and (B,) which of them were replaced by images that are not films.

    Whatever the metadata say of such a picture, the reader must learn to say nothing of it: of a blank, of
    noise, and of out-of-distribution images on which the segmentation saw what is not there.
    """
    seen = distort(seen, noise)
    if seen.features is not None and "masks" in config.sees:
        seen.features[torch.rand(len(seen), generator=noise) < config.features_lost] = 0.0
    if config.outlines_lost:
        seen.lose_outlines(torch.rand(len(seen), generator=noise) < config.outlines_lost)
    spoilt = rng.random(len(seen)) < config.unreadable
    for row in np.flatnonzero(spoilt).tolist():
        seen.replace_row(row, _unreadable(ood_images, seen.row(row), rng, noise))
    return seen, torch.from_numpy(spoilt)


def _unreadable(
    ood_images: ReaderFilms, seen: Seen, rng: np.random.Generator, noise: torch.Generator
) -> Seen:
    """In the place of one film: a blank, noise, or in half of the cases an out-of-distribution picture."""
    kind = rng.integers(0, 4)
    if kind > 1:
        return ood_images.seen([int(rng.integers(0, len(ood_images)))])
    return noise_like(seen, noise) if kind else blank_like(seen)
