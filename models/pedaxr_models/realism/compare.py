"""Real against synthetic films: how well a simple classifier, or a single statistic, tells them apart."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.realism.features import patches_of
from pedaxr_models.realism.statistics import STATISTICS, measure_film

Floats = NDArray[np.float64]
FloatArray = NDArray[np.float32]
Features = Callable[[Sequence[FloatArray]], Floats]
Progress = Callable[[int, int], None]

_PENALTY = 0.1  # times the mean diagonal of the kernel
_DRAWS = 400
_PATCHES = 4
_FOLDS = 5


@dataclass(frozen=True)
class Told:
    """Area under the ROC curve of real against synthetic: 0.5 is chance, 1 perfect; interval over sources."""

    auc: float
    low: float
    high: float


@dataclass(frozen=True)
class Tell:
    """One statistic: how well it alone tells, and its medians."""

    name: str
    told: Told
    real: float
    made: float


@dataclass(frozen=True)
class Realism:
    """Result of a comparison; `tells` with the plainest first."""

    real_films: int
    made_films: int
    whole: Told
    patches: Told
    tells: tuple[Tell, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def compare(
    real: Sequence[FloatArray],
    made: Sequence[FloatArray],
    features: Features,
    *,
    real_sources: Sequence[str] = (),
    made_sources: Sequence[str] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> Realism:
    """Compare two sets of films, each (H, W) float32 in 0..1.

    Args:
        real: at least five, better fifty.
        made: as many or more.
        features: (n pictures) to (n, d), such as `ImageNetFeatures`.
        real_sources: child or hospital of each real film; films of one source are never on both sides.
        made_sources: likewise.
        seed: of folds and patches.
        progress: called with (films done, films in all).

    Raises:
        ValueError: fewer than five films or sources of either kind.
    """
    films = [*real, *made]
    groups = _groups(real, made, real_sources, made_sources)
    is_real = np.arange(len(films)) < len(real)
    if min(len(set(groups[is_real])), len(set(groups[~is_real]))) < _FOLDS:
        raise ValueError("A comparison needs five real films and five synthetic ones, of different sources.")
    rng = np.random.default_rng(seed)
    whole: list[Floats] = []
    parts: list[Floats] = []
    owners: list[int] = []
    rows: list[list[float]] = []
    for number, film in enumerate(films):
        pieces = patches_of(film, _PATCHES, rng)
        seen = features([film, *pieces])
        whole.append(seen[0])
        parts.extend(seen[1:])
        owners.extend([number] * len(pieces))
        rows.append(list(measure_film(film).values()))
        if progress is not None:
            progress(number + 1, len(films))
    scores = cross_validated_scores(np.array(whole), is_real, groups, seed=seed)
    of_parts = np.array(owners)
    part_scores = cross_validated_scores(np.array(parts), is_real[of_parts], groups[of_parts], seed=seed)
    shown = np.unique(of_parts)
    per_film = np.array([part_scores[of_parts == i].mean() for i in shown])
    return Realism(
        real_films=len(real),
        made_films=len(made),
        whole=told(scores, is_real, groups, seed=seed),
        patches=told(per_film, is_real[shown], groups[shown], seed=seed),
        tells=_tells(np.array(rows), is_real, groups, seed),
    )


def _groups(
    real: Sequence[FloatArray],
    made: Sequence[FloatArray],
    real_sources: Sequence[str],
    made_sources: Sequence[str],
) -> NDArray[np.str_]:
    """Films of one name are of one child, on either side: findings put into a real film, say."""
    named = list(real_sources) or [f"real {i}" for i in range(len(real))]
    return np.array([*named, *(list(made_sources) or [f"made {i}" for i in range(len(made))])])


def _tells(rows: Floats, is_real: NDArray[np.bool_], groups: NDArray[np.str_], seed: int) -> tuple[Tell, ...]:
    found = []
    for name, values in zip(STATISTICS, rows.T, strict=True):
        result = told(values, is_real, groups, seed=seed)
        if result.auc < 0.5:
            result = Told(1 - result.auc, 1 - result.high, 1 - result.low)
        found.append(
            Tell(name, result, float(np.median(values[is_real])), float(np.median(values[~is_real])))
        )
    return tuple(sorted(found, key=lambda tell: -tell.told.auc))


def cross_validated_scores(
    features: Floats, is_real: NDArray[np.bool_], groups: NDArray[np.str_], *, seed: int = 0
) -> Floats:
    """Score of each row by ridge regression (dual) on rows of other groups; higher is more real, (n,)."""
    rng, dealt = np.random.default_rng(seed), dict[str, int]()
    for side in (True, False):  # real and synthetic are dealt out separately, so that every fold holds both
        names = sorted({str(g) for g in groups[is_real == side]} - set(dealt))
        dealt |= dict(zip(names, (rng.permutation(len(names)) % _FOLDS).tolist(), strict=True))
    fold = np.array([dealt[str(group)] for group in groups])
    scores = np.zeros(len(groups))
    for number in range(_FOLDS):
        train, held = fold != number, fold == number
        scores[held] = _ridge(features[train], is_real[train], features[held])
    return scores


def _ridge(seen: Floats, is_real: NDArray[np.bool_], unseen: Floats) -> Floats:
    """Both classes weigh the same, however many films each has; scores are comparable between folds."""
    mean, spread = seen.mean(0), seen.std(0)
    scale = np.where(spread > 1e-9, spread, np.inf)
    a, b = (seen - mean) / scale, (unseen - mean) / scale
    weight = np.where(is_real, 0.5 / is_real.mean(), 0.5 / (~is_real).mean())
    kernel = a @ a.T
    penalty = _PENALTY * max(float(np.trace(kernel)) / len(kernel), 1e-12)
    target = np.where(is_real, 1.0, -1.0)
    solved = np.linalg.solve(kernel + penalty * np.diag(1 / weight), target)
    return np.asarray(b @ a.T @ solved)


def told(scores: Floats, is_real: NDArray[np.bool_], groups: NDArray[np.str_], *, seed: int = 0) -> Told:
    """AUC with a bootstrap interval over groups of each kind."""
    rng = np.random.default_rng(seed)
    rows = {name: np.flatnonzero(groups == name) for name in np.unique(groups)}
    kinds = [sorted({str(g) for g in groups[is_real == side]}) for side in (True, False)]
    drawn = []
    for _ in range(_DRAWS):
        real, made = (
            np.concatenate([rows[names[i]] for i in rng.integers(len(names), size=len(names))])
            for names in kinds
        )
        drawn.append(_auc(scores[real], scores[made]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Told(_auc(scores[is_real], scores[~is_real]), float(low), float(high))


def _auc(real: Floats, made: Floats) -> float:
    """Share of pairs in which the real one scores higher; ties count half."""
    ordered = np.sort(made)
    below = np.searchsorted(ordered, real, "left") + np.searchsorted(ordered, real, "right")
    return float(below.mean() / (2 * len(made)))
