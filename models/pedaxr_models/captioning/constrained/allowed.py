"""Every sentence of the grammar that says nothing the evidence excludes, by what it is about."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from pedaxr_models.captioning.constrained.evidence import Evidence
from pedaxr_models.captioning.tokenizer import END, WordPieces
from pedaxr_models.facts import UNREADABLE, FindingFact, Presence
from pedaxr_models.labels import FINDINGS, Finding, View
from pedaxr_models.report_text.grammar import fill
from pedaxr_models.report_text.wordings import Wordings, wordings

# A topic is spoken of once; a text ends between sentences.
VIEW, GAS, STOOL, TUBE, REFUSAL = "view", "distal gas", "stool", "tube", "refusal"
_LONGEST = 96


def allowed_sentences(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Topic and sentence, in the words of the English tables.

    A refusal to read is always allowed; so is a gastric tube, which neither witness looks for.
    """
    table = wordings("en")
    yield REFUSAL, UNREADABLE
    for view in [evidence.view] if evidence.view else View:
        yield from _told(VIEW, (text.format(view=table.words.views[view]) for text in table.view))
    for finding in FINDINGS:
        yield from _told(finding, _of_finding(finding, evidence, table))
    for gas in evidence.distal_gas:
        yield from _told(GAS, (text.format(amount=table.words.amounts[gas]) for text in table.distal_gas))
    for burden in product(*evidence.stool_burdens):
        grades = [table.words.burdens[grade] for grade in burden]
        yield from _told(STOOL, (text.format(*grades) for text in table.stool))
    yield from _told(TUBE, table.tube)


def _told(topic: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        yield topic, f"{text[:1].upper()}{text[1:]}."


def _of_finding(finding: Finding, evidence: Evidence, table: Wordings) -> Iterator[str]:
    for presence in evidence.presences(finding):
        if presence is Presence.ABSENT:
            yield from table.absent[finding]
        elif presence is Presence.NOT_ASSESSED:
            texts = table.not_assessed.get(finding, table.unseen)
            yield from (text.format(name=table.words.names[finding]) for text in texts)
        else:
            yield from _present(finding, evidence, table)


def _present(finding: Finding, evidence: Evidence, table: Wordings) -> Iterator[str]:
    slots = product(
        evidence.severities(finding),
        evidence.sides(finding),
        evidence.quadrants(finding),
        evidence.counts(finding),
    )
    for severity, side, quadrants, count in slots:
        fact = FindingFact(finding, Presence.PRESENT, severity, side, quadrants, count)
        for texts in (table.present[finding], table.hedged[finding]):
            yield from (fill(text, fact, table) for text in (texts if severity else texts[:1]))


@dataclass(frozen=True)
class Choices:
    """A tree of token ids: what may follow the words of a sentence so far, and on which topics it may be.

    Attributes:
        topics: that some sentence through this point is about.
        ends: topics of sentences that are whole here.
    """

    topics: set[str]
    ends: set[str]
    after: dict[int, "Choices"]

    @classmethod
    def of(cls, sentences: Iterable[tuple[str, str]], pieces: WordPieces) -> "Choices":
        """The tree of sentences with their topics."""
        told = list(sentences)
        root = cls(set(), set(), {})
        rows = pieces.rows([text for _, text in told], longest=_LONGEST)
        for (topic, _), row in zip(told, rows, strict=True):
            root._add(topic, row[1:-1])  # without [CLS] and [SEP]
        return root

    def _add(self, topic: str, row: Sequence[int]) -> None:
        node = self
        node.topics.add(topic)
        for token in row:
            node = node.after.setdefault(token, Choices(set(), set(), {}))
            node.topics.add(topic)
        node.ends.add(topic)

    def next_tokens(self, ids: Sequence[int]) -> list[int]:
        """Tokens that may follow a text that was written by this tree; the end of the text among them."""
        node, left = self, set(self.topics)
        for token in ids:
            node = node.after[token]
            if done := node.ends & left:
                left = set() if REFUSAL in done else left - done - {REFUSAL}
                node = self
        following = [token for token, child in node.after.items() if child.topics & left]
        return [*following, END] if node is self and ids else following
