"""Films to network inputs: the levelled film and what the segmentation saw, cached once per segmenter."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pedaxr_models.captioning.facts import FilmFacts, Presence
from pedaxr_models.datasets.film import Film, FilmMetadata
from pedaxr_models.labels import CHANNELS, FINDINGS, HORIZONTAL_BEAM_VIEWS, Finding
from pedaxr_models.runtime.segmenter import Segmenter
from pedaxr_models.segmentation.data import read_pixels
from pedaxr_models.segmentation.transforms import FloatArray, prepare

_LEVELS = 3.0  # `prepare` gives values from -3 to 3


@dataclass(frozen=True)
class ReaderFilms:
    """The films of one split as the reader takes them.

    Attributes:
        films: (N, S, S) uint8, levelled by the segmentation's own preprocessing.
        probabilities: (N, C, S/2, S/2) uint8 of 255, as predicted, never the true masks.
    """

    films: NDArray[np.uint8]
    probabilities: NDArray[np.uint8]
    facts: list[FilmFacts]
    metadata: list[FilmMetadata]

    def __len__(self) -> int:
        return len(self.films)

    def pixel_values(self, indices: Sequence[int]) -> Tensor:
        """(B, 1 + C, S, S) float32 of the chosen films."""
        chosen = np.asarray(indices)
        film = torch.from_numpy(self.films[chosen]).float() / 255 * (2 * _LEVELS) - _LEVELS
        return pixel_values(film, torch.from_numpy(self.probabilities[chosen]).float() / 255)

    def present(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Targets (B, 5) of the finding head, and (B, 5) which of them count.

        A finding that the view cannot show does not count, but unseen free air on a supine film does: the
        reader must not invent it.
        """
        facts = [self.facts[i] for i in indices]
        target = [[float(f[x].presence is Presence.PRESENT) for x in FINDINGS] for f in facts]
        counts = [
            [float(x is not Finding.AIR_FLUID_LEVEL or f.view in HORIZONTAL_BEAM_VIEWS) for x in FINDINGS]
            for f in facts
        ]
        return torch.tensor(target), torch.tensor(counts)

    def present_bits(self) -> NDArray[np.uint32]:
        """(N,) findings present as bits of `CHANNELS`, for balanced sampling."""
        bits = [sum(1 << CHANNELS.index(finding) for finding in f.present) for f in self.facts]
        return np.array(bits, np.uint32)


def pixel_values(film: Tensor, probabilities: Tensor) -> Tensor:
    """Levelled film (B, S, S) and probabilities (B, C, h, w) in [0, 1] to (B, 1 + C, S, S)."""
    grown = F.interpolate(probabilities, size=film.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat([film[:, None], grown * 2 - 1], 1)


def shrink(probabilities: FloatArray, size: int) -> FloatArray:
    """(C, H, W) to (C, size, size) by area average."""
    rows = [cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA) for plane in probabilities]
    return np.stack(rows).astype(np.float32)


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
    path = folder / f"{size}-{_fingerprint(films, segmenter)}.npz"
    if not path.exists():
        _write_inputs(films, segmenter, path, size, progress)
    with np.load(path, allow_pickle=False) as archive:
        levelled, probabilities = archive["films"], archive["probabilities"]
    facts = [film.facts for film in films if film.facts is not None]
    return ReaderFilms(levelled, probabilities, facts, [film.metadata for film in films])


def _fingerprint(films: Sequence[Film], segmenter: Segmenter) -> str:
    probe = repr(sorted(segmenter.probe().items()))
    names = "\n".join(f"{f.image_path} {f.image_path.stat().st_mtime_ns}" for f in films)
    return hashlib.sha256(f"{probe}\n{names}".encode()).hexdigest()[:16]


def _write_inputs(
    films: Sequence[Film], segmenter: Segmenter, path: Path, size: int, progress: Callable[[int], None] | None
) -> None:
    levelled = np.zeros((len(films), size, size), np.uint8)
    probabilities = np.zeros((len(films), len(CHANNELS), size // 2, size // 2), np.uint8)
    for index, film in enumerate(films):
        pixels = read_pixels(film.image_path)
        frame, _ = prepare(pixels, size)
        levelled[index] = ((frame + _LEVELS) / (2 * _LEVELS) * 255).round()
        seen = shrink(segmenter.predict(pixels).probabilities, size // 2)
        probabilities[index] = (seen * 255).round()
        if progress:
            progress(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, films=levelled, probabilities=probabilities)
    part.replace(path)


def blank_like(values: Tensor) -> Tensor:
    """Inputs of a blank film on which nothing was segmented: mid grey, all probabilities 0."""
    blank = torch.full_like(values, -1.0)
    blank[:, 0] = 0.0
    return blank


def noise_like(values: Tensor, generator: torch.Generator) -> Tensor:
    """Inputs of a film of noise on which nothing was segmented."""
    noise = blank_like(values)
    noise[:, 0] = torch.randn(noise[:, 0].shape, generator=generator).clamp(-_LEVELS, _LEVELS)
    return noise


def distort(values: Tensor, generator: torch.Generator) -> Tensor:
    """Slightly moved, turned and re-exposed inputs (B, 1 + C, S, S), with a channel lost now and then.

    Small enough that no region changes side or quadrant; no flips: situs and gravity are findings.
    """
    count = len(values)
    drawn = torch.rand(count, 6, generator=generator) * 2 - 1
    angle, scale = drawn[:, 0] * 0.05, 1 + drawn[:, 1] * 0.06
    pose = torch.zeros(count, 2, 3)
    pose[:, 0, 0] = pose[:, 1, 1] = angle.cos() * scale
    pose[:, 0, 1], pose[:, 1, 0] = -angle.sin() * scale, angle.sin() * scale
    pose[:, :, 2] = drawn[:, 2:4] * 0.05
    grid = F.affine_grid(pose, list(values.shape), align_corners=False)
    values = F.grid_sample(values, grid, padding_mode="border", align_corners=False)
    film = values[:, :1] * (1 + 0.2 * drawn[:, 4, None, None, None]) + 0.4 * drawn[:, 5, None, None, None]
    noise = torch.randn(film.shape, generator=generator) * 0.1
    lost = torch.rand(count, values.shape[1] - 1, 1, 1, generator=generator) < 0.03
    return torch.cat([film + noise, values[:, 1:].masked_fill(lost, -1.0)], 1)
