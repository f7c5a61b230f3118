"""Scores of reports as sums over films, so that intervals by resampling films cost next to nothing.

Every score is a function of sums of per-film counts. A bootstrap sample (Efron 1979) is then a weighting of
films; the same weightings for every variant make differences paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.facts import FilmFacts, FindingFact, Presence, Severity
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.fact_scores import ONE_SIDED, is_opposite, slots, stated
from pedaxr_models.report_text.text_scores import TEXT_COLUMNS, bleu_4, references, text_counts

FloatTable = NDArray[np.float64]

FACT_COLUMNS = (
    *("films", "right", "stated", "true", "said", "untrue", "present", "omitted", "sided", "wrong_side"),
    *("one_sided", "opposite", "weighted_error"),
)
COLUMNS = (*FACT_COLUMNS, *TEXT_COLUMNS)
SCORES = (
    *("fact_f1", "fact_precision", "fact_recall", "hallucination_rate", "omission_rate"),
    *("laterality_error_rate", "opposite_side_rate", "weighted_error", "bleu_4", "rouge_l", "cider"),
)

# Points for missing a finding. Free air is an emergency; obstruction and stenosis are for a surgeon today;
# the rest can wait. That errors differ in weight is from Yu et al. 2023 (doi:10.1016/j.patter.2023.100802);
# the numbers are ours.
MISSED = {
    Finding.PNEUMOPERITONEUM: 10.0,
    Finding.AIR_FLUID_LEVEL: 6.0,
    Finding.PYLORIC_STENOSIS: 6.0,
    Finding.ABDOMINAL_DISTENSION: 3.0,
    Finding.CONSTIPATION: 2.0,
}
INVENTED = 0.5  # of the points for missing it: a false alarm costs a second look
EXCLUDED = 0.25  # of the same: said to be absent on a view that cannot tell
WRONG_SIDE, WRONG_GRADE, WRONG_DETAIL = 2.0, 1.0, 0.5


@dataclass(frozen=True)
class Interval:
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float

    def overlaps(self, other: "Interval") -> bool:
        """Whether the two intervals share a point."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class VariantScore(Interval):
    """One score of one variant, all seeds pooled; `seeds` one by one, `spread` their standard deviation."""

    seeds: tuple[float, ...] = ()
    spread: float = 0.0


@dataclass(frozen=True)
class Difference(Interval):
    """What is added to a score, paired over films.

    Attributes:
        overlap: whether the two variants' own intervals share a point.
        per_cent: the same relative to the score without; None where that is 0.
    """

    overlap: bool = True
    per_cent: Interval | None = None


@dataclass(frozen=True)
class Contrast:
    """Two variants, one of them `given` an input that the other is `without`; differences by score."""

    without: str
    given: str
    scores: Mapping[str, Difference]


@dataclass(frozen=True)
class SetScores:
    """One set of films: scores by variant and name, and what is added from one variant to another."""

    variants: Mapping[str, Mapping[str, VariantScore]]
    contrasts: Mapping[str, Contrast]


@dataclass(frozen=True)
class AblationScores:
    """A whole ablation.

    Attributes:
        synthetic: whether a program made the films.
        films: how many of each set; minutes, steps: budget of each training; seeds: trainings per variant.
        sets, conclusion: scores and sentences by set of films.
        measured_with: SHA-256 of the segmentation whose outlines were read; empty where not recorded.
    """

    synthetic: bool
    films: Mapping[str, int]
    minutes: float
    seeds: int
    sets: Mapping[str, SetScores]
    conclusion: Mapping[str, tuple[str, ...]]
    steps: int | None = None
    measured_with: Mapping[str, str] = field(default_factory=dict)


def film_counts(
    truth: Sequence[FilmFacts], texts: Sequence[str], wordings: Sequence[Sequence[str]] | None = None
) -> FloatTable:
    """(N, len(COLUMNS)) of reports of films; `wordings` are `references(truth)` where they are at hand."""
    facts = [_fact_counts(film, text) for film, text in zip(truth, texts, strict=True)]
    return np.column_stack([np.array(facts), text_counts(texts, wordings or references(truth))])


