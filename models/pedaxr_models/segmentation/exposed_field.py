"""Find the part of a picture that holds the film: shutters, plates, white margins and frames are cut away.

Films reach a reader with black shutters, white or grey margins, the plate they lay on, or a large plate round
a small child. None of it is anatomy, and a network that has not seen such framing takes it for some. Training
and serving call the same function, so a film is always seen as it was learned.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_SIDE = 320  # of the shrunk picture on which the field is looked for
_WHITE = 0.965  # burnt-in margins are 1, often softened by JPEG
_DARK = 0.07  # of the way from the darkest to the brightest grey: shutters and bare detector
_FLAT = 0.004  # largest local standard deviation of a margin that a program painted
_PAINTED = 0.12  # darker ones need no paint
_SPECK = 0.12  # of the largest piece: smaller ones are letters, lines of words and wires
_MOST_PLATES = 3  # one in another
_ONE_GREY = 0.06  # between the 5th and the 95th percentile of a painted margin; soft tissue may be as smooth
_SCREEN = 0.06  # the darkest grey of a panel; shutters are darker
_WORDS = 7  # pixels about which a viewer's panel shows its own grey between words
_PANEL = 0.15  # share of them that has exactly that grey, on a panel
_EDGE = 0.25  # share of a line of pixels along the film that has it
_RECTANGLE = 0.85  # share of its box that a film fills on a screen
# Width in pixels, grey and share of its length of a line along the border
_LINE, _BRIGHT, _WHOLE = 4, 0.8, 0.95
_SPAN = 0.5  # share of a side of the picture that a margin takes up
_STRAIGHT = 0.97  # share of its convex hull that the film fills without a margin
_MARGIN = 0.012  # of the longer side, kept round what was found: edges are soft
_SMALLEST = 0.12  # share of the picture under which the field is not believed


@dataclass(frozen=True)
class ExposedField:
    """Where on a picture (height, width) the film lies.

    Attributes:
        top, bottom, left, right: first row, last + 1, first column, last + 1, in pixels of the picture.
        margins: (h, w) bool of the shrunk picture, white and painted margins that reach its border; they may
            cut the box's corners, as on a film that lies askew.
    """

    top: int
    bottom: int
    left: int
    right: int
    width: int
    height: int
    margins: BoolArray

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that hold the film."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cut away and nothing painted over."""
        return self.box == (slice(0, self.height), slice(0, self.width)) and not self.margins.any()

    def clean(self, pixels: FloatArray) -> FloatArray:
        """The picture (height, width), bone bright, with its margins painted as dark as its darkest grey."""
        if not self.margins.any():
            return pixels
        hidden = cv2.resize(
            self.margins.astype(np.uint8), (self.width, self.height), interpolation=cv2.INTER_NEAREST
        )
        film = pixels[self.box][hidden[self.box] == 0]
        darkest = np.float32(np.percentile(film, 0.5)) if film.size else np.float32(0)
        return np.where(hidden > 0, darkest, pixels)

    def crop(self, pixels: FloatArray) -> FloatArray:
        """The film alone: cut to the box, margins dark."""
        return self.clean(pixels)[self.box]


def find_exposed_field(pixels: FloatArray) -> ExposedField:
    """Find the film on a picture (H, W) float32 in [0, 1], bone bright.

    What touches the picture's border and is white, or of one grey, or dark is not film; of the rest the
    largest piece is. A picture that would keep too little, or has one grey only, is kept whole.
    """
    height, width = pixels.shape
    small = _shrink(pixels)
    margins = np.ones(small.shape, bool)
    screen = _between_panels(_panel_greys(pixels, small.shape))
    margins[screen] = _margins(small[screen])
    inside = _largest(~(margins | _dark_surround(small, margins)))
    if inside.mean() < _SMALLEST:
        return ExposedField(0, height, 0, width, width, height, np.zeros(small.shape, bool))
    margins &= ~inside
    top, bottom, left, right = _bounds(inside)
    factors = height / small.shape[0], width / small.shape[1]
    return ExposedField(
        max(0, int(np.floor(top * factors[0]))),
        min(height, int(np.ceil(bottom * factors[0]))),
        max(0, int(np.floor(left * factors[1]))),
        min(width, int(np.ceil(right * factors[1]))),
        width,
        height,
        margins,
    )


