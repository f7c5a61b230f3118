"""Text to facts: reads what `grammar.narrate` writes, and sentences near to it, by rules.

A sentence has one topic, told by its words; its other words fill that topic's slots. Negation and "cannot be
assessed" decide presence before anything else, so that "no marked distension" is an absence, but only within
their own clause: "free gas; no bowel distension" is free gas.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pedaxr_models.captioning.facts import (
    DistalGas,
    FilmFacts,
    FindingFact,
    Presence,
    Quadrant,
    Severity,
    Side,
)
from pedaxr_models.captioning.grammar import BURDENS, NUMBERS
from pedaxr_models.labels import FINDINGS, Finding, View

# Tried in order: the first that matches is the sentence's topic.
_TOPICS: tuple[tuple[Finding, re.Pattern[str]], ...] = tuple(
    (finding, re.compile(pattern))
    for finding, pattern in (
        (Finding.PNEUMOPERITONEUM, r"pneumoperitoneum|free (intraperitoneal )?(gas|air)"),
        (Finding.AIR_FLUID_LEVEL, r"(air|gas)[- ]fluid|fluid levels?"),
        (Finding.PYLORIC_STENOSIS, r"pylor|stomach|gastric (?!tube)"),
        (Finding.CONSTIPATION, r"f(a)?ecal|f(a)?eces|constipat|stool load"),
        (Finding.ABDOMINAL_DISTENSION, r"disten|dilat"),
    )
)
_DISTAL_GAS = re.compile(r"(distal (bowel )?gas|gas beyond the stomach)\b.*?\b(absent|scant|normal)\b")
_STOOL = re.compile(r"stool burden")
_SEGMENTS = ("right colon", "left colon", "rectosigmoid")
_TUBE = re.compile(r"gastric tube|feeding tube")
_NO_TUBE = re.compile(r"\b(no|without)\b")
_VIEW = re.compile(r"\b(supine|erect|upright|left lateral decubitus)\b")

_CANNOT = re.compile(
    r"\b(cannot|can['\u2019]t|not) (\w+ly )?(be )?(\w+ly )?(exclude|assess|rule)"
    r"|not possible to (assess|exclude|rule)"
)
_NOT = re.compile(
    r"\b(no|not(?! (previously|seen before))|without|absent|absence of|negative for|resolved|none|nothing"
    r"|excluded|ruled out)\b"
)
_CLAUSE_END = re.compile(r";|,? but |,? (?=without |with no |and no )")
_HEDGE = re.compile(
    r"\b(possibl[ey]|probabl[ey]|may|might|could|suspect(ed)?|suspicious|unlikely|questionable|equivocal)\b"
)
_SEVERITY = re.compile(r"\b(mild|moderate|marked)(?:ly)?\b")
_QUADRANT = re.compile(r"\b(right|left) (upper|lower)\b")
_SIDES = (
    (Side.BOTH, re.compile(r"both sides|bilateral|either side")),
    (Side.RIGHT, re.compile(r"\b(on the right|right[- ]sided|right side)\b(?! (upper|lower))")),
    (Side.LEFT, re.compile(r"\b(on the left|left[- ]sided|left side)\b(?! (upper|lower))")),
)
_COUNT = re.compile(rf"\b({'|'.join(NUMBERS[1:])}|\d+)\b")


@dataclass(frozen=True)
class SentenceFacts:
    """What one sentence says of a finding; everything None or empty when it speaks of something else."""

    finding: Finding | None = None
    presence: Presence | None = None
    severity: Severity | None = None
    side: Side | None = None
    quadrants: tuple[Quadrant, ...] = ()
    count: int | None = None
    is_hedged: bool = False


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


def split_sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, each with its full stop."""
    return tuple(part.strip() for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part.strip())


