"""From a film of any size to the square the network sees, and back.

What evaluation and training do before the network is `prepare`, the very function that serving uses.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pedaxr_models.segmentation.exposed_field import find_exposed_field

FRAME = 512  # side of the letterboxed frame in which masks are stored, served and measured

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Letterbox:
    """A film, or the part of it in `box`, fitted into a square without distortion, centred, with black bars.

    Points are x, y with whole numbers at pixel centres, as OpenCV draws and traces them.

    Attributes:
        width, height: of the whole film.
        box: first row, last + 1, first column, last + 1 of the part that is shown; None: all of it.
    """

    width: int
    height: int
    size: int = FRAME
    box: tuple[int, int, int, int] | None = None

    @cached_property
    def shown(self) -> tuple[slice, slice]:
        """Rows and columns of the film that the frame shows."""
        top, bottom, left, right = self.box or (0, self.height, 0, self.width)
        return slice(top, bottom), slice(left, right)

    @cached_property
    def _extent(self) -> tuple[int, int]:
        # Width and height of what is shown, in film pixels.
        rows, columns = self.shown
        return columns.stop - columns.start, rows.stop - rows.start

    @cached_property
    def _corner(self) -> tuple[int, int]:
        rows, columns = self.shown
        return columns.start, rows.start

    @property
    def scale(self) -> float:
        """Frame pixels per film pixel."""
        return self.size / max(self._extent)

    @cached_property
    def inner(self) -> tuple[int, int]:
        """Whole-pixel width and height that the film takes up in the frame."""
        width, height = self._extent
        return max(1, round(width * self.scale)), max(1, round(height * self.scale))

    @property
    def is_identity(self) -> bool:
        """Whether the frame is the film, pixel by pixel."""
        whole = self.shown == (slice(0, self.height), slice(0, self.width))
        return whole and self.height == self.width == self.size

    @property
    def left(self) -> int:
        """Width of the left bar."""
        return (self.size - self.inner[0]) // 2

    @property
    def top(self) -> int:
        """Height of the upper bar."""
        return (self.size - self.inner[1]) // 2

    @property
    def content(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that hold the film."""
        width, height = self.inner
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def apply(self, image: FloatArray) -> FloatArray:
        """Film (height, width) to frame (size, size); bars are 0."""
        if image.shape != (self.height, self.width):
            raise ValueError(f"A film of {self.width}x{self.height} was expected, not {image.shape[::-1]}.")
        frame = np.zeros((self.size, self.size), np.float32)
        frame[self.content] = resize(image[self.shown], *self.inner)
        return frame

    def to_film(self, points: ArrayLike) -> FloatArray:
        """Points (n, 2) of the frame in pixels of the film."""
        factors = np.divide(self.inner, self._extent)
        part = (np.asarray(points, np.float64) - (self.left, self.top) + 0.5) / factors - 0.5
        return (part + self._corner).astype(np.float32)

    def from_film(self, points: FloatArray) -> FloatArray:
        """Points (n, 2) of the film in pixels of the frame."""
        factors = np.divide(self.inner, self._extent)
        part = np.asarray(points, np.float64) - self._corner
        frame = (part + 0.5) * factors - 0.5 + (self.left, self.top)
        return frame.astype(np.float32)


def resize(image: FloatArray, width: int, height: int) -> FloatArray:
    """Image (H, W) to (height, width): area average when shrinking (no aliasing), linear when growing."""
    if image.shape == (height, width):
        return image.astype(np.float32)
    shrinks = width < image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image.astype(np.float32), (width, height), interpolation=method), np.float32)


def normalise(frame: FloatArray, content: tuple[slice, slice]) -> FloatArray:
    """Frame (S, S) of any exposure to one brightness scale: -2 to 2 from its 1st to its 99th percentile.

    Only the film counts, not the bars. A blank film keeps its flatness instead of having its noise stretched.
    """
    film = frame[content]
    low, high = np.percentile(film[::2, ::2], (1, 99))
    levelled = (frame - low) / max(float(high - low), 0.05)
    return np.asarray(np.clip(levelled, -0.25, 1.25) * 4 - 2, np.float32)


def frame_film(pixels: FloatArray, *, is_framed: bool = False) -> tuple[FloatArray, Letterbox]:
    """The exposed field of a film (H, W) in [0, 1], bone bright, in the 512 frame, and the letterbox.

    What is framed already is not cut again: a second search takes a pixel or a dark flank more.
    """
    if is_framed:
        letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
        return letterbox.apply(pixels), letterbox
    field = find_exposed_field(pixels)
    box = (field.top, field.bottom, field.left, field.right)
    letterbox = Letterbox(field.width, field.height, box=box)
    return letterbox.apply(field.clean(pixels)), letterbox


def prepare(pixels: FloatArray, size: int) -> tuple[FloatArray, Letterbox]:
    """Film (H, W) in [0, 1], bone bright, to network input (size, size), and its 512 letterbox."""
    frame, letterbox = frame_film(pixels)
    return prepare_frame(frame, letterbox, size), letterbox


def prepare_frame(frame: FloatArray, letterbox: Letterbox, size: int) -> FloatArray:
    """What `prepare` gives of a film, from its frame (512, 512), which may be kept: big films take long."""
    return normalise(resize(frame, size, size), scaled(letterbox.content, size))


def scaled(content: tuple[slice, slice], size: int) -> tuple[slice, slice]:
    """The part of a smaller frame of `size` that lies wholly within `content` of the 512 frame."""
    rows, columns = (_scaled(part, size) for part in content)
    return rows, columns


def _scaled(part: slice, size: int) -> slice:
    start = min(size - 1, -(-part.start * size // FRAME))
    return slice(start, max(start + 1, part.stop * size // FRAME))
