"""What makes a film look like those of another source: slow greys, histogram, margins, burnt-in marks."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Bits = NDArray[np.uint32]
Content = tuple[int, int, int, int]  # first row, last + 1, first column, last + 1 that hold film

_WORDS = (
    "R",
    "L",
    "R",
    "L",
    "D",
    "RT",
    "LT",
    "SUPINE",
    "ERECT",
    "PORTABLE",
    "AP",
    "UPRIGHT",
    "1",
    "G",
    "KUB",
)
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)


def lend_look(
    film: Grey, content: Content, other: Grey, other_content: Content, rng: np.random.Generator
) -> Grey:
    """The film (S, S) with some of another's look: by its low frequencies or by its histogram."""
    if rng.random() < 0.6:
        return lend_low_frequencies(film, other, rng)
    return lend_histogram(film, content, other, other_content, rng)


def lend_low_frequencies(film: Grey, other: Grey, rng: np.random.Generator) -> Grey:
    """Fourier domain adaptation (Yang and Soatto 2020, arXiv:2004.05498), partly."""
    side = film.shape[0]
    own, lent = np.fft.rfft2(film.astype(np.float32)), np.fft.rfft2(other.astype(np.float32))
    reach, share = max(1, int(side * rng.uniform(0.004, 0.03))), rng.uniform(0.2, 1.0)
    rows = np.r_[0 : reach + 1, side - reach : side]
    low = own[rows, : reach + 1]
    size = np.abs(low)
    size += share * (np.abs(lent[rows, : reach + 1]) - size)
    own[rows, : reach + 1] = size * np.exp(1j * np.angle(low))
    mixed = np.fft.irfft2(own, s=film.shape)
    darkest, brightest = np.percentile(mixed[::2, ::2], (0.3, 99.7))
    darkest = min(0.0, float(darkest))
    levelled = np.clip((mixed - darkest) * 255 / max(brightest - darkest, 60), 0, 255)
    return np.asarray(levelled, np.uint8)


def lend_histogram(
    film: Grey, content: Content, other: Grey, other_content: Content, rng: np.random.Generator
) -> Grey:
    """The film's grey levels moved, partly, to those of another's content."""
    own, lent = (_cumulated(f, c) for f, c in ((film, content), (other, other_content)))
    table, share = np.interp(own, lent, np.arange(256)), rng.uniform(0.4, 1.0)
    mixed = np.clip(share * table + (1 - share) * np.arange(256), 0, 255)
    return np.asarray(cv2.LUT(film, mixed.astype(np.uint8)), np.uint8)


def add_margins(
    film: Grey, planes: Sequence[Bits], content: Content, rng: np.random.Generator
) -> tuple[Grey, list[Bits]]:
    """White or grey margins at one to four sides, now and then tilted; under them nothing is set."""
    top, bottom, left, right = (int(v) for v in content)
    side = film.shape[0]
    hidden = np.zeros(film.shape, np.uint8)
    for edge in rng.permutation(4)[: rng.choice([1, 2, 4], p=[0.4, 0.2, 0.4])]:
        wide = int(side * rng.uniform(0.01, 0.1))
        tilt = int(side * rng.uniform(-0.02, 0.02)) if rng.random() < 0.3 else 0
        near, far = wide + tilt, wide - tilt
        corners = (
            [(left, top), (right, top), (right, top + near), (left, top + far)],
            [(left, bottom), (right, bottom), (right, bottom - near), (left, bottom - far)],
            [(left, top), (left + near, top), (left + far, bottom), (left, bottom)],
            [(right, top), (right - near, top), (right - far, bottom), (right, bottom)],
        )[int(edge)]
        cv2.fillConvexPoly(hidden, np.array(corners, np.int32), (1,))
    grey = 255 if rng.random() < 0.75 else int(rng.integers(120, 255))
    shown = np.where(hidden > 0, np.uint8(grey), film)
    return shown, [np.where(hidden > 0, np.uint32(0), plane) for plane in planes]


def add_marks(film: Grey, rng: np.random.Generator) -> Grey:
    """One to three burnt-in letters, boxes, arrows, electrodes or wires."""
    film = film.copy()
    side = film.shape[0]
    for _ in range(rng.integers(1, 4)):
        at = (int(rng.integers(side)), int(rng.integers(side)))
        tone = int(255 if rng.random() < 0.7 else rng.choice([0, 200, 160]))
        draw = (_word, _box, _arrow, _electrode, _wire)[int(rng.choice(5, p=[0.5, 0.15, 0.12, 0.13, 0.1]))]
        draw(film, at, tone, rng)
    return film


def _word(film: Grey, at: tuple[int, int], tone: int, rng: np.random.Generator) -> None:
    size, thickness = rng.uniform(0.3, 1.3) * film.shape[0] / 320, int(rng.integers(1, 4))
    word, font = str(rng.choice(_WORDS)), int(rng.choice(_FONTS))
    cv2.putText(film, word, at, font, float(size), (tone,), thickness, cv2.LINE_AA)


def _box(film: Grey, at: tuple[int, int], tone: int, rng: np.random.Generator) -> None:
    width, height = (int(v) for v in rng.integers(film.shape[0] // 24, film.shape[0] // 6, 2))
    cv2.rectangle(film, at, (at[0] + width, at[1] + height), (tone,), -1 if rng.random() < 0.5 else 2)


def _arrow(film: Grey, at: tuple[int, int], tone: int, rng: np.random.Generator) -> None:
    reach = film.shape[0] // 8
    dx, dy = (int(v) for v in rng.integers(-reach, reach + 1, 2))
    to = (at[0] + dx, at[1] + dy)
    cv2.arrowedLine(film, at, to, (tone,), int(rng.integers(1, 3)), cv2.LINE_AA, 0, 0.35)


def _electrode(film: Grey, at: tuple[int, int], tone: int, rng: np.random.Generator) -> None:
    radius = int(rng.integers(2, max(3, film.shape[0] // 24)))
    cv2.circle(film, at, radius, (tone,), -1 if rng.random() < 0.5 else 1, cv2.LINE_AA)


def _wire(film: Grey, at: tuple[int, int], tone: int, rng: np.random.Generator) -> None:
    nodes = np.cumsum(np.vstack([np.array(at, float), rng.normal(0, film.shape[0] / 14, (5, 2))]), axis=0)
    along = np.linspace(0, 5, 40)
    line = np.stack([np.interp(along, range(6), nodes[:, axis]) for axis in (0, 1)], axis=1)
    smooth = cv2.blur(line.astype(np.float32), (1, 9))
    cv2.polylines(film, [np.asarray(smooth).round().astype(np.int32)], False, (tone,), 1, cv2.LINE_AA)


def _cumulated(film: Grey, content: Content) -> NDArray[np.float64]:
    top, bottom, left, right = content
    inside = film[top:bottom, left:right]
    shares: NDArray[np.float64] = np.cumsum(np.bincount(inside.ravel(), minlength=256)) / max(1, inside.size)
    return shares
