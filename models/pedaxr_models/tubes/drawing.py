"""Tubes and wires laid on a film: one opaque stripe or two walls, as bright as what they lie on allows."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.tubes.courses import LINES, Curve, Torso, gastric_tube

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_FINE = 2  # lines are drawn at twice the size, so that half a pixel is a width
_SHIFT = 4  # binary places of a coordinate, as OpenCV draws them
_LEAST_SEEN = 0.035  # of the grey scale, that a tube is brighter than what it lies on where an eye finds it
_TRACE_PX = 5  # how wide a tube is said to be, and a pixel on either side: its line and what it blurs


def lay_tube(
    film: FloatArray, torso: Torso, rng: np.random.Generator
) -> tuple[FloatArray, BoolArray, BoolArray]:
    """The film (512, 512) in [0, 1] with a gastric tube, where that is to be seen, and where it runs unseen.

    On bone that is nearly white no eye finds it: to ask for it there teaches to draw tubes on every spine.
    """
    curve = gastric_tube(torso, rng)
    opacity = float(rng.choice([rng.uniform(0.1, 0.3), rng.uniform(0.25, 0.8)]))
    line = _profile(curve, film.shape, rng, widest=3.2)
    if rng.random() < 0.3:
        line *= _interrupted(curve, film.shape, rng)
    laid, where = _laid(film, line, opacity), trace(curve, film.shape)
    added = cv2.dilate(laid - film, np.ones((_TRACE_PX, _TRACE_PX), np.uint8))
    is_seen = added >= _LEAST_SEEN
    return laid, where & is_seen, where & ~is_seen


def lay_lines(film: FloatArray, torso: Torso, rng: np.random.Generator) -> FloatArray:
    """The film with leads and other lines on it, as many as chance has it."""
    for often, course in LINES:
        if rng.random() < often:
            curve = course(torso, rng)
            film = _laid(film, _profile(curve, film.shape, rng, widest=4.5), float(rng.uniform(0.15, 0.9)))
            if rng.random() < 0.5:
                film = _with_electrode(film, curve[-1], rng)
    return film


def trace(curve: Curve, shape: tuple[int, ...]) -> BoolArray:
    """Where a curve runs, `_TRACE_PX` wide."""
    drawn = np.zeros(shape, np.uint8)
    cv2.polylines(drawn, [_corners(curve, 1)], False, (1,), _TRACE_PX, cv2.LINE_8, _SHIFT)
    return drawn > 0


def _laid(film: FloatArray, line: FloatArray, opacity: float) -> FloatArray:
    """What is nearly white already hardly becomes brighter."""
    brighter = film + opacity * line * np.clip(1.02 - film, 0, 1) ** 0.7
    return np.asarray(np.minimum(brighter, np.maximum(film, 1)), np.float32)


def _profile(curve: Curve, shape: tuple[int, ...], rng: np.random.Generator, *, widest: float) -> FloatArray:
    """Brightness of a line from 0 to 1: filled, or its two walls."""
    width = rng.uniform(1.0, widest)
    line = _stroke(curve, shape, width)
    if width > 2 and rng.random() < 0.5:
        line = line - rng.uniform(0.5, 0.9) * _stroke(curve, shape, width - 1.2)
    return np.asarray(cv2.GaussianBlur(line, (0, 0), rng.uniform(0.3, 0.9)), np.float32)


def _stroke(curve: Curve, shape: tuple[int, ...], width: float) -> FloatArray:
    fine = np.zeros((shape[0] * _FINE, shape[1] * _FINE), np.uint8)
    thickness = max(1, round(width * _FINE))
    cv2.polylines(fine, [_corners(curve, _FINE)], False, (255,), thickness, cv2.LINE_AA, _SHIFT)
    small = cv2.resize(fine, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small / np.float32(255), np.float32)


def _corners(curve: Curve, factor: int) -> NDArray[np.int32]:
    places = (curve + 0.5) * factor - 0.5
    return np.asarray(np.round(places * 2**_SHIFT), np.int32)


def _interrupted(curve: Curve, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """1, and less where the stripe of a tube has its side holes, towards the tip."""
    whole = np.ones(shape, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        x, y = curve[-1 - int(rng.integers(1, max(2, len(curve) // 5)))]
        cv2.circle(whole, (int(np.clip(x, 0, 1e4)), int(np.clip(y, 0, 1e4))), 2, (0.3,), -1)
    return whole


def _with_electrode(film: FloatArray, at: Curve, rng: np.random.Generator) -> FloatArray:
    disc = np.zeros(film.shape, np.float32)
    radius = int(rng.integers(3, 14))
    cv2.circle(disc, (int(at[0]), int(at[1])), radius, (1.0,), -1 if rng.random() < 0.6 else 1, cv2.LINE_AA)
    return _laid(film, disc, float(rng.uniform(0.1, 0.9)))
