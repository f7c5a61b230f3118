"""Korean sentences to statements, by rules.

As in `parser_english`, a sentence is cut between its mentions of findings. Korean says what is denied or
doubted at the end of a clause, so denial, doubt and "cannot be assessed" are looked for behind a mention, and
reach back through a list: "유리가스 및 공기액체층 없음" denies both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

from pedaxr_models.facts import DistalGas, Presence, Quadrant
from pedaxr_models.labels import Finding, View
from pedaxr_models.report_text import lexicon_korean as lexicon
from pedaxr_models.report_text import parser_english
from pedaxr_models.report_text.statements import SentenceFacts, severity_in, side_in
from pedaxr_models.report_text.wordings import wordings

_BRACKETS = re.compile(r"\([^)]*\)")
_OTHER = re.compile(lexicon.OTHER_TOPICS)
# ASCII: a Korean particle may follow an English word at once, and is not a letter of it.
_TOPICS = tuple((finding, re.compile(pattern, re.ASCII)) for finding, pattern in lexicon.TOPICS)
_SWELLING = re.compile(lexicon.SWELLING, re.ASCII)
_ORGANS = re.compile(f"(?P<stomach>{lexicon.STOMACH})|(?P<bowel>{lexicon.BOWEL})", re.ASCII)
_HARD = re.compile(lexicon.HARD_BREAK)
_SOFT = re.compile(lexicon.SOFT_BREAK)
_ENUMERATION = re.compile(lexicon.ENUMERATION)
_PREDICATE = re.compile(lexicon.PREDICATE)
_CLOSED = re.compile(f"{lexicon.HARD_BREAK}|{lexicon.PREDICATE}")
_CANNOT = re.compile(lexicon.CANNOT)
_DENIED = re.compile(lexicon.DENIED, re.ASCII)
_DENY_AHEAD = re.compile(lexicon.DENY_AHEAD)
_HEDGE = re.compile(lexicon.HEDGE, re.ASCII)
_DOUBTFUL_EXCLUSION = re.compile(lexicon.DOUBTFUL_EXCLUSION)
_SEVERITIES = tuple((s, re.compile(pattern, re.ASCII)) for s, pattern in lexicon.SEVERITIES)
_RANGE = re.compile(lexicon.RANGE)
_NATIVE = re.compile(
    rf"(?<![가-힣])({'|'.join(sorted(lexicon.NATIVE_NUMBERS, key=len, reverse=True))}){lexicon.COUNTER}"
)
_COUNTED = re.compile(rf"(\d+)(?:\s?[~-]\s?\d+)?{lexicon.COUNTER}(?!월)")
_BARE_NUMBER = re.compile(lexicon.BARE_NUMBER)
_SIDES = tuple((side, re.compile(pattern, re.ASCII)) for side, pattern in lexicon.SIDES)
_ALL_QUADRANTS = re.compile(lexicon.ALL_QUADRANTS)
_QUADRANTS = re.compile(lexicon.QUADRANTS)
_ABBREVIATIONS = tuple((re.compile(p), new) for p, new in lexicon.QUADRANT_ABBREVIATIONS)
_VIEWS = tuple((view, re.compile(pattern)) for view, pattern in lexicon.VIEWS)


@dataclass(frozen=True)
class _Mention:
    """Where a topic is spoken of; `start` and `end` are of its words, `first` and `last` of its piece."""

    finding: Finding | None
    start: int
    end: int
    first: int = 0
    last: int = 0


@lru_cache(maxsize=64)
def plain(sentence: str) -> str:
    """Lower case, single spaces, no commas in brackets, quadrant abbreviations written out."""
    text = " ".join(sentence.lower().split())
    text = _BRACKETS.sub(lambda m: m[0].replace(",", " "), text)
    for pattern, new in _ABBREVIATIONS:
        text = pattern.sub(new, text)
    return text


def read_findings(sentence: str) -> list[SentenceFacts]:
    """Every statement about a finding, in the order said; several may be about the same finding."""
    text = plain(sentence)
    mentions = _with_pieces(text, _mentions(text))
    said: dict[tuple[Finding, Presence], list[int]] = {}
    for index, mention in enumerate(mentions):
        if mention.finding is not None:
            said.setdefault((mention.finding, _presence(text, mentions, index)), []).append(index)
    return [_statement(text, finding, presence, mentions, own) for (finding, presence), own in said.items()]


def _statement(
    text: str, finding: Finding, presence: Presence, mentions: list[_Mention], own: list[int]
) -> SentenceFacts:
    if presence is not Presence.PRESENT:
        return SentenceFacts(finding, presence)
    piece = " ; ".join(text[mentions[i].first : mentions[i].last] for i in own)
    return SentenceFacts(
        finding,
        presence,
        severity=severity_in(piece, _SEVERITIES, _RANGE),
        side=side_in(piece, _SIDES),
        quadrants=_quadrants(piece),
        count=_count(piece) if finding is Finding.AIR_FLUID_LEVEL else None,
        is_hedged=_is_reached(text, mentions, own[0], _HEDGE) or _is_doubt_first(text, mentions[own[0]]),
    )


def _mentions(text: str) -> list[_Mention]:
    found = [_Mention(None, *m.span()) for m in _OTHER.finditer(text)]
    for finding, pattern in _TOPICS:
        found += [
            _Mention(finding, *m.span())
            for m in pattern.finditer(text)
            if not any(m.start() < other.end and other.start < m.end() for other in found)
        ]
    found += _swellings(text, found)
    return sorted(found, key=lambda mention: mention.start)


def _swellings(text: str, taken: list[_Mention]) -> Iterator[_Mention]:
    """Distension of the nearest organ; organs joined by `및` share it."""
    organs = [m for m in _ORGANS.finditer(text) if not any(t.start <= m.start() < t.end for t in taken)]
    for swelling in _SWELLING.finditer(text):
        if not organs:
            yield _Mention(Finding.ABDOMINAL_DISTENSION, *swelling.span())
            continue
        nearest = min(organs, key=lambda m: max(m.start() - swelling.end(), swelling.start() - m.end()))
        start, end = min(nearest.start(), swelling.start()), max(nearest.end(), swelling.end())
        yield _Mention(_organ_finding(nearest), start, end)
        yield from (
            _Mention(_organ_finding(organ), *organ.span())
            for organ in organs
            if organ.end() <= nearest.start() < swelling.start()
            and re.fullmatch(r"\s*(?:및|와|과|,|이나|나)?\s*", text[organ.end() : nearest.start()])
            and _organ_finding(organ) is not _organ_finding(nearest)
        )


def _organ_finding(organ: re.Match[str]) -> Finding:
    return Finding.PYLORIC_STENOSIS if organ["stomach"] else Finding.ABDOMINAL_DISTENSION


def _with_pieces(text: str, mentions: list[_Mention]) -> list[_Mention]:
    """Each mention with the piece of the sentence that belongs to it: a clause's ending stays with it."""
    cuts = [0]
    for before, after in pairwise(mentions):
        hard = list(_HARD.finditer(text, before.end, after.start))
        soft = list(_SOFT.finditer(text, before.end, after.start))
        cuts.append(hard[-1].end() if hard else soft[-1].end() if soft else before.end)
    cuts.append(len(text))
    return [
        _Mention(m.finding, m.start, m.end, first, last)
        for m, first, last in zip(mentions, cuts, cuts[1:], strict=False)
    ]


