"""Measure a segmentation network on films, by the code that serves."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import Film
from pedaxr_models.labels import CHANNELS, FINDINGS
from pedaxr_models.segmentation.film_results import (
    MEASURES,
    SMALLEST_REGION_PX,
    FilmResult,
    Progress,
    run,
)
from pedaxr_models.segmentation.metrics import (
    Overlap,
    auroc,
    bootstrap_interval,
    calibration_error,
    ratio,
    sensitivity,
    sensitivity_at,
    specificity,
)
from pedaxr_models.segmentation.scores import (
    CallScores,
    ChannelScores,
    Interval,
    MeasureErrors,
    SegmentationScores,
)
from pedaxr_models.segmentation.segmenter import Segmenter

_BACKGROUND_BYTE = 5


def evaluate_segmentation(
    segmenter: Segmenter,
    films: Sequence[Film],
    *,
    synthetic: bool,
    seed: int = 0,
    progress: Progress | None = None,
) -> SegmentationScores:
    """Measure on a split: per channel, per finding at image level with 95 % intervals, and per pixel.

    `synthetic` says whether the films were made by a program; figures state it. Image-level score:
    the probability that as many pixels reach as the smallest called region has.
    """
    results = list(run(segmenter, films, progress))
    return SegmentationScores(
        films=len(results),
        synthetic=synthetic,
        channels={c: _channel_scores(results, i, segmenter) for i, c in enumerate(CHANNELS)},
        findings={f.value: _call_scores(results, i, segmenter, seed) for i, f in enumerate(FINDINGS)},
        measures=measure_errors(results),
        level_count_within_one=_counts_within_one(results),
        pixel_accuracy=_mean([result.pixels_right for result in results]),
        pixel_accuracy_all_background=_mean([result.pixels_empty for result in results]),
    )


def _channel_scores(results: Sequence[FilmResult], channel: int, segmenter: Segmenter) -> ChannelScores:
    threshold = segmenter.thresholds[CHANNELS[channel]]
    known = [r.overlap(channel, threshold) for r in results if r.known >> channel & 1]
    shown = [o for o in known if o.hit + o.missed]
    pooled = sum(known, Overlap(0, 0, 0))
    dices = np.array([overlap.dice for overlap in shown])
    low, high = bootstrap_interval(lambda drawn: float(dices[drawn].mean()), len(dices))
    away = [r.distances[channel] for r in results if r.known >> channel & 1]
    return ChannelScores(
        films=len(shown),
        dice=_mean([o.dice for o in shown]),
        dice_interval=(_number(low), _number(high)),
        iou=_mean([o.iou for o in shown]),
        recall=_mean([o.recall for o in shown]),
        precision=_number(pooled.precision),
        dice_pooled=_number(pooled.dice),
        distance_95_mm=_number(float(np.nanmedian(away))) if np.isfinite(away).any() else None,
        calibration_error=_number(_pixel_calibration(results, channel)),
        threshold=threshold,
    )


def _pixel_calibration(results: Sequence[FilmResult], channel: int) -> float:
    counts = [r.histograms[channel] for r in results if r.known >> channel & 1]
    if not counts:
        return math.nan
    negative, positive = np.sum(counts, axis=0)[:, _BACKGROUND_BYTE:]
    levels = np.arange(_BACKGROUND_BYTE, 256) / 255
    return calibration_error(levels, positive.astype(float), negative + positive)


def _call_scores(results: Sequence[FilmResult], index: int, segmenter: Segmenter, seed: int) -> CallScores:
    judged = [result for result in results if result.known >> index & 1]
    minimum = segmenter.min_area_px.get(FINDINGS[index].value, SMALLEST_REGION_PX)
    called = np.array([r.called_px[index] >= minimum for r in judged], bool)
    scores = np.array([r.scores[index] for r in judged])
    true = np.array([bool(r.true >> index & 1) for r in judged], bool)
    found_in, passed_by, ranked = (
        _with_interval(statistic, len(judged), seed)
        for statistic in (
            lambda drawn: sensitivity(called[drawn], true[drawn]),
            lambda drawn: specificity(called[drawn], true[drawn]),
            lambda drawn: auroc(scores[drawn], true[drawn]),
        )
    )
    return CallScores(
        int(true.sum()),
        int((~true).sum()),
        minimum,
        *found_in,
        *passed_by,
        *ranked,
        sensitivity_at_specificity_97=_number(sensitivity_at(scores, true, 0.97)),
    )


def _with_interval(
    statistic: Callable[[NDArray[np.intp]], float], films: int, seed: int
) -> tuple[float | None, Interval]:
    """The statistic over all films, and its interval by drawing films again."""
    low, high = bootstrap_interval(statistic, films, seed=seed)
    value = _number(statistic(np.arange(films))) if films else None
    return value, (_number(low), _number(high))


def measure_errors(results: Sequence[FilmResult]) -> dict[str, MeasureErrors]:
    """Per measure, the median relative error against the geometry, on films where both exist.

    Of air-fluid levels the longest one is measured.
    """
    errors = {name: _relative(_pairs(results, name, key)) for name, key in MEASURES.items()}
    pairs = [(_longest_level_mm(r), max(_true_levels(r))) for r in _with_levels(results) if _true_levels(r)]
    return errors | {"longest_level": _relative(pairs)}


def _with_levels(results: Sequence[FilmResult]) -> list[FilmResult]:
    return [r for r in results if r.measured_mm.get("level_count") and r.mm_per_px]


def _counts_within_one(results: Sequence[FilmResult]) -> float | None:
    """Of the films with levels, the share whose number of levels is right to within one."""
    off = [abs(len(r.measures.levels) - r.measured_mm["level_count"]) for r in _with_levels(results)]
    return _mean([float(d <= 1) for d in off])


def _pairs(results: Sequence[FilmResult], name: str, key: str) -> list[tuple[float | None, float]]:
    pairs = []
    for r in results:
        if r.mm_per_px and r.measured_mm.get(key):
            own = getattr(r.measures, name)
            pairs.append((None if own is None else own * r.mm_per_px, r.measured_mm[key]))
    return pairs


def _true_levels(result: FilmResult) -> list[float]:
    levels = result.measured_mm.items()
    return [value for name, value in levels if name.startswith("level_") and name.endswith("_width_mm")]


def _longest_level_mm(result: FilmResult) -> float | None:
    levels = result.measures.levels
    return levels[0].length * (result.mm_per_px or math.nan) if levels else None


def _relative(pairs: Sequence[tuple[float | None, float]]) -> MeasureErrors:
    errors = [abs(own - true) / true for own, true in pairs if own is not None]
    median = _number(float(np.median(errors))) if errors else None
    return MeasureErrors(len(pairs), len(pairs) - len(errors), median)


def _number(value: float) -> float | None:
    """Rounded for JSON, which has no NaN."""
    return round(value, 4) if math.isfinite(value) else None


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return _number(ratio(sum(finite), len(finite)))
