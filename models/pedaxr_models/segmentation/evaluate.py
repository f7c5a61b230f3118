"""Choose thresholds on the validation split; measure on another, by the code that serves."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import Film
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding
from pedaxr_models.runtime.checkpoint import Json
from pedaxr_models.runtime.segmenter import Segmenter
from pedaxr_models.segmentation.data import known_bits, rasterise, read_pixels
from pedaxr_models.segmentation.metrics import (
    Overlap,
    auroc,
    bootstrap_interval,
    ratio,
    sensitivity,
    specificity,
)

Progress = Callable[[int], None]
ByteArray = NDArray[np.uint8]

# How much recall counts against precision in the choice of a pixel threshold: beta of F-beta; 1 is Dice.
_BETA = {**dict.fromkeys(CHANNELS, 1.0), Finding.PNEUMOPERITONEUM.value: 2.0}
# How much sensitivity counts against specificity in the choice of the smallest region that is called.
_SENSITIVITY_WEIGHT = {**dict.fromkeys(FINDINGS, 1.0), Finding.PNEUMOPERITONEUM: 2.0}
_SMALLEST_REGION_PX = 20
_LARGEST_MINIMUM_PX = 20_000  # 8 % of the frame; a constipated colon covers about 30 %


@dataclass(frozen=True)
class FilmResult:
    """One film after the network.

    Attributes:
        findings: (len(FINDINGS), 512, 512) uint8, probability times 255.
        histograms: (len(CHANNELS), 2, 256) pixels by truth and probability in 256 steps.
        true, known: bit planes set anywhere on the film, and outlined by its source.
        pixels_right, pixels_empty: share of pixels on which all findings are right / on which there is none.
    """

    findings: ByteArray
    histograms: NDArray[np.int64]
    true: int
    known: int
    pixels_right: float
    pixels_empty: float

    def overlap(self, channel: int, threshold: float) -> Overlap:
        """Counts of pixels at a probability threshold."""
        first = threshold_byte(threshold)
        negative, positive = self.histograms[channel]
        return Overlap(int(positive[first:].sum()), int(negative[first:].sum()), int(positive[:first].sum()))


def threshold_byte(threshold: float) -> int:
    """The smallest stored probability (0 to 255) that reaches a threshold."""
    return math.ceil(threshold * 255)


def run(
    segmenter: Segmenter, films: Sequence[Film], progress: Progress | None = None
) -> Iterator[FilmResult]:
    """Segment each film and compare it with its outlines."""
    levels = [threshold_byte(segmenter.thresholds[finding]) for finding in FINDINGS]
    for film in films:
        segmentation = segmenter.predict(read_pixels(film.image_path))
        probabilities = (segmentation.probabilities * 255).astype(np.uint8)
        bits = rasterise(film, segmentation.letterbox)
        findings = np.uint32((1 << len(FINDINGS)) - 1)
        said = np.zeros_like(bits)
        for index, level in enumerate(levels):
            said |= (probabilities[index] >= level).astype(np.uint32) << np.uint32(index)
        yield FilmResult(
            findings=probabilities[: len(FINDINGS)].copy(),
            histograms=_histograms(probabilities, bits),
            true=int(np.bitwise_or.reduce(bits, axis=None)),
            known=known_bits(film),
            pixels_right=float(np.mean(said == bits & findings)),
            pixels_empty=float(np.mean(bits & findings == 0)),
        )
        if progress:
            progress(1)


def _histograms(probabilities: ByteArray, bits: NDArray[np.uint32]) -> NDArray[np.int64]:
    counts = np.empty((len(CHANNELS), 2, 256), np.int64)
    for channel in range(len(CHANNELS)):
        truth = (bits >> np.uint32(channel) & np.uint32(1)).astype(np.uint16)
        joint = np.bincount((probabilities[channel] + 256 * truth).ravel(), minlength=512)
        counts[channel] = joint.reshape(2, 256)
    return counts


def largest_region(mask: NDArray[np.bool_]) -> int:
    """Pixels of the largest 8-connected region."""
    if not mask.any():
        return 0
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[2]
    return int(stats[1:, cv2.CC_STAT_AREA].max())


def calibrate(segmenter: Segmenter, films: Sequence[Film], progress: Progress | None = None) -> None:
    """Set the segmenter's thresholds and smallest regions to what serves the given (validation) films best.

    A pixel threshold maximises F-beta over all pixels; the smallest region that is called maximises
    sensitivity + specificity over films. For free air both lean to sensitivity.
    """
    results = list(run(segmenter, films, progress))
    for index, channel in enumerate(CHANNELS):
        counts = [result.histograms[index] for result in results if result.known >> index & 1]
        if counts and sum(int(count[1].sum()) for count in counts):
            segmenter.thresholds[channel] = _best_threshold(np.sum(counts, axis=0), _BETA[channel])
    for index, finding in enumerate(FINDINGS):
        level = threshold_byte(segmenter.thresholds[finding])
        judged = [result for result in results if result.known >> index & 1]
        areas = np.array([largest_region(result.findings[index] >= level) for result in judged])
        true = np.array([bool(result.true >> index & 1) for result in judged], bool)
        if true.any() and not true.all():
            best = _best_minimum(areas, true, _SENSITIVITY_WEIGHT[finding])
            segmenter.min_area_px[finding.value] = best


def _best_threshold(histogram: NDArray[np.int64], beta: float) -> float:
    """Probability that maximises F-beta, from counts (2, 256); within .1 and .9 as the ends are unstable."""
    false, hit = (np.cumsum(counts[::-1])[::-1].astype(float) for counts in histogram)
    score = (1 + beta**2) * hit / (beta**2 * hit[0] + hit + false)
    first, last = threshold_byte(0.1), threshold_byte(0.9)
    return round((first + int(np.argmax(score[first : last + 1]))) / 255, 4)


def _best_minimum(areas: NDArray[np.int64], true: NDArray[np.bool_], weight: float) -> int:
    """Smallest area to call; among equally good ones the middle, which generalises better than an edge."""
    candidates = np.unique(np.geomspace(_SMALLEST_REGION_PX, _LARGEST_MINIMUM_PX, 80).astype(int))
    scores = np.array(
        [weight * sensitivity(areas >= c, true) + specificity(areas >= c, true) for c in candidates]
    )
    best = np.flatnonzero(scores >= scores.max() - 1e-9)
    return int(candidates[best[len(best) // 2]])


def evaluate_segmentation(
    segmenter: Segmenter, films: Sequence[Film], *, seed: int = 0, progress: Progress | None = None
) -> Json:
    """Measure on a split: per channel, per finding at image level with 95 % intervals, and per pixel.

    Image-level score: the probability that as many pixels reach as the smallest called region has.
    """
    results = list(run(segmenter, films, progress))
    return {
        "films": len(results),
        "synthetic": True,
        "channels": {c: _channel_metrics(results, i, segmenter) for i, c in enumerate(CHANNELS)},
        "findings": {f.value: _call_metrics(results, i, segmenter, seed) for i, f in enumerate(FINDINGS)},
        "pixel_accuracy": _mean([result.pixels_right for result in results]),
        "pixel_accuracy_all_background": _mean([result.pixels_empty for result in results]),
    }


def _channel_metrics(results: Sequence[FilmResult], channel: int, segmenter: Segmenter) -> Json:
    """Dice, IoU and recall: means over films that show the channel; precision and `pooled`: of all pixels."""
    threshold = segmenter.thresholds[CHANNELS[channel]]
    known = [r.overlap(channel, threshold) for r in results if r.known >> channel & 1]
    shown = [o for o in known if o.hit + o.missed]
    pooled = sum(known, Overlap(0, 0, 0))
    dices = np.array([overlap.dice for overlap in shown])
    low, high = bootstrap_interval(lambda drawn: float(dices[drawn].mean()), len(dices))
    return {
        "films": len(shown),
        "dice": _mean([o.dice for o in shown]),
        "dice_interval": [_number(low), _number(high)],
        "iou": _mean([o.iou for o in shown]),
        "recall": _mean([o.recall for o in shown]),
        "precision": _number(pooled.precision),
        "dice_pooled": _number(pooled.dice),
        "threshold": threshold,
    }


def _call_metrics(results: Sequence[FilmResult], index: int, segmenter: Segmenter, seed: int) -> Json:
    judged = [result for result in results if result.known >> index & 1]
    minimum = segmenter.min_area_px.get(FINDINGS[index].value, _SMALLEST_REGION_PX)
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
    for name, statistic in statistics.items():
        metrics[name] = _number(statistic(np.arange(len(judged)))) if judged else None
        interval = bootstrap_interval(statistic, len(judged), seed=seed)
        metrics[f"{name}_interval"] = [_number(bound) for bound in interval]
    return metrics


def _number(value: float) -> float | None:
    """Rounded for JSON, which has no NaN."""
    return round(value, 4) if math.isfinite(value) else None


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return _number(ratio(sum(finite), len(finite)))


def write_metrics(metrics: Json, folder: Path, name: str = "metrics") -> None:
    """`metrics` as JSON and as a Markdown table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(metrics_table(metrics), encoding="utf-8")


