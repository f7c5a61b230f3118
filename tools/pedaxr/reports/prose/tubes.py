"""The gastric tube that is seen on a film, in words: how far it can be followed.

Whether it lies well is for a human to say. That none is seen is never said: nothing was measured that would
bear it out.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pedaxr.reading import networks as models
from pedaxr.types import Place, Sentence
from pedaxr_models.facts import Quadrant, Side
from pedaxr_models.report_text.parser import parse

if TYPE_CHECKING:  # load NumPy, which a search has no use for
    import numpy as np
    from numpy.typing import NDArray

    from pedaxr.reading.placement import Anatomy
    from pedaxr.reading.read_film import Reading
    from pedaxr_models.tubes.follow import SeenTube

FOLLOWED = "a line that runs like one is followed on the film"
CONFIRM = "Where it lies is for a human to confirm."
OTHERS = f"{CONFIRM} Other lines and tubes are not assessed by this model."
_LAST = 511  # row and column of the frame
_SEEN = "A gastric tube is seen; it can be followed to the {}."
_HIGH = "A gastric tube is seen; it cannot be followed below the diaphragm."


def tube_sentence(reading: "Reading") -> Sentence | None:
    """What a report says of the gastric tube on a film; None where none is seen.

    Raises:
        ModelUnavailable: there are no usable weights.
    """
    finder, outlines = models.tube_finder(), reading.outlines
    tube, course = outlines.tube(finder), outlines.tube_on_film(finder)
    return None if tube is None or course is None else _told(tube, course, reading)


def _told(tube: "SeenTube", course: "NDArray[np.float64]", reading: "Reading") -> Sentence:
    outlines = reading.outlines
    column, row = (min(max(0, round(place)), _LAST) for place in tube.tip)
    quadrant = _quadrant(row, column, outlines.anatomy)
    is_high = quadrant is None
    (left, top), (right, bottom) = course.min(axis=0), course.max(axis=0)
    return Sentence(
        text=_HIGH if is_high else _SEEN.format(quadrant),
        verdict="grounded",
        reason=FOLLOWED,
        region=Place(
            bounding_box=(round(left), round(top), round(right) + 1, round(bottom) + 1),
            quadrants=[] if quadrant is None else [quadrant.value],
            side=None if quadrant is None else _SIDES[quadrant],
            confidence=round(tube.sureness, 3),
        ),
    )


_SIDES = {
    Quadrant.RUQ: Side.RIGHT,
    Quadrant.RLQ: Side.RIGHT,
    Quadrant.LUQ: Side.LEFT,
    Quadrant.LLQ: Side.LEFT,
}


def _quadrant(row: int, column: int, anatomy: "Anatomy") -> Quadrant | None:
    """Of a place in the frame; None above the diaphragm."""
    if anatomy.above_domes[row, column]:
        return None
    marks = anatomy.landmarks
    is_left, is_upper = column > marks.midline_x[row], row < marks.quadrant_y
    if is_upper:
        return Quadrant.LUQ if is_left else Quadrant.RUQ
    return Quadrant.LLQ if is_left else Quadrant.RLQ


def speaks_of_tube(sentence: Sentence) -> bool:
    """Whether it says that a gastric tube is there."""
    return parse(sentence.text).gastric_tube


def seen_tube(sentences: Iterable[Sentence]) -> Sentence | None:
    """The sentence of a checked draft on the tube that is seen on its film."""
    return next((sentence for sentence in sentences if sentence.reason == FOLLOWED), None)
