"""How unlike abdominal films a film is, by several measures at once.

Many a film is a little odd in one way; what is odd in several ways is none. For each measure the tail of
good films says how many are as odd, and the surprises add up (Fisher's method of combining tests, 1932).
Tables and limit come from good films alone; which measures are looked at was settled on strangers of one
seed.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

Table = tuple[tuple[float, ...], ...]


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