def _shrink(pixels: FloatArray) -> FloatArray:
    """The picture with its longer side at most `_SIDE`, from its darkest grey at 0 to its brightest at 1."""
    scale = min(1.0, _SIDE / max(pixels.shape))
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(np.asarray(pixels, np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small, 0, 1), np.float32)


def _panel_greys(pixels: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """By pixel of the shrunk picture, the share of it that has exactly the commonest grey of a side.

    A viewer paints its panels in one grey, and its words upon that; a film has hardly any grey twice.
    """
    sides = map(_steps, (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    greys = [np.bincount(side, minlength=256) for side in sides]
    painted = [g.argmax() for g in greys if g.max() > _SPAN * g.sum() and _SCREEN < g.argmax() / 255 < _WHITE]
    if not painted:
        return np.zeros(shape, np.float32)
    known = np.isin(np.arange(256), painted).astype(np.float32)
    shares = cv2.resize(known[_steps(pixels)], shape[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(shares, np.float32)


def _steps(pixels: FloatArray) -> NDArray[np.uint8]:
    return np.asarray(np.round(pixels * 255), np.uint8)


def _between_panels(greys: FloatArray) -> tuple[slice, slice]:
    """Rows and columns of the largest rectangle that is free of the panels' grey; all, where none is."""
    whole = slice(0, greys.shape[0]), slice(0, greys.shape[1])
    if not greys.any():
        return whole
    near = cv2.blur(greys, (2 * _WORDS + 1,) * 2, borderType=cv2.BORDER_REPLICATE)
    film = _largest(near < _PANEL)
    rows, columns = (np.flatnonzero(film.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return whole
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    if film[box].mean() < _RECTANGLE:
        return whole  # a film that lies askew, or none
    down = _to_panel(greys[:, box[1]], box[0])
    across = _to_panel(greys[down].T, box[1])
    return down, across


def _to_panel(greys: FloatArray, lines: slice) -> slice:
    """As many lines more at both ends as are no panel, of those that were too near to one to tell."""
    is_panel = greys.mean(axis=1) > _EDGE
    first, last = lines.start, lines.stop
    while first > max(0, lines.start - 2 * _WORDS) and not is_panel[first - 1]:
        first -= 1
    while last < min(len(greys), lines.stop + 2 * _WORDS) and not is_panel[last]:
        last += 1
    return slice(first, last)


def _margins(small: FloatArray) -> BoolArray:
    """White and painted areas along the border, and those along what they surround: plates within plates."""
    found = _lines(small) | _painted_along(small)
    for _ in range(_MOST_PLATES - 1):
        rows, columns = (np.flatnonzero(~found.all(axis=axis)) for axis in (1, 0))
        height, width = found.shape
        if not len(rows) or not (
            rows[0] > 0 and rows[-1] + 1 < height and columns[0] > 0 and columns[-1] + 1 < width
        ):
            break  # only what surrounds a plate on all sides can hold another
        inner = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        within = _painted_along(small[inner]) & ~found[inner]
        if not within.any():
            break
        found[inner] |= within
    return found


def _lines(small: FloatArray) -> BoolArray:
    """Bright lines of a few pixels along the border, as a program draws them round a picture."""
    found = np.zeros(small.shape, bool)
    for turn in range(4):
        turned, marked = np.rot90(small, turn), np.rot90(found, turn)
        is_bright = (turned[: _LINE + 1] > _BRIGHT).mean(axis=1) > _WHOLE
        count = int(np.argmin(is_bright)) if not is_bright.all() else 0  # a margin is no line
        marked[:count] = True
    return found


def _painted_along(small: FloatArray) -> BoolArray:
    """White and painted areas along the border of a picture, or of the part that is left of it."""
    mean = cv2.blur(small, (3, 3), borderType=cv2.BORDER_REPLICATE)
    spread = cv2.blur(small * small, (3, 3), borderType=cv2.BORDER_REPLICATE) - mean * mean
    painted = (spread < _FLAT**2) & (mean > _PAINTED)
    found = _along_border(_open((mean > _WHITE) | painted, 2), mean)
    return np.asarray(cv2.dilate(found.astype(np.uint8), _disc(2)) > 0)  # with their softened rims


def _along_border(area: BoolArray, greys: FloatArray) -> BoolArray:
    """The pieces of one grey that fill a corner or much of a side, and leave a straight-edged film.

    What is printed on a white one is none of the film.
    """
    count, pieces = cv2.connectedComponents(area.astype(np.uint8), connectivity=4)
    sides = [pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]
    kept = np.zeros(count, bool)
    for side in sides:
        kept |= np.bincount(side, minlength=count) >= _SPAN * len(side)
    kept[[pieces[0, 0], pieces[0, -1], pieces[-1, 0], pieces[-1, -1]]] = True
    kept[0] = False
    # What is burnt out at the edge of a film, a heart or a belly, leaves a notch.
    straight = []
    for piece in np.flatnonzero(kept):
        rest = pieces != piece
        is_page = (greys[~rest] > _WHITE).mean() > _WHOLE
        if np.ptp(np.percentile(greys[~rest], (5, 95))) > _ONE_GREY:
            continue
        if _convexity(_without_specks(rest) if is_page else rest) > _STRAIGHT:
            straight.append(piece)
    return np.isin(pieces, straight)


def _without_specks(area: BoolArray) -> BoolArray:
    """The area without pieces as small as print on a margin, which is none of the film."""
    count, pieces = cv2.connectedComponents(area.astype(np.uint8), connectivity=4)
    if count <= 2:
        return area
    sizes = np.bincount(pieces[area], minlength=count)  # OpenCV's own statistics take four times as long
    return np.asarray((sizes >= max(1, _SPECK * sizes.max()))[pieces])


def _convexity(area: BoolArray) -> float:
    """Share of its convex hull that an area fills."""
    rows = np.flatnonzero(area.any(axis=1))
    if np.count_nonzero(area) < 3:
        return 0.0
    first = area[rows].argmax(axis=1)  # the ends of its rows have the same hull as all its pixels
    last = area.shape[1] - 1 - area[rows, ::-1].argmax(axis=1)
    ends = np.concatenate([np.stack([x, rows], axis=1) for x in (first, last)])
    hull = cv2.convexHull(ends.astype(np.int32))
    filled = np.zeros(area.shape, np.uint8)
    cv2.fillConvexPoly(filled, hull, 1)
    return float(np.count_nonzero(area) / np.count_nonzero(filled))


def _dark_surround(small: FloatArray, margins: BoolArray) -> BoolArray:
    """Shutters and bare detector: dark, and joined to the border or to a margin."""
    film = small[~margins]
    if not film.size:
        return margins
    low, high = np.percentile(film, (0.5, 99))
    smooth = cv2.medianBlur(np.where(margins, np.float32(low), small), 5)  # without wires and letters
    dark = smooth < low + _DARK * max(high - low, 0.05)
    return _at_border(dark | margins) & ~margins


def _at_border(area: BoolArray) -> BoolArray:
    """The pieces of an area that touch the border of the picture."""
    count, pieces = cv2.connectedComponents(area.astype(np.uint8), connectivity=4)
    edge = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    touching = np.zeros(count, bool)
    touching[np.unique(edge)] = True
    touching[0] = False
    return np.asarray(touching[pieces])


def _largest(inside: BoolArray) -> BoolArray:
    """The largest piece once wires, letters and specks are gone, and other pieces of some size."""
    return _without_specks(_open(inside, 3))


def _bounds(inside: BoolArray) -> tuple[int, int, int, int]:
    """First row, last + 1, first column, last + 1, with a margin round them."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    slack = round(_MARGIN * max(inside.shape))
    height, width = inside.shape
    return (
        max(0, int(rows[0]) - slack),
        min(height, int(rows[-1]) + 1 + slack),
        max(0, int(columns[0]) - slack),
        min(width, int(columns[-1]) + 1 + slack),
    )


def _open(area: BoolArray, radius: int) -> BoolArray:
    # Replicated, or an opening would wear away what reaches the border.
    padded = cv2.copyMakeBorder(area.astype(np.uint8), *(radius,) * 4, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, _disc(radius))
    return np.asarray(opened[radius:-radius, radius:-radius] > 0)


def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), np.uint8)
