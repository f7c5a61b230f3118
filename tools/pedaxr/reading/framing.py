"""How a stored film is laid out for reading, and the way back: upright, unmirrored, of square pixels.

Nothing below the framing knows how a film was stored; nothing above it sees a film in any other way.
"""

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.radiograph.orientation import Orientation
from pedaxr.types import Region

FloatArray = NDArray[np.float32]
Matrix = NDArray[np.float64]

_SQUARE = 0.01  # by how much the sides of a pixel may differ


@dataclass(frozen=True)
class Framing:
    """A film of `width` x `height` stored pixels, as it is read.

    Attributes:
        orientation: brings it upright.
        stretch: read pixels per upright pixel, across and down; the side of the smaller one is 1.
    """

    width: int
    height: int
    orientation: Orientation = field(default_factory=Orientation)
    stretch: tuple[float, float] = (1.0, 1.0)

    @property
    def is_as_stored(self) -> bool:
        """Whether the film is read as it is stored."""
        return self.orientation.is_upright and self.stretch == (1.0, 1.0)

    @cached_property
    def read_size(self) -> tuple[int, int]:
        """Width and height of the film as it is read."""
        across, down = (max(1, round(n * by)) for n, by in zip(self._upright_size, self.stretch, strict=True))
        return across, down

    @property
    def _upright_size(self) -> tuple[int, int]:
        is_turned = self.orientation.quarter_turns % 2
        return (self.height, self.width) if is_turned else (self.width, self.height)

    def apply(self, pixels: FloatArray) -> FloatArray:
        """Stored (height, width) to the film as it is read."""
        upright = self.orientation.apply(pixels)
        if self.stretch == (1.0, 1.0):
            return upright
        return np.asarray(cv2.resize(upright, self.read_size, interpolation=cv2.INTER_LINEAR), np.float32)

    @cached_property
    def matrix(self) -> Matrix:
        """(2, 3): leads from x, y of the stored film to x, y of the film as it is read; centres are whole."""
        upright = self.orientation.matrix(self.width, self.height)
        by = np.divide(self.read_size, self._upright_size)
        stretched = by[:, None] * upright
        stretched[:, 2] += (by - 1) / 2
        return stretched

    def to_stored(self, points: NDArray[np.floating]) -> Matrix:
        """Points (n, 2), x and y of the film as it is read, in pixels of the stored film."""
        linear, offset = self.matrix[:, :2], self.matrix[:, 2]
        centred = np.asarray(points, np.float64) - offset
        return np.asarray(np.linalg.solve(linear, centred.T).T, np.float64)

    @property
    def towards_left(self) -> tuple[int, int]:
        """Where the patient's left lies on the stored film: one step in x and y; mostly (1, 0)."""
        x, y = self.matrix[0, :2]
        return round(float(np.sign(np.rint(x)))), round(float(np.sign(np.rint(y))))

    def stored_region(self, region: Region) -> Region:
        """A region of the film as it is read, in pixels of the stored film."""
        if self.is_as_stored:
            return region
        scale = abs(float(np.linalg.det(self.matrix[:, :2])))
        polygons = [self._stored_polygon(polygon) for polygon in region.polygons]
        moved = {
            "polygons": polygons,
            "bounding_box": self._stored_box(region.bounding_box),
            "area_px": round(region.area_px / scale),
        }
        return region.model_copy(update=moved)

    def _stored_polygon(self, polygon: list[tuple[int, int]]) -> list[tuple[int, int]]:
        points = np.rint(self.to_stored(np.array(polygon, np.float64)))
        inside = np.clip(points, 0, (self.width - 1, self.height - 1)).astype(int)
        return [(x, y) for x, y in inside.tolist()]

    def _stored_box(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        x0, y0, x1, y1 = box
        corners = self.to_stored(np.array([(x0, y0), (x1, y0), (x0, y1), (x1, y1)], np.float64) - 0.5) + 0.5
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
