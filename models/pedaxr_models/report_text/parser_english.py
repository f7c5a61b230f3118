"""English sentences to statements, by rules.

A sentence is searched for mentions of findings and cut between them, at the last break that lies between two
mentions; a mention's own piece fills its slots. Denial reaches ahead through a list until something is
affirmed ("no free gas or air-fluid levels" denies both; "no free gas, dilated loops" one), and back through a
list that one verb closes ("free gas and air-fluid levels are absent").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

from pedaxr_models.facts import DistalGas, Presence, Quadrant
from pedaxr_models.labels import Finding, View
from pedaxr_models.report_text import lexicon_english as lexicon
from pedaxr_models.report_text.statements import SentenceFacts, severity_in, side_in
from pedaxr_models.report_text.wordings import wordings

_REPLACEMENTS = tuple((re.compile(pattern), new) for pattern, new in lexicon.REPLACEMENTS)
_OTHER = re.compile(lexicon.OTHER_TOPICS)
_TOPICS = tuple((finding, re.compile(pattern)) for finding, pattern in lexicon.TOPICS)
_SWELLING = re.compile(f"{lexicon.SWELLING}|{lexicon.NORMAL_SIZE}")
_NORMAL_SIZE = re.compile(lexicon.NORMAL_SIZE)
_ORGANS = re.compile(f"(?P<stomach>{lexicon.STOMACH})|(?P<bowel>{lexicon.BOWEL})")
_ORGAN_LIST = re.compile(r"[\s,]*(?:and|or|nor|/)\s+(?:the )?(?:\w+ )?")
_HARD = re.compile(lexicon.HARD_BREAK)
_CLAUSE = re.compile(f"{lexicon.HARD_BREAK}|{lexicon.WITH_BREAK}")
_BREAK = re.compile(f"{lexicon.WITH_BREAK}|{lexicon.SOFT_BREAK}")
_ENUMERATION = re.compile(lexicon.ENUMERATION)
_NEXT_SUBJECT = re.compile(lexicon.NEXT_SUBJECT)
_OWN_PREDICATE = re.compile(lexicon.OWN_PREDICATE)
_VERB = re.compile(lexicon.VERB)
_SINGULAR = re.compile(lexicon.SINGULAR)
_LIST_GOES_ON = re.compile(r"\b(?:or|nor)\b")
_POSITIVE_START = re.compile(lexicon.POSITIVE_START)
_CANNOT = re.compile(lexicon.CANNOT)
_DENY_AHEAD = re.compile(f"{lexicon.DENY_AHEAD}|{lexicon.DENY_BOTH}")
_DENY_BACK = re.compile(lexicon.DENY_BOTH)
_HEDGE = re.compile(lexicon.HEDGE)
_HEDGE_AHEAD = re.compile(f"{lexicon.HEDGE}|{lexicon.HEDGE_AHEAD}")
_SEVERITIES = tuple((s, re.compile(rf"\b(?:{pattern})(?:ly)?\b")) for s, pattern in lexicon.SEVERITIES)
_RANGE = re.compile(r"\s*(?:to|-|/)\s*")
_COUNT = re.compile(lexicon.COUNT)
_COUNT_PHRASES = tuple((count, re.compile(pattern)) for count, pattern in lexicon.COUNT_PHRASES)
_SIDES = tuple((side, re.compile(pattern)) for side, pattern in lexicon.SIDES)
_ALL_QUADRANTS = re.compile(lexicon.ALL_QUADRANTS)
_QUADRANTS = re.compile(lexicon.QUADRANTS)

_DISTAL_GAS = re.compile(
    r"(?:distal (?:bowel )?gas|gas beyond the stomach)\b.*?\b(absent|scant|normal|not reduced)\b"
    r"|\b(no|absent|scant|scanty|normal) (?:distal (?:bowel )?gas|gas beyond the stomach)"
)
_AMOUNTS = {"no": DistalGas.ABSENT, "scanty": DistalGas.SCANT, "not reduced": DistalGas.NORMAL}
_STOOL = re.compile(r"stool burden")
_SEGMENTS = ("right colon", "left colon", "rectosigmoid")
_TUBE = re.compile(r"gastric tube|feeding tube")
_NO_TUBE = re.compile(r"\b(?:no|without|not|absent|removed)\b")
# A picture that was turned upright says nothing of how the child stood.
_VIEW = re.compile(r"\b(supine|erect|(?<!turned )(?<!turn it )upright|left lateral decubitus)\b")
_FILM = re.compile(r"radiograph|view|film|abdomen|x-ray")


@dataclass(frozen=True)
class _Mention:
    """Where a topic is spoken of; `start` and `end` are of its words, `first` and `last` of its piece."""

    finding: Finding | None
    start: int
    end: int
    is_normal: bool = False
    first: int = 0
    last: int = 0


@lru_cache(maxsize=64)
def plain(sentence: str) -> str:
    """Lower case, abbreviations written out, one form for each dash and contraction."""
    text = sentence.lower()
    for pattern, new in _REPLACEMENTS:
        text = pattern.sub(new, text)
    return text


def read_findings(sentence: str) -> list[SentenceFacts]:
    """Every statement about a finding, in the order said; several may be about the same finding."""
    text = plain(sentence)
    mentions = _with_pieces(text, _mentions(text))
    presences = [_presence(text, mentions, i) for i in range(len(mentions))]
    said: dict[tuple[Finding, Presence], list[_Mention]] = {}
    for mention, presence in zip(mentions, presences, strict=True):
        if mention.finding is not None:
            said.setdefault((mention.finding, presence), []).append(mention)
    return [_statement(text, finding, presence, own) for (finding, presence), own in said.items()]


def _statement(text: str, finding: Finding, presence: Presence, own: list[_Mention]) -> SentenceFacts:
    if presence is not Presence.PRESENT:
        return SentenceFacts(finding, presence)
    piece = " ; ".join(text[mention.first : mention.last] for mention in own)
    return SentenceFacts(
        finding,
        presence,
        severity=severity_in(piece, _SEVERITIES, _RANGE),
        side=side_in(piece, _SIDES),
        quadrants=_quadrants(piece),
        count=_count(piece) if finding is Finding.AIR_FLUID_LEVEL else None,
        is_hedged=_is_hedged(text, own[0]),
    )


def _mentions(text: str) -> list[_Mention]:
    """All topics, in order, none inside another."""
    found = [_Mention(None, *m.span()) for m in _OTHER.finditer(text)]
    for finding, pattern in _TOPICS:
        for m in pattern.finditer(text):
            if not any(m.start() < other.end and other.start < m.end() for other in found):
                is_normal = bool(re.search(r"\bnormal\b", m[0]))
                found.append(_Mention(finding, *m.span(), is_normal))
    found += _swellings(text, found)
    return sorted(found, key=lambda mention: mention.start)


def _swellings(text: str, taken: list[_Mention]) -> Iterator[_Mention]:
    """Distension, said of the organ nearest to the word: the stomach's is a finding of its own."""
    organs = [m for m in _ORGANS.finditer(text) if not any(t.start <= m.start() < t.end for t in taken)]
    for swelling in _SWELLING.finditer(text):
        near = _organs_of(text, swelling, organs)
        is_normal = bool(_NORMAL_SIZE.fullmatch(swelling[0]))
        if not near and not is_normal:
            yield _Mention(Finding.ABDOMINAL_DISTENSION, *swelling.span())
        for place, organ in enumerate(near):
            finding = Finding.PYLORIC_STENOSIS if organ["stomach"] else Finding.ABDOMINAL_DISTENSION
            # Of several organs with one word, only the nearest takes the word into its span
            start, end = organ.span()
            if place == 0:
                start, end = min(start, swelling.start()), max(end, swelling.end())
            yield _Mention(finding, start, end, is_normal)


