"""Measure a segmentation network on films, by the code that serves."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.checkpoint import Json
from pedaxr_models.datasets.film import Film
from pedaxr_models.labels import CHANNELS, FINDINGS
from pedaxr_models.segmentation.film_results import (
    MEASURES,
    FilmResult,
    Progress,
    largest_region,
    run,
    threshold_byte,
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
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.thresholds import SMALLEST_REGION_PX

_BACKGROUND_BYTE = 5


def evaluate_segmentation(
    segmenter: Segmenter,
    films: Sequence[Film],
    *,
    synthetic: bool,
    seed: int = 0,
    progress: Progress | None = None,
) -> Json:
    """Measure on a split: per channel, per finding at image level with 95 % intervals, and per pixel.

    `synthetic` says whether the films were made by a program; it is told with the figures. Image-level score:
    the probability that as many pixels reach as the smallest called region has.
    """
    results = list(run(segmenter, films, progress))
    return {
        "films": len(results),
        "synthetic": synthetic,
        "channels": {c: _channel_metrics(results, i, segmenter) for i, c in enumerate(CHANNELS)},
        "findings": {f.value: _call_metrics(results, i, segmenter, seed) for i, f in enumerate(FINDINGS)},
        "measures": measure_errors(results),
        "pixel_accuracy": _mean([result.pixels_right for result in results]),
        "pixel_accuracy_all_background": _mean([result.pixels_empty for result in results]),
    }


def mean_dice(metrics: Json) -> float | None:
    """Mean Dice of the findings that the films show, of `evaluate_segmentation`."""
    dices = [metrics["channels"][finding]["dice"] for finding in FINDINGS]
    return _mean([dice for dice in dices if dice is not None])


def _channel_metrics(results: Sequence[FilmResult], channel: int, segmenter: Segmenter) -> Json:
    """Dice, IoU and recall: means over films that show the channel; precision and `pooled`: of all pixels.

    Surface distance: median over films on which the channel is shown and outlined. Calibration error: over
    the pixels of all films whose probability is at least .02, as the far background is always right.
    """
    threshold = segmenter.thresholds[CHANNELS[channel]]
    known = [r.overlap(channel, threshold) for r in results if r.known >> channel & 1]
    shown = [o for o in known if o.hit + o.missed]
    pooled = sum(known, Overlap(0, 0, 0))
    dices = np.array([overlap.dice for overlap in shown])
    low, high = bootstrap_interval(lambda drawn: float(dices[drawn].mean()), len(dices))
    away = [r.distances[channel] for r in results if r.known >> channel & 1]
    return {
        "films": len(shown),
        "dice": _mean([o.dice for o in shown]),
        "dice_interval": [_number(low), _number(high)],
        "iou": _mean([o.iou for o in shown]),
        "recall": _mean([o.recall for o in shown]),
        "precision": _number(pooled.precision),
        "dice_pooled": _number(pooled.dice),
        "distance_95_mm": _number(float(np.nanmedian(away))) if np.isfinite(away).any() else None,
        "calibration_error": _number(_pixel_calibration(results, channel)),
        "threshold": threshold,
    }


def _pixel_calibration(results: Sequence[FilmResult], channel: int) -> float:
    counts = [r.histograms[channel] for r in results if r.known >> channel & 1]
    if not counts:
        return math.nan
    negative, positive = np.sum(counts, axis=0)[:, _BACKGROUND_BYTE:]
    levels = np.arange(_BACKGROUND_BYTE, 256) / 255
    return calibration_error(levels, positive.astype(float), negative + positive)


def _call_metrics(results: Sequence[FilmResult], index: int, segmenter: Segmenter, seed: int) -> Json:
    judged = [result for result in results if result.known >> index & 1]
    minimum = segmenter.min_area_px.get(FINDINGS[index].value, SMALLEST_REGION_PX)
    level = threshold_byte(segmenter.thresholds[FINDINGS[index]])
    called = np.array([largest_region(r.findings[index] >= level) >= minimum for r in judged], bool)
    scores = np.array([np.partition(r.findings[index], -minimum, axis=None)[-minimum] for r in judged])
    true = np.array([bool(r.true >> index & 1) for r in judged], bool)
    statistics: dict[str, Callable[[NDArray[np.intp]], float]] = {
        "sensitivity": lambda drawn: sensitivity(called[drawn], true[drawn]),
        "specificity": lambda drawn: specificity(called[drawn], true[drawn]),
        "auroc": lambda drawn: auroc(scores[drawn], true[drawn]),
    }
    metrics: Json = {
        "films_with": int(true.sum()),
        "films_without": int((~true).sum()),
        "min_area_px": minimum,
    }
    metrics["sensitivity_at_specificity_97"] = _number(sensitivity_at(scores, true, 0.97))
    for name, statistic in statistics.items():
        metrics[name] = _number(statistic(np.arange(len(judged)))) if judged else None
        interval = bootstrap_interval(statistic, len(judged), seed=seed)
        metrics[f"{name}_interval"] = [_number(bound) for bound in interval]
    return metrics


def measure_errors(results: Sequence[FilmResult]) -> Json:
    """Per measure, the median relative error against the geometry, on films where both exist.

    `films` have the measure in truth, `unmeasured` of them none from us. Levels: relative error of the
    longest one, and the share of films whose number of levels is right to within one.
    """
    errors: Json = {name: _relative(_pairs(results, name, key)) for name, key in MEASURES.items()}
    with_levels = [r for r in results if r.measured_mm.get("level_count") and r.mm_per_px]
    pairs = [(_longest_level_mm(r), max(_true_levels(r))) for r in with_levels if _true_levels(r)]
    errors["longest_level"] = _relative(pairs)
    off = [abs(len(r.measures.levels) - r.measured_mm["level_count"]) for r in with_levels]
    errors["level_count_within_one"] = _mean([float(d <= 1) for d in off])
    return errors


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


def _relative(pairs: Sequence[tuple[float | None, float]]) -> Json:
    errors = [abs(own - true) / true for own, true in pairs if own is not None]
    return {
        "films": len(pairs),
        "unmeasured": len(pairs) - len(errors),
        "median_relative_error": _number(float(np.median(errors))) if errors else None,
    }


def _number(value: float) -> float | None:
    """Rounded for JSON, which has no NaN."""
    return round(value, 4) if math.isfinite(value) else None


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return _number(ratio(sum(finite), len(finite)))
