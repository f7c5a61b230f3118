"""Measure the report writer by the facts it states, running free, beside readers that do not look.

A fact is one slot with a value: (finding, "presence", present), (finding, "side", left), ... Overlap scores
such as BLEU cannot rank readers of a template language; facts can.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pedaxr_models.captioning.facts import FilmFacts, FindingFact, Presence
from pedaxr_models.captioning.grammar import narrate
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.parser import parse
from pedaxr_models.labels import FINDINGS, LABELS, Finding
from pedaxr_models.runtime.checkpoint import Json
from pedaxr_models.runtime.reporter import Reporter

Fact = tuple[str, str, str]


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


def fact_scores(truth: Sequence[FilmFacts], texts: Sequence[str]) -> dict[str, float]:
    """Scores of narratives against the facts of their films.

    Returns:
        fact_precision, fact_recall, fact_f1 over all slots of all films; presence_accuracy over films and
        findings; hallucination_rate: positive statements that are not so, over all positive statements;
        omission_rate: findings present that are not stated; laterality_error_rate: over findings stated
        rightly as present; free_air_sensitivity; one fact_f1 per slot as slot_<name>.
    """
    counts: dict[str, list[int]] = {"all": [0, 0, 0]}  # right, stated, true
    tally = dict.fromkeys(("presence", "said", "untrue", "present", "omitted", "sided", "wrong_side"), 0)
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


def _is_present(fact: FindingFact | None) -> bool:
    return fact is not None and fact.presence is Presence.PRESENT


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def evaluate_captioner(
    reporter: Reporter, films: ReaderFilms, strangers: ReaderFilms, *, synthetic: bool, seed: int = 0
) -> Json:
    """Readers side by side and the proofs that the film is read; everything is written by greedy search.

    Args:
        reporter: the reader.
        films: of one split.
        strangers: pictures that are no films, from `open_strangers`.
        synthetic: whether the films were made by a program; told with the figures.
        seed: of the wrong working diagnoses.
    """
    every = range(len(films))
    truth = films.facts
    texts = reporter.describe_cached(films, every)
    readers = {
        "constant report": [narrate(_commonest(truth), None)] * len(truth),
        "true facts (ceiling)": [narrate(facts, None) for facts in truth],
        "metadata alone (film blank)": reporter.describe_cached(films, every, change="blank"),
        "film alone": reporter.describe_cached(films, every, without_metadata=True),
        "film and metadata": texts,
    }
    return {
        "synthetic": synthetic,
        "films": len(films),
        "readers": {name: fact_scores(truth, said) for name, said in readers.items()},
        "proofs": _proofs(reporter, films, strangers, texts, seed),
    }


def _proofs(
    reporter: Reporter, films: ReaderFilms, strangers: ReaderFilms, texts: list[str], seed: int
) -> dict[str, float]:
    every = range(len(films))
    rng = np.random.default_rng(seed)
    wrong = [str(rng.choice([label for label in LABELS if label != facts.label])) for facts in films.facts]
    misled = reporter.describe_cached(films, every, diagnoses=wrong)
    swapped = reporter.describe_cached(films, every, change="swapped")
    blank = reporter.describe_cached(films, every, change="blank")
    noise = reporter.describe_cached(films, every, change="noise")
    air = [i for i in every if films.facts[i][Finding.PNEUMOPERITONEUM].presence is Presence.PRESENT]
    return {
        "free air named when present": _mean([Finding.PNEUMOPERITONEUM in _present(texts[i]) for i in air]),
        "free air not named when absent": _mean(
            [Finding.PNEUMOPERITONEUM not in _present(texts[i]) for i in every if i not in set(air)]
        ),
        "findings unchanged by a wrong working diagnosis": _mean(
            [_present(a) == _present(b) for a, b in zip(texts, misled, strict=True)]
        ),
        "findings right under a wrong working diagnosis": _mean(
            [_present(b) == set(f.present) for f, b in zip(films.facts, misled, strict=True)]
        ),
        "findings right": _mean(
            [_present(t) == set(f.present) for f, t in zip(films.facts, texts, strict=True)]
        ),
        "report changes when the film is swapped": _mean(
            [a != b for a, b in zip(texts, swapped, strict=True)]
        ),
        "no finding on an empty input, nothing segmented": _mean([not _present(text) for text in blank]),
        "no finding on a noise input, nothing segmented": _mean([not _present(text) for text in noise]),
        "no finding on segmented pictures that are no films": _mean(
            [not _present(text) for text in reporter.describe_cached(strangers, range(len(strangers)))]
        ),
    }


def _present(text: str) -> set[Finding]:
    return {finding for finding, fact in stated(text)[1].items() if _is_present(fact)}


def _mean(values: list[bool]) -> float:
    return round(float(np.mean(values)), 4) if values else 0.0


def _commonest(truth: Sequence[FilmFacts]) -> FilmFacts:
    """The film whose facts are nearest to all others': the best single report."""
    every = [slots(facts.findings, facts) for facts in truth]
    overlap = [sum(len(mine & other) for other in every) for mine in every]
    return truth[int(np.argmax(overlap))]
