"""The figures of a hospital's quality page, from films that were read and compared with what is known."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist, fmean

import numpy as np

from pedaxr.evaluation.local.judge import Judged
from pedaxr.evaluation.reports import Share
from pedaxr_models.labels import FINDINGS, Finding

FEWEST = 20  # of either kind, under which a share proves nothing
_RESAMPLES = 1000
_USUAL_TAIL = 0.05  # of the reference films lie beyond this much surprise
GROUPS = ("age", "view", "device", "month")
_POWER, _LEVEL = 0.8, 0.05


@dataclass(frozen=True)
class Mean:
    """A mean over films with its 95 % interval (bootstrap over films); None of no films."""

    films: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class FindingFigures:
    """One finding.

    Attributes:
        sensitivity: of films that show it, those on which the report names it.
        specificity: of films known not to show it, those on which it does not.
        dice: over films on which a human outlined it.
    """

    name: str
    sensitivity: Share
    specificity: Share
    dice: Mean

    @property
    def false_per_100(self) -> float | None:
        """False alarms of this finding per 100 films without it."""
        share = self.specificity.value
        return None if share is None else round(100 * (1 - share), 1)


@dataclass(frozen=True)
class Bin:
    """Films whose reports were about as confident: the confidence they stated, and how many were right."""

    stated: float
    right: Share


@dataclass(frozen=True)
class Drift:
    """One measure of the films' look, against the films that the operating points were chosen on.

    Attributes:
        beyond: films that are odder than 95 % of those; 5 % are expected.
        p: of that many or more, if nothing had changed (binomial, one-sided).
    """

    measure: str
    beyond: Share
    p: float


@dataclass(frozen=True)
class LocalFigures:
    """All of it.

    Attributes:
        films, children: judged.
        findings: in the order of the vocabulary.
        right: reports that name exactly the true findings, of those that are known.
        read: films that were neither refused nor left without a finding for doubt.
        false_critical: films known to show no free air whose report is critical.
        missed_critical: films that show free air whose report is not.
        bins: by stated confidence, rising; error: their expected calibration error.
        groups: by name of a grouping, by group: (films, right).
        drift: by measure.
        difference: films needed to tell a change of so many points in the share of right reports.
    """

    films: int
    children: int
    findings: tuple[FindingFigures, ...]
    right: Share
    read: Share
    false_critical: Share
    missed_critical: Share
    bins: tuple[Bin, ...]
    calibration_error: float | None
    groups: Mapping[str, Mapping[str, tuple[Share, Share]]]
    drift: tuple[Drift, ...]
    difference: Mapping[int, int]

    def to_json(self) -> dict[str, object]:
        """Counts, shares and intervals."""
        shares = ("right", "read", "false_critical", "missed_critical")
        return {
            "films": self.films,
            "children": self.children,
            "findings": {
                one.name: {
                    "sensitivity": one.sensitivity.to_json(),
                    "specificity": one.specificity.to_json(),
                    "false_per_100": one.false_per_100,
                    "dice": asdict(one.dice),
                }
                for one in self.findings
            },
            **{name: getattr(self, name).to_json() for name in shares},
            "calibration": [{"stated": b.stated, "right": b.right.to_json()} for b in self.bins],
            "calibration_error": self.calibration_error,
            "groups": {
                name: {
                    group: {"right": r.to_json(), "false_alarm": f.to_json()}
                    for group, (r, f) in rows.items()
                }
                for name, rows in self.groups.items()
            },
            "drift": [{"measure": d.measure, "beyond": d.beyond.to_json(), "p": d.p} for d in self.drift],
            "films_to_tell_a_difference": {str(points): n for points, n in self.difference.items()},
        }


def local_figures(judged: Sequence[Judged], *, seed: int = 0) -> LocalFigures:
    """Of films of which something is known; the seed draws the bootstrap."""
    read = [film for film in judged if not film.refused]
    right = Share("reports with exactly the true findings", sum(f.is_right for f in judged), len(judged))
    plain = sum(not f.refused and not f.is_in_doubt for f in judged)
    return LocalFigures(
        films=len(judged),
        children=len({film.patient for film in judged}),
        findings=tuple(_finding_figures(finding, judged, seed) for finding in FINDINGS),
        right=right,
        read=Share("films read without doubt", plain, len(judged)),
        false_critical=_critical(judged, shows=False),
        missed_critical=_critical(judged, shows=True),
        bins=_bins(read),
        calibration_error=_calibration_error(_bins(read)),
        groups={name: _by_group(judged, name) for name in GROUPS},
        drift=_drift(read),
        difference={points: films_to_tell(right.value, points / 100) for points in (5, 10, 20)},
    )


def _finding_figures(finding: Finding, judged: Sequence[Judged], seed: int) -> FindingFigures:
    name = finding.value
    known = [film for film in judged if name in film.known]
    shown = [film for film in known if name in film.true]
    others = [film for film in known if name not in film.true]
    dices = [film.dice[name] for film in shown if name in film.dice]
    return FindingFigures(
        name,
        Share("sensitivity", sum(name in film.told for film in shown), len(shown)),
        Share("specificity", sum(name not in film.told for film in others), len(others)),
        mean_of(dices, seed=seed),
    )


def mean_of(values: Sequence[float], *, seed: int = 0) -> Mean:
    """With an interval over what is averaged."""
    if not values:
        return Mean(0, None, None, None)
    drawn = np.random.default_rng(seed).choice(np.array(values), (_RESAMPLES, len(values)))
    low, high = np.percentile(drawn.mean(axis=1), (2.5, 97.5))
    return Mean(len(values), round(fmean(values), 4), round(float(low), 4), round(float(high), 4))


def _critical(judged: Sequence[Judged], *, shows: bool) -> Share:
    air = Finding.PNEUMOPERITONEUM.value
    known = [film for film in judged if air in film.known and (air in film.true) is shows]
    wrong = sum(film.is_critical is not shows for film in known)
    name = (
        "films with free air whose report is not critical" if shows else "critical reports without free air"
    )
    return Share(name, wrong, len(known))


def _bins(read: Sequence[Judged], most: int = 5) -> tuple[Bin, ...]:
    told = sorted(
        ((f.confidence, f.is_right) for f in read if f.confidence is not None), key=lambda one: one[0]
    )
    size = max(1, math.ceil(len(told) / most))
    parts = [told[at : at + size] for at in range(0, len(told), size)]
    return tuple(
        Bin(round(fmean(sure for sure, _ in part), 3), Share("right", sum(ok for _, ok in part), len(part)))
        for part in parts
    )


def _calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error (Guo et al., 2017)."""
    total = sum(one.right.of for one in bins)
    gaps = [abs(one.stated - (one.right.value or 0.0)) * one.right.of for one in bins]
    return round(sum(gaps) / total, 3) if total else None


