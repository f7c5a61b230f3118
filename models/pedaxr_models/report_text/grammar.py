"""Facts to text: short sentences, each about one slot, each in several wordings, English or Korean.

What may be said of a finding follows the radiology it comes from: a distended stomach asks for an ultrasound,
it does not diagnose a stenosis; a supine film neither shows nor excludes air-fluid levels, and cannot exclude
free gas. The wordings are tables (`wordings.py`). `parser.parse` is the inverse, whatever the wording.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pedaxr_models.facts import FilmFacts, FindingFact, Presence, Quadrant
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.wordings import Language, Place, Wordings, Words, wordings

if TYPE_CHECKING:  # the server answers from reports without loading NumPy
    import numpy as np

Choose = Callable[[Sequence[str]], str]


def narrate(facts: FilmFacts, rng: "np.random.Generator | None" = None, *, language: Language = "en") -> str:
    """The narrative of a film: free gas first when it is there, then from the stomach downwards.

    What the view cannot show is said to be not assessed, even where the facts call it absent.

    Args:
        facts: of the film.
        rng: draws each sentence's wording; None takes the commonest.
        language: of the text.
    """
    facts, choose, table = facts.as_view_allows(), chooser(rng), wordings(language)
    return as_text([view_sentence(facts, choose, table), *finding_sentences(facts, choose, table)])


def chooser(rng: "np.random.Generator | None") -> Choose:
    """Draws one of several wordings; without a generator, the first."""

    def choose(texts: Sequence[str]) -> str:
        return texts[0] if rng is None else texts[int(rng.integers(len(texts)))]

    return choose


def as_text(sentences: Sequence[str]) -> str:
    """Sentences as prose: each with a capital and a full stop."""
    return " ".join(f"{s[:1].upper()}{s[1:]}." for s in sentences)


def view_sentence(facts: FilmFacts, choose: Choose, table: Wordings) -> str:
    """How the child lay or stood."""
    return choose(table.view).format(view=table.words.views[facts.view])


def finding_sentences(facts: FilmFacts, choose: Choose, table: Wordings) -> list[str]:
    """What was looked for, free gas first when it is there; without capitals and full stops."""
    air = facts[Finding.PNEUMOPERITONEUM]
    air_sentence = finding_sentence(air, choose, table)
    is_critical = air.presence is Presence.PRESENT
    sentences = [air_sentence] if is_critical else []
    sentences.append(finding_sentence(facts[Finding.PYLORIC_STENOSIS], choose, table))
    if facts.distal_gas is not None:
        sentences.append(choose(table.distal_gas).format(amount=table.words.amounts[facts.distal_gas]))
    for finding in (Finding.ABDOMINAL_DISTENSION, Finding.AIR_FLUID_LEVEL, Finding.CONSTIPATION):
        sentences.append(finding_sentence(facts[finding], choose, table))
    if facts.stool_burden is not None:
        sentences.append(choose(table.stool).format(*(table.words.burdens[b] for b in facts.stool_burden)))
    sentences += [] if is_critical else [air_sentence]
    sentences += [choose(table.tube)] if facts.gastric_tube else []
    return sentences


def finding_sentence(fact: FindingFact, choose: Choose, table: Wordings) -> str:
    """One finding, without capital and full stop."""
    if fact.presence is Presence.ABSENT:
        return choose(table.absent[fact.finding])
    if fact.presence is Presence.NOT_ASSESSED:
        texts = table.not_assessed.get(fact.finding, table.unseen)
        return choose(texts).format(name=table.words.names[fact.finding])
    texts = (table.hedged if fact.is_hedged else table.present)[fact.finding]
    return fill(choose(texts if fact.severity else texts[:1]), fact, table)


def fill(text: str, fact: FindingFact, table: Wordings) -> str:
    """A wording with the words for a fact's severity, place and count.

    Without a severity nothing is said of it, which reads well where `{severity}` is the only word for it: in
    the first wording of each table.
    """
    words, severity = table.words, fact.severity
    filled = text.format(
        severity=words.severity[severity] if severity else "",
        severely=words.severely[severity] if severity else "",
        grade=words.grade[severity] if severity else "",
        where=_place(fact, table.place, table.place.where),
        at=_place(fact, table.place, table.place.at),
        count=_number(fact.count, words),
    )
    return " ".join(filled.split())


def _number(count: int | None, words: Words) -> str:
    if count is None:
        return words.several
    return words.counter.format(words.numbers[count] if count < len(words.numbers) else count)


def _place(fact: FindingFact, place: Place, forms: dict[str, str]) -> str:
    """` on the right in the right upper and right lower quadrants`, or nothing when nothing is known."""
    side = place.sides[fact.side] if fact.side else ""
    if not fact.quadrants:
        return forms["side"].format(side=side) if side else ""
    quadrants = _quadrants(fact.quadrants, place)
    return forms["both" if side else "quadrants"].format(side=side, quadrants=quadrants)


def _quadrants(quadrants: Sequence[Quadrant], place: Place) -> str:
    if len(quadrants) == len(Quadrant):
        return place.all
    names = [place.quadrants[quadrant] for quadrant in quadrants]
    if len(names) == 1:
        return place.one.format(names[0])
    comma, conjunction = place.joints
    return place.many.format(f"{comma.join(names[:-1])}{conjunction}{names[-1]}")
