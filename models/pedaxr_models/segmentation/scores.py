"""What is measured of a segmentation network, as a checkpoint keeps it (`metrics.json`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pedaxr_models.checkpoint import Json
from pedaxr_models.json_records import from_json
from pedaxr_models.labels import FINDINGS

Interval = tuple[float | None, float | None]


@dataclass(frozen=True)
class ChannelScores:
    """One channel's outlines.

    Attributes:
        films: that show the channel; dice, iou and recall are means over them, `dice_interval` is 95 %.
        precision, dice_pooled: over all pixels of all films.
        distance_95_mm: 95th percentile of the surface distance, median over films shown and outlined.
        calibration_error: over pixels of a probability of at least .02: the far background is always right.
    """

    films: int
    dice: float | None
    dice_interval: Interval
    iou: float | None
    recall: float | None
    precision: float | None
    dice_pooled: float | None
    threshold: float
    distance_95_mm: float | None = None
    calibration_error: float | None = None


@dataclass(frozen=True)
class CallScores:
    """Whether a finding is called on a film at all; intervals are 95 %, None where nothing was judged.

    Attributes:
        min_area_px: the smallest region that counts as a call.
    """

    films_with: int
    films_without: int
    min_area_px: int
    sensitivity: float | None
    sensitivity_interval: Interval
    specificity: float | None
    specificity_interval: Interval
    auroc: float | None
    auroc_interval: Interval
    sensitivity_at_specificity_97: float | None = None


@dataclass(frozen=True)
class MeasureErrors:
    """One measure against the geometry: `films` have it in truth, `unmeasured` of them none from us."""

    films: int
    unmeasured: int
    median_relative_error: float | None


@dataclass(frozen=True)
class SegmentationScores:
    """One set of films.

    Attributes:
        synthetic: whether a program made the films; said wherever the figures are.
        level_count_within_one: share of films with levels whose number is right to within one.
        pixel_accuracy, pixel_accuracy_all_background: over the findings; of an empty answer.
        shifted: the same of films outside the training ranges.
        mean_dice_before: of the weights that a fine-tuning began with.
    """

    films: int
    synthetic: bool
    channels: Mapping[str, ChannelScores]
    findings: Mapping[str, CallScores]
    pixel_accuracy: float | None
    pixel_accuracy_all_background: float | None
    measures: Mapping[str, MeasureErrors] = field(default_factory=dict)
    level_count_within_one: float | None = None
    shifted: "SegmentationScores | None" = None
    mean_dice_before: float | None = None

    @property
    def mean_dice(self) -> float | None:
        """Mean Dice of the findings that the films show."""
        dices = [self.channels[finding].dice for finding in FINDINGS]
        shown = [dice for dice in dices if dice is not None]
        return round(sum(shown) / len(shown), 4) if shown else None


def stored_scores(metrics: Json) -> SegmentationScores:
    """What a checkpoint's `metrics.json` holds; one written before 0.2 counted levels among the measures."""
    measures = dict(metrics.get("measures", {}))
    counted = measures.pop("level_count_within_one", metrics.get("level_count_within_one"))
    shifted = stored_scores(metrics["shifted"]) if metrics.get("shifted") else None
    flat = {**metrics, "measures": measures, "level_count_within_one": counted, "shifted": None}
    return replace(from_json(SegmentationScores, flat), shifted=shifted)