def metrics_table(metrics: Json) -> str:
    """Markdown tables of `evaluate_segmentation`."""
    lines = [
        f"{metrics['films']} synthetic films; 95 % bootstrap intervals in brackets. "
        f"Pixel accuracy over the findings {_cell(metrics['pixel_accuracy'])}; an empty answer would score "
        f"{_cell(metrics['pixel_accuracy_all_background'])}.",
        "",
        "| finding | films with / without | sensitivity | specificity | AUROC |",
        "|---|---|---|---|---|",
    ]
    for name, row in metrics["findings"].items():
        cells = [f"{_cell(row[key])} {_bracket(row[key + '_interval'])}" for key in _CALLS]
        lines.append(f"| {name} | {row['films_with']} / {row['films_without']} | {' | '.join(cells)} |")
    lines += ["", "| channel | films | Dice | IoU | precision | recall |", "|---|---|---|---|---|---|"]
    for name, row in metrics["channels"].items():
        dice = f"{_cell(row['dice'])} {_bracket(row['dice_interval'])}"
        rest = " | ".join(_cell(row[key]) for key in ("iou", "precision", "recall"))
        lines.append(f"| {name} | {row['films']} | {dice} | {rest} |")
    return "\n".join(lines) + "\n"


_CALLS = ("sensitivity", "specificity", "auroc")


def _cell(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _bracket(interval: Sequence[float | None]) -> str:
    return f"({_cell(interval[0])}–{_cell(interval[1])})"
