"""Which findings a reader calls: sensitivity, specificity, and how far its probabilities hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.labels import FINDINGS, Finding
from pedaxr_models.report_text.fact_scores import named
from pedaxr_models.segmentation.metrics import auroc, calibration_error

_Z = 1.959964  # of a two-sided 95 % interval
_BINS = 10
COVERAGES = (1.0, 0.9, 0.8, 0.7)

BoolTable = NDArray[np.bool_]
FloatTable = NDArray[np.float64]


Proportion = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class FindingCall:
    """How one finding is called; shares are value, low and high of a 95 % interval (Wilson 1927)."""

    films_with: int
    films_without: int
    sensitivity: Proportion
    specificity: Proportion
    auroc: float | None
    calibration_error: float | None


@dataclass(frozen=True)
class FindingCalls:
    """Every finding's calls, and the share of exactly right reports by share of films kept."""

    findings: Mapping[Finding, FindingCall]
    coverage: Mapping[str, float | None]


def finding_calls(reporter: Reporter, films: ReaderFilms, texts: Sequence[str]) -> FindingCalls:
    """What the reports call, and the probabilities of the reader's finding head.

    Args:
        reporter: the reader.
        films: of one split.
        texts: its report of each.

    Returns:
        findings: per finding how many films show it and how many do not (air-fluid levels: of the views that
        can), sensitivity and specificity of the reports with 95 % intervals (Wilson 1927), AUROC and expected
        calibration error of the probabilities; coverage: the share of reports with exactly the true findings
        among the films on which the least sure finding is surest, by share of films kept.
    """
    probabilities = reporter.probabilities_cached(films)
    target, counts = (table.numpy() > 0 for table in films.present(range(len(films))))
    said = np.array([[finding in named(text) for finding in FINDINGS] for text in texts])
    right = np.array([named(text) == set(f.present) for text, f in zip(texts, films.facts, strict=True)])
    rows = {
        finding: _call(*(table[counts[:, i], i] for table in (said, target, probabilities)))
        for i, finding in enumerate(FINDINGS)
    }
    return FindingCalls(rows, _coverage(probabilities, right))


def _call(said: BoolTable, true: BoolTable, probabilities: FloatTable) -> FindingCall:
    return FindingCall(
        films_with=int(true.sum()),
        films_without=int((~true).sum()),
        sensitivity=proportion(int((said & true).sum()), int(true.sum())),
        specificity=proportion(int((~said & ~true).sum()), int((~true).sum())),
        auroc=_number(auroc(probabilities, true)),
        calibration_error=_number(_calibration(probabilities, true)),
    )


def proportion(part: int, whole: int) -> Proportion:
    """A share with its 95 % interval (Wilson 1927): value, low, high; None where there is no whole."""
    if not whole:
        return None, None, None
    share, room = part / whole, _Z**2 / whole
    middle = (share + room / 2) / (1 + room)
    half = _Z / (1 + room) * np.sqrt(share * (1 - share) / whole + room / (4 * whole))
    return _number(share), _number(max(0.0, middle - half)), _number(min(1.0, middle + half))


def _calibration(probabilities: FloatTable, true: BoolTable) -> float:
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    sums = np.bincount(bins, probabilities, _BINS)
    hits = np.bincount(bins, true.astype(float), _BINS).astype(float)
    return calibration_error(sums / np.maximum(counts, 1), hits, counts)


def _coverage(probabilities: FloatTable, right: BoolTable) -> dict[str, float | None]:
    if not len(right):
        return {}
    sureness = np.maximum(probabilities, 1 - probabilities).min(1)
    order = np.argsort(-sureness, kind="stable")
    return {f"{c:g}": _number(float(right[order[: max(1, round(c * len(order)))]].mean())) for c in COVERAGES}


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
