"""A contact sheet of films with what the network outlines on them, for an eye to look over."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.evaluation.real_films import RealRecord
from pedaxr_models.labels import TERMS, Finding

_TILE = 256
_COLUMNS = 6
_STRUCTURES = ("lungs", "liver", "spine", "pelvis", "stomach")


def contact_sheet(records: Sequence[RealRecord]) -> bytes:
    """PNG: a tile a film, findings filled, structures outlined, the verdict below."""
    tiles = [_tile(record) for record in records]
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % _COLUMNS)
    rows = [np.hstack(tiles[first : first + _COLUMNS]) for first in range(0, len(tiles), _COLUMNS)]
    return bytes(cv2.imencode(".png", np.vstack(rows))[1])


def _tile(record: RealRecord) -> NDArray[np.uint8]:
    tile = np.zeros((_TILE + 22, _TILE, 3), np.uint8)
    if record.frame is not None:
        grey = (np.clip(record.frame, 0, 1) * 255).astype(np.uint8)
        picture = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
        for name in (*_STRUCTURES, *Finding):
            if name in record.masks:
                _draw(picture, record.masks[name], name, is_filled=name in tuple(Finding))
        tile[:_TILE] = cv2.resize(picture, (_TILE, _TILE), interpolation=cv2.INTER_AREA)
    said = record.verdict + (" CRITICAL" if record.is_critical else "")
    text = f"{record.film.id[-14:]} {said}"
    cv2.putText(tile, text, (3, _TILE + 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return tile


def _draw(picture: NDArray[np.uint8], mask: NDArray[np.bool_], name: str, *, is_filled: bool) -> None:
    colour = TERMS[name].colour[::-1]
    if is_filled:
        picture[mask] = (0.6 * picture[mask] + 0.4 * np.array(colour)).astype(np.uint8)
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, outlines, -1, colour, 2 if is_filled else 1)
