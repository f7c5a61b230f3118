"""Films on disk to batches: decoded, letterboxed and rasterised once per resolution, then memory-mapped."""

import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from pedaxr_models.datasets.film import Film, read_masks
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.datasets.splits import SPLITS, complete_splits
from pedaxr_models.labels import CHANNELS, FINDINGS
from pedaxr_models.segmentation.augmentation import Augmentation
from pedaxr_models.segmentation.transforms import (
    Letterbox,
    frame_film,
    normalise,
    resize,
    scaled,
)

_CACHE_FORMAT = 2


def rasterise(film: Film, letterbox: Letterbox) -> NDArray[np.uint32]:
    """Mask bit planes (512, 512) of one film in its letterboxed frame; bit i is `CHANNELS[i]`."""
    if film.mask_path is not None:
        return frame_bits(read_masks(film.mask_path, (letterbox.height, letterbox.width)), letterbox)
    frame = np.zeros((letterbox.size, letterbox.size), np.uint32)
    for finding in FINDINGS:
        canvas = np.zeros(frame.shape, np.uint8)
        for polygon in film.polygons.get(finding, []):
            # 1/16 pixel: fillPoly takes whole numbers
            points = np.round(letterbox.from_film(polygon) * 16).astype(np.int32)
            one = np.zeros_like(canvas)
            cv2.fillPoly(one, [points], 1, shift=4)
            canvas |= one  # polygons that overlap are one region, not a hole
        frame |= canvas.astype(np.uint32) << np.uint32(CHANNELS.index(finding))
    return frame


def frame_bits(bits: NDArray[np.uint32], letterbox: Letterbox) -> NDArray[np.uint32]:
    """Bit planes of a whole film (height, width) in its letterboxed frame."""
    if letterbox.is_identity:
        return bits
    result = np.zeros((letterbox.size, letterbox.size), np.uint32)
    result[letterbox.content] = shrink_bits(bits[letterbox.shown], *letterbox.inner)
    return result


def shrink_bits(bits: NDArray[np.uint32], width: int, height: int) -> NDArray[np.uint32]:
    """Bit planes resampled one by one to (height, width); a pixel is set where half of it is covered."""
    if bits.shape == (height, width):
        return bits
    result = np.zeros((height, width), np.uint32)
    present = int(np.bitwise_or.reduce(bits, axis=None))
    for plane in range(present.bit_length()):
        if present >> plane & 1:
            covered = resize((bits >> np.uint32(plane) & np.uint32(1)).astype(np.float32), width, height)
            result |= (covered >= 0.5).astype(np.uint32) << np.uint32(plane)
    return result


def check_outlined(films: Sequence[Film]) -> None:
    """Raises ValueError where no film to train on has an outline: a class alone teaches none."""
    if not any(film.mask_path or any(film.polygons.values()) for film in films):
        raise ValueError(
            f"None of the {len(films)} films to train on has an outline, and a class teaches none. Fill the "
            "column Point, Findings or MaskPath."
        )


def known_bits(film: Film) -> int:
    """Bit planes that the film's source outlines."""
    return sum(1 << i for i, channel in enumerate(CHANNELS) if channel in film.labelled_channels)


def split_films(films: Sequence[Film], written: Path | None = None) -> dict[str, list[Film]]:
    """Films by split; see `complete_splits` for those without one and for `written`.

    Raises:
        ValueError: there are none to train or to validate on.
    """
    splits: dict[str, list[Film]] = {name: [] for name in SPLITS}
    for film in complete_splits(films, written):
        splits[film.split or "train"].append(film)
    if not splits["train"] or not splits["validation"]:
        counted = ", ".join(f"{len(of_split)} {name}" for name, of_split in splits.items())
        raise ValueError(
            f"Training needs films to train and to validate on; there are {counted}. Write train and "
            "validation into the Split column, or leave that out to have the children divided, of whom there "
            "must be a few."
        )
    return splits


@dataclass(frozen=True)
class FilmCache:
    """All films of a split at one resolution.

    Attributes:
        films: (N, S, S) uint8, letterboxed, bone bright.
        bits: (N, S, S) uint32 mask bit planes.
        content: (N, 4) first and last + 1 row, first and last + 1 column that hold film, not bars.
        known: (N,) uint32 bit planes that the source outlines.
        present: (N,) uint32 bit planes set anywhere on the film at 512 pixels.
    """

    films: NDArray[np.uint8]
    bits: NDArray[np.uint32]
    content: NDArray[np.int32]
    known: NDArray[np.uint32]
    present: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.films)


def open_cache(
    films: Sequence[Film], folder: Path, size: int, *, progress: Callable[[int], None] | None = None
) -> FilmCache:
    """The cache of `films` at `size`, made below `folder` on first use; `progress` is told each film done."""
    target = folder / f"{size}-{_fingerprint(films)}"
    if not target.is_dir():
        _write_cache(films, target, size, progress)
    names = ("films", "bits", "content", "known", "present")
    return FilmCache(*(np.load(target / f"{name}.npy", mmap_mode="r") for name in names))