def _organs_of(text: str, swelling: re.Match[str], organs: list[re.Match[str]]) -> list[re.Match[str]]:
    """The nearest organ of the clause, or else the one before it, and those joined to it by `and`."""
    first = max((m.end() for m in _between(_CLAUSE, text, 0, swelling.start())), default=0)
    ending = _CLAUSE.search(text, swelling.end())
    last = ending.start() if ending else len(text)
    inside = [m for m in organs if first <= m.start() < last] or [m for m in organs if m.end() <= first][-1:]
    if not inside:
        return []
    nearest = min(inside, key=lambda m: max(m.start() - swelling.end(), swelling.start() - m.end()))
    joined, current = [nearest], nearest
    for organ in sorted(inside, key=lambda m: abs(m.start() - nearest.start()))[1:]:
        left, right = sorted((organ, current), key=lambda m: m.start())
        is_list = _ORGAN_LIST.fullmatch(text, left.end(), right.start())
        if is_list and (right.start() < swelling.start() or not _OWN_PREDICATE.match(text, right.end())):
            joined.append(organ)
            current = organ
    return joined


def _with_pieces(text: str, mentions: list[_Mention]) -> list[_Mention]:
    """Each mention with the piece of the sentence that belongs to it."""
    cuts = [0]
    for before, after in pairwise(mentions):
        breaks = _between(_HARD, text, before.end, after.start)
        breaks = breaks or _between(_BREAK, text, before.end, after.start)
        cuts.append(breaks[-1].start() if breaks else max(before.end, 0))
    cuts.append(len(text))
    return [
        _Mention(m.finding, m.start, m.end, m.is_normal, first, last)
        for m, first, last in zip(mentions, cuts, cuts[1:], strict=False)
    ]


def _between(pattern: re.Pattern[str], text: str, start: int, end: int) -> list[re.Match[str]]:
    """Matches inside a stretch; what they look ahead to may lie behind it."""
    return [m for m in pattern.finditer(text, start) if m.end() <= end]


def _presence(text: str, mentions: list[_Mention], index: int) -> Presence:
    mention = mentions[index]
    if _is_reached(text, mentions, index, _CANNOT, _CANNOT):
        return Presence.NOT_ASSESSED
    is_denied = mention.is_normal or _is_reached(text, mentions, index, _DENY_AHEAD, _DENY_BACK)
    return Presence.ABSENT if is_denied else Presence.PRESENT


