"""From where a tube may run to the one that is seen: its course and its tip. Loads no torch."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

STRIDE = 4  # pixels of the 512 frame that a square of the network's output is wide
_LIKELY, _SURE = 0.5, 0.95
_SMOOTHED = 7  # squares
_NEIGHBOURS = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class SeenTube:
    """A line that runs like a gastric tube.

    Attributes:
        course: (n, 2) float32 of x, y in pixels of the 512 frame, from its upper end to its tip.
        sure_length: in squares of 4 by 4 pixels, its length times the share of it that is sure. On a film
            without a tube the network sees one dimly on the spine, as long and wider, but hardly surely.
        sureness: mean probability along it, 0 to 1.
    """

    course: FloatArray
    sure_length: float
    sureness: float

    @property
    def tip(self) -> tuple[float, float]:
        """x, y in pixels of the 512 frame."""
        x, y = self.course[-1]
        return float(x), float(y)


def follow(probabilities: FloatArray, *, shortest: float) -> SeenTube | None:
    """The surest line on a map (S / 4, S / 4) of where a tube may run; None where none is sure enough.

    Squares that touch, or that one square parts, belong together. A tube is followed from its upper end to
    the square that lies farthest from it along the line.
    """
    likely, sure = probabilities >= _LIKELY, probabilities >= _SURE
    count, labels = cv2.connectedComponents(cv2.dilate(likely.astype(np.uint8), _NEIGHBOURS), connectivity=8)
    squares = np.bincount(labels[sure], minlength=count)
    squares[0] = 0
    if not squares.any():
        return None
    piece = labels == int(squares.argmax())
    line = likely & piece
    course = _course(line, piece, probabilities)
    sure_length = float(squares.max() / np.count_nonzero(line)) * len(course)
    if sure_length < shortest:
        return None
    return SeenTube(course, sure_length, float(probabilities[line].mean()))


def _course(line: BoolArray, piece: BoolArray, probabilities: FloatArray) -> FloatArray:
    """Through the likeliest square of each front of a wave that sets out from the upper end."""
    fronts = _fronts(line, piece)
    last = max(number for number, front in enumerate(fronts) if (front & line).any())
    place = _likeliest(fronts[last] & line, probabilities)
    places = [place]
    for front in fronts[last - 1 :: -1] if last else []:
        row, column = place
        near = np.zeros_like(front)
        near[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = True
        place = _likeliest(front & near, probabilities)
        places.append(place)
    middles = np.array([(column, row) for row, column in places[::-1]], np.float32)
    return _smooth(np.asarray(middles * STRIDE + (STRIDE - 1) / 2, np.float32))


def _smooth(course: FloatArray) -> FloatArray:
    """Without the steps of the squares; its two ends stay where they are."""
    smooth = cv2.blur(course, (1, _SMOOTHED), borderType=cv2.BORDER_REPLICATE)
    smooth[[0, -1]] = course[[0, -1]]
    return np.asarray(smooth, np.float32)


def _fronts(line: BoolArray, piece: BoolArray) -> list[BoolArray]:
    row, column = (int(place[0]) for place in np.nonzero(line))
    front = np.zeros_like(piece)
    front[row, column] = True
    fronts, reached = [], np.zeros_like(piece)
    while front.any():
        fronts.append(front)
        reached |= front
        front = (cv2.dilate(front.astype(np.uint8), _NEIGHBOURS) > 0) & piece & ~reached
    return fronts


def _likeliest(squares: BoolArray, probabilities: FloatArray) -> tuple[int, int]:
    row, column = np.unravel_index(int(np.where(squares, probabilities, -1.0).argmax()), squares.shape)
    return int(row), int(column)
