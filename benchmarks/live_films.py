"""Films that are made while a network trains on those made so far."""

import os
from pathlib import Path

import cv2
import numpy as np
import torch

from pedaxr_models.labels import CHANNELS
from pedaxr_models.phantom.film import make_film
from pedaxr_models.phantom.spec import sample_spec
from pedaxr_models.segmentation.data import FilmCache, frame_bits, shrink_bits
from pedaxr_models.segmentation.mixed.batches import MixedBatches
from pedaxr_models.segmentation.transforms import frame_film, resize, scaled
from pedaxr_models.training.sampling import BalancedBatches, group_films

ALL = np.uint32((1 << len(CHANNELS)) - 1)
KEPT_BACK = int(os.environ.get("KEPT_BACK", "120"))  # films that nothing is trained on
NAMES = ("films", "bits", "content", "known", "present", "done")


class LiveFilms:
    """Films that are being made, as arrays on disk that all processes see."""

    def __init__(self, folder: Path, capacity: int, size: int) -> None:
        kinds = (np.uint8, np.uint32, np.int32, np.uint32, np.uint32, np.uint8)
        shapes = ((size, size), (size, size), (4,), (), (), ())
        folder.mkdir(parents=True, exist_ok=True)
        for name, kind, shape in zip(NAMES, kinds, shapes, strict=True):
            path = folder / f"{name}.npy"
            new = not path.exists()
            array = (
                np.lib.format.open_memmap(path, "w+", kind, (capacity, *shape))
                if new
                else np.load(path, mmap_mode="r+")
            )
            setattr(self, name, array)

    def ready(self) -> np.ndarray:
        """Numbers of the films that are whole."""
        return np.flatnonzero(np.array(self.done))  # copied, since others write to it

    def cache(self) -> FilmCache:
        """The arrays, those that are not whole included."""
        return FilmCache(self.films, self.bits, self.content, self.known, self.present)


def make_films(folder: Path, capacity: int, size: int, seed: int, rank: int, count: int, stop: Path) -> None:
    """One process: films rank, rank + count, ... until told to stop."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    live = LiveFilms(folder, capacity, size)
    polite = False
    for index in range(rank, capacity, count):
        if (stop / "stop").exists():
            return
        if not polite and (stop / "polite").exists():
            os.nice(6)
            polite = True
        made = make_film(sample_spec(seed, index))
        bits = np.zeros(made.pixels.shape, np.uint32)
        for channel, mask in made.masks.items():
            bits |= mask.astype(np.uint32) << np.uint32(CHANNELS.index(channel))
        frame, letterbox = frame_film((made.pixels / np.float32(255)).astype(np.float32))
        rows, columns = scaled(letterbox.content, size)
        bits = frame_bits(bits, letterbox)
        live.films[index] = (resize(frame, size, size) * 255).round().clip(0, 255)
        live.bits[index] = shrink_bits(bits, size, size)
        live.content[index] = (rows.start, rows.stop, columns.start, columns.stop)
        live.known[index] = ALL
        live.present[index] = np.bitwise_or.reduce(bits, axis=None)
        live.done[index] = 1


class Shrunk:
    """A stack of pictures, each shrunk as it is taken."""

    def __init__(self, stack: np.ndarray, size: int) -> None:
        self.stack, self.size = stack, size

    def __getitem__(self, index: int) -> np.ndarray:
        one, size = self.stack[index], (self.size, self.size)
        if one.shape == size:
            return one
        if one.dtype == np.uint8:
            return cv2.resize(one, size, interpolation=cv2.INTER_AREA)
        return cv2.resize(one.view(np.float32), size, interpolation=cv2.INTER_NEAREST).view(np.uint32)


class LiveBatches(MixedBatches):
    """Mixed batches whose synthetic films are those made so far."""

    def __init__(self, live: LiveFilms, size: int, *args: object, **keywords: object) -> None:
        cache = live.cache()
        share = size / live.films.shape[1]
        shrunk = FilmCache(
            Shrunk(live.films, size),
            Shrunk(live.bits, size),
            Scaled(live.content, share),
            live.known,
            live.present,
        )
        del cache
        super().__init__(shrunk, *args, **keywords)
        self.live = live

    def _synthetic_films(self, number: int) -> list[tuple[int, int]]:
        ready = self.live.ready()
        ready = ready[ready >= KEPT_BACK]
        groups = group_films(np.asarray(self.live.present[ready]))
        chosen = BalancedBatches(groups, self.shares.synthetic, seed=self.seed).batch(number)
        return [(int(ready[index]), seed) for index, seed in chosen]


class Scaled:
    """Edges of the content at another size."""

    def __init__(self, content: np.ndarray, share: float) -> None:
        self.content, self.share = content, share

    def __getitem__(self, index: int) -> np.ndarray:
        top, bottom, left, right = self.content[index] * self.share
        return np.array(
            [np.ceil(top), max(np.ceil(top) + 1, bottom // 1), np.ceil(left), right // 1], np.int32
        )
