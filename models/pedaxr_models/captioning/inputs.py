"""Films to network inputs: the levelled film, its fine lines and what the segmentation saw, cached once."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pedaxr_models.captioning.film_planes import FILM_PLANES, LEVELS, film_planes
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS, region_features, shrink
from pedaxr_models.datasets.film import Film, FilmMetadata
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.facts import FilmFacts, FindingFact, Presence
from pedaxr_models.labels import CHANNELS, FINDINGS, HORIZONTAL_BEAM_VIEWS, Finding, View
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.transforms import FloatArray

_CACHE_FORMAT = 2
_OOD_IMAGES = 64


@dataclass(frozen=True)
class Seen:
    """A batch as the network takes it.

    Attributes:
        pixels: (B, FILM_PLANES + C, S, S) float32, see `film_planes`, and the segmentation's probabilities
            from -1 to 1.
        regions: (B, R, F) float32, the same probabilities in figures, see `region_tokens`.
        features: (B, C, h, w) float32 of a frozen backbone, see `eyes`; None for a reader without one.
    """

    pixels: Tensor
    regions: Tensor
    features: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def to(self, device: torch.device) -> "Seen":
        """The batch on another device."""
        features = None if self.features is None else self.features.to(device)
        return Seen(self.pixels.to(device), self.regions.to(device), features)

    def row(self, index: int) -> "Seen":
        """One film of the batch, as a batch."""
        at = slice(index, index + 1)
        features = None if self.features is None else self.features[at]
        return Seen(self.pixels[at], self.regions[at], features)

    def lose_outlines(self, lost: Tensor) -> None:
        """Blank, here and now, what the segmentation saw of the films that `lost` (B,) names."""
        self.pixels[lost, FILM_PLANES:] = -1.0
        self.regions[lost] = 0.0

    def replace_row(self, index: int, other: "Seen") -> None:
        """Put the film of a batch of one in the place of another, here and now."""
        self.pixels[index], self.regions[index] = other.pixels[0], other.regions[0]
        if self.features is not None and other.features is not None:
            self.features[index] = other.features[0]


def both(first: Seen, second: Seen) -> Seen:
    """One batch of two."""
    features = [part.features for part in (first, second) if part.features is not None]
    return Seen(
        torch.cat([first.pixels, second.pixels]),
        torch.cat([first.regions, second.regions]),
        torch.cat(features) if features else None,
    )


@dataclass(frozen=True)
class ReaderFilms:
    """The films of one split as the reader takes them.

    Attributes:
        films: (N, FILM_PLANES, S, S) uint8, see `film_planes`.
        probabilities: (N, C, S/2, S/2) uint8 of 255, as predicted, never the true masks.
        regions: (N, R, F) float32 of the same prediction.
        features: (N, V, C, h, w) of a frozen backbone, each film in V exposures, the first as it is; None for
            a reader without one.
        unknown: (N, 5) findings of which nobody knows whether the film shows them; None: all are known.
        real: how many of them, the last ones, are real films beside synthetic ones.
    """

    films: NDArray[np.uint8]
    probabilities: NDArray[np.uint8]
    regions: NDArray[np.float32]
    facts: list[FilmFacts]
    metadata: list[FilmMetadata]
    features: NDArray[np.float16] | None = None
    unknown: NDArray[np.bool_] | None = None
    real: int = 0

    def __len__(self) -> int:
        return len(self.films)

    def seen(self, indices: Sequence[int], rng: np.random.Generator | None = None) -> Seen:
        """The chosen films as a batch; `rng` draws which exposure of each the frozen backbone saw."""
        chosen = np.asarray(indices)
        film = torch.from_numpy(self.films[chosen]).float() / 255 * (2 * LEVELS) - LEVELS
        pixels = pixel_values(film, torch.from_numpy(self.probabilities[chosen]).float() / 255)
        return Seen(pixels, torch.from_numpy(self.regions[chosen]), self._features(chosen, rng))

    def _features(self, chosen: NDArray[np.intp], rng: np.random.Generator | None) -> Tensor | None:
        if self.features is None:
            return None
        views = (
            np.zeros(len(chosen), int)
            if rng is None
            else rng.integers(self.features.shape[1], size=len(chosen))
        )
        return torch.from_numpy(self.features[chosen, views].astype(np.float32))

    def present(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Targets (B, 5) of the finding head, and (B, 5) which of them count.

        A finding that the view cannot show does not count, nor one that is unknown, but unseen free air on a
        supine film does: the reader must not invent it.
        """
        facts = [self.facts[i] for i in indices]
        target = [[float(f[x].presence is Presence.PRESENT) for x in FINDINGS] for f in facts]
        counts = [
            [float(x is not Finding.AIR_FLUID_LEVEL or f.view in HORIZONTAL_BEAM_VIEWS) for x in FINDINGS]
            for f in facts
        ]
        counted = torch.tensor(counts)
        if self.unknown is not None:
            counted[torch.from_numpy(self.unknown[np.asarray(indices)])] = 0.0
        return torch.tensor(target), counted

    def present_bits(self) -> NDArray[np.uint32]:
        """(N,) findings present as bits of `CHANNELS`, for balanced sampling."""
        bits = [sum(1 << CHANNELS.index(finding) for finding in f.present) for f in self.facts]
        return np.array(bits, np.uint32)


