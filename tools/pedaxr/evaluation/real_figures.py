"""Figures of `pedaxr evaluate real`: what is said rightly and falsely of real films, with intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pedaxr.evaluation.real_films import STRUCTURES, RealRecord
from pedaxr.evaluation.reports import Share
from pedaxr_models.datasets.partial_truth import Presence
from pedaxr_models.labels import FINDINGS, Finding, sign

LEAST_OTHERS_CAUGHT, MOST_SUITABLE_CAUGHT = 0.95, 0.03


@dataclass(frozen=True)
class RealFigures:
    """All figures.

    Attributes:
        shares: counts out of counts, the most important first.
        dice: per structure the mean over the films on which it is drawn, and their number.
        places: how often a false outline of free air lies where.
        records: one a film.
    """

    shares: tuple[Share, ...]
    dice: dict[str, tuple[float, int]]
    places: dict[str, int]
    records: tuple[RealRecord, ...]

    def to_json(self) -> dict[str, object]:
        """Without pictures."""
        return {
            "shares": [share.to_json() for share in self.shares],
            "dice": {n: {"mean": round(d, 4), "films": count} for n, (d, count) in self.dice.items()},
            "false_free_air": self.places,
            "films": [record.to_json() for record in self.records],
        }


def figures_of(records: Sequence[RealRecord]) -> RealFigures:
    """Count and average."""
    abdomens = [r for r in records if r.film.is_abdomen]
    others = [r for r in records if not r.film.is_abdomen]
    dice = {}
    for name in STRUCTURES:
        values = [r.dice[name] for r in abdomens if name in r.dice]
        if values:
            dice[name] = (float(np.mean(values)), len(values))
    air = Finding.PNEUMOPERITONEUM
    places = [r.false_places[air] for r in abdomens if air in r.false_places]
    return RealFigures(
        shares=tuple(share for share in (*_gate(abdomens, others), *_calls(abdomens, others)) if share.of),
        dice=dice,
        places={place: places.count(place) for place in sorted(set(places))},
        records=tuple(records),
    )


def _share(
    name: str, records: Iterable[RealRecord], is_so: Callable[[RealRecord], bool], goal: str = ""
) -> Share:
    judged = [is_so(record) for record in records]
    return Share(name, sum(judged), len(judged), goal)


def _gate(abdomens: Sequence[RealRecord], others: Sequence[RealRecord]) -> list[Share]:
    """Refusals and doubts."""

    def caught(record: RealRecord) -> bool:
        return record.verdict != "read"

    suitable = [r for r in abdomens if r.film.suitable]
    babygrams = [r for r in abdomens if r.film.is_babygram]
    shares = [
        _share("suitable films refused", suitable, lambda r: r.verdict in ("refused", "unreadable"), "0"),
        _share("suitable films refused or doubted", suitable, caught, f"<= {MOST_SUITABLE_CAUGHT}"),
        _share("babygrams refused or doubted", babygrams, caught, "0"),
        _share("other pictures refused or doubted", others, caught, f">= {LEAST_OTHERS_CAUGHT}"),
    ]
    for kind in sorted({r.film.kind for r in others}):
        of_kind = [r for r in others if r.film.kind == kind]
        shares.append(_share(f"{kind.replace('_', ' ')}: refused or doubted", of_kind, caught))
    return shares


def _calls(abdomens: Sequence[RealRecord], others: Sequence[RealRecord]) -> list[Share]:
    """Alarms, then each finding: falsely outlined where it is absent, outlined where it is present."""
    air = Finding.PNEUMOPERITONEUM
    without = [r for r in abdomens if r.film.says(air) is Presence.ABSENT]
    shares = [
        _share("critical without free air", without, lambda r: r.is_critical, "<= 0.10"),
        _share("other pictures with free air outlined", others, lambda r: air in r.outlined),
        _share("other pictures critical", others, lambda r: r.is_critical),
    ]
    for finding in (air, *(f for f in FINDINGS if f is not air)):
        for said, word in ((Presence.ABSENT, "falsely"), (Presence.PRESENT, "rightly")):
            judged = [r for r in abdomens if r.film.says(finding) is said]
            shares.append(_outlined(finding, judged, word))
    return shares


def _outlined(finding: Finding, records: Sequence[RealRecord], word: str) -> Share:
    is_air = finding is Finding.PNEUMOPERITONEUM
    goal = ("<= 0.10" if word == "falsely" else "") if is_air else ""
    return _share(f"{sign(finding)}, {word} outlined", records, lambda r: finding in r.outlined, goal)


def real_table(figures: RealFigures) -> str:
    """Markdown: the shares, then the structures' Dice, then where false free air lies."""
    lines = [shares_table(figures.shares, figures.dice)]
    if figures.places:
        where = ", ".join(f"{place} {count}" for place, count in figures.places.items())
        lines.append(f"Where falsely outlined free air lies: {where}.")
    return "\n\n".join(lines)


def shares_table(shares: Sequence[Share], dice: Mapping[str, tuple[float, int]]) -> str:
    """Markdown: a row a share, and a line of Dice where something is drawn."""
    lines = ["| what | films | share (95 % interval) | goal |", "|---|---|---|---|", *map(_row, shares)]
    said = ", ".join(f"{n.replace('_', ' ')} {d:.2f} ({count})" for n, (d, count) in dice.items())
    return "\n".join(lines) + (f"\n\nDice of what is drawn (films): {said}." if said else "")


def _row(share: Share) -> str:
    low, high = share.interval
    shown = f"{share.value:.2f} ({low:.2f}–{high:.2f})"
    return f"| {share.name} | {share.count} of {share.of} | {shown} | {share.goal} |"