def parse(text: str) -> ParsedFacts:
    """All that a text says. Said both ways, a finding counts as present: the reader must be warned."""
    sentences = [sentence.lower() for sentence in split_sentences(text)]
    said: dict[Finding, FindingFact] = {}
    for fact in map(parse_sentence, sentences):
        if fact.finding is None or fact.presence is None:
            continue
        if fact.finding not in said or fact.presence is Presence.PRESENT:
            said.setdefault(fact.finding, _finding_fact(fact))
            if said[fact.finding].presence is not Presence.PRESENT:
                said[fact.finding] = _finding_fact(fact)
    return ParsedFacts(
        view=next(_views(sentences), None),
        findings=tuple(said[f] for f in FINDINGS if f in said),
        distal_gas=next((DistalGas(m[3]) for s in sentences if (m := _DISTAL_GAS.search(s))), None),
        stool_burden=next((b for s in sentences if (b := _burden(s)) is not None), None),
        gastric_tube=any(_TUBE.search(s) and not _NO_TUBE.search(s) for s in sentences),
    )


def parse_sentence(sentence: str) -> SentenceFacts:
    """What one sentence says of a finding."""
    finding, presence, text = _topic_clause(sentence.lower())
    if finding is None or presence is not Presence.PRESENT:
        return SentenceFacts(finding, presence)
    return SentenceFacts(
        finding,
        Presence.PRESENT,
        severity=Severity(m[1]) if (m := _SEVERITY.search(text)) else None,
        side=next((side for side, pattern in _SIDES if pattern.search(text)), None),
        quadrants=_quadrants(text),
        count=_count(text) if finding is Finding.AIR_FLUID_LEVEL else None,
        is_hedged=bool(_HEDGE.search(text)),
    )


def _topic_clause(text: str) -> tuple[Finding | None, Presence | None, str]:
    """The topic, its presence, and the clauses that speak of it; a clause that affirms goes before others."""
    clauses = [clause for clause in _CLAUSE_END.split(text) if clause]
    topics = [_topic(clause) for clause in clauses]
    said: dict[Finding, Presence] = {}
    for topic, clause in zip(topics, clauses, strict=True):
        if topic is not None:
            said.setdefault(topic, _presence(clause))
    if not said:
        return None, None, text
    order = [finding for finding, _ in _TOPICS]
    finding = min(said, key=lambda f: (said[f] is not Presence.PRESENT, order.index(f)))
    own = (c for t, c in zip(topics, clauses, strict=True) if t is finding or (t is None and len(said) == 1))
    return finding, said[finding], ";".join(own)


def _presence(clause: str) -> Presence:
    if _CANNOT.search(clause):
        return Presence.NOT_ASSESSED
    return Presence.ABSENT if _NOT.search(clause) else Presence.PRESENT


def _topic(text: str) -> Finding | None:
    if _STOOL.search(text) or _DISTAL_GAS.search(text) or _TUBE.search(text):
        return None
    return next((finding for finding, pattern in _TOPICS if pattern.search(text)), None)


def _finding_fact(said: SentenceFacts) -> FindingFact:
    assert said.finding is not None and said.presence is not None
    return FindingFact(said.finding, said.presence, said.severity, said.side, said.quadrants, said.count)


def _quadrants(text: str) -> tuple[Quadrant, ...]:
    if re.search(r"\ball (four )?quadrants\b", text):
        return tuple(Quadrant)
    named = {f"{side} {height} quadrant" for side, height in _QUADRANT.findall(text)}
    return tuple(quadrant for quadrant in Quadrant if quadrant.value in named)


def _count(text: str) -> int | None:
    found = _COUNT.search(text)
    if found is None:
        return None
    return NUMBERS.index(found[1]) if found[1] in NUMBERS else int(found[1])


def _burden(text: str) -> tuple[int, int, int] | None:
    """Grades of the right colon, left colon and rectosigmoid, in whatever order the segments are named."""
    if not _STOOL.search(text):
        return None
    words = re.findall(rf"\b({'|'.join((*BURDENS, *_SEGMENTS))})\b", text)
    grades = [word for word in words if word in BURDENS]
    segments = [word for word in words if word in _SEGMENTS]
    if len(grades) != 3 or sorted(segments) != sorted(_SEGMENTS):
        return None
    by_segment = dict(zip(segments, (BURDENS.index(grade) for grade in grades), strict=True))
    right, left, rectum = (by_segment[segment] for segment in _SEGMENTS)
    return right, left, rectum


def _views(sentences: list[str]) -> Iterator[View]:
    for sentence in sentences:
        if (found := _VIEW.search(sentence)) and re.search(r"radiograph|view|film|abdomen", sentence):
            word = found[1].replace("upright", "erect").replace(" ", "_")
            yield View(word)
