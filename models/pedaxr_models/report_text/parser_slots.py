"""Slots of a statement that are read alike in every language, once its words are patterns."""

import re
from collections.abc import Sequence

from pedaxr_models.facts import Severity, Side

Grades = Sequence[tuple[Severity, re.Pattern[str]]]
Sides = Sequence[tuple[Side, re.Pattern[str]]]


def severity_in(text: str, grades: Grades, to: re.Pattern[str]) -> Severity | None:
    """The first grade named; of a range ("mild `to` moderate"), its upper end."""
    found = sorted((m.start(), m.end(), s) for s, p in grades for m in p.finditer(text))
    if len(found) > 1 and to.fullmatch(text[found[0][1] : found[1][0]]):
        return found[1][2]
    return found[0][2] if found else None


def side_in(text: str, sides: Sides) -> Side | None:
    """The side named; both where both are, in one word or in two."""
    named = [side for side, pattern in sides if pattern.search(text)]
    if not named:
        return None
    return Side.BOTH if Side.BOTH in named or len(named) == 2 else named[0]
