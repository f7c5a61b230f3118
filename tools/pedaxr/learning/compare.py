"""The same held-out films before and after learning: what got better, what got worse, and the verdict."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean
from typing import Literal

import numpy as np

from pedaxr.evaluation.local.judge import Judged
from pedaxr_models.labels import FINDINGS, Finding

Verdict = Literal["better", "worse", "unproven"]
FEWEST = 20  # held-out films, under which nothing is proven
_RESAMPLES = 2000
_SAME_DICE = 0.005  # less of a difference is none
_MOVED = 0.1  # of a probability
_AIR = Finding.PNEUMOPERITONEUM.value


@dataclass(frozen=True)
class Change:
    """One figure on the same films, before and after.

    Attributes:
        films: that it is of.
        before, after: means over them; None of no films.
        low, high: 95 % interval of the difference (paired bootstrap over films).
    """

    name: str
    films: int
    before: float | None
    after: float | None
    low: float | None = None
    high: float | None = None

    @property
    def difference(self) -> float:
        """After less before; 0 of no films."""
        return 0.0 if self.before is None or self.after is None else self.after - self.before

    def told(self, *, counts: bool = False) -> str:
        """As in "30 of 40 -> 32 of 40", or "0.794 -> 0.869", with the interval of the difference."""
        if self.before is None or self.after is None:
            return f"{self.name}: no held-out film says"
        ends = [
            f"{round(mean * self.films)} of {self.films}" if counts else f"{mean:.3f}"
            for mean in (self.before, self.after)
        ]
        return f"{self.name}: {ends[0]} -> {ends[1]} (difference {self.low:+.3f} to {self.high:+.3f})"


@dataclass(frozen=True)
class Comparison:
    """All of it.

    Attributes:
        dice: of the findings that the film shows and a human outlined, mean by film.
        by_finding: the same by finding.
        right: reports with exactly the true findings.
        false_critical: critical reports on films known to show no free air.
        missed_critical: films with free air whose report is not critical.
        writer_moved: films on which the report writer's probability of a finding moved by more than .1.
        verdict: "unproven" where nothing got worse, and too little is known or changed to call it better.
        reasons: for it.
    """

    films: int
    dice: Change
    by_finding: tuple[Change, ...]
    right: Change
    false_critical: Change
    missed_critical: Change
    writer_moved: int
    verdict: Verdict
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Plain."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a terminal or a card."""
        return [
            f"held-out films: {self.films}",
            self.dice.told(),
            *(change.told() for change in self.by_finding if change.films),
            self.right.told(counts=True),
            self.false_critical.told(counts=True),
            self.missed_critical.told(counts=True),
            f"report writer moved on: {self.writer_moved} of {self.films}",
            f"verdict: {self.verdict}. {' '.join(self.reasons)}",
        ]


def comparison_table(found: Comparison) -> str:
    """In Markdown: the figures before and after, and the interval of the difference."""
    rows = [(change, False) for change in (found.dice, *found.by_finding) if change.films]
    rows += [(change, True) for change in (found.right, found.false_critical, found.missed_critical)]
    lines = [_row(change, are_counts) for change, are_counts in rows if change.films]
    head = (
        f"| {found.films} held-out films | of | before | after | difference (95 %) |\n|---|---|---|---|---|"
    )
    return "\n".join([head, *lines, "", f"Verdict: **{found.verdict}**. {' '.join(found.reasons)}"])


def _row(change: Change, are_counts: bool) -> str:
    assert change.before is not None and change.after is not None
    ends = [
        str(round(mean * change.films)) if are_counts else f"{mean:.3f}"
        for mean in (change.before, change.after)
    ]
    interval = f"{change.low:+.3f} to {change.high:+.3f}"
    return f"| {change.name} | {change.films} | {ends[0]} | {ends[1]} | {interval} |"


def compare(before: Sequence[Judged], after: Sequence[Judged], *, seed: int = 0) -> Comparison:
    """Of the same films in the same order."""
    pairs = list(zip(before, after, strict=True))

    def change(name: str, of: Callable[[Judged], float | None]) -> Change:
        values = [(of(a), of(b)) for a, b in pairs]
        return _change(name, [(a, b) for a, b in values if a is not None and b is not None], seed)

    figures = {
        "dice": change("mean Dice of outlined findings", _mean_dice),
        "right": change("reports exactly right", lambda film: float(film.is_right)),
        "false_critical": change("false critical reports", lambda film: _critical(film, shows=False)),
        "missed_critical": change("free air missed", lambda film: _critical(film, shows=True)),
    }
    verdict, reasons = judge_changes(len(pairs), **figures)
    by_finding = tuple(
        change(f"Dice of {finding.value.replace('_', ' ')}", partial(_dice_of, finding=finding))
        for finding in FINDINGS
    )
    return Comparison(
        films=len(pairs),
        by_finding=by_finding,
        writer_moved=sum(_moved(a, b) for a, b in pairs),
        verdict=verdict,
        reasons=reasons,
        **figures,
    )


def judge_changes(
    films: int, dice: Change, right: Change, false_critical: Change, missed_critical: Change
) -> tuple[Verdict, tuple[str, ...]]:
    """What counts is the report: nothing it says may get worse, however fine the outlines become."""
    worse = [
        *(["Fewer reports are exactly right."] if right.difference < 0 else []),
        *(["More reports are critical without free air."] if false_critical.difference > 0 else []),
        *(["More free air is missed."] if missed_critical.difference > 0 else []),
        *(["The outlines are worse."] if dice.difference < -_SAME_DICE else []),
    ]
    if worse:
        return "worse", tuple(worse)
    if films < FEWEST:
        return "unproven", (f"{films} held-out films prove nothing; at least {FEWEST} are needed.",)
    gains = [
        *(["More reports are exactly right."] if right.difference > 0 else []),
        *(["Fewer reports are critical without free air."] if false_critical.difference < 0 else []),
        *(["Less free air is missed."] if missed_critical.difference < 0 else []),
        *(["The outlines are better, and no report is worse."] if dice.difference > _SAME_DICE else []),
    ]
    return ("better", tuple(gains)) if gains else ("unproven", ("Nothing changed.",))


def _change(name: str, values: Sequence[tuple[float, float]], seed: int) -> Change:
    if not values:
        return Change(name, 0, None, None)
    table = np.array(values, float)
    drawn = np.random.default_rng(seed).integers(len(table), size=(_RESAMPLES, len(table)))
    low, high = np.percentile((table[:, 1] - table[:, 0])[drawn].mean(axis=1), (2.5, 97.5))
    first, last = (float(mean) for mean in table.mean(axis=0))
    return Change(name, len(table), first, last, float(low), float(high))


def _mean_dice(film: Judged) -> float | None:
    """A film that is refused has no outlines: its findings count as not found."""
    if film.dice:
        return fmean(film.dice.values())
    return 0.0 if film.refused and film.true else None


def _dice_of(film: Judged, finding: Finding) -> float | None:
    return film.dice.get(finding.value)


def _critical(film: Judged, *, shows: bool) -> float | None:
    if _AIR not in film.known or (_AIR in film.true) is not shows:
        return None
    return float(film.is_critical is not shows)


def _moved(before: Judged, after: Judged) -> bool:
    both = before.probabilities.keys() & after.probabilities.keys()
    return any(abs(before.probabilities[name] - after.probabilities[name]) > _MOVED for name in both)