def _presence(text: str, mentions: list[_Mention], index: int) -> Presence:
    mention = mentions[index]
    if _DOUBTFUL_EXCLUSION.search(text, mention.end, mention.last):
        return Presence.PRESENT
    if _is_reached(text, mentions, index, _CANNOT):
        return Presence.NOT_ASSESSED
    if _DENY_AHEAD.search(text[mention.first : mention.start]):
        return Presence.ABSENT
    return Presence.ABSENT if _is_reached(text, mentions, index, _DENIED) else Presence.PRESENT


def _is_reached(text: str, mentions: list[_Mention], index: int, cue: re.Pattern[str]) -> bool:
    """Whether a cue behind the mention, or behind the last of its list, speaks of it."""
    mention = mentions[index]
    if cue.search(_tail(text, mention, past_comma=cue is not _DENIED)):
        return True
    for other in mentions[index + 1 :]:
        joint = _ENUMERATION.fullmatch(text, mention.end, other.first + _lead(text, other))
        if other.finding is mention.finding and not _CLOSED.search(text, mention.end, other.start):
            mention = other
            if cue.search(_tail(text, other, past_comma=cue is not _DENIED)):
                return True
            continue
        is_graded = severity_in(text[mention.first : mention.end], _SEVERITIES, _RANGE) or _COUNTED.search(
            text, mention.first
        )
        if joint is None or (joint["joint"] == "," and is_graded):
            return False
        if cue.search(_tail(text, other, past_comma=cue is not _DENIED)):
            return True
        mention = other
    return False


