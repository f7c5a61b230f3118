"""How near a report's words are to those of reports of the same facts: BLEU-4, ROUGE-L and CIDEr.

They cannot tell a true report from a false one in a template language: "no free gas" and "free gas" share
most of their words. They accompany the fact scores because they are what is usually published.

    BLEU-4   Papineni et al. 2002; sacrebleu (Post 2018, arXiv:1804.08771), lower case
    ROUGE-L  Lin 2004; rouge-score
    CIDEr    Vedantam et al. 2015, arXiv:1411.5726; pycocoevalcap, whose Java tokeniser is not needed

The libraries come with `pip install 'pedaxr[train]'`.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.facts import FilmFacts
from pedaxr_models.report_text.grammar import narrate

FloatTable = NDArray[np.float64]

# Per film what the scores of any set of films follow from: sums of these.
TEXT_COLUMNS = (
    *("rouge_l", "cider", "length", "reference_length"),
    *(f"right_{n}" for n in (1, 2, 3, 4)),
    *(f"total_{n}" for n in (1, 2, 3, 4)),
)
_REFERENCES = 5


def references(truth: Sequence[FilmFacts], *, seed: int = 0) -> list[list[str]]:
    """Several wordings of the true report of each film, so that no wording is the only right one."""
    rngs = (np.random.default_rng([seed, film]) for film in range(len(truth)))
    return [[narrate(facts, rng) for _ in range(_REFERENCES)] for facts, rng in zip(truth, rngs, strict=True)]


def text_counts(texts: Sequence[str], wordings: Sequence[Sequence[str]]) -> FloatTable:
    """(N, len(TEXT_COLUMNS)) of reports against the `references` of their films."""
    return np.column_stack([_rouge_l(texts, wordings), _cider(texts, wordings), _bleu(texts, wordings)])


def bleu_4(sums: Sequence[float]) -> float:
    """BLEU-4 from 0 to 1 of summed counts: the last ten of `TEXT_COLUMNS`."""
    from sacrebleu.metrics.bleu import BLEU

    length, reference, *counts = (round(value) for value in sums)
    return float(BLEU.compute_bleu(counts[:4], counts[4:], length, reference).score) / 100


def _bleu(texts: Sequence[str], wordings: Sequence[Sequence[str]]) -> FloatTable:
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(lowercase=True, effective_order=True)
    scored = (metric.sentence_score(text, list(ours)) for text, ours in zip(texts, wordings, strict=True))
    return np.array([[s.sys_len, s.ref_len, *s.counts, *s.totals] for s in scored], float)


def _rouge_l(texts: Sequence[str], wordings: Sequence[Sequence[str]]) -> FloatTable:
    """F measure with the nearest reference."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"])
    pairs = zip(texts, wordings, strict=True)
    return np.array([scorer.score_multi(list(ours), text)["rougeL"].fmeasure for text, ours in pairs])


def _cider(texts: Sequence[str], wordings: Sequence[Sequence[str]]) -> FloatTable:
    """Ten times the mean cosine of tf-idf n-grams; how rare an n-gram is follows from these references."""
    from pycocoevalcap.cider.cider_scorer import CiderScorer

    scorer = CiderScorer()
    for text, ours in zip(texts, wordings, strict=True):
        scorer += (_words(text), [_words(reference) for reference in ours])
    return np.asarray(scorer.compute_score()[1], float)


def _words(text: str) -> str:
    """Lower case words without punctuation, as the tokeniser of the COCO evaluation leaves them."""
    return " ".join(re.findall(r"\w+(?:-\w+)*", text.lower()))
