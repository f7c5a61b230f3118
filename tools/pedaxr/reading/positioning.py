"""How a film lies and what is printed on it: askew, on its side, upside down, mirrored, cut off, with text.

The limits lie outside what validation films of the generator show, so that a note means something. Where the
outlines themselves lie mirrored or upside down, the film is in doubt; where a network finds organs by their
place and outlines them as ever, `second_look` tells.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.reading.markers import Box, shapes_of
from pedaxr.reading.notes import Note, NoteKind
from pedaxr_models.labels import Structure
from pedaxr_models.segmentation.landmarks import box_of

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]

_ASKEW_DEGREES = 16  # validation films lie askew by up to 13
_ON_ITS_SIDE_DEGREES = 50
# Share of the frame that the liver's middle must lie beside the spine's: on mirrored synthetic films at least
# .10 (0 of 60 others), on real ones about as much where the liver is outlined as a whole.
_LEAST_ASIDE = 0.03
_LEAST_LENGTH_TO_WIDTH = 2.5  # of a spine whose direction can be determined
_EDGE_PX = 3  # of the frame
_LONGEST_SIDE_PX = 1024
_LEAST_STROKE = 0.3  # by how much letters are brighter than what lies round them
_LETTER_PX = (7, 40)
_LEAST_LETTERS = 10  # in a line; lead words beside the child, such as PORTABLE, are shorter
_ON_ITS_SIDE = Note(
    NoteKind.ORIENTATION,
    "The film seems to lie on its side: turn it, or check how it was exported.",
)
_UPSIDE_DOWN = Note(NoteKind.DOUBT, "The pelvis lies above the liver, so the film may hang the wrong way up.")
_MIRRORED = Note(
    NoteKind.DOUBT,
    "The liver lies on the patient's left, so the film may be mirrored, and left and right exchanged.",
)
# Middle of the lungs, as a share of the film's height: of films of the abdomen at most .14, of chest and
# abdomen .22 and more; and their area next to the spine's.
_LOW_LUNGS, _LARGE_LUNGS = 0.18, 0.4
_CONTRADICTED = Note(
    NoteKind.DOUBT,
    "The header says how the child lies on the film, and what is outlined contradicts it: left and right, or "
    "head and feet, may be exchanged.",
)
_CHEST = Note(
    NoteKind.FRAMING,
    "The film shows the chest as well as the abdomen, as films of newborns do: the abdomen alone was read.",
)
_FLANKS = Note(NoteKind.FRAMING, "The flanks reach both edges of the film: they may be cut off.")
_TEXT = Note(
    NoteKind.TEXT,
    "Text seems to be burned into the picture: it may name a child. Look before it is shown to others.",
)


def positioning_notes(
    masks: Mapping[str, BoolArray],
    content: tuple[slice, slice],
    *,
    contradicts_header: bool = False,
    is_part: bool = False,
) -> list[Note]:
    """What the outlines (S, S) of one film say of how it lies.

    Args:
        masks: by channel, in the frame.
        content: rows and columns of the frame that the film fills.
        contradicts_header: whether the film lies otherwise on what is outlined than its header says.
        is_part: whether only part of the film was read, so that its edges are not the film's.
    """
    if contradicts_header:
        return [_CONTRADICTED]
    if is_on_its_side(masks):
        return [_ON_ITS_SIDE]
    if is_upside_down(masks):
        return [_UPSIDE_DOWN]
    tilt = tilt_of(masks[Structure.SPINE])
    notes = [_MIRRORED] if is_mirrored(masks) else []
    if tilt is not None and tilt > _ASKEW_DEGREES:
        askew = f"The child lies askew on the film, by about {tilt:.0f} degrees."
        notes.append(Note(NoteKind.ORIENTATION, askew))
    notes += [_CHEST] if not is_part and shows_chest(masks, content[0]) else []
    return notes + ([_FLANKS] if not is_part and _fills_the_width(masks, content[1]) else [])


def is_on_its_side(masks: Mapping[str, BoolArray]) -> bool:
    """Whether the spine lies across, as on a decubitus film that is shown lying."""
    tilt = tilt_of(masks[Structure.SPINE])
    return tilt is not None and tilt > _ON_ITS_SIDE_DEGREES


def is_upside_down(masks: Mapping[str, BoolArray]) -> bool:
    """Whether the pelvis is outlined above the liver."""
    liver, pelvis = centre_of(masks[Structure.LIVER]), centre_of(masks[Structure.PELVIS])
    return bool(liver and pelvis and pelvis[0] < liver[0])


def is_mirrored(masks: Mapping[str, BoolArray]) -> bool:
    """Whether the liver is outlined clearly on the patient's left: the network outlines it where it lies."""
    liver, spine = centre_of(masks[Structure.LIVER]), centre_of(masks[Structure.SPINE])
    return bool(liver and spine and liver[1] - spine[1] > _LEAST_ASIDE * masks[Structure.LIVER].shape[1])


