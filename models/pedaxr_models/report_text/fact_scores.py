"""The facts that a report states, against those of its film.

A fact is one slot with a value: (finding, "presence", present), (finding, "side", left), ... Overlap scores
such as BLEU cannot rank readers of a template language; facts can.
"""

from collections.abc import Sequence
from typing import Any

from pedaxr_models.facts import FilmFacts, FindingFact, Presence, Side
from pedaxr_models.labels import FINDINGS, Finding
from pedaxr_models.report_text.parser import parse

Fact = tuple[str, str, str]

ONE_SIDED = (Side.RIGHT, Side.LEFT)
_MEASURED = ("severity", "side", "quadrant", "count")
_TALLIED = (
    *("presence", "said", "untrue", "present", "omitted"),
    *("sided", "wrong_side", "one_sided", "opposite"),
)


def slots(findings: Sequence[FindingFact], film: Any) -> set[Fact]:
    """Facts of a film or of a parsed narrative; `film` holds the slots that belong to no finding."""
    facts: set[Fact] = set()
    for fact in findings:
        facts.add((fact.finding, "presence", fact.presence))
        if fact.is_present:
            pairs = (("severity", fact.severity), ("side", fact.side), ("count", fact.count))
            facts |= {(fact.finding, name, str(value)) for name, value in pairs if value is not None}
            facts |= {(fact.finding, "quadrant", quadrant) for quadrant in fact.quadrants}
    if film.distal_gas is not None:
        facts.add(("film", "distal_gas", film.distal_gas))
    for segment, burden in enumerate(film.stool_burden or ()):
        facts.add(("film", f"stool_{segment}", str(burden)))
    facts.add(("film", "gastric_tube", str(film.gastric_tube)))
    return facts


def stated(text: str) -> tuple[set[Fact], dict[Finding, FindingFact]]:
    """Facts that a narrative states, and its statement on each finding it mentions."""
    parsed = parse(text)
    findings = {fact.finding: fact for fact in parsed.findings}
    return slots(list(findings.values()), parsed), findings


def outspoken(facts: set[Fact]) -> set[Fact]:
    """Without what is said by leaving it open or out: findings that are not assessed, and tubes not seen."""
    silent = {Presence.NOT_ASSESSED, str(False)}
    return {fact for fact in facts if fact[1] not in ("presence", "gastric_tube") or fact[2] not in silent}


def copied(draft: set[Fact], told: set[Fact]) -> set[Fact]:
    """A draft's facts, with what is measured copied from what is told of the same film where it tells it.

    Of findings that both say are there grade, side, quadrants and number are copied, and the gastric tube.
    Which findings there are, the gas and how much stool lies where are left to the draft.
    """
    there = {fact[0] for fact in draft & told if fact[1:] == ("presence", Presence.PRESENT)}
    measured = {
        fact for fact in told if (fact[0] in there and fact[1] in _MEASURED) or fact[1] == "gastric_tube"
    }
    replaced = {fact[:2] for fact in measured}
    return measured | {fact for fact in draft if fact[:2] not in replaced}


def fact_scores(truth: Sequence[FilmFacts], texts: Sequence[str]) -> dict[str, float]:
    """Scores of narratives against the facts of their films.

    Returns:
        fact_precision, fact_recall, fact_f1 over all slots of all films; presence_accuracy over films and
        findings; hallucination_rate: positive statements that are not so, over all positive statements;
        omission_rate: findings present that are not stated; laterality_error_rate: over findings stated
        rightly as present, any other side than the true one, left for both included; opposite_side_rate:
        left for right or the reverse, over those of them that lie on one side only; free_air_sensitivity; one
        fact_f1 per slot as slot_<name>.
    """
    counts: dict[str, list[int]] = {"all": [0, 0, 0]}  # right, stated, true
    tally = dict.fromkeys(_TALLIED, 0)
    air = [0, 0]
    for facts, text in zip(truth, texts, strict=True):
        true = slots(facts.findings, facts)
        said, findings = stated(text)
        for name in {fact[1] for fact in true | said} | {"all"}:
            ours = [{f for f in group if name in ("all", f[1])} for group in (true & said, said, true)]
            count = counts.setdefault(name, [0, 0, 0])
            counts[name] = [c + len(group) for c, group in zip(count, ours, strict=True)]
        for fact in facts.findings:
            _tally(tally, fact, findings.get(fact.finding))
        if facts[Finding.PNEUMOPERITONEUM].presence is Presence.PRESENT:
            air[1] += 1
            air[0] += _is_present(findings.get(Finding.PNEUMOPERITONEUM))
    right, stated_count, true_count = counts["all"]
    return {
        "fact_precision": _share(right, stated_count),
        "fact_recall": _share(right, true_count),
        "fact_f1": _share(2 * right, stated_count + true_count),
        "presence_accuracy": _share(tally["presence"], len(truth) * len(FINDINGS)),
        "hallucination_rate": _share(tally["untrue"], tally["said"]),
        "omission_rate": _share(tally["omitted"], tally["present"]),
        "laterality_error_rate": _share(tally["wrong_side"], tally["sided"]),
        "opposite_side_rate": _share(tally["opposite"], tally["one_sided"]),
        "free_air_sensitivity": _share(*air),
        **{f"slot_{n}": _share(2 * c[0], c[1] + c[2]) for n, c in sorted(counts.items()) if n != "all"},
    }


def _tally(tally: dict[str, int], true: FindingFact, said: FindingFact | None) -> None:
    is_true, is_said = true.presence is Presence.PRESENT, _is_present(said)
    tally["presence"] += said is not None and said.presence is true.presence
    tally["present"] += is_true
    tally["omitted"] += is_true and not is_said
    tally["said"] += is_said
    tally["untrue"] += is_said and not is_true
    if said is not None and is_true and is_said:
        tally["sided"] += 1
        tally["wrong_side"] += said.side is not None and said.side is not true.side
        tally["one_sided"] += true.side in ONE_SIDED
        tally["opposite"] += is_opposite(true, said)


def named(text: str) -> set[Finding]:
    """Findings that a narrative says are there, hedged or not."""
    return {finding for finding, fact in stated(text)[1].items() if _is_present(fact)}


def is_opposite(true: FindingFact, said: FindingFact) -> bool:
    """Whether left was said for right, or right for left."""
    return {true.side, said.side} == set(ONE_SIDED)


def _is_present(fact: FindingFact | None) -> bool:
    return fact is not None and fact.presence is Presence.PRESENT


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
