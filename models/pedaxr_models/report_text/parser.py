"""Text to facts: reads what `grammar.narrate` writes, and sentences near to it, by rules.

Each sentence is read in its own language, recognised by its letters. "Cannot be assessed" and denial decide
presence before anything else, so that "no marked distension" is an absence; doubt ("possible", "의심") leaves
a finding present but hedged, which is not a plain positive.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from pedaxr_models.facts import DistalGas
from pedaxr_models.labels import FINDINGS, URGENCY, View
from pedaxr_models.report_text import parser_english, parser_korean
from pedaxr_models.report_text.statements import ParsedFacts, SentenceFacts, finding_fact, strongest, weight

__all__ = ["ParsedFacts", "SentenceFacts", "parse", "parse_findings", "parse_sentence", "split_sentences"]

T = TypeVar("T")


class _Reader(Protocol):
    """What the rules of one language read in a sentence."""

    def read_findings(self, sentence: str) -> list[SentenceFacts]: ...
    def view(self, sentence: str) -> View | None: ...
    def distal_gas(self, sentence: str) -> DistalGas | None: ...
    def stool_burden(self, sentence: str) -> tuple[int, int, int] | None: ...
    def names_tube(self, sentence: str) -> bool: ...


_HANGUL = re.compile(r"[가-힣]")
_SENTENCE_END = re.compile(r"(?<=[.!])\s+|(?<=[^\s?]\?)\s+|\n+")


def split_sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, each with its full stop. A line ends a sentence; a leading `?` does not."""
    return tuple(part.strip() for part in _SENTENCE_END.split(text.strip()) if part.strip())


def parse(text: str) -> ParsedFacts:
    """All that a text says. Said both ways, a finding counts as present: the reader must be warned."""
    read = [_read(sentence) for sentence in split_sentences(text)]
    said = strongest(fact for one in read for fact in one.findings)
    return ParsedFacts(
        view=_first(one.view for one in read),
        findings=tuple(finding_fact(said[f]) for f in FINDINGS if f in said),
        distal_gas=_first(one.distal_gas for one in read),
        stool_burden=_first(one.stool_burden for one in read),
        gastric_tube=any(one.names_tube for one in read),
    )


def parse_findings(sentence: str) -> tuple[SentenceFacts, ...]:
    """What one sentence says of each finding it speaks of: affirmed before hedged before denied."""
    said = strongest(_read(sentence).findings)
    ordered = [said[finding] for finding in URGENCY if finding in said]
    return tuple(sorted(ordered, key=weight, reverse=True))


def parse_sentence(sentence: str) -> SentenceFacts:
    """What one sentence says of a finding; of several, the most urgent that it affirms."""
    return next(iter(parse_findings(sentence)), SentenceFacts())


@dataclass(frozen=True)
class _Said:
    """All that one sentence says."""

    findings: tuple[SentenceFacts, ...]
    view: View | None
    distal_gas: DistalGas | None
    stool_burden: tuple[int, int, int] | None
    names_tube: bool


@lru_cache(maxsize=4096)
def _read(sentence: str) -> _Said:
    """Kept, as a reader has few sentences, and each is read a dozen times while its report is checked."""
    reader: _Reader = parser_korean if _HANGUL.search(sentence) else parser_english
    return _Said(
        tuple(reader.read_findings(sentence)),
        reader.view(sentence),
        reader.distal_gas(sentence),
        reader.stool_burden(sentence),
        reader.names_tube(sentence),
    )


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)
