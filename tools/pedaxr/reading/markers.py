"""Lead letters on a film: L or R beside the child, as laid there or as a mirrored picture shows them.

Small bright shapes are compared with letters and digits of several stroke fonts; one that is not clearly an L
or an R, upright or mirrored, is none. Letters of words and dates are left out, and so is what lies near the
midline: a letter that is missed costs nothing, one that is made up doubts a good film.
"""

import itertools
import string
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.radiograph.orientation import Orientation
from pedaxr.reading.framing import Framing
from pedaxr.reading.notes import Note, NoteKind
from pedaxr_models.runtime.threads import begin
from pedaxr_models.segmentation.landmarks import pixels_of

FloatArray = NDArray[np.float32]
Box = tuple[int, int, int, int]

_LONGEST_SIDE_PX = 512  # of the film on which letters are looked for
_BRUSH = 21  # at half that size, wider than any letter's stroke
_STROKE = 0.25  # by how much letters are brighter than what lies round them
_HEIGHT_PX = (9, 56)
_ASPECT = (0.3, 1.15)  # width to height
_FILL = (0.15, 0.75)  # share of its box that a letter covers
_GRID = (24, 32)  # width, height of what is compared
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_PLAIN,
)
_DRAWN_PX = 40  # height of the letters compared with
_STROKES = (0.1, 0.17, 0.24)  # of the height
_TURNS = (-24, -16, -8, 0, 8, 16, 24)
# How like a letter of the fonts, and how much liker than the next sign.
_LEAST_LIKE = {"L": 0.82, "R": 0.78}
_OTHERS = "".join(sign for sign in string.ascii_uppercase + string.digits if sign not in "LR")
_MIRRORED = " mirrored"
_LEAST_AHEAD = {"L": 0.2, "R": 0.06}
_WORD_GAP = 1.3  # heights between letters of one word
# Of the film's width: bowel walls, wires and clips over the child are as like an L as letters are, on one
# film in thirty; none of 520 films had such a shape further out.
_NEAR_MIDLINE = 0.25
_CONTRADICTED = Note(
    NoteKind.DOUBT,
    "A lead letter on the film says otherwise than its outlines which side is the patient's left: left and "
    "right may be exchanged.",
)


@dataclass(frozen=True)
class SideLetter:
    """A lead letter on a film.

    Attributes:
        name: L or R.
        is_mirrored: whether the picture shows it mirrored.
        x, y: its middle, in pixels of the film.
        likeness: its correlation with the nearest letter of the fonts, -1 to 1.
    """

    name: str
    is_mirrored: bool
    x: float
    y: float
    likeness: float


class LetterSearch:
    """The letters of one film, looked for beside other work, once for each way in which it is hung.

    On the whole picture: letters lie next to the child, often beyond the exposed field.
    """

    def __init__(self, pixels: FloatArray) -> None:
        self._pixels = pixels
        self._begun: dict[tuple[Orientation, tuple[float, float]], Future[list[SideLetter]]] = {}

    def begin(self, framing: Framing) -> None:
        """Begin to look at the picture as it is hung by that framing."""
        hung = framing.orientation, framing.stretch
        if hung not in self._begun:
            self._begun[hung] = begin(lambda: side_letters(framing.upright(self._pixels)))

    def found(self, framing: Framing) -> tuple[SideLetter, ...]:
        """Those of the picture as it is hung by that framing, in its pixels."""
        self.begin(framing)
        return tuple(self._begun[framing.orientation, framing.stretch].result())


def side_letters(film: FloatArray) -> list[SideLetter]:
    """The lead letters L and R on a film (H, W) in [0, 1], bone bright."""
    scale = min(1.0, _LONGEST_SIDE_PX / max(film.shape))
    size = (max(1, round(film.shape[1] * scale)), max(1, round(film.shape[0] * scale)))
    small = cv2.resize(np.asarray(film, np.float32), size, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small[::2, ::2], (1, 99.5))
    small = np.clip((small - low) / max(float(high - low), 0.1), 0, 1)
    brush = cv2.getStructuringElement(cv2.MORPH_RECT, (_BRUSH, _BRUSH))
    half = cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    around = cv2.morphologyEx(half, cv2.MORPH_OPEN, brush)  # at half the size: it is what takes time
    raised = small - cv2.resize(around, size, interpolation=cv2.INTER_LINEAR)
    labels, shapes = shapes_of(raised > _STROKE)
    boxes = [box for box, _ in shapes if _HEIGHT_PX[0] <= box[3] <= _HEIGHT_PX[1]]
    found = []
    for at, (box, area) in enumerate(shapes, 1):
        x, y, width, height = box
        if not _may_be_letter(box, area) or _is_in_word(box, boxes):
            continue
        glyph = (labels[y : y + height, x : x + width] == at).astype(np.float32)
        if named := _named(glyph):
            name, is_mirrored, like = named
            found.append(
                SideLetter(name, is_mirrored, (x + width / 2) / scale, (y + height / 2) / scale, like)
            )
    return found


def shapes_of(bright: NDArray[np.bool_]) -> tuple[NDArray[np.int32], list[tuple[Box, int]]]:
    """8-connected shapes: (H, W) the number of the shape a pixel belongs to, from 1; their boxes and pixels.

    From the bright pixels alone, which are few: OpenCV's own statistics take three times as long.
    """
    count, labels = cv2.connectedComponents(bright.view(np.uint8))
    if count < 2:
        return np.asarray(labels, np.int32), []
    rows, columns = pixels_of(bright)
    owner = labels[rows, columns]
    areas = np.bincount(owner)[1:]
    order, first = np.argsort(owner, kind="stable"), np.cumsum(areas) - areas
    (x0, x1), (y0, y1) = (
        (np.minimum.reduceat(at[order], first), np.maximum.reduceat(at[order], first) + 1)
        for at in (columns, rows)
    )
    boxes = np.stack([x0, y0, x1 - x0, y1 - y0], 1).tolist()
    return np.asarray(labels, np.int32), [
        ((x, y, width, height), area)
        for (x, y, width, height), area in zip(boxes, areas.tolist(), strict=True)
    ]


