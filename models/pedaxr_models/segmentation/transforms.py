"""From a film of any size to the square the network sees, and back; and the distortions it is trained with.

What evaluation and training do before the network is `prepare`, the very function that serving uses.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

FRAME = 512  # side of the letterboxed frame in which masks are stored, served and measured

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Letterbox:
    """A film fitted into a square without distortion, centred, with black bars.

    Points are x, y with whole numbers at pixel centres, as OpenCV draws and traces them.
    """

    width: int
    height: int
    size: int = FRAME

    @property
    def scale(self) -> float:
        """Frame pixels per film pixel."""
        return self.size / max(self.width, self.height)

    @cached_property
    def _inner(self) -> tuple[int, int]:
        # The whole-pixel width and height that the film takes up in the frame.
        return max(1, round(self.width * self.scale)), max(1, round(self.height * self.scale))

    @property
    def left(self) -> int:
        """Width of the left bar."""
        return (self.size - self._inner[0]) // 2

    @property
    def top(self) -> int:
        """Height of the upper bar."""
        return (self.size - self._inner[1]) // 2

    @property
    def content(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that hold the film."""
        width, height = self._inner
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def apply(self, image: FloatArray) -> FloatArray:
        """Film (height, width) to frame (size, size); bars are 0."""
        if image.shape != (self.height, self.width):
            raise ValueError(f"A film of {self.width}x{self.height} was expected, not {image.shape[::-1]}.")
        frame = np.zeros((self.size, self.size), np.float32)
        frame[self.content] = resize(image, *self._inner)
        return frame

    def to_film(self, points: FloatArray) -> FloatArray:
        """Points (n, 2) of the frame in pixels of the film."""
        factors = np.divide(self._inner, (self.width, self.height))
        film = (np.asarray(points, np.float64) - (self.left, self.top) + 0.5) / factors - 0.5
        return film.astype(np.float32)

    def from_film(self, points: FloatArray) -> FloatArray:
        """Points (n, 2) of the film in pixels of the frame."""
        factors = np.divide(self._inner, (self.width, self.height))
        frame = (np.asarray(points, np.float64) + 0.5) * factors - 0.5 + (self.left, self.top)
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


def prepare(pixels: FloatArray, size: int) -> tuple[FloatArray, Letterbox]:
    """Film (H, W) in [0, 1], bone bright, to network input (size, size), and its 512 letterbox."""
    letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
    frame = letterbox.apply(pixels)
    return normalise(resize(frame, size, size), scaled(letterbox.content, size)), letterbox


def scaled(content: tuple[slice, slice], size: int) -> tuple[slice, slice]:
    """The part of a smaller frame of `size` that lies wholly within `content` of the 512 frame."""
    rows, columns = (_scaled(part, size) for part in content)
    return rows, columns


def _scaled(part: slice, size: int) -> slice:
    start = min(size - 1, -(-part.start * size // FRAME))
    return slice(start, max(start + 1, part.stop * size // FRAME))


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the distortions. There are no flips: situs and gravity are findings.

    Attributes:
        rotation_degrees, shift, log_scale: of the pose, largest absolute value; shift is a share of the side.
        log_gamma, contrast, brightness: of the exposure, as largest absolute value.
        noise, blur: largest standard deviations, in grey levels of 255 and pixels of a 256-pixel frame.
        dropout: probability that up to three rectangles are greyed out.
    """

    rotation_degrees: float = 7.0
    shift: float = 0.05
    log_scale: float = 0.13
    log_gamma: float = 0.3
    contrast: float = 0.2
    brightness: float = 0.08
    noise: float = 6.0
    blur: float = 1.0
    dropout: float = 0.2

    def __call__(
        self, film: NDArray[np.uint8], bits: NDArray[np.uint32], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
        """Film (S, S) and mask bit planes (S, S), both distorted alike; occluded parts keep their mask."""
        pose = self._pose(film.shape[0], rng)
        size = film.shape[::-1]
        film = np.asarray(cv2.warpAffine(film, pose, size, flags=cv2.INTER_LINEAR), np.uint8)
        moved = cv2.warpAffine(bits.view(np.int32), pose, size, flags=cv2.INTER_NEAREST)
        film = self._degrade(cv2.LUT(film, self._exposure(rng)), rng)
        return film, np.asarray(moved).view(np.uint32)

    def _pose(self, side: int, rng: np.random.Generator) -> NDArray[np.float64]:
        angle, scale, dx, dy = rng.uniform(-1, 1, 4)
        centre = (side / 2, side / 2)
        pose = cv2.getRotationMatrix2D(centre, self.rotation_degrees * angle, np.exp(self.log_scale * scale))
        pose[:, 2] += self.shift * side * np.array([dx, dy])
        return np.asarray(pose, np.float64)

    def _exposure(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Table of 256 grey levels."""
        gamma, contrast, brightness = rng.uniform(-1, 1, 3)
        levels = np.linspace(0, 1, 256) ** np.exp(self.log_gamma * gamma)
        levels = (levels - 0.5) * (1 + self.contrast * contrast) + 0.5 + self.brightness * brightness
        return np.asarray((np.clip(levels, 0, 1) * 255).round(), np.uint8)

    def _degrade(self, film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        side = film.shape[0]
        if rng.random() < 0.3:
            film = cv2.GaussianBlur(film, (0, 0), 0.3 + rng.uniform(0, self.blur) * side / 256)
        if rng.random() < 0.5:
            grain = rng.standard_normal(film.shape, np.float32) * rng.uniform(0, self.noise)
            film = np.clip(film + grain, 0, 255).astype(np.uint8)
        if rng.random() < self.dropout:
            film = film.copy()
            for _ in range(rng.integers(1, 4)):
                y, x = rng.integers(0, side, 2)
                height, width = rng.integers(side // 32, side // 8, 2)
                film[y : y + height, x : x + width] = rng.integers(256)
        return np.asarray(film, np.uint8)
