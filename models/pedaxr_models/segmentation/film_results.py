"""One film after the network, reduced to what every figure of merit is computed from."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import Film, unpack_masks
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS, FINDINGS
from pedaxr_models.segmentation.confident_cores import with_cores
from pedaxr_models.segmentation.data import known_bits, rasterise
from pedaxr_models.segmentation.measures import FilmMeasures, measure_film
from pedaxr_models.segmentation.metrics import BoolArray, Overlap, surface_distance_95

if TYPE_CHECKING:
    from pedaxr_models.segmentation.segmenter import Segmentation, Segmenter

Progress = Callable[[int], None]
FloatArray = NDArray[np.float32]
SMALLEST_REGION_PX = 20
_SUREST = 1e-7  # nearer to 0 and 1 a float32 probability says nothing
ByteArray = NDArray[np.uint8]

# What is read off our masks, and the column of the generator's own measures, in millimetres.
MEASURES = {
    "l2_width": "l2_width_mm",
    "stomach": "stomach_max_diameter_mm",
    "widest_loop": "widest_loop_mm",
    "widest_colon": "widest_colon_mm",
    "rectum": "rectum_mm",
    "free_air_gap": "free_air_max_gap_mm",
}


@dataclass(frozen=True)
class FilmResult:
    """One film after the network.

    Attributes:
        findings: (len(FINDINGS), 512, 512) uint8, probability times 255.
        called_px: (len(FINDINGS),) pixels of the region that is nearest to being called, that count for it.
        scores: (len(FINDINGS),) logit that as many pixels reach as the smallest called region has: bytes tie.
        histograms: (len(CHANNELS), 2, 256) pixels by truth and probability in 256 steps.
        true, known: bit planes set anywhere on the film, and outlined by its source.
        pixels_right, pixels_empty: share of pixels on which all findings are right / on which there is none.
        distances: (len(CHANNELS),) 95th-percentile surface distance, mm (frame pixels where the film has no
            spacing); NaN where the channel is not shown or not predicted.
        mm_per_px: of the frame; None without a pixel spacing.
        measures: off the predicted masks or their cores, frame pixels.
        measured_mm: the generator's own measures of the same film, empty for other sources.
    """

    findings: ByteArray
    called_px: NDArray[np.int64]
    scores: NDArray[np.float64]
    histograms: NDArray[np.int64]
    true: int
    known: int
    pixels_right: float
    pixels_empty: float
    distances: NDArray[np.float64]
    mm_per_px: float | None
    measures: FilmMeasures
    measured_mm: dict[str, float]

    def overlap(self, channel: int, threshold: float) -> Overlap:
        """Counts of pixels at a probability threshold."""
        first = threshold_byte(threshold)
        negative, positive = self.histograms[channel]
        return Overlap(int(positive[first:].sum()), int(negative[first:].sum()), int(positive[:first].sum()))


def threshold_byte(threshold: float) -> int:
    """The smallest stored probability (0 to 255) that reaches a threshold."""
    return math.ceil(threshold * 255)


def measured_mm(film: Film) -> dict[str, float]:
    """What the generator measured on the film, in millimetres; nothing where another source made it."""
    return dict(json.loads(film.extra.get("Measures") or "{}"))


def run(
    segmenter: "Segmenter", films: Sequence[Film], progress: Progress | None = None
) -> Iterator[FilmResult]:
    """Segment each film and compare it with its outlines."""
    for film in films:
        yield _compare(segmenter, film, segmenter.predict(read_pixels(film.image_path)))
        if progress:
            progress(1)


def _compare(segmenter: "Segmenter", film: Film, segmentation: "Segmentation") -> FilmResult:
    probabilities = (segmentation.probabilities * 255).astype(np.uint8)
    levels = [threshold_byte(segmenter.thresholds[channel]) for channel in CHANNELS]
    said = probabilities >= np.array(levels, np.uint8)[:, None, None]
    bits = rasterise(film, segmentation.letterbox)
    true = unpack_masks(bits)
    outlines = dict(zip(CHANNELS, said, strict=True))
    cores = with_cores(outlines, segmentation.probabilities, segmenter.core_thresholds)
    scale = segmentation.letterbox.scale
    mm_per_px = film.pixel_spacing_mm[0] / scale if film.pixel_spacing_mm else None
    count = len(FINDINGS)
    return FilmResult(
        findings=probabilities[:count].copy(),
        called_px=_called_px(segmenter, segmentation.probabilities),
        scores=_scores(segmenter, segmentation.probabilities),
        histograms=_histograms(probabilities, true),
        true=int(np.bitwise_or.reduce(bits, axis=None)),
        known=known_bits(film),
        pixels_right=float(np.mean((said[:count] == true[:count]).all(axis=0))),
        pixels_empty=float(np.mean(~true[:count].any(axis=0))),
        distances=_distances(said, true) * (mm_per_px or 1.0),
        mm_per_px=mm_per_px,
        measures=measure_film(cores, film.metadata.view),
        measured_mm=measured_mm(film),
    )


def _called_px(segmenter: "Segmenter", probabilities: FloatArray) -> NDArray[np.int64]:
    """By finding, the most sure pixels in one region of what is outlined; sure from the call's threshold."""
    found = []
    for finding, plane in zip(FINDINGS, probabilities, strict=False):
        outlined = plane >= segmenter.thresholds[finding]
        call = segmenter.call_thresholds.get(finding)
        if call is None or not outlined.any():
            found.append(largest_region(outlined))
            continue
        labels = cv2.connectedComponents(outlined.astype(np.uint8), connectivity=8)[1]
        counts = np.bincount(labels[outlined & (plane >= call)], minlength=2)
        found.append(int(counts[1:].max()))
    return np.array(found, np.int64)


def _scores(segmenter: "Segmenter", probabilities: FloatArray) -> NDArray[np.float64]:
    """By finding, the logit of the k-th most probable pixel, k being the smallest called region."""
    found = []
    for finding, plane in zip(FINDINGS, probabilities, strict=False):
        least = min(plane.size, segmenter.min_area_px.get(finding.value, SMALLEST_REGION_PX))
        p = float(np.clip(np.partition(plane, -least, axis=None)[-least], _SUREST, 1 - _SUREST))
        found.append(math.log(p / (1 - p)))
    return np.array(found)


def _distances(said: BoolArray, true: BoolArray) -> NDArray[np.float64]:
    return np.array([surface_distance_95(a, b) for a, b in zip(said, true, strict=True)])


def _histograms(probabilities: ByteArray, true: BoolArray) -> NDArray[np.int64]:
    counts = np.empty((len(CHANNELS), 2, 256), np.int64)
    for channel in range(len(CHANNELS)):
        joint = np.bincount(
            (probabilities[channel] + 256 * true[channel].astype(np.uint16)).ravel(), minlength=512
        )
        counts[channel] = joint.reshape(2, 256)
    return counts


def largest_region(mask: BoolArray) -> int:
    """Pixels of the largest 8-connected region."""
    if not mask.any():
        return 0
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[2]
    return int(stats[1:, cv2.CC_STAT_AREA].max())