def letter_notes(letters: Sequence[SideLetter], midline_x: float, width: int) -> list[Note]:
    """A doubt where an L lies on the patient's right of a film, or an R on the left; whichever way it faces.

    Args:
        letters: on the whole upright picture.
        midline_x: of the child, in pixels of that picture.
        width: of that picture.
    """
    aside = _aside(letters, midline_x, width)
    return [_CONTRADICTED] if any(_on_left(one, midline_x) is not (one.name == "L") for one in aside) else []


def letters_agree(letters: Sequence[SideLetter], midline_x: float, width: int) -> bool:
    """Whether letters say that the film hangs as it should: one reads as on paper, and none lies elsewhere.

    A mirrored film has its letters mirrored, and one upside down has them so.

    Args:
        letters: on the whole upright picture.
        midline_x: of the child, in pixels of that picture.
        width: of that picture.
    """
    aside = _aside(letters, midline_x, width)
    is_contradicted = bool(letter_notes(letters, midline_x, width))
    return not is_contradicted and any(not one.is_mirrored for one in aside)


def _aside(letters: Sequence[SideLetter], midline_x: float, width: int) -> list[SideLetter]:
    return [one for one in letters if abs(one.x - midline_x) > _NEAR_MIDLINE * width]


def _on_left(letter: SideLetter, midline_x: float) -> bool:
    """The patient's."""
    return letter.x > midline_x


def _may_be_letter(box: Box, area: int) -> bool:
    _, _, width, height = box
    return (
        _HEIGHT_PX[0] <= height <= _HEIGHT_PX[1]
        and _ASPECT[0] <= width / height <= _ASPECT[1]
        and _FILL[0] <= area / (width * height) <= _FILL[1]
    )


def _is_in_word(box: Box, boxes: list[Box]) -> bool:
    """Whether another shape of about its height stands beside it on its line."""
    x, y, width, height = box
    for other in boxes:
        if other == box:
            continue
        gap = max(other[0] - (x + width), x - (other[0] + other[2]))
        level = abs(other[1] + other[3] - y - height) <= 0.35 * height
        if -0.2 * width <= gap <= _WORD_GAP * height and level and 0.6 <= other[3] / height <= 1.6:
            return True
    return False


def _named(glyph: FloatArray) -> tuple[str, bool, float] | None:
    """Letter, whether it is mirrored, and likeness; None where it is not clearly one."""
    grid = _grid(glyph)
    best = _likest(grid, "LR")
    first = max(best, key=lambda name: best[name])
    letter, like = first[0], best[first]
    if like < _LEAST_LIKE[letter]:
        return None  # most shapes are compared with two letters and no more
    best |= _likest(grid, _OTHERS)
    ahead = like - max(other for name, other in best.items() if name != first)
    return None if ahead < _LEAST_AHEAD[letter] else (letter, first.endswith(_MIRRORED), like)


def _likest(grid: FloatArray, signs: str) -> dict[str, float]:
    """By sign, how like it the likest of its templates is."""
    places, templates = _templates(signs)
    like = templates @ grid
    return {name: float(like[own].max()) for name, own in places.items()}


def _grid(glyph: FloatArray) -> FloatArray:
    """A shape stretched to the grid, blurred, of mean 0 and length 1."""
    grid = cv2.resize(np.asarray(glyph, np.float32), _GRID, interpolation=cv2.INTER_AREA)
    flat = cv2.GaussianBlur(grid, (0, 0), 1.2).ravel()
    flat = flat - flat.mean()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-6), np.float32)


@cache
def _templates(signs: str) -> tuple[dict[str, NDArray[np.intp]], FloatArray]:
    """By name where its grids are, and the grids (n, width * height)."""
    names, grids = [], []
    for sign, font, stroke in itertools.product(signs, _FONTS, _STROKES):
        drawn = _drawn(sign, font, stroke)
        for turn in _TURNS:
            turned = _turned(drawn, turn)
            names.append(sign)
            grids.append(_grid(turned))
            if sign in _LEAST_LIKE:
                names.append(sign + _MIRRORED)
                grids.append(_grid(turned[:, ::-1]))
    found = np.array(names)
    return {name: np.flatnonzero(found == name) for name in dict.fromkeys(names)}, np.stack(grids)


def _drawn(sign: str, font: int, stroke: float) -> NDArray[np.uint8]:
    thickness = max(2, round(_DRAWN_PX * stroke))
    plate = np.zeros((2 * _DRAWN_PX + 16, 2 * _DRAWN_PX + 16), np.uint8)
    scale = cv2.getFontScaleFromHeight(font, _DRAWN_PX, thickness)
    at = (_DRAWN_PX // 2 + 8, round(1.5 * _DRAWN_PX) + 8)
    return np.asarray(cv2.putText(plate, sign, at, font, scale, 255, thickness, cv2.LINE_AA), np.uint8)


def _turned(plate: NDArray[np.uint8], degrees: float) -> FloatArray:
    """The sign alone, 0 or 1."""
    middle = (plate.shape[1] / 2, plate.shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    is_ink = np.asarray(cv2.warpAffine(plate, matrix, plate.shape[::-1]) > 127, np.uint8)
    x, y, width, height = cv2.boundingRect(is_ink)
    return is_ink[y : y + height, x : x + width].astype(np.float32)
