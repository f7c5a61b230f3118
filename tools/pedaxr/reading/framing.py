"""How a stored film is laid out for reading, and the way back: its exposed field, upright, of square pixels.

Nothing below the framing knows how a film was stored; nothing above it sees a film in any other way.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, islice

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.radiograph.orientation import Orientation
from pedaxr.types import Region
from pedaxr_models.segmentation.exposed_field import ExposedField, find_exposed_field

FloatArray = NDArray[np.float32]
Matrix = NDArray[np.float64]
Box = tuple[int, int, int, int]

_SQUARE = 0.01  # by how much the sides of a pixel may differ
_LEAST_SIDE_PX = 160  # of a field that is cut out; what is smaller or narrower is not a film
_LONGEST_TO_SHORTEST = 2.5


@dataclass(frozen=True)
class Framing:
    """A film of `width` x `height` stored pixels, as it is read.

    Attributes:
        orientation: brings it upright.
        stretch: read pixels per upright pixel, across and down; the side of the smaller one is 1.
        exposed: the film on the upright picture, whose margins are painted dark; None: all of it.
        box: first row, last + 1, first column, last + 1 of the upright picture that are read; None: all.
        degrees: by which what is read is turned about its middle, clockwise.
        is_field: whether what is read is the exposed field, as it was looked for, and no part of it.
        is_whole: whether the exposed field was looked for on the upright picture and is all of it.
    """

    width: int
    height: int
    orientation: Orientation = field(default_factory=Orientation)
    stretch: tuple[float, float] = (1.0, 1.0)
    exposed: ExposedField | None = None
    box: Box | None = None
    degrees: float = 0.0
    is_field: bool = False
    is_whole: bool = False

    @property
    def is_framed(self) -> bool:
        """Whether a search for the exposed field of what is read would only find all of it again."""
        return self.is_field or (self.is_whole and not self.degrees)

    @property
    def is_as_stored(self) -> bool:
        """Whether the film is read as it is stored."""
        is_plain = self.orientation.is_upright and self.stretch == (1.0, 1.0)
        return is_plain and self.exposed is None and self.box is None and not self.degrees

    @cached_property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the whole picture, upright and of square pixels."""
        across, down = (max(1, round(n * by)) for n, by in zip(self._turned_size, self.stretch, strict=True))
        return across, down

    @property
    def _turned_size(self) -> tuple[int, int]:
        is_turned = self.orientation.quarter_turns % 2
        return (self.height, self.width) if is_turned else (self.width, self.height)

    @cached_property
    def read_box(self) -> Box:
        """Of the upright picture: first row, last + 1, first column, last + 1."""
        width, height = self.upright_size
        return self.box or (0, height, 0, width)

    @property
    def read_size(self) -> tuple[int, int]:
        """Width and height of the film as it is read."""
        top, bottom, left, right = self.read_box
        return right - left, bottom - top

    def upright(self, pixels: FloatArray) -> FloatArray:
        """Stored (height, width) to the whole picture, upright and of square pixels."""
        turned = self.orientation.apply(pixels)
        if self.stretch == (1.0, 1.0):
            return turned
        return np.asarray(cv2.resize(turned, self.upright_size, interpolation=cv2.INTER_LINEAR), np.float32)

    def apply(self, pixels: FloatArray) -> FloatArray:
        """Stored (height, width) to the film as it is read."""
        return self.cut(self.upright(pixels))

    def cut(self, upright: FloatArray) -> FloatArray:
        """What is read of the whole picture."""
        film = self.exposed.clean(upright) if self.exposed else upright
        if self.degrees:
            turned = cv2.warpAffine(film, self._cut_matrix, self.read_size, flags=cv2.INTER_LINEAR)
            return np.asarray(turned, np.float32)
        top, bottom, left, right = self.read_box
        return film if self.box is None else np.ascontiguousarray(film[top:bottom, left:right])

    @cached_property
    def _cut_matrix(self) -> Matrix:
        """(2, 3): leads from the upright picture to what is read of it."""
        top, bottom, left, right = self.read_box
        middle = ((left + right - 1) / 2, (top + bottom - 1) / 2)
        turned = np.asarray(cv2.getRotationMatrix2D(middle, -self.degrees, 1.0), np.float64)
        turned[:, 2] -= (left, top)
        return turned

    @cached_property
    def matrix(self) -> Matrix:
        """(2, 3): leads from x, y of the stored film to x, y of the film as it is read; centres are whole."""
        turned = self.orientation.matrix(self.width, self.height)
        by = np.divide(self.upright_size, self._turned_size)
        upright = by[:, None] * turned
        upright[:, 2] += (by - 1) / 2
        cut = self._cut_matrix
        return np.column_stack([cut[:, :2] @ upright[:, :2], cut[:, :2] @ upright[:, 2] + cut[:, 2]])

    def to_stored(self, points: NDArray[np.floating]) -> Matrix:
        """Points (n, 2), x and y of the film as it is read, in pixels of the stored film."""
        centred: Matrix = np.asarray(points, np.float64) - self.matrix[:, 2]
        if self._is_cut_alone:
            return centred
        return np.asarray(np.linalg.solve(self.matrix[:, :2], centred.T).T, np.float64)

    @cached_property
    def _is_cut_alone(self) -> bool:
        """Whether the film is neither turned nor stretched: most films."""
        return np.array_equal(self.matrix[:, :2], np.eye(2))

    @property
    def towards_left(self) -> tuple[int, int]:
        """Where the patient's left lies on the stored film: one step in x or y; mostly (1, 0)."""
        x, y = self.matrix[0, :2]
        return (int(np.sign(x)), 0) if abs(x) >= abs(y) else (0, int(np.sign(y)))

    def stored_region(self, region: Region) -> Region:
        """A region of the film as it is read, in pixels of the stored film."""
        if self.is_as_stored:
            return region
        scale = abs(float(np.linalg.det(self.matrix[:, :2])))
        moved = {
            "polygons": self._stored_polygons(region.polygons),
            "bounding_box": self._stored_box(region),
            "area_px": round(region.area_px / scale),
        }
        return region.model_copy(update=moved)

    def _stored_polygons(self, polygons: list[list[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
        corners = np.array(list(chain.from_iterable(polygons)), np.float64).reshape(-1, 2)
        inside = np.clip(np.rint(self.to_stored(corners)), 0, (self.width - 1, self.height - 1)).astype(int)
        points = iter([(x, y) for x, y in inside.tolist()])
        return [list(islice(points, len(polygon))) for polygon in polygons]

    def _stored_box(self, region: Region) -> Box:
        """x0, y0, x1, y1 of the box of a region; round its outline where the film was turned askew."""
        x0, y0, x1, y1 = region.bounding_box
        points = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)]
        if self.degrees:
            points = [
                (x + dx, y + dy) for p in region.polygons for x, y in p for dx in (0, 1) for dy in (0, 1)
            ]
        corners = self.to_stored(np.array(points, np.float64) - 0.5) + 0.5
        low, high = corners.min(axis=0), corners.max(axis=0)
        left, top = (int(n) for n in np.clip(np.rint(low), 0, (self.width - 1, self.height - 1)))
        right, bottom = (
            int(n) for n in np.clip(np.rint(high), (left + 1, top + 1), (self.width, self.height))
        )
        return left, top, right, bottom


def framing_of(width: int, height: int, orientation: Orientation, pixel_aspect: float) -> Framing:
    """Of a stored film with pixels `pixel_aspect` times as high as wide: the coarser side is resampled."""
    aspect = 1 / pixel_aspect if orientation.quarter_turns % 2 else pixel_aspect
    if abs(aspect - 1) <= _SQUARE:
        return Framing(width, height, orientation)
    return Framing(width, height, orientation, (1.0, aspect) if aspect > 1 else (1 / aspect, 1.0))


def with_exposed_field(framing: Framing, upright: FloatArray) -> Framing:
    """The framing cut to the exposed field of the upright picture (H, W), where it is as large as a film."""
    exposed = find_exposed_field(upright)
    height, width = exposed.bottom - exposed.top, exposed.right - exposed.left
    short, long = sorted((height, width))
    if exposed.is_whole:
        return replace(framing, is_whole=True)
    if short < _LEAST_SIDE_PX or long > _LONGEST_TO_SHORTEST * short:
        return framing
    box = (exposed.top, exposed.bottom, exposed.left, exposed.right)
    is_whole = box == (0, exposed.height, 0, exposed.width)
    margins = exposed if exposed.margins.any() else None
    return replace(framing, exposed=margins, box=None if is_whole else box, is_field=True)


def part_of(framing: Framing, rows: tuple[float, float], columns: tuple[float, float]) -> Framing:
    """The framing cut further, to shares of the height and width of what is read."""
    top, bottom, left, right = framing.read_box
    height, width = bottom - top, right - left
    first, last = (top + round(height * share) for share in rows)
    start, stop = (left + round(width * share) for share in columns)
    return replace(framing, box=(first, last, start, stop), is_field=False, is_whole=False)
