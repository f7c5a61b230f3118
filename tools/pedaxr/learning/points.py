"""Operating points chosen again on a few films, and drawn back towards those in use the fewer there are.

The gate stays as it is: what is no abdominal film is not learned from corrected abdominal films.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pedaxr.evaluation import choose_operating_points as choosing
from pedaxr.evaluation.choose_operating_points import Seen
from pedaxr.evaluation.choose_shares import least_shares
from pedaxr.reading.ood_score import Table
from pedaxr.reading.operating_points import OperatingPoints
from pedaxr_models.labels import FINDINGS

# So many films weigh as much as what was known before; of a point by finding, films that show it.
HALF_WAY, HALF_WAY_SHOWN = 100, 30


def shrunk_points(
    seen: Sequence[Seen], before: OperatingPoints, weights: Mapping[str, str]
) -> OperatingPoints:
    """The points that the films ask for, each on the way to it from where it was, by how many films ask.

    Args:
        seen: validation films as the new weights see them.
        before: points in use.
        weights: by network, SHA-256 of the new ones.
    """
    if not seen:
        return replace(before, weights=weights)
    share = len(seen) / (len(seen) + HALF_WAY)
    shown = {f.value: sum(f.value in film.true for film in seen) for f in FINDINGS}
    by_finding = {name: count / (count + HALF_WAY_SHOWN) for name, count in shown.items()}
    suspicion = choosing.free_air_suspicion(seen) if shown["pneumoperitoneum"] else before.free_air_suspicion
    support = {f.value: choosing.least_support(f, seen) for f in FINDINGS}
    excluded = {f.value: choosing.not_excluded(f, seen) for f in FINDINGS}
    areas = least_shares([one for film in seen for one in film.outlined])
    return replace(
        before,
        free_air_suspicion=_between(before.free_air_suspicion, suspicion, by_finding["pneumoperitoneum"]),
        least_confidence=_between(before.least_confidence, choosing.least_confidence(seen), share),
        least_support=_each(before.least_support, support, by_finding),
        not_excluded=_each(before.not_excluded, excluded, by_finding),
        least_share=_each(before.least_share, areas, by_finding),
        confidence_curve=_curve(before.confidence_curve, choosing.confidence_curve(seen), share),
        weights=weights,
    )


def _between(before: float, asked: float, share: float) -> float:
    return round(before + share * (asked - before), 4)


def _each(
    before: Mapping[str, float], asked: Mapping[str, float], shares: Mapping[str, float]
) -> dict[str, float]:
    """Findings that had no point get none: a few films are no reason for one."""
    return {name: _between(was, asked.get(name, was), shares[name]) for name, was in before.items()}


def _curve(before: Table, asked: Table, share: float) -> Table:
    """Between two rising curves, at the places of both."""
    if not before or not asked:
        return before
    places = sorted({pair[0] for pair in (*before, *asked)})
    ends = [np.interp(places, *np.array(curve).T) for curve in (before, asked)]
    mixed = ends[0] + share * (ends[1] - ends[0])
    return tuple((round(float(x), 4), round(float(y), 4)) for x, y in zip(places, mixed, strict=True))