def _is_reached(
    text: str, mentions: list[_Mention], index: int, ahead: re.Pattern[str], back: re.Pattern[str]
) -> bool:
    """Whether a cue before the mention reaches ahead to it, or one after it reaches back."""
    mention = mentions[index]
    if any(_reaches_ahead(text, cue, mentions, mention) for cue in ahead.finditer(text, 0, mention.start)):
        return True
    if _closes(text, mention, back):
        return True
    for other in mentions[index + 1 :]:
        if not _ENUMERATION.fullmatch(text[mention.end : other.first + _lead(text, other)]):
            return False
        if _closes(text, other, back) and not _SINGULAR.search(text, other.start, other.last):
            return True
        mention = other
    return False


def _lead(text: str, mention: _Mention) -> int:
    """Length of what joins a mention's piece to the one before."""
    found = _ENUMERATION.match(text, mention.first, mention.start)
    return found.end() - mention.first if found else 0


def _closes(text: str, mention: _Mention, back: re.Pattern[str]) -> bool:
    """Whether a cue after the mention's first word, in its piece and clause, speaks of it."""
    if back is _DENY_BACK and _DENY_AHEAD.search(text, mention.start, mention.end):
        return True  # "the stomach shows no distension"
    for cue in back.finditer(text, mention.start, mention.last):
        is_cut = _between(_CLAUSE, text, mention.end, cue.start())
        if not is_cut and not _NEXT_SUBJECT.search(text[mention.end : max(cue.start(), mention.end)]):
            return True
    return False


def _reaches_ahead(text: str, cue: re.Match[str], mentions: list[_Mention], mention: _Mention) -> bool:
    """Whether nothing is affirmed between a denial and a mention after it."""
    if _between(_CLAUSE, text, cue.end(), mention.start):
        return False
    for joint in re.finditer(r",|\band\b", text[cue.end() : mention.start]):
        start, end = cue.end() + joint.start(), cue.end() + joint.end()
        ending = _CLAUSE.search(text, end)
        if _LIST_GOES_ON.search(text, end, ending.start() if ending else len(text)):
            continue
        is_foreign = joint[0] == "," and not any(cue.end() <= m.start < start for m in mentions)
        if is_foreign or _POSITIVE_START.match(text, end) or _VERB.search(text, cue.end(), start):
            return False
    return True


def _is_hedged(text: str, mention: _Mention) -> bool:
    """Doubt before the mention, or behind it unless it opens an afterthought: "loops, probably ileus"."""
    if _HEDGE_AHEAD.search(text, mention.first, mention.start):
        return True
    behind = _HEDGE.finditer(text, mention.start, mention.last)
    return any(not text[: cue.start()].endswith(", ") for cue in behind)


def _quadrants(text: str) -> tuple[Quadrant, ...]:
    if _ALL_QUADRANTS.search(text):
        return tuple(Quadrant)
    named = set()
    for m in _QUADRANTS.finditer(text):
        is_pair = m[1] in ("both", "bilateral", "the", "two")
        if is_pair and "quadrants" not in text[m.end() :][:11]:
            continue
        sides = ("right", "left") if is_pair else tuple(filter(None, (m[1], m[2])))
        named |= {lexicon.QUADRANT_OF[key] for key in product(sides, filter(None, (m[3], m[4])))}
    return tuple(quadrant for quadrant in Quadrant if quadrant in named)


def _count(text: str) -> int | None:
    if found := _COUNT.search(text):
        return lexicon.NUMBERS.index(found[1]) if found[1] in lexicon.NUMBERS else int(found[1])
    return next((count for count, pattern in _COUNT_PHRASES if pattern.search(text)), None)


def distal_gas(sentence: str) -> DistalGas | None:
    """Amount of gas beyond the stomach."""
    if not (found := _DISTAL_GAS.search(plain(sentence))):
        return None
    word = found[1] or found[2]
    return _AMOUNTS.get(word) or DistalGas(word)


def stool_burden(sentence: str) -> tuple[int, int, int] | None:
    """Grades of the right colon, left colon and rectosigmoid, in whatever order the segments are named."""
    text = plain(sentence)
    if not _STOOL.search(text):
        return None
    burdens = wordings("en").words.burdens
    words = re.findall(rf"\b({'|'.join((*burdens, *_SEGMENTS))})\b", text)
    grades = [word for word in words if word in burdens]
    segments = [word for word in words if word in _SEGMENTS]
    if len(grades) != 3 or sorted(segments) != sorted(_SEGMENTS):
        return None
    by_segment = dict(zip(segments, (burdens.index(grade) for grade in grades), strict=True))
    right, left, rectum = (by_segment[segment] for segment in _SEGMENTS)
    return right, left, rectum


def names_tube(sentence: str) -> bool:
    """Whether a gastric tube is said to be there."""
    text = plain(sentence)
    return bool(_TUBE.search(text)) and not _NO_TUBE.search(text)


def view(sentence: str) -> View | None:
    """The view, when the sentence is about the film."""
    text = plain(sentence)
    if (found := _VIEW.search(text)) and _FILM.search(text):
        return View(found[1].replace("upright", "erect").replace(" ", "_"))
    return None
