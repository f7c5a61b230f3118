"""Two classifiers too simple to learn anatomy, to find what gives a label away: linear and Gaussian ridge.

Both are solved in the dual, so that a feature vector may be longer than there are films.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # times the mean diagonal of the kernel


def cross_validated(features: Floats, labels: Ints, groups: Ints, *, folds: int = 5, seed: int = 0) -> Ints:
    """The label that each film gets from films of other groups, by each classifier, (2, n).

    Args:
        features: (n, d).
        labels: (n,) classes from 0.
        groups: (n,) films of one group, here one patient, are never on both sides.
        folds: parts that groups are dealt into.
        seed: of the dealing.
    """
    names = np.unique(groups)
    dealt = np.random.default_rng(seed).permutation(len(names)) % folds
    fold_of = dict(zip(names.tolist(), dealt.tolist(), strict=True))
    fold = np.array([fold_of[group] for group in groups.tolist()])
    guessed = np.zeros((2, len(labels)), np.intp)
    for number in range(folds):
        train, held = fold != number, fold == number
        if not train.any() or not held.any():
            continue
        seen, unseen = _standardised(features, train)
        for row, gaussian in enumerate((False, True)):
            guessed[row, held] = _classify(seen, labels[train], unseen[held], gaussian=gaussian)
    return guessed


def _standardised(features: Floats, train: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Training films, and all films, on the scale of the training films; a constant column counts nothing."""
    mean, spread = features[train].mean(0), features[train].std(0)
    scaled = (features - mean) / np.where(spread > 1e-9, spread, np.inf)
    return scaled[train], scaled


def _classify(seen: Floats, labels: Ints, unseen: Floats, *, gaussian: bool) -> Ints:
    """Ridge regression on one-hot labels with the penalty of the best leave-one-out accuracy."""
    kernel, across = _kernels(seen, unseen, gaussian=gaussian)
    targets = np.eye(int(labels.max()) + 1)[labels]
    shares = targets.mean(0)
    values, vectors = np.linalg.eigh(kernel)
    rotated = vectors.T @ (targets - shares)
    scale = max(float(np.trace(kernel)) / len(kernel), 1e-12)  # zero where every film looks the same
    best_hits, best_weights = -1.0, rotated
    for penalty in _PENALTIES:
        shrunk = 1 / (np.clip(values, 0, None) + penalty * scale)
        weights = vectors @ (shrunk[:, None] * rotated)
        diagonal = (vectors**2) @ shrunk  # leave-one-out residual: weights / diagonal of the inverse
        left_out = (targets - shares) - weights / diagonal[:, None] + shares
        hits = float((left_out.argmax(1) == labels).mean())
        if hits > best_hits:
            best_hits, best_weights = hits, weights
    return np.asarray((across @ best_weights + shares).argmax(1), np.intp)


def _kernels(seen: Floats, unseen: Floats, *, gaussian: bool) -> tuple[Floats, Floats]:
    if not gaussian:
        return seen @ seen.T, unseen @ seen.T
    inner, outer = _squared_distances(seen, seen), _squared_distances(unseen, seen)
    width = float(np.median(inner[inner > 0])) if (inner > 0).any() else 1.0
    return np.exp(-inner / width), np.exp(-outer / width)


def _squared_distances(a: Floats, b: Floats) -> Floats:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.clip(squares, 0, None), np.float64)
