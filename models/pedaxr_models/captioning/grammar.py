"""Facts to text: short English sentences, each about one slot, each in several wordings.

What may be said of a finding follows the radiology it comes from: a distended stomach asks for an ultrasound,
it does not diagnose a stenosis; a supine film neither shows nor excludes air-fluid levels, and cannot exclude
free gas. `parser.parse` is the inverse, whatever the wording.
"""

from collections.abc import Callable, Sequence

import numpy as np

from pedaxr_models.captioning.facts import FilmFacts, FindingFact, Presence, Quadrant, Severity, Side
from pedaxr_models.labels import Finding, View

_VIEW_WORDS = {
    View.SUPINE: "supine",
    View.ERECT: "erect",
    View.LEFT_LATERAL_DECUBITUS: "left lateral decubitus",
}
_VIEWS = ("{view} abdominal radiograph", "abdominal radiograph, {view} view", "{view} view of the abdomen")

# {severity}, {severely} (its adverb), {where} and {count} are filled in; the first wording is the commonest.
_PRESENT: dict[Finding, tuple[str, ...]] = {
    Finding.PNEUMOPERITONEUM: (
        "{severity} free gas{where}, in keeping with pneumoperitoneum",
        "pneumoperitoneum: {severity} free gas{where}",
        "there is {severity} free intraperitoneal gas{where}",
        "{severity} free air is seen{where}",
    ),
    Finding.PYLORIC_STENOSIS: (
        "{severity} gastric distension{where}; consider gastric outlet obstruction such as pyloric stenosis",
        "the stomach is {severely} distended{where}; consider obstruction such as pyloric stenosis",
        "{severity} distension of the stomach{where}; pyloric stenosis should be considered",
        "a {severely} distended stomach{where}; consider pyloric stenosis or another obstruction",
    ),
    Finding.ABDOMINAL_DISTENSION: (
        "{severity} diffuse gaseous distension of the bowel{where}",
        "bowel loops are {severely} dilated with gas{where}",
        "there is {severity} gaseous dilatation of bowel loops{where}",
        "{severity} gaseous bowel distension{where}",
    ),
    Finding.AIR_FLUID_LEVEL: (
        "{severity} air-fluid levels, {count} in number{where}",
        "{count} air-fluid levels of {severity} degree{where}",
        "there are {count} air-fluid levels, {severity}{where}",
        "{severity} gas-fluid levels{where}, {count} in all",
    ),
    Finding.CONSTIPATION: (
        "{severity} faecal loading of the colon{where}",
        "the colon is {severely} loaded with faeces{where}",
        "there is {severity} faecal loading{where}",
        "{severity} colonic faecal loading{where}",
    ),
}
_ABSENT: dict[Finding, tuple[str, ...]] = {
    Finding.PNEUMOPERITONEUM: (
        "no free gas under the diaphragm",
        "there is no free air under the diaphragm",
        "no subdiaphragmatic free gas is seen",
    ),
    Finding.PYLORIC_STENOSIS: (
        "the stomach is not distended",
        "no gastric distension",
        "there is no distension of the stomach",
    ),
    Finding.ABDOMINAL_DISTENSION: (
        "no bowel distension",
        "bowel loops are not dilated",
        "there is no gaseous dilatation of bowel loops",
    ),
    Finding.AIR_FLUID_LEVEL: (
        "no significant air-fluid levels",
        "there are no significant air-fluid levels",
        "no gas-fluid levels of significance",
    ),
    Finding.CONSTIPATION: (
        "no faecal loading",
        "there is no faecal loading of the colon",
        "the colon is not loaded with faeces",
    ),
}
_NOT_ASSESSED: dict[Finding, tuple[str, ...]] = {
    Finding.PNEUMOPERITONEUM: (
        "free gas cannot be excluded on this film",
        "this film cannot exclude free gas",
        "free air cannot be excluded here",
    ),
    Finding.AIR_FLUID_LEVEL: (
        "air-fluid levels cannot be assessed on this film",
        "this film cannot assess air-fluid levels",
        "gas-fluid levels cannot be assessed here",
    ),
}
_UNSEEN = ("{name} cannot be assessed on this film", "{name} was not assessed")
_UNSEEN_NAMES = {
    Finding.PYLORIC_STENOSIS: "gastric distension",
    Finding.ABDOMINAL_DISTENSION: "bowel distension",
    Finding.CONSTIPATION: "faecal loading",
}
_DISTAL_GAS = (
    "distal bowel gas is {amount}",
    "gas beyond the stomach is {amount}",
    "the amount of distal gas is {amount}",
)
_STOOL = (
    "stool burden is {0} in the right colon, {1} in the left colon and {2} in the rectosigmoid",
    "stool burden: right colon {0}, left colon {1}, rectosigmoid {2}",
    "the stool burden of the right colon is {0}, of the left colon {1} and of the rectosigmoid {2}",
)
_TUBE = ("a gastric tube is seen", "there is a gastric tube", "gastric tube in place")

