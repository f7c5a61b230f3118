"""Thresholds chosen again on a few films, and drawn back towards the earlier ones the fewer there are."""

import math
from collections.abc import Sequence

import numpy as np

from pedaxr_models.datasets.film import Film, read_masks
from pedaxr_models.labels import CHANNELS, FINDINGS
from pedaxr_models.segmentation.film_results import Progress
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.thresholds import calibrate

# So many films that show a channel weigh as much as what was known before.
HALF_WAY = 20


def shrink(chosen: float, before: float, films: int, *, half_way: int = HALF_WAY) -> float:
    """Between what was chosen on so many films and what held before; before's alone for none."""
    share = films / (films + half_way)
    return before + share * (chosen - before)


def recalibrate(
    segmenter: Segmenter, before: Segmenter, films: Sequence[Film], progress: Progress | None = None
) -> None:
    """Choose the segmenter's thresholds on validation films, each drawn back to those of `before`.

    From which probability a finding is called (rather than outlined), and lengths are read, stays as it was:
    a few films say nothing of so rare errors.
    """
    segmenter.thresholds, segmenter.min_area_px = dict(before.thresholds), dict(before.min_area_px)
    calibrate(segmenter, films, progress)
    shown = shown_films(films)
    for channel in CHANNELS:
        drawn = shrink(segmenter.thresholds[channel], before.thresholds[channel], shown[channel])
        segmenter.thresholds[channel] = round(drawn, 4)
    for finding in FINDINGS:
        was, now = (one.min_area_px.get(finding.value) for one in (before, segmenter))
        if was and now:
            area = math.exp(shrink(math.log(now), math.log(was), shown[finding.value]))
            segmenter.min_area_px[finding.value] = round(area)
    segmenter.call_thresholds = dict(before.call_thresholds)
    segmenter.min_area_px |= {name: before.min_area_px[name] for name in before.call_thresholds}
    segmenter.core_thresholds = dict(before.core_thresholds)


def shown_films(films: Sequence[Film]) -> dict[str, int]:
    """By channel, on how many films it is known to be there."""
    counts = dict.fromkeys(CHANNELS, 0)
    for film in films:
        shown = {finding.value for finding, pieces in film.polygons.items() if pieces}
        if film.mask_path is not None:
            bits = int(np.bitwise_or.reduce(read_masks(film.mask_path), axis=None))
            shown |= {channel for index, channel in enumerate(CHANNELS) if bits >> index & 1}
        for channel in shown & film.labelled_channels:
            counts[channel] += 1
    return counts