def shows_chest(masks: Mapping[str, BoolArray], rows: slice) -> bool:
    """Whether lungs are outlined as far down, and as large, as on a film of chest and abdomen."""
    lungs = masks[Structure.LUNGS][rows]
    middle = centre_of(lungs)
    share = int(np.count_nonzero(lungs)) / max(1, int(np.count_nonzero(masks[Structure.SPINE])))
    return bool(middle and middle[0] > _LOW_LUNGS * len(lungs) and share > _LARGE_LUNGS)


def faults(masks: Mapping[str, BoolArray]) -> int:
    """In how many ways what is outlined (S, S) says that the film does not hang as it is read: 0 to 2."""
    return is_on_its_side(masks) + is_mirrored(masks) + is_upside_down(masks)


def centre_of(mask: BoolArray) -> tuple[float, float] | None:
    """Row and column of the middle of a mask (H, W); None where it is empty."""
    ones = np.ascontiguousarray(mask).view(np.uint8)
    by_row, by_column = (cv2.reduce(ones, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for axis in (1, 0))
    count = int(by_row.sum())
    if not count:
        return None
    return tuple(float(n @ np.arange(len(n)) / count) for n in (by_row, by_column))  # type: ignore[return-value]


def tilt_of(spine: BoolArray) -> float | None:
    """Degrees between the spine and the upright, 0 to 90; None where it has no clear direction."""
    leans = lean(spine)
    return None if leans is None else abs(leans)


def lean(spine: BoolArray) -> float | None:
    """Degrees by which the spine (S, S) leans: positive with its upper end to the right, -90 to 90.

    None where it has no clear direction.
    """
    inside = box_of(spine)  # whose corner does not matter, as moments about the middle are taken
    sums = (
        cv2.moments(np.ascontiguousarray(spine[inside]).view(np.uint8)) if spine[inside].size else {"m00": 0}
    )
    if sums["m00"] < 3:
        return None
    spread = np.array([[sums["mu02"], sums["mu11"]], [sums["mu11"], sums["mu20"]]]) / (sums["m00"] - 1)
    (short, long), axes = np.linalg.eigh(spread)
    if long < _LEAST_LENGTH_TO_WIDTH**2 * max(short, 1e-9):
        return None
    down, across = axes[:, 1]
    return float(np.degrees(np.arctan2(-across * np.sign(down), abs(down))) if down else 90.0)


def _fills_the_width(masks: Mapping[str, BoolArray], columns: slice) -> bool:
    """Whether ribs or pelvis touch both sides of the film."""
    for name in (Structure.RIBS, Structure.PELVIS):
        across = np.flatnonzero(masks[name].any(axis=0))
        if (
            len(across)
            and across[0] <= columns.start + _EDGE_PX
            and across[-1] >= columns.stop - 1 - _EDGE_PX
        ):
            return True
    return False


def text_notes(pixels: FloatArray) -> list[Note]:
    """Whether a line of small bright letters stands on the film (H, W) in [0, 1]."""
    scale = min(1.0, _LONGEST_SIDE_PX / max(pixels.shape))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    film = pixels if scale == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    brush = cv2.getStructuringElement(cv2.MORPH_RECT, (15, 15))
    strokes = cv2.morphologyEx(np.asarray(film, np.float32), cv2.MORPH_TOPHAT, brush) > _LEAST_STROKE
    boxes = [box for box, _ in shapes_of(strokes)[1]]
    return [_TEXT] if _longest_line(_letters(boxes)) >= _LEAST_LETTERS else []


def _letters(boxes: list[Box]) -> list[Box]:
    """Those of the boxes (x, y, width, height) that have the size of a letter, from the left."""
    low, high = _LETTER_PX
    return sorted(box for box in boxes if low <= box[3] <= high and box[2] <= 1.6 * box[3])


def _longest_line(letters: list[Box]) -> int:
    """Most letters of like height on one base line, each near the one before."""
    lines: list[list[Box]] = []
    longest = 0
    for letter in letters:
        line = next((line for line in lines if _follows(line[-1], letter)), None)
        if line is None:
            lines.append(line := [])
        line.append(letter)
        longest = max(longest, len(line))
    return longest


def _follows(before: Box, letter: Box) -> bool:
    x, y, width, height = before
    near = 0 <= letter[0] - (x + width) + 2 <= 2.2 * height
    level = abs((letter[1] + letter[3]) - (y + height)) <= 0.25 * height
    return near and level and abs(letter[3] - height) <= 0.35 * height
