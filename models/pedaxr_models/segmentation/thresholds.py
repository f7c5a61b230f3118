"""Choose, on validation films, from which probability a pixel counts, and the smallest area of a finding."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding
from pedaxr_models.segmentation.confident_cores import (
    CORE_LENGTHS,
    CORE_STEPS,
    best_core_threshold,
    with_cores,
)
from pedaxr_models.segmentation.film_results import (
    MEASURES,
    SMALLEST_REGION_PX,
    Progress,
    largest_region,
    measured_mm,
    run,
    threshold_byte,
)
from pedaxr_models.segmentation.measures import measure_film
from pedaxr_models.segmentation.metrics import sensitivity, specificity
from pedaxr_models.segmentation.segmenter import Segmentation, Segmenter

# How much sensitivity counts against specificity in the choice of the smallest region that is called.
_SENSITIVITY_WEIGHT = {**dict.fromkeys(FINDINGS, 1.0), Finding.PNEUMOPERITONEUM: 2.0}
# Films unlike these are outlined with less certainty, so a finding counts from the lowest probability that
# costs no more Dice than this here.
_SLACK = {channel: 0.005 if channel in FINDINGS else 0.0 for channel in CHANNELS}
CALLED_PX = 110  # of the frame, of a finding that is called from a probability of its own: about 10 by 10
_LARGEST_MINIMUM_PX = 20_000  # 8 % of the frame; a constipated colon covers about 30 %


def calibrate(
    segmenter: Segmenter,
    films: Sequence[Film],
    progress: Progress | None = None,
    *,
    only: Collection[str] = CHANNELS,
) -> None:
    """Set the segmenter's thresholds and smallest regions to what serves the given (validation) films best.

    A pixel threshold maximises Dice over all pixels, nearly so for findings; the smallest region that is
    called maximises sensitivity + specificity over films, and leans to sensitivity for free air. (A threshold
    that weighs recall gave free air fatter outlines and found no more of it on validation films.) Lengths are
    read where their median error is smallest. What belongs to other channels than `only` stays.
    """
    kept = {channel: call for channel, call in segmenter.call_thresholds.items() if channel not in only}
    segmenter.call_thresholds = kept  # those of other outlines mean nothing here
    results = list(run(segmenter, films, progress))
    for index, channel in enumerate(CHANNELS):
        counts = [result.histograms[index] for result in results if result.known >> index & 1]
        if channel in only and counts and sum(int(count[1].sum()) for count in counts):
            segmenter.thresholds[channel] = _best_threshold(np.sum(counts, axis=0), _SLACK[channel])
    for index, finding in enumerate(FINDINGS):
        level = threshold_byte(segmenter.thresholds[finding])
        judged = [result for result in results if result.known >> index & 1]
        areas = np.array([largest_region(result.findings[index] >= level) for result in judged])
        true = np.array([bool(result.true >> index & 1) for result in judged], bool)
        if finding in only and true.any() and not true.all():
            best = _best_minimum(areas, true, _SENSITIVITY_WEIGHT[finding])
            segmenter.min_area_px[finding.value] = best
    calibrate_cores(segmenter, films, only)


def calibrate_cores(segmenter: Segmenter, films: Sequence[Film], only: Collection[str] = CHANNELS) -> None:
    """Set from which probability lengths are read, on those of the films whose lengths are known."""
    measured = {channel: name for channel, name in CORE_LENGTHS.items() if channel in only}
    lengths: dict[str, list[list[float]]] = {channel: [] for channel in measured}
    true: dict[str, list[float]] = {channel: [] for channel in measured}
    for film in films if measured else ():
        known = measured_mm(film)
        if not known or not film.pixel_spacing_mm:
            continue
        segmentation = segmenter.predict(read_pixels(film.image_path))
        mm = film.pixel_spacing_mm[0] / segmentation.letterbox.scale
        for channel, name in measured.items():
            if known.get(MEASURES[name]):
                lengths[channel].append([n * mm for n in _lengths(segmenter, segmentation, channel, film)])
                true[channel].append(known[MEASURES[name]])
    chosen = {channel: best_core_threshold(lengths[channel], true[channel]) for channel in measured}
    kept = {channel: core for channel, core in segmenter.core_thresholds.items() if channel not in measured}
    segmenter.core_thresholds = kept | {c: best for c, best in chosen.items() if best is not None}


def _lengths(segmenter: Segmenter, seen: Segmentation, channel: str, film: Film) -> list[float]:
    """The channel's length in frame pixels at each of `CORE_STEPS`; NaN where nothing is outlined."""
    outline = {channel: seen.probabilities[CHANNELS.index(channel)] >= segmenter.thresholds[channel]}
    found = []
    for step in CORE_STEPS:
        core = with_cores(outline, seen.probabilities, {channel: step})
        length = getattr(measure_film(core, film.metadata.view), CORE_LENGTHS[channel])
        found.append(math.nan if length is None else float(length))
    return found


def _best_threshold(histogram: NDArray[np.int64], slack: float) -> float:
    """The lowest probability whose Dice, from counts (2, 256), is within `slack` of the best.

    Looked for within .1 and .9, as the ends are unstable. Without slack it is the best one.
    """
    false, hit = (np.cumsum(counts[::-1])[::-1].astype(float) for counts in histogram)
    dice = 2 * hit / (hit[0] + hit + false)
    first, last = threshold_byte(0.1), threshold_byte(0.9)
    within = dice[first : last + 1]
    return round((first + int(np.argmax(within >= within.max() - slack))) / 255, 4)


def _best_minimum(areas: NDArray[np.int64], true: NDArray[np.bool_], weight: float) -> int:
    """Smallest area to call; among equally good ones the middle, which generalises better than an edge."""
    candidates = np.unique(np.geomspace(SMALLEST_REGION_PX, _LARGEST_MINIMUM_PX, 80).astype(int))
    scores = np.array(
        [weight * sensitivity(areas >= c, true) + specificity(areas >= c, true) for c in candidates]
    )
    best = np.flatnonzero(scores >= scores.max() - 1e-9)
    return int(candidates[best[len(best) // 2]])
