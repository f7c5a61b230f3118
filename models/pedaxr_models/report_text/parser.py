"""Text to facts: reads what `grammar.narrate` writes, and sentences near to it, by rules.

Each sentence is read in its own language, recognised by its letters. "Cannot be assessed" and denial decide
presence before anything else, so that "no marked distension" is an absence; doubt ("possible", "의심") leaves
a finding present but hedged, which is not a plain positive.
"""

import re
from collections.abc import Callable, Sequence
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
    sentences = split_sentences(text)
    said = strongest(fact for sentence in sentences for fact in _read_findings(sentence))
    return ParsedFacts(
        view=_first(sentences, lambda s: _reader(s).view(s)),
        findings=tuple(finding_fact(said[f]) for f in FINDINGS if f in said),
        distal_gas=_first(sentences, lambda s: _reader(s).distal_gas(s)),
        stool_burden=_first(sentences, lambda s: _reader(s).stool_burden(s)),
        gastric_tube=any(_reader(s).names_tube(s) for s in sentences),
    )


def parse_findings(sentence: str) -> tuple[SentenceFacts, ...]:
    """What one sentence says of each finding it speaks of: affirmed before hedged before denied."""
    said = strongest(_read_findings(sentence))
    ordered = [said[finding] for finding in URGENCY if finding in said]
    return tuple(sorted(ordered, key=weight, reverse=True))


def parse_sentence(sentence: str) -> SentenceFacts:
    """What one sentence says of a finding; of several, the most urgent that it affirms."""
    return next(iter(parse_findings(sentence)), SentenceFacts())


@lru_cache(maxsize=4096)
def _read_findings(sentence: str) -> tuple[SentenceFacts, ...]:
    """Kept, as a reader has few sentences, and each is read a dozen times while its report is checked."""
    return tuple(_reader(sentence).read_findings(sentence))


def _reader(sentence: str) -> _Reader:
    if _HANGUL.search(sentence):
        return parser_korean
    return parser_english


def _first(sentences: Sequence[str], read: Callable[[str], T | None]) -> T | None:
    return next((value for s in sentences if (value := read(s)) is not None), None)
