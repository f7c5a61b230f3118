"""Measure the report writer by the facts it states, running free, beside readers that do not look."""

from collections.abc import Sequence

import numpy as np

from pedaxr_models.captioning.faithfulness import exposure, prove
from pedaxr_models.captioning.finding_metrics import finding_calls
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import Json
from pedaxr_models.facts import FilmFacts
from pedaxr_models.report_text.fact_scores import fact_scores, slots
from pedaxr_models.report_text.grammar import narrate


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
    bare = reporter.describe_cached(films, every, without_metadata=True)
    blank = reporter.describe_cached(films, every, change="blank")
    readers = {
        "constant report": [narrate(_commonest(truth), None)] * len(truth),
        "true facts (ceiling)": [narrate(facts, None) for facts in truth],
        "metadata alone (film blank)": blank,
        "film alone": bare,
        "film and metadata": texts,
    }
    return {
        "synthetic": synthetic,
        "films": len(films),
        "readers": {name: fact_scores(truth, said) for name, said in readers.items()},
        "proofs": prove(
            reporter, films, strangers, texts=texts, without_metadata=bare, blank=blank, seed=seed
        ),
        "words_before": exposure(reporter, films, texts),
        **finding_calls(reporter, films, texts),
    }


def _commonest(truth: Sequence[FilmFacts]) -> FilmFacts:
    """The film whose facts are nearest to all others': the best single report."""
    every = [slots(facts.findings, facts) for facts in truth]
    overlap = [sum(len(mine & other) for other in every) for mine in every]
    return truth[int(np.argmax(overlap))]
