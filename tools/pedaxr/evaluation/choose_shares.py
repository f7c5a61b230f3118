"""How much of the body an outline must fill to be a finding, chosen so that hardly any true one is lost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pedaxr_models.labels import FINDINGS, Finding

MOST_LOST = 0.02  # of the outlines on films that show the finding
# However large the true ones are: a small one on the next film is a finding, too.
MOST_SHARE: Mapping[str, float] = {
    Finding.PNEUMOPERITONEUM: 0.01,
    Finding.AIR_FLUID_LEVEL: 0.01,
    Finding.PYLORIC_STENOSIS: 0.05,
    Finding.ABDOMINAL_DISTENSION: 0.05,
    Finding.CONSTIPATION: 0.05,
}


@dataclass(frozen=True)
class Outlined:
    """A finding outlined on a film: the well-placed share of the body, and whether the film shows it."""

    finding: str
    share: float
    is_true: bool


def least_shares(outlined: Sequence[Outlined]) -> dict[str, float]:
    """By finding, the largest share below which at most 2 % of the true outlines lie, and no more than 5 %.

    Of free air and levels at most 1 %.
    """
    return {finding.value: _least_share(finding, outlined) for finding in FINDINGS}


def _least_share(finding: Finding, outlined: Sequence[Outlined]) -> float:
    true = sorted(one.share for one in outlined if one.finding == finding and one.is_true)
    if not true:
        return MOST_SHARE[finding]
    smallest = true[math.floor(MOST_LOST * len(true))]
    return min(MOST_SHARE[finding], math.floor(smallest * 1000) / 1000)