def _fact_counts(film: FilmFacts, text: str) -> list[float]:
    true = slots(film.findings, film)
    said, findings = stated(text)
    pairs = [(fact, findings.get(fact.finding)) for fact in film.findings]
    both = [(fact, ours) for fact, ours in pairs if ours and _is_present(fact) and _is_present(ours)]
    return [
        *(1, len(true & said), len(said), len(true)),
        sum(_is_present(ours) for _, ours in pairs),
        sum(_is_present(ours) and not _is_present(fact) for fact, ours in pairs),
        sum(_is_present(fact) for fact, _ in pairs),
        sum(_is_present(fact) and not _is_present(ours) for fact, ours in pairs),
        len(both),
        sum(ours.side is not None and ours.side is not fact.side for fact, ours in both),
        sum(fact.side in ONE_SIDED for fact, _ in both),
        sum(is_opposite(fact, ours) for fact, ours in both),
        sum(error_points(fact, ours) for fact, ours in pairs) + _film_points(true, said),
    ]


def _is_present(fact: FindingFact | None) -> bool:
    return fact is not None and fact.presence is Presence.PRESENT


def error_points(true: FindingFact, said: FindingFact | None) -> float:
    """Severity-weighted error of what is said of one finding; None: it is not mentioned."""
    missed = MISSED[true.finding]
    if not _is_present(true):
        excludes = said is not None and said.presence is Presence.ABSENT
        is_false_comfort = excludes and true.presence is Presence.NOT_ASSESSED
        return missed * (INVENTED if _is_present(said) else EXCLUDED if is_false_comfort else 0.0)
    if said is None or not _is_present(said):
        return missed
    wrong_side = said.side is not None and said.side is not true.side
    details = (said.count != true.count) + (set(said.quadrants) != set(true.quadrants))
    return WRONG_SIDE * wrong_side + WRONG_GRADE * _grades_off(true, said) + WRONG_DETAIL * details


def _grades_off(true: FindingFact, said: FindingFact) -> float:
    """Grades between the two; half a grade where only one of them has any."""
    if true.severity is None or said.severity is None:
        return 0.5 * (true.severity is not said.severity)
    grades = list(Severity)
    return float(abs(grades.index(true.severity) - grades.index(said.severity)))


def _film_points(true: set[tuple[str, str, str]], said: set[tuple[str, str, str]]) -> float:
    """Gas beyond the stomach, stool burden and tube: points per slot that is wrong or left out."""
    values = [{name: value for owner, name, value in facts if owner == "film"} for facts in (true, said)]
    return WRONG_DETAIL * sum(values[0].get(name) != values[1].get(name) for name in values[0])


def scores_of(sums: FloatTable) -> FloatTable:
    """(..., len(COLUMNS)) sums to (..., len(SCORES)); a share of nothing is 0."""
    at = {name: sums[..., column] for column, name in enumerate(COLUMNS)}
    return np.stack(
        [
            _share(2 * at["right"], at["stated"] + at["true"]),
            _share(at["right"], at["stated"]),
            _share(at["right"], at["true"]),
            _share(at["untrue"], at["said"]),
            _share(at["omitted"], at["present"]),
            _share(at["wrong_side"], at["sided"]),
            _share(at["opposite"], at["one_sided"]),
            _share(at["weighted_error"], at["films"]),
            bleu_4(sums[..., COLUMNS.index("length") :]),
            _share(at["rouge_l"], at["films"]),
            _share(at["cider"], at["films"]),
        ],
        -1,
    )


def _share(part: FloatTable, whole: FloatTable) -> FloatTable:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part, dtype=float), where=whole > 0))


def resamples(films: int, *, count: int = 1000, seed: int = 0) -> FloatTable:
    """(count, films): how often each film is in each bootstrap sample."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(films, np.full(films, 1 / films), size=count).astype(float)


def resampled_scores(counts: Sequence[FloatTable], weights: FloatTable) -> FloatTable:
    """(samples, len(SCORES)) of one variant, the films of all its seeds pooled."""
    return scores_of(weights @ np.sum(counts, axis=0))


def interval(value: float, samples: FloatTable) -> Interval:
    """The value with the 2.5th and 97.5th percentile of its bootstrap samples."""
    low, high = np.percentile(samples, (2.5, 97.5))
    return Interval(float(value), float(low), float(high))


def best_single_report(truth: Sequence[FilmFacts]) -> FilmFacts:
    """The film whose facts, said of every film, give the best fact F1: the commonest facts in one report."""
    every = [slots(facts.findings, facts) for facts in truth]
    frequency: dict[tuple[str, str, str], int] = {}
    for facts in every:
        for fact in facts:
            frequency[fact] = frequency.get(fact, 0) + 1
    total = sum(map(len, every))
    f1 = [2 * sum(map(frequency.__getitem__, mine)) / (len(every) * len(mine) + total) for mine in every]
    return truth[int(np.argmax(f1))]