def _by_group(judged: Sequence[Judged], name: str) -> dict[str, tuple[Share, Share]]:
    """By group, right reports, and films on which a finding is named that is known not to be there."""
    of = {film.groups.get(name, "unknown") for film in judged}
    rows = {}
    for group in sorted(of, key=_group_order):
        films = [film for film in judged if film.groups.get(name, "unknown") == group]
        false = sum(bool(set(f.told) & set(f.known) - set(f.true)) for f in films)
        right = Share("right", sum(film.is_right for film in films), len(films))
        rows[group] = (right, Share("false alarm", false, len(films)))
    return rows


def _group_order(group: str) -> tuple[int, str]:
    bands = ("under 1 month", "1 to 11 months", "1 to 2 years", "3 to 11 years", "12 years and older")
    return (bands.index(group) if group in bands else len(bands) + (group == "unknown"), group)


def _drift(read: Sequence[Judged]) -> tuple[Drift, ...]:
    limit = -math.log(_USUAL_TAIL)
    names = dict.fromkeys(name for film in read for name in film.oddness)
    found = []
    for name in names:
        values = [film.oddness[name] for film in read if name in film.oddness]
        beyond = sum(value > limit for value in values)
        p = _at_least(beyond, len(values), _USUAL_TAIL)
        found.append(Drift(name, Share("beyond", beyond, len(values)), round(p, 4)))
    return tuple(found)


def _at_least(count: int, of: int, share: float) -> float:
    """Chance of so many or more of `of`, each having this share (binomial)."""

    def chance(k: int) -> float:
        ways = math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        return math.exp(ways + k * math.log(share) + (of - k) * math.log(1 - share))

    return min(1.0, max(0.0, 1 - sum(chance(k) for k in range(count))))


def films_to_tell(share: float | None, change: float) -> int:
    """Films of each period that tell such a change of a share, with a power of .8 at a level of .05.

    Two independent groups, two-sided (Fleiss, 1981), without continuity correction.
    """
    p = min(0.99, max(0.01, 0.5 if share is None else share))
    q = p - change if p - change > 0.005 else p + change
    normal = NormalDist()
    middle = (p + q) / 2
    a = normal.inv_cdf(1 - _LEVEL / 2) * math.sqrt(2 * middle * (1 - middle))
    b = normal.inv_cdf(_POWER) * math.sqrt(p * (1 - p) + q * (1 - q))
    return math.ceil(((a + b) / change) ** 2)


def worst(judged: Sequence[Judged], most: int = 12) -> list[Judged]:
    """What to look at first: missed free air, false critical reports, other wrong findings, poor outlines."""
    ranked = [(badness(film), film) for film in judged]
    return [film for bad, film in sorted(ranked, key=lambda one: -one[0])[:most] if bad > 0]


def badness(film: Judged) -> float:
    """How wrong a report is; 0 where it is right and the outlines are fair."""
    air = Finding.PNEUMOPERITONEUM.value
    if air in film.true and not film.is_critical:
        return 10.0
    bad = 5.0 if film.is_critical and air in film.known and air not in film.true else 0.0
    bad += 2.0 * len(set(film.true) - set(film.told)) + len(set(film.told) & set(film.known) - set(film.true))
    return bad + sum(max(0.0, 0.5 - dice) for dice in film.dice.values())
