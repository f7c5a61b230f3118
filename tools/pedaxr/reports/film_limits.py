"""What a film lets be said at all, from its outlines: the one source that every statement is held against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pedaxr.reports.measured_grades import distal_gas_extent, extents_of, grades_of, measured_distal_gas
from pedaxr.reports.prose.tubes import tube_sentence
from pedaxr.types import Sentence
from pedaxr_models.facts import DistalGas, Severity
from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, Finding, Structure, View
from pedaxr_models.plausibility import is_blind, is_pyloric_age

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pedaxr.reading.read_film import Reading

# Of the height of the exposed field, which is all that is read: what begins above this row runs out of it.
_LEAST_MARGIN = 0.01
_LEAST_DOME_PX = 150  # of the frame, on either side of the spine; domes cut in half have fewer
LEVELS = "air_fluid_levels"
STOOL_SHARES = ("stool_share_right_colon", "stool_share_left_colon", "stool_share_rectosigmoid")
# Shares of stool that contradict a grade: much of one part cannot be mild, little of every part not marked.
MUCH_STOOL, LITTLE_STOOL = 0.6, 0.4


@dataclass(frozen=True)
class FilmLimits:
    """The view, what lies in the field, and what is measured.

    Attributes:
        view: None when not stated; nothing that hangs on it is then said.
        are_domes_in_field: both domes of the diaphragm are outlined, and neither runs out of the film.
        is_air_suspected: free air is not outlined, but something speaks for it.
        level_count: air-fluid levels counted on the outlines; None where none is countable.
        stool_shares: of the right colon, left colon and rectosigmoid; None where not measured.
        grades: by finding that is outlined, where its extent is measured and has a scale.
        distal_gas: measured on the outlines; None where it is not.
        tube: what is to be said of the gastric tube that is seen; None where none is.
        age_months: at the film; None where not known.
    """

    view: View | None
    are_domes_in_field: bool = True
    is_air_suspected: bool = False
    level_count: int | None = None
    stool_shares: tuple[float, float, float] | None = None
    grades: Mapping[Finding, Severity] = field(default_factory=dict)
    distal_gas: DistalGas | None = None
    tube: Sentence | None = None
    age_months: float | None = None

    @property
    def is_past_pyloric_age(self) -> bool:
        """Whether no radiologist would think of pyloric stenosis; not where the age is not known."""
        return self.age_months is not None and not is_pyloric_age(self.age_months)

    @property
    def is_horizontal_beam(self) -> bool:
        """Whether levels and free air can be seen edge-on."""
        return self.view in HORIZONTAL_BEAM_VIEWS

    def excludes(self, finding: Finding) -> bool:
        """Whether a film on which it is not outlined may be said to be without it."""
        if is_blind(finding, self.view):
            return False
        is_air = finding is Finding.PNEUMOPERITONEUM
        return not (is_air and (self.is_air_suspected or not self.are_domes_in_field))


def limits_of(reading: "Reading", *, is_air_suspected: bool = False) -> FilmLimits:
    """The limits of a film that was read."""
    measures, scale = reading.measures, reading.points.grade_scale
    count = measures.get(LEVELS)
    return FilmLimits(
        view=reading.metadata.view,
        are_domes_in_field=are_domes_in_field(
            reading.outlines.masks, reading.segmentation.letterbox.content[0]
        ),
        is_air_suspected=is_air_suspected,
        level_count=int(count) if count else None,
        stool_shares=stool_shares(measures),
        grades=grades_of(extents_of(reading), reading.metadata.view, scale),
        distal_gas=measured_distal_gas(distal_gas_extent(reading), scale),
        tube=tube_sentence(reading),
        age_months=reading.metadata.age_months,
    )


def stool_shares(measures: Mapping[str, float]) -> tuple[float, float, float] | None:
    """Of the three parts of the colon; None where one is not measured."""
    shares = [measures.get(key) for key in STOOL_SHARES]
    right, left, low = shares
    return None if right is None or left is None or low is None else (right, left, low)


def are_domes_in_field(masks: "Mapping[str, NDArray[np.bool_]]", rows: slice) -> bool:
    """Whether both domes are outlined and lie inside the film: free air above them would be seen.

    Args:
        masks: by channel, (S, S).
        rows: of the frame that the film fills.
    """
    from pedaxr.reading.positioning import centre_of
    from pedaxr_models.segmentation.landmarks import pixels_of

    diaphragm, spine = masks[Structure.DIAPHRAGM], masks[Structure.SPINE]
    ys, xs = pixels_of(diaphragm)
    middle = centre[1] if (centre := centre_of(spine)) else diaphragm.shape[1] / 2
    top = rows.start + _LEAST_MARGIN * (rows.stop - rows.start)
    sides = (ys[xs > middle], ys[xs <= middle])
    return all(len(side) >= _LEAST_DOME_PX and side.min() > top for side in sides)
