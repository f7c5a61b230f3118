"""A contact sheet of films with what humans outlined on them, for whoever converted them to look over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import SIGNS, TERMS, Finding

TILE, COLUMNS = 320, 5
_MOST_FINDINGS = 3  # that are named below a film
_LINE = 14
_FOOT = _LINE * (1 + _MOST_FINDINGS) + 6
_NONE = "no outline"
_WHITE, _RED = (235, 235, 235), (90, 90, 255)


@dataclass(frozen=True)
class Tile:
    """One film, (H, W, 3) BGR with its outlines, as large as a tile, and what is said below it."""

    picture: NDArray[np.uint8]
    lines: tuple[str, ...]


def tile(number: int, pixels: NDArray[np.float32], masks: Mapping[Finding, NDArray[np.bool_]]) -> Tile:
    """A film (H, W) in [0, 1], bone bright, with its masks (H, W); `number` is its line in the table."""
    grey = (np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    scale = TILE / max(grey.shape)
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    small = cv2.cvtColor(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
    for finding, mask in masks.items():
        fitted = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
        found, _ = cv2.findContours((fitted > 60).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(small, found, -1, TERMS[finding].colour[::-1], 2)
    whole = np.zeros((TILE, TILE, 3), np.uint8)
    whole[: size[1], : size[0]] = small
    shares = [f"{SIGNS[finding]} {mask.mean():.1%}" for finding, mask in masks.items()]
    said = f"line {number}: {grey.shape[1]} x {grey.shape[0]}"
    return Tile(whole, (said, *(shares[:_MOST_FINDINGS] or [_NONE])))


def sheet(tiles: Sequence[Tile]) -> bytes:
    """PNG: a tile a film, its line, size, findings and their share of the picture below."""
    drawn = [_framed(one) for one in tiles]
    drawn += [np.zeros_like(drawn[0])] * (-len(drawn) % COLUMNS)
    rows = [np.hstack(drawn[at : at + COLUMNS]) for at in range(0, len(drawn), COLUMNS)]
    return bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())


def _framed(one: Tile) -> NDArray[np.uint8]:
    framed = np.zeros((TILE + _FOOT, TILE + 4, 3), np.uint8)
    framed[:TILE, :TILE] = one.picture
    for number, text in enumerate(one.lines, 1):
        place, colour = (3, TILE + number * _LINE), _RED if text == _NONE else _WHITE
        cv2.putText(framed, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
    return framed
