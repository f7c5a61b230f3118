"""How unlike abdominal films a film is, by several measures at once: how odd it is, and what it is like.

Many films are slightly unusual in one way; an image that is unusual in several ways is not a film. For each
measure, the tail of good films says how many are as unusual; the tail probabilities are combined (Fisher's
method, 1932). Tables and limit come from good films alone; the choice of measures was made on
out-of-distribution images of one seed.

A picture is characterised by how much of each channel is outlined, how surely, and where: a chest shows
lungs and a heart that fill the field, a bone no spine, a slice a spine of a few pixels; a film of a newborn
shows the whole chest and an abdomen below it. A linear rule, learned on real pictures and synthetic films,
tells them apart where no single figure does.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import CHANNELS

if TYPE_CHECKING:
    from pedaxr_models.segmentation.film_segmenter import Segmentation

Table = tuple[tuple[float, ...], ...]
_STEP = 4  # every fourth row and column says as much
_LEAST = 1e-4  # share of the film under which a channel is not there, and lies nowhere

# By name of a figure: what it is in the middle, how far it spreads, and what a spread more counts for.
Rule = Mapping[str, tuple[float, float, float]]
BIAS = "bias"


def oddness(measures: Mapping[str, float], tables: Mapping[str, Table]) -> float:
    """The sum of the surprises, 0 or more; 0 without tables.

    Args:
        measures: of one film, each larger where it is odder.
        tables: by name of the measure, of `surprise_table`.
    """
    return sum(_surprise(value, tables[name]) for name, value in measures.items() if tables.get(name))


def _surprise(value: float, table: Table) -> float:
    values, surprises = zip(*table, strict=True)
    return float(np.interp(value, values, surprises))


def surprise_table(good: Sequence[float]) -> Table:
    """Values of a measure and the surprise of each: minus the logarithm of the share that is as odd.

    Of good films' values some order statistics, closer together in the upper tail; beyond all of them the
    surprise is that of a film that no good one equals.
    """
    odd_first = sorted(good, reverse=True)
    ranks = sorted({min(len(odd_first), 2**step) for step in range(len(odd_first).bit_length() + 1)})
    table = {odd_first[rank - 1]: math.log((len(good) + 1) / (rank + 1)) for rank in ranks}
    beyond = odd_first[0] + max(1e-3, 0.02 * (odd_first[0] - odd_first[-1]))
    table[beyond] = math.log(len(good) + 1)
    return tuple((round(value, 4), round(surprise, 3)) for value, surprise in sorted(table.items()))


def figures_of(segmentation: "Segmentation") -> dict[str, float]:
    """The figures of a film that is segmented: see `plane_figures`."""
    rows, columns = segmentation.letterbox.content
    return plane_figures(segmentation.probabilities[:, rows, columns][:, ::_STEP, ::_STEP])


def plane_figures(probabilities: NDArray[np.float32]) -> dict[str, float]:
    """By channel: the root of its share of the film, its height on the film, and how unsure it is.

    Args:
        probabilities: (len(CHANNELS), h, w) of what of the frame holds the film.
    """
    figures = {}
    heights = np.linspace(0, 1, probabilities.shape[1])[:, None]
    for channel, plane in zip(CHANNELS, probabilities.astype(np.float64), strict=True):
        share = float(plane.mean())
        is_there = share > _LEAST
        figures[f"{channel} share"] = math.sqrt(share)
        figures[f"{channel} height"] = float((plane * heights).mean() / share) if is_there else 0.5
        figures[f"{channel} unsure"] = float((plane * (1 - plane)).mean() / share) if is_there else 0.5
    return figures


def likeness(figures: Mapping[str, float], rule: Rule) -> float:
    """Log-odds that the picture is an abdominal film; infinite without a rule."""
    if not rule:
        return math.inf
    told = rule[BIAS][2]
    for name, (middle, spread, weight) in rule.items():
        if name != BIAS:
            told += weight * float(np.clip((figures[name] - middle) / spread, -4, 4))
    return told


def learn_rule(
    figures: list[Mapping[str, float]], is_abdomen: NDArray[np.bool_], *, shrink: float = 1.0
) -> dict[str, tuple[float, float, float]]:
    """Logistic regression with a quadratic penalty; both kinds count alike, whatever their number.

    Args:
        figures: of each picture.
        is_abdomen: (N,) what each is; both kinds must be there.
        shrink: strength of the penalty, next to one picture's loss.
    """
    names = list(figures[0])
    table = np.array([[one[name] for name in names] for one in figures])
    middle, spread = table.mean(axis=0), table.std(axis=0) + 1e-3
    scaled = np.clip((table - middle) / spread, -4, 4)
    design = np.column_stack([scaled, np.ones(len(scaled))])
    counts = np.where(is_abdomen, 0.5 / is_abdomen.sum(), 0.5 / (~is_abdomen).sum()) * len(scaled)
    penalty = np.diag([shrink] * len(names) + [0.0])
    weights = np.zeros(design.shape[1])
    for _ in range(30):  # Newton's steps
        p = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (counts * (p - is_abdomen)) + penalty @ weights
        bend = (design * (counts * p * (1 - p))[:, None]).T @ design + penalty + 1e-6 * np.eye(len(weights))
        weights = weights - np.linalg.solve(bend, slope)
    rule = {
        name: (round(float(m), 5), round(float(s), 5), round(float(w), 4))
        for name, m, s, w in zip(names, middle, spread, weights, strict=False)
    }
    return rule | {BIAS: (0.0, 1.0, round(float(weights[-1]), 4))}