def joined(first: ReaderFilms, second: ReaderFilms) -> ReaderFilms:
    """The films of both, of which both or neither have features; the real ones are those of the second."""
    features = [part.features for part in (first, second) if part.features is not None]
    unknown = [
        np.zeros((len(part), len(FINDINGS)), np.bool_) if part.unknown is None else part.unknown
        for part in (first, second)
    ]
    return ReaderFilms(
        np.concatenate([first.films, second.films]),
        np.concatenate([first.probabilities, second.probabilities]),
        np.concatenate([first.regions, second.regions]),
        [*first.facts, *second.facts],
        [*first.metadata, *second.metadata],
        np.concatenate(features) if features else None,
        np.concatenate(unknown),
        second.real,
    )


def pixel_values(film: Tensor, probabilities: Tensor) -> Tensor:
    """Film planes (B, P, S, S) and probabilities (B, C, h, w) in [0, 1] to (B, P + C, S, S)."""
    grown = F.interpolate(probabilities, size=film.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat([film, grown * 2 - 1], 1)


def see(pixels: FloatArray, probabilities: FloatArray, size: int) -> Seen:
    """One film (H, W) in [0, 1] and its probabilities (C, 512, 512) as a batch of one."""
    frame = torch.from_numpy(film_planes(pixels, size))[None]
    shrunk = torch.from_numpy(shrink(probabilities, size // 2))[None]
    return Seen(pixel_values(frame, shrunk), torch.from_numpy(region_features(probabilities))[None])


def open_inputs(
    films: Sequence[Film],
    segmenter: Segmenter,
    folder: Path,
    size: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> ReaderFilms:
    """Inputs of all `films` that have facts, predicted on first use and then kept in `folder`."""
    films = [film for film in films if film.facts is not None]
    facts = [film.facts for film in films if film.facts is not None]
    path = folder / f"{size}-{_fingerprint(films, segmenter)}.npz"
    if not path.exists():
        _write_inputs(
            [partial(read_pixels, film.image_path) for film in films], segmenter, path, size, progress
        )
    return _read_inputs(path, facts, [film.metadata for film in films])


def open_ood_images(segmenter: Segmenter, folder: Path, size: int) -> ReaderFilms:
    """Pictures that are not films, taken through the segmentation like films: the reader must refuse them."""
    path = folder / f"{size}-ood-{_fingerprint([], segmenter)}.npz"
    if not path.exists():
        _write_inputs(
            [partial(ood_picture, seed) for seed in range(_OOD_IMAGES)], segmenter, path, size, None
        )
    nothing = tuple(FindingFact(finding, Presence.NOT_ASSESSED) for finding in FINDINGS)
    return _read_inputs(path, [FilmFacts(View.SUPINE, nothing)] * _OOD_IMAGES, [FilmMetadata()] * _OOD_IMAGES)


def ood_picture(seed: int) -> FloatArray:
    """A flat, noisy, graded or blotched picture (256, 256) in [0, 1]."""
    rng = np.random.default_rng(seed)
    level, spread = rng.uniform(0.05, 0.95), rng.uniform(0.02, 0.4)
    grain = rng.standard_normal((256, 256)).astype(np.float32)
    kind = seed % 4
    if kind == 0:
        grain = np.zeros_like(grain)
    elif kind == 2:
        grain = np.outer(np.linspace(-1, 1, 256), np.full(256, rng.choice([-1.0, 1.0]))).astype(np.float32)
    elif kind == 3:
        grain = cv2.GaussianBlur(grain, (0, 0), rng.uniform(2, 24))
        grain /= grain.std() + 1e-6
    return np.asarray(np.clip(level + spread * grain, 0, 1), np.float32)


def _read_inputs(path: Path, facts: list[FilmFacts], metadata: list[FilmMetadata]) -> ReaderFilms:
    with np.load(path, allow_pickle=False) as archive:
        arrays = archive["films"], archive["probabilities"], archive["regions"]
    return ReaderFilms(*arrays, facts, metadata)


def _fingerprint(films: Sequence[Film], segmenter: Segmenter) -> str:
    probe = repr(sorted(segmenter.probe().items()))
    names = "\n".join(f"{f.image_path} {f.image_path.stat().st_mtime_ns}" for f in films)
    return hashlib.sha256(f"{_CACHE_FORMAT}\n{probe}\n{names}".encode()).hexdigest()[:16]


def _write_inputs(
    pictures: Sequence[Callable[[], FloatArray]],
    segmenter: Segmenter,
    path: Path,
    size: int,
    progress: Callable[[int], None] | None,
) -> None:
    planes = np.zeros((len(pictures), FILM_PLANES, size, size), np.uint8)
    probabilities = np.zeros((len(pictures), len(CHANNELS), size // 2, size // 2), np.uint8)
    regions = np.zeros((len(pictures), REGION_TOKENS, REGION_FEATURES), np.float32)
    for index, read in enumerate(pictures):
        pixels = read()
        planes[index] = ((film_planes(pixels, size) + LEVELS) / (2 * LEVELS) * 255).round()
        seen = segmenter.predict(pixels).probabilities
        probabilities[index] = (shrink(seen, size // 2) * 255).round()
        regions[index] = region_features(seen)
        if progress:
            progress(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, films=planes, probabilities=probabilities, regions=regions)
    part.replace(path)


def blank_like(seen: Seen) -> Seen:
    """A blank film on which nothing was segmented: mid grey, no lines, all probabilities 0."""
    blank = torch.full_like(seen.pixels, -1.0)
    blank[:, :FILM_PLANES] = 0.0
    return Seen(
        blank,
        torch.zeros_like(seen.regions),
        None if seen.features is None else torch.zeros_like(seen.features),
    )


def noise_like(seen: Seen, generator: torch.Generator) -> Seen:
    """A film of noise on which nothing was segmented."""
    noise = blank_like(seen)
    grain = torch.randn(noise.pixels[:, :FILM_PLANES].shape, generator=generator)
    noise.pixels[:, :1] = grain[:, :1].clamp(-LEVELS, LEVELS)
    noise.pixels[:, 1:FILM_PLANES] = grain[:, 1:].abs().clamp(max=LEVELS)
    return noise


def distort(seen: Seen, generator: torch.Generator) -> Seen:
    """Slightly moved, turned and re-exposed inputs, with a channel lost now and then.

    Small enough that no region changes side or quadrant; no flips: situs and gravity are findings. All region
    tokens of one film in ten are lost, so that the patches are learnt from too.
    """
    values = seen.pixels
    count = len(values)
    drawn = torch.rand(count, 6, generator=generator) * 2 - 1
    angle, scale = drawn[:, 0] * 0.05, 1 + drawn[:, 1] * 0.06
    pose = torch.zeros(count, 2, 3)
    pose[:, 0, 0] = pose[:, 1, 1] = angle.cos() * scale
    pose[:, 0, 1], pose[:, 1, 0] = -angle.sin() * scale, angle.sin() * scale
    pose[:, :, 2] = drawn[:, 2:4] * 0.05
    values = _moved(values, pose)
    film = values[:, :1] * (1 + 0.2 * drawn[:, 4, None, None, None]) + 0.4 * drawn[:, 5, None, None, None]
    noise = torch.randn(film.shape, generator=generator) * 0.1
    lines, masks = values[:, 1:FILM_PLANES], values[:, FILM_PLANES:]
    lost = torch.rand(count, masks.shape[1], 1, 1, generator=generator) < 0.03
    rows = torch.rand(count, seen.regions.shape[1], 1, generator=generator) < 0.03
    without_figures = rows | (torch.rand(count, 1, 1, generator=generator) < 0.1)
    return Seen(
        torch.cat([film + noise, lines, masks.masked_fill(lost, -1.0)], 1),
        seen.regions.masked_fill(without_figures, 0.0),
        None if seen.features is None else _moved(seen.features, pose),
    )


def _moved(planes: Tensor, pose: Tensor) -> Tensor:
    """Planes (B, C, h, w) under the poses (B, 2, 3)."""
    grid = F.affine_grid(pose, list(planes.shape), align_corners=False)
    return F.grid_sample(planes, grid, padding_mode="border", align_corners=False)
