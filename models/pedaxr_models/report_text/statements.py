"""What a sentence, and a whole text, was understood to say: the parser's results."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pedaxr_models.facts import (
    DistalGas,
    FilmFacts,
    FindingFact,
    Presence,
    Quadrant,
    Severity,
    Side,
)
from pedaxr_models.labels import FINDINGS, Finding, View


@dataclass(frozen=True)
class SentenceFacts:
    """What one sentence says of a finding; everything None or empty when it speaks of something else.

    Attributes:
        is_hedged: the finding is said to be possible only ("possible", "suspected", "likely", "?").
    """

    finding: Finding | None = None
    presence: Presence | None = None
    severity: Severity | None = None
    side: Side | None = None
    quadrants: tuple[Quadrant, ...] = ()
    count: int | None = None
    is_hedged: bool = False

    @property
    def is_present(self) -> bool:
        """Whether the finding is said to be there, without a doubt being uttered."""
        return self.presence is Presence.PRESENT and not self.is_hedged


@dataclass(frozen=True)
class ParsedFacts:
    """What a whole text says.

    Attributes:
        findings: one for each finding that is mentioned, in the order of `FINDINGS`.
    """

    view: View | None = None
    findings: tuple[FindingFact, ...] = ()
    distal_gas: DistalGas | None = None
    stool_burden: tuple[int, int, int] | None = None
    gastric_tube: bool = False

    def to_facts(self) -> FilmFacts:
        """As facts of a film; a finding that is not mentioned was not assessed.

        Raises:
            ValueError: the text does not name the view.
        """
        if self.view is None:
            raise ValueError("The text does not say which view the film is.")
        said = {fact.finding: fact for fact in self.findings}
        findings = tuple(said.get(f, FindingFact(f, Presence.NOT_ASSESSED)) for f in FINDINGS)
        return FilmFacts(self.view, findings, self.distal_gas, self.stool_burden, self.gastric_tube)


def strongest(said: Iterable[SentenceFacts]) -> dict[Finding, SentenceFacts]:
    """One statement per finding: what is said plainly before what is hedged, both before what is denied.

    Of two of the same weight the first counts.
    """
    chosen: dict[Finding, SentenceFacts] = {}
    for fact in said:
        if fact.finding is None or fact.presence is None:
            continue
        if fact.finding not in chosen or weight(fact) > weight(chosen[fact.finding]):
            chosen[fact.finding] = fact
    return chosen


def weight(fact: SentenceFacts) -> int:
    """2 for an affirmed finding, 1 for a hedged one, 0 for one denied or not assessed."""
    return 0 if fact.presence is not Presence.PRESENT else 1 if fact.is_hedged else 2


def finding_fact(said: SentenceFacts) -> FindingFact:
    """The statement as a fact of a film."""
    if said.finding is None or said.presence is None:
        raise ValueError("The sentence speaks of no finding.")
    return FindingFact(
        said.finding, said.presence, said.severity, said.side, said.quadrants, said.count, said.is_hedged
    )


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