BURDENS = ("none", "mild", "moderate", "marked")
NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_ADVERBS = {Severity.MILD: "mildly", Severity.MODERATE: "moderately", Severity.MARKED: "markedly"}
_SIDES = {Side.RIGHT: " on the right", Side.LEFT: " on the left", Side.BOTH: " on both sides"}

Choose = Callable[[Sequence[str]], str]


def narrate(facts: FilmFacts, rng: np.random.Generator | None = None) -> str:
    """The narrative of a film: free gas first when it is there, then from the stomach downwards.

    Args:
        facts: of the film.
        rng: draws each sentence's wording; None takes the commonest.
    """

    def choose(wordings: Sequence[str]) -> str:
        return wordings[0] if rng is None else wordings[int(rng.integers(len(wordings)))]

    return " ".join(f"{s[:1].upper()}{s[1:]}." for s in _sentences(facts, choose))


def _sentences(facts: FilmFacts, choose: Choose) -> list[str]:
    air = facts[Finding.PNEUMOPERITONEUM]
    air_sentence = _finding(air, choose)
    is_critical = air.presence is Presence.PRESENT
    sentences = [choose(_VIEWS).format(view=_VIEW_WORDS[facts.view])]
    sentences += [air_sentence] if is_critical else []
    sentences.append(_finding(facts[Finding.PYLORIC_STENOSIS], choose))
    if facts.distal_gas is not None:
        sentences.append(choose(_DISTAL_GAS).format(amount=facts.distal_gas.value))
    for finding in (Finding.ABDOMINAL_DISTENSION, Finding.AIR_FLUID_LEVEL, Finding.CONSTIPATION):
        sentences.append(_finding(facts[finding], choose))
    if facts.stool_burden is not None:
        sentences.append(choose(_STOOL).format(*(BURDENS[b] for b in facts.stool_burden)))
    sentences += [] if is_critical else [air_sentence]
    sentences += [choose(_TUBE)] if facts.gastric_tube else []
    return sentences


def _finding(fact: FindingFact, choose: Choose) -> str:
    if fact.presence is Presence.ABSENT:
        return choose(_ABSENT[fact.finding])
    if fact.presence is Presence.NOT_ASSESSED:
        wordings = _NOT_ASSESSED.get(fact.finding, _UNSEEN)
        return choose(wordings).format(name=_UNSEEN_NAMES.get(fact.finding, ""))
    severity = fact.severity or Severity.MODERATE
    return choose(_PRESENT[fact.finding]).format(
        severity=severity.value, severely=_ADVERBS[severity], where=_where(fact), count=_number(fact.count)
    )


def _number(count: int | None) -> str:
    if count is None:
        return "several"
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def _where(fact: FindingFact) -> str:
    """` on the right in the right upper and right lower quadrants`, or nothing when nothing is known."""
    side = _SIDES[fact.side] if fact.side else ""
    if not fact.quadrants:
        return side
    if len(fact.quadrants) == len(Quadrant):
        return f"{side} in all quadrants"
    names = [quadrant.value.removesuffix(" quadrant") for quadrant in fact.quadrants]
    if len(names) == 1:
        return f"{side} in the {names[0]} quadrant"
    return f"{side} in the {', '.join(names[:-1])} and {names[-1]} quadrants"
