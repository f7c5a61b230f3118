"""Measure the report writer by the facts it states, running free, against image-blind baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pedaxr_models.captioning.ablation.record import read_stored, stored
from pedaxr_models.captioning.ablation.scores import AblationScores
from pedaxr_models.captioning.constrained.price import price_of_constraint
from pedaxr_models.captioning.faithfulness import WordsBefore, exposure, prove
from pedaxr_models.captioning.finding_metrics import FindingCall, finding_calls
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import Json
from pedaxr_models.facts import FilmFacts
from pedaxr_models.json_records import from_json, to_json
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.fact_scores import fact_scores, slots
from pedaxr_models.report_text.grammar import narrate


@dataclass(frozen=True)
class CaptionerScores:
    """What is measured of a report writer on one set of films, as a checkpoint keeps it (`metrics.json`).

    Attributes:
        readers: `fact_scores` of each way to read, image-blind baselines among them.
        proofs: shares of films on which each proof that the film is read holds.
        measured_with: SHA-256 of the weights measured and of the segmentation, and the kind of search.
        constrained: what it costs to let it say only what both witnesses allow, see `constrained.price`.
        shifted: the same of films outside the training ranges; ablation: what each input is worth.
    """

    synthetic: bool
    films: int
    readers: Mapping[str, Mapping[str, float]]
    proofs: Mapping[str, float]
    words_before: WordsBefore | None = None
    findings: Mapping[Finding, FindingCall] = field(default_factory=dict)
    coverage: Mapping[str, float | None] = field(default_factory=dict)
    measured_with: Mapping[str, str] = field(default_factory=dict)
    constrained: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    shifted: "CaptionerScores | None" = None
    ablation: AblationScores | None = None


def stored_scores(metrics: Json) -> CaptionerScores:
    """What a checkpoint's `metrics.json` holds."""
    shifted, ablation = metrics.get("shifted"), metrics.get("ladder")
    alone = from_json(CaptionerScores, {**metrics, "shifted": None})
    return replace(
        alone,
        shifted=stored_scores(shifted) if shifted else None,
        ablation=read_stored(ablation) if ablation else None,
    )


def to_metrics(scores: CaptionerScores) -> Json:
    """The JSON that a checkpoint keeps, the ablation under `ladder`."""
    written: Json = to_json(replace(scores, ablation=None))
    return written | ({"ladder": stored(scores.ablation)} if scores.ablation else {})


def evaluate_captioner(
    reporter: Reporter,
    films: ReaderFilms,
    ood_images: ReaderFilms,
    *,
    synthetic: bool,
    seed: int = 0,
    constrained: bool = False,
) -> CaptionerScores:
    """Readers side by side and the proofs that the film is read; everything is written by greedy search.

    Args:
        reporter: the reader.
        films: of one split.
        ood_images: images that are not abdominal films, from `open_ood_images`.
        synthetic: whether the films were made by a program; stated with the figures.
        seed: of the wrong working diagnoses.
        constrained: measure constrained decoding as well.
    """
    every = range(len(films))
    truth = films.facts
    texts = reporter.describe_cached(films, every)
    bare = reporter.describe_cached(films, every, without_metadata=True)
    blank = reporter.describe_cached(films, every, change="blank")
    readers = {
        "constant report": [narrate(_commonest(truth), None)] * len(truth),
        "true facts (ceiling)": [narrate(facts, None) for facts in truth],
        "metadata alone (film blank)": blank,
        "film alone": bare,
        "film and metadata, without outlines": reporter.describe_cached(films, every, change="bare"),
        "film and metadata": texts,
    }
    calls = finding_calls(reporter, films, texts)
    return CaptionerScores(
        synthetic=synthetic,
        films=len(films),
        readers={name: fact_scores(truth, said) for name, said in readers.items()},
        proofs=prove(reporter, films, ood_images, texts=texts, without_metadata=bare, blank=blank, seed=seed),
        words_before=exposure(reporter, films, texts),
        findings=calls.findings,
        coverage=calls.coverage,
        constrained=price_of_constraint(reporter, films) if constrained else {},
    )


def _commonest(truth: Sequence[FilmFacts]) -> FilmFacts:
    """The film whose facts are nearest to all others': the best single report."""
    every = [slots(facts.findings, facts) for facts in truth]
    overlap = [sum(len(mine & other) for other in every) for mine in every]
    return truth[int(np.argmax(overlap))]
