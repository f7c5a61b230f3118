"""Batches of synthetic films, real abdomens and other pictures; batch n follows from (seed, n)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pedaxr_models.labels import CHANNELS
from pedaxr_models.segmentation.augmentation import Augmentation
from pedaxr_models.segmentation.data import FilmCache
from pedaxr_models.segmentation.mixed.looks import Content, add_margins, add_marks, lend_look
from pedaxr_models.segmentation.mixed.real_cache import RealFilms
from pedaxr_models.segmentation.transforms import normalise
from pedaxr_models.training.sampling import BalancedBatches, group_films

_ALL = np.uint32((1 << len(CHANNELS)) - 1)
# Real films are few: they are thrown about more than the thousands of synthetic ones.
SYNTHETIC = Augmentation(mirror=0.25, quarter_turn=0.1, makers=0.3)
REAL = Augmentation(rotation_degrees=25.0, log_scale=0.49, mirror=0.4, quarter_turn=0.08, makers=0.3)
_LOOK_OF_AN_ABDOMEN = 0.7  # of the lent looks


@dataclass(frozen=True)
class Shares:
    """What a batch is made of.

    Attributes:
        synthetic, abdomen, other: films of each.
        pasted: share of the abdomens that have free air put in, where there are such.
        lent: share of the synthetic films that take over the look of a real one, mostly of an abdomen.
        margins, marks: share of all films that get white margins, and letters and wires.
        kinds: how often each kind of the other pictures is drawn, next to the rest's 1.
    """

    synthetic: int = 5
    abdomen: int = 2
    other: int = 1
    pasted: float = 0.5
    lent: float = 0.6
    margins: float = 0.2
    marks: float = 0.35
    kinds: Mapping[str, float] = field(
        default_factory=lambda: {"chest": 1.4, "slice": 0.6, "crescent put in": 4.0}
    )

    def times(self, factor: int) -> "Shares":
        """The same in batches `factor` times as large."""
        counts = {name: getattr(self, name) * factor for name in ("synthetic", "abdomen", "other")}
        return Shares(**{**self.__dict__, **counts})


class MixedBatches(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Item n is batch n: films (B, 1, S, S), bit planes and unknown planes (B, S, S) int32."""

    def __init__(
        self, cache: FilmCache, real: RealFilms, shares: Shares, *, seed: int, skip: Sequence[str] = ()
    ) -> None:
        """Batches of the films of `cache` and of `real`, but for those of the children in `skip`."""
        self.cache, self.real, self.shares, self.seed = cache, real, shares, seed
        kept = np.array([film.child not in skip for film in real.of])
        abdomen = np.array([film.is_abdomen for film in real.of]) & kept
        self.untouched = _by_film(real, abdomen & ~real.is_pasted)
        self.pasted = _by_film(real, abdomen & real.is_pasted)
        kinds = np.array([film.kind for film in real.of])
        others = sorted(set(kinds[~np.array([f.is_abdomen for f in real.of]) & kept]))
        self.others = {kind: np.flatnonzero((kinds == kind) & kept) for kind in others}
        self.looks = [np.flatnonzero(abdomen & ~real.is_pasted), np.concatenate([*self.others.values()])]
        self.looks = [films for films in self.looks if len(films)]

    def __len__(self) -> int:
        return 2**31

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, 77, number))
        chosen = self._synthetic_films(number)
        items = [self._synthetic(index, np.random.default_rng(seed)) for index, seed in chosen]
        items += [self._distorted(self._abdomen(rng), rng) for _ in range(self.shares.abdomen)]
        items += [self._distorted(self._other(rng), rng) for _ in range(self.shares.other)]
        films, bits, unknown = zip(*items, strict=True)
        stacked = [torch.from_numpy(np.stack(each).view(np.int32)) for each in (bits, unknown)]
        return torch.from_numpy(np.stack(films))[:, None], stacked[0], stacked[1]

    def _synthetic_films(self, number: int) -> list[tuple[int, int]]:
        groups = group_films(np.asarray(self.cache.present))
        return BalancedBatches(groups, self.shares.synthetic, seed=self.seed).batch(number)

    def _abdomen(self, rng: np.random.Generator) -> int:
        """Of a film drawn evenly; with free air in half of the cases where it can have some."""
        use_pasted = bool(self.pasted) and rng.random() < self.shares.pasted
        groups = self.pasted if use_pasted else self.untouched
        return int(rng.choice(groups[int(rng.integers(len(groups)))]))

    def _other(self, rng: np.random.Generator) -> int:
        weights = np.array([self.shares.kinds.get(kind, 1.0) for kind in self.others])
        kind = rng.choice(list(self.others), p=weights / weights.sum())
        return int(rng.choice(self.others[str(kind)]))

    def _synthetic(
        self, index: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint32], NDArray[np.uint32]]:
        film, bits = np.array(self.cache.films[index]), np.array(self.cache.bits[index])
        content = _edges(self.cache.content[index])
        if self.looks and rng.random() < self.shares.lent:
            other = int(rng.choice(self.looks[0 if rng.random() < _LOOK_OF_AN_ABDOMEN else -1]))
            lent = _edges(self.real.content[other])
            film = lend_look(film, content, self.real.films[other], lent, rng)
        unknown = np.full(bits.shape, _ALL & ~self.cache.known[index], np.uint32)
        film, (bits, unknown) = SYNTHETIC.distort(film, [bits, unknown], rng)
        return self._finished(film, [bits, unknown], content, rng)

    def _distorted(
        self, index: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint32], NDArray[np.uint32]]:
        real = self.real
        film, planes = REAL.distort(real.films[index], [real.bits[index], real.unknown[index]], rng)
        return self._finished(film, planes, _edges(real.content[index]), rng)

    def _finished(
        self,
        film: NDArray[np.uint8],
        planes: list[NDArray[np.uint32]],
        content: Content,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float32], NDArray[np.uint32], NDArray[np.uint32]]:
        top, bottom, left, right = content
        if rng.random() < self.shares.margins:
            film, planes = add_margins(film, planes, content, rng)
        if rng.random() < self.shares.marks:
            film = add_marks(film, rng)
        levelled = normalise(np.asarray(film / 255, np.float32), (slice(top, bottom), slice(left, right)))
        return levelled, planes[0], planes[1]


def _edges(content: NDArray[np.int32]) -> Content:
    top, bottom, left, right = (int(edge) for edge in content)
    return top, bottom, left, right


def _by_film(real: RealFilms, chosen: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    names = [film.id if is_one else "" for film, is_one in zip(real.of, chosen, strict=True)]
    return [np.flatnonzero(np.array(names) == name) for name in sorted(set(names) - {""})]