def _lead(text: str, mention: _Mention) -> int:
    """Length of the blank that opens a mention's piece."""
    piece = text[mention.first : mention.start]
    return len(piece) - len(piece.lstrip())


def _tail(text: str, mention: _Mention, *, past_comma: bool) -> str:
    """What follows a mention's first word within its clause; a comma ends it after a predicate."""
    tail = text[mention.start : mention.last]
    if hard := _HARD.search(tail, mention.end - mention.start):
        tail = tail[: hard.end()]
    said, comma, _ = tail.partition(",")
    is_closed = _PREDICATE.search(said) or severity_in(
        text[mention.first : mention.start], _SEVERITIES, _RANGE
    )
    return said if comma and is_closed and not past_comma else tail


def _is_doubt_first(text: str, mention: _Mention) -> bool:
    """Borrowed words stand before what they doubt: "r/o 기복증", "? free air"."""
    return bool(_HEDGE.search(text, mention.first, mention.start))


def _quadrants(text: str) -> tuple[Quadrant, ...]:
    if _ALL_QUADRANTS.search(text):
        return tuple(Quadrant)
    named = {
        lexicon.QUADRANT_OF[key]
        for m in _QUADRANTS.finditer(text)
        for key in product(lexicon.SIDES_OF[m[1]], filter(None, (m[2], m[3])))
    }
    return tuple(quadrant for quadrant in Quadrant if quadrant in named)


def _count(text: str) -> int | None:
    if found := _NATIVE.search(text):
        return lexicon.NATIVE_NUMBERS[found[1]]
    found = _COUNTED.search(text) or _BARE_NUMBER.search(text)
    return int(found[1]) if found else None


def distal_gas(sentence: str) -> DistalGas | None:
    """Amount of gas beyond the stomach."""
    found = re.search(lexicon.DISTAL_GAS, plain(sentence))
    return lexicon.AMOUNTS[found[1]] if found else None


def stool_burden(sentence: str) -> tuple[int, int, int] | None:
    """Grades of the right colon, left colon and rectosigmoid, in whatever order the segments are named."""
    text = plain(sentence).replace("측 대장", "측 결장")
    if not re.search(lexicon.STOOL, text):
        return None
    burdens = wordings("ko").words.burdens
    words = re.findall("|".join((*sorted(burdens, key=len, reverse=True), *lexicon.SEGMENTS)), text)
    grades = [burdens.index(word) for word in words if word in burdens]
    segments = [word for word in words if word in lexicon.SEGMENTS]
    if len(grades) != 3 or sorted(segments) != sorted(lexicon.SEGMENTS):
        return None
    by_segment = dict(zip(segments, grades, strict=True))
    right, left, rectum = (by_segment[segment] for segment in lexicon.SEGMENTS)
    return right, left, rectum


def names_tube(sentence: str) -> bool:
    """Whether a gastric tube is said to be there."""
    text = parser_english.plain(sentence)
    return bool(re.search(lexicon.TUBE, text)) and not re.search(lexicon.NO_TUBE, text)


def view(sentence: str) -> View | None:
    """The view, when the sentence is about the film."""
    text = plain(sentence)
    if not re.search(lexicon.FILM, text):
        return None
    return next((view for view, pattern in _VIEWS if pattern.search(text)), None)
