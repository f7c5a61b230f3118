"""Which films make up each training batch: every finding as often as any other, free air more often."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import CHANNELS, FINDINGS, NORMAL, Finding

# Of real films beside synthetic ones: those with free air, most of it put in, as often as all others.
REAL_FREE_AIR, REAL_OTHERS = "real, free air", "real, no free air"
GROUP_WEIGHTS: Mapping[str, float] = {
    **dict.fromkeys((f.value for f in FINDINGS), 1.0),
    NORMAL: 1.0,
    Finding.PNEUMOPERITONEUM.value: 2.0,
    REAL_FREE_AIR: 1.0,
    REAL_OTHERS: 1.0,
}


def group_films(present: NDArray[np.uint32]) -> dict[str, NDArray[np.intp]]:
    """Indices of the films that show each finding, and of those that show none.

    Args:
        present: (N,) bit planes found anywhere on the film, bit i is `CHANNELS[i]`.
    """
    groups: dict[str, NDArray[np.intp]] = {}
    abnormal = np.zeros(len(present), bool)
    for finding in FINDINGS:
        shows = present >> np.uint32(CHANNELS.index(finding)) & np.uint32(1) > 0
        abnormal |= shows
        groups[finding.value] = np.flatnonzero(shows)
    groups[NORMAL] = np.flatnonzero(~abnormal)
    return {name: members for name, members in groups.items() if len(members)}


class BalancedBatches:
    """Endless batches of (film, augmentation seed); batch n follows from (seed, n): runs resume exactly.

    Of several processes each begins at its own `first` and takes every `stride`th batch.
    """

    def __init__(
        self,
        groups: Mapping[str, NDArray[np.intp]],
        batch_size: int,
        *,
        seed: int,
        first: int = 0,
        stride: int = 1,
    ) -> None:
        self.groups = [members for _, members in sorted(groups.items())]
        weights = np.array([GROUP_WEIGHTS[name] for name, _ in sorted(groups.items())])
        self.shares = weights / weights.sum()
        self.batch_size = batch_size
        self.seed = seed
        self.first = first
        self.stride = stride

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        number = self.first
        while True:
            yield self.batch(number)
            number += self.stride

    def batch(self, number: int) -> list[tuple[int, int]]:
        """The films and augmentation seeds of one batch."""
        rng = np.random.default_rng((self.seed, number))
        drawn = rng.choice(len(self.groups), self.batch_size, p=self.shares)
        seeds = rng.integers(2**31, size=self.batch_size)
        return [(int(rng.choice(self.groups[g])), int(s)) for g, s in zip(drawn, seeds, strict=True)]
