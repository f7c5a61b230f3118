"""A film framed again after a first look: turned off its side, cut to the abdomen, turned upright.

Films come lying, as a decubitus film is taken, askew, and with a whole baby on them. What the first look
outlines tells; a second look must be surer, or the film stays as it was. Limits were set on 18 public films
and on synthetic ones; of 100 synthetic test films none is framed again.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.reading.framing import Framing, part_of
from pedaxr.reading.notes import Note, NoteKind
from pedaxr.reading.outlines import Outlines, plausibility
from pedaxr.reading.positioning import faults, is_on_its_side, lean, tilt_of
from pedaxr.reading.quality import spine_confidence, sureness
from pedaxr_models.labels import Structure, View

FloatArray = NDArray[np.float32]

# Measured with the bundled weights on 40 synthetic and 22 public films, each stored in all eight ways: their
# sureness is 1.00 and .83 to .99 (whole babies .85 to .92); the spine leans by at most 5 degrees upright (of
# public films 10) and by at least 80 lying.
_SURE = 0.97
_UNSURE = 0.93
_SURER_TURNED = 0.15  # plausibility, where no spine tells
_MAY_LOSE = 0.1  # plausibility of an askew film, turned upright
_LEAST_SURE_ALONE = 0.02  # sureness that may be lost
# Where the abdomen lies on a whole baby, between the arms: rows, columns, and by how much plausibility must
# gain. Whole babies gain 0.08 to 0.19, abdomens lose.
_ABDOMENS = (((0.3, 1.0), (0.1, 0.9), 0.08), ((0.15, 0.85), (0.1, 0.9), 0.12))
_LEAST_PART_PX = 160
_LEAST_SPINE = 0.9  # its confidence: of a chest from the side 0.83
_ASKEW_DEGREES = (8.0, 35.0)
_NOTED_DEGREES = 16
_ACROSS_DEGREES = 50
_DARK = 0.25  # of the way from the darkest to the brightest grey
_LEAST_DARK, _MOST_DARK_OPPOSITE = 0.4, 0.05  # shares of the upper and the lower third of a lying film

_ABDOMEN_ALONE = Note(
    NoteKind.FRAMING,
    "The film shows more of the child than the abdomen: the abdomen was found and read alone.",
)
_LYING = Note(
    NoteKind.ORIENTATION,
    "The film is shown lying on its side: it was turned for reading, and outlines are those of the film as "
    "it came. Sides are those of a film seen from the front.",
)

Look = Callable[[Framing], Outlines]
Turned = Callable[[int], Framing]  # by how many quarters clockwise, against how it was framed first


def reframed(seen: Outlines, look: Look, turned: Turned | None, view: View | None) -> Outlines:
    """What is seen of a film once it is framed as well as can be determined.

    Args:
        seen: at first look.
        look: segments the film in another framing.
        turned: the framing by quarter turns; None where the header says how the child lies.
        view: decubitus films lie.
    """
    if turned is not None:
        seen = _off_its_side(seen, look, turned, view)
    seen = _abdomen_alone(seen, look)
    return _upright(seen, look)


def _off_its_side(seen: Outlines, look: Look, turned: Turned, view: View | None) -> Outlines:
    """Turned by a quarter where the spine lies across, or cannot be told and the film is far surer so.

    A network that knows lying films is as sure of them, but levels and sides are read off upright ones.
    """
    tilt = tilt_of(seen.masks[Structure.SPINE])
    is_sure = sureness(seen.read_regions) >= _UNSURE
    is_across = tilt is not None and tilt > _ACROSS_DEGREES
    if not is_across and (is_sure or tilt is not None):
        return seen
    ways = {turns: look(turned(turns)) for turns in (1, 3)}
    upright = [turns for turns, way in ways.items() if not is_on_its_side(way.masks)]
    # What lies on the wrong side or upside down is turned the wrong way, however sure.
    best = min(
        upright, key=lambda turns: (faults(ways[turns].masks), -plausibility(ways[turns])), default=None
    )
    risen = gas_risen(seen.film)
    lies = is_across or (tilt is None and view is View.LEFT_LATERAL_DECUBITUS)
    is_surer = best is not None and plausibility(ways[best]) - plausibility(seen) >= _SURER_TURNED
    if best is not None and (is_across or is_surer):
        return _noted(ways[best], _LYING, is_lying=lies and risen != 0)
    if lies and risen:
        # From the front, with the child's right side up, the head lies to the right of what is up.
        return _noted(ways[3 if risen > 0 else 1], _LYING, is_lying=True)
    return seen


def gas_risen(film: FloatArray) -> int:
    """Where gas lies on a film (H, W) of a child on its side: 1 above, -1 below, 0 where that is not clear.

    What is dark fills much of one third of the film, and next to none of the opposite one.
    """
    scale = 128 / max(film.shape)
    small = cv2.resize(film, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, (1, 99))
    dark = small < low + _DARK * (high - low)
    third = len(dark) // 3
    above, below = float(dark[:third].mean()), float(dark[-third:].mean())
    if max(above, below) < _LEAST_DARK or min(above, below) > _MOST_DARK_OPPOSITE:
        return 0
    return 1 if above > below else -1


def _abdomen_alone(seen: Outlines, look: Look) -> Outlines:
    """Without chest and arms, where the film is surer so: on a whole baby the domes are found too high."""
    sure = sureness(seen.read_regions)
    best, most = seen, 0.0
    for rows, columns, least in _ABDOMENS if sure < _SURE and not seen.is_lying else ():
        part = part_of(seen.framing, rows, columns)
        if min(part.read_size) < _LEAST_PART_PX:
            continue
        alone = look(part)
        gain = plausibility(alone) - plausibility(seen)
        is_surer = gain >= max(least, most) and sureness(alone.read_regions) >= sure - _LEAST_SURE_ALONE
        if is_surer and spine_confidence(alone.read_regions) >= _LEAST_SPINE:
            best, most = alone, gain
    if best is seen:
        return seen
    return _noted(best, *seen.notes, _ABDOMEN_ALONE, is_part=True, is_lying=seen.is_lying)


def _upright(seen: Outlines, look: Look) -> Outlines:
    """Turned by what the spine leans, where that is much and the film is no less plausible so."""
    leans = lean(seen.masks[Structure.SPINE])
    least, most = _ASKEW_DEGREES
    if leans is None or not least <= abs(leans) <= most or sureness(seen.read_regions) < _UNSURE:
        return seen
    turned = look(replace(seen.framing, degrees=round(-leans, 1)))
    if plausibility(turned) < plausibility(seen) - _MAY_LOSE:
        return seen
    askew = f"The child lies askew on the film, by about {abs(leans):.0f} degrees: it was turned for reading."
    notes = [Note(NoteKind.ORIENTATION, askew)] if abs(leans) >= _NOTED_DEGREES else []
    return _noted(turned, *seen.notes, *notes, is_part=seen.is_part, is_lying=seen.is_lying)


def _noted(seen: Outlines, *notes: Note, is_part: bool = False, is_lying: bool = False) -> Outlines:
    return replace(seen, notes=notes, is_part=is_part, is_lying=is_lying)
