"""How near a report's words are to those of reports of the same facts: BLEU-4, ROUGE-L and CIDEr.

They cannot tell a true report from a false one in a template language: "no free gas" and "free gas" share
most of their words. They accompany the fact scores because they are what is usually published.

    BLEU-4   Papineni et al. 2002; sacrebleu (Post 2018, arXiv:1804.08771), lower case
    ROUGE-L  Lin 2004; words and figures as of the package rouge-score, which takes seconds to import
    CIDEr    Vedantam et al. 2015, arXiv:1411.5726; pycocoevalcap, whose Java tokeniser is not needed

The other two libraries come with `pip install 'pedaxr[train]'`.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

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
_WORD = re.compile("[a-z0-9]+")


def references(truth: Sequence[FilmFacts], *, seed: int = 0) -> list[list[str]]:
    """Several wordings of the true report of each film, so that no wording is the only right one."""
    rngs = (np.random.default_rng([seed, film]) for film in range(len(truth)))
    return [[narrate(facts, rng) for _ in range(_REFERENCES)] for facts, rng in zip(truth, rngs, strict=True)]


def text_counts(texts: Sequence[str], wordings: Sequence[Sequence[str]]) -> FloatTable:
    """(N, len(TEXT_COLUMNS)) of reports against the `references` of their films."""
    pairs = [(text, tuple(ours)) for text, ours in zip(texts, wordings, strict=True)]
    rouge, bleu = [_rouge_l(*pair) for pair in pairs], [_bleu(*pair) for pair in pairs]
    return np.column_stack([rouge, _cider(texts, wordings), np.array(bleu, float)])


def bleu_4(sums: FloatTable) -> FloatTable:
    """BLEU-4 from 0 to 1 (...) of summed counts (..., 10): the last ten of `TEXT_COLUMNS`.

    What sacrebleu computes of a corpus, without smoothing; it is called for thousands of bootstrap samples.
    """
    length, reference, right, total = sums[..., 0], sums[..., 1], sums[..., 2:6], sums[..., 6:10]
    shares = right / np.maximum(total, 1)
    brevity = np.exp(np.minimum(0, 1 - reference / np.maximum(length, 1)))
    mean = np.exp(np.log(np.where(right > 0, shares, 1)).mean(-1))
    return np.asarray(np.where((right > 0).all(-1), brevity * mean, 0.0))


# Readers of one film, and one reader's seeds, often write the same report.
@lru_cache(4096)
def _bleu(text: str, wordings: tuple[str, ...]) -> tuple[int, ...]:
    from sacrebleu.metrics.bleu import BLEU

    scored = BLEU(lowercase=True, effective_order=True).sentence_score(text, list(wordings))
    return (scored.sys_len, scored.ref_len, *scored.counts, *scored.totals)


@lru_cache(4096)
def _rouge_l(text: str, wordings: tuple[str, ...]) -> float:
    """F measure of the longest common subsequence of words with the nearest reference."""
    from rapidfuzz.distance import LCSseq

    said, *wanted = (_WORD.findall(one.lower()) for one in (text, *wordings))
    return max(_f_measure(LCSseq.similarity(said, words), len(said), len(words)) for words in wanted)


def _f_measure(common: int, said: int, true: int) -> float:
    if not common:
        return 0.0
    precision, recall = common / said, common / true
    return 2 * precision * recall / (precision + recall)


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