def _fingerprint(films: Sequence[Film]) -> str:
    digest = hashlib.sha256(f"{_CACHE_FORMAT} {CHANNELS}".encode())
    for film in films:
        when = [p.stat().st_mtime_ns if p and p.exists() else 0 for p in (film.image_path, film.mask_path)]
        shapes = [(f.value, [p.tobytes() for p in polygons]) for f, polygons in film.polygons.items()]
        digest.update(repr((str(film.image_path), when, sorted(film.labelled_channels), shapes)).encode())
    return digest.hexdigest()[:16]


def _write_cache(
    films: Sequence[Film], target: Path, size: int, progress: Callable[[int], None] | None
) -> None:
    """Written next to the target and renamed, so that a cache that exists is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    shape = (len(films), size, size)
    try:
        grey = np.lib.format.open_memmap(folder / "films.npy", "w+", np.uint8, shape)
        bits = np.lib.format.open_memmap(folder / "bits.npy", "w+", np.uint32, shape)
        content = np.zeros((len(films), 4), np.int32)
        present = np.zeros(len(films), np.uint32)

        def store(index: int) -> None:
            grey[index], bits[index], content[index], present[index] = _entry(films[index], size)
            if progress:
                progress(1)

        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            list(pool.map(store, range(len(films))))
        grey.flush()
        bits.flush()
        np.save(folder / "content.npy", content)
        np.save(folder / "present.npy", present)
        np.save(folder / "known.npy", np.array([known_bits(film) for film in films], np.uint32))
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _entry(film: Film, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint32], list[int], np.uint32]:
    pixels = read_pixels(film.image_path)
    whole, letterbox = frame_film(pixels)
    frame = resize(whole, size, size)
    bits = rasterise(film, letterbox)
    present = np.uint32(np.bitwise_or.reduce(bits, axis=None))
    rows, columns = scaled(letterbox.content, size)
    edges = [rows.start, rows.stop, columns.start, columns.stop]
    small = shrink_bits(bits, size, size)
    return (frame * 255).round().astype(np.uint8), small, edges, present


class TrainingFilms(Dataset[tuple[Tensor, Tensor, int]]):
    """Cached films as network inputs; an item is (input (1, S, S), bit planes (S, S) int32, known bits).

    Indexed by (film, augmentation seed), as `BalancedBatches` gives them, or by a number for the plain film.
    """

    def __init__(self, cache: FilmCache, augmentation: Augmentation | None = None) -> None:
        self.cache = cache
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.cache)

    def __getitem__(self, item: int | tuple[int, int]) -> tuple[Tensor, Tensor, int]:
        index, seed = item if isinstance(item, tuple) else (item, 0)
        film, bits = np.array(self.cache.films[index]), np.array(self.cache.bits[index])
        if self.augmentation is not None:
            film, bits = self.augmentation(film, bits, np.random.default_rng(seed))
        top, bottom, left, right = self.cache.content[index]
        levelled = normalise(np.asarray(film / 255, np.float32), (slice(top, bottom), slice(left, right)))
        planes = torch.from_numpy(bits.view(np.int32))
        return torch.from_numpy(levelled)[None], planes, int(self.cache.known[index])


def unpack_planes(bits: Tensor) -> Tensor:
    """Bit planes (N, ...) of integers to (N, len(CHANNELS), ...) float32, on the device they are on."""
    planes = torch.arange(len(CHANNELS), device=bits.device, dtype=bits.dtype)
    planes = planes.reshape(1, -1, *([1] * (bits.dim() - 1)))
    return (bits.unsqueeze(1) >> planes & 1).float()


@torch.no_grad()
def pooled_dice(
    network: nn.Module, cache: FilmCache, count: int, device: torch.device
) -> dict[str, float | None]:
    """Dice per channel at threshold .5, over evenly spaced films; None where no film knows the channel.

    What a training looks at between steps; the figures of a page are of `evaluate`.
    """
    films = TrainingFilms(cache)
    hit, size = (torch.zeros(len(CHANNELS), device=device) for _ in range(2))
    for index in np.unique(np.linspace(0, len(cache) - 1, min(len(cache), count)).astype(int)):
        film, bits, known = films[int(index)]
        true = unpack_planes(bits[None].to(device))[0]
        said = (network(film[None].to(device))[0] > 0).float()
        counted = unpack_planes(torch.tensor([known], device=device))[0]
        hit += counted * (said * true).sum(dim=(1, 2))
        size += counted * (said.sum(dim=(1, 2)) + true.sum(dim=(1, 2)))
    dices = (2 * hit / size).tolist()
    return {c: None if math.isnan(d) else round(d, 4) for c, d in zip(CHANNELS, dices, strict=True)}
