"""Pascal VOC's masks: one picture for each film, a colour or number for each class, and a list of them.

CVAT writes them as "Segmentation mask 1.1" with labelmap.txt (`label:red,green,blue::`); labelme2voc writes
numbers and class_names.txt.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pedaxr.clinic.exchange.drawn import Drawn, film_of
from pedaxr.clinic.exchange.files import Files, stem
from pedaxr.clinic.exchange.outlined import BoolArray, OutlinedFilm, read_or_told
from pedaxr.clinic.exchange.pictures import CLASS_MASKS
from pedaxr.errors import InvalidRequest
from pedaxr_models.written.scripts import decoded_table

LABEL_MAP, CLASS_NAMES = "labelmap.txt", "class_names.txt"
_LINE = re.compile(r"(?P<label>[^:]+):(?P<red>\d+),(?P<green>\d+),(?P<blue>\d+)(:.*)?")
_BACKGROUND = frozenset({"background", "_background_", "__ignore__", "배경"})
_OF_CLASSES = CLASS_MASKS & {"segmentationclass", "segmentationclasspng"}
_VOID_COLOUR, _VOID_NUMBER = (224, 224, 192), 255  # along a border, where nobody decides

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class _Classes:
    """What colours or, where there is no list of those, numbers mean."""

    by_colour: Mapping[Colour, str]
    by_number: Mapping[int, str]


def class_mask_files(files: Files) -> list[str]:
    """The masks of a source, below a folder of Pascal VOC's name."""
    return [name for name in files.ending(".png") if _is_class_mask(name)]


def _is_class_mask(name: str) -> bool:
    return bool(_OF_CLASSES & {*name.casefold().split("/")[:-1]})


def read_class_masks(files: Files, masks: list[str]) -> Iterator[OutlinedFilm]:
    """One film for each mask. Raises InvalidRequest: nothing says what the colours mean."""
    classes = _classes(files)
    for name in masks:
        yield read_or_told(stem(name), partial(_film, files[name], name, classes))


def _classes(files: Files) -> _Classes:
    lists = {PurePosixPath(name).name.casefold(): name for name in files.ending(".txt")}
    if LABEL_MAP in lists:
        lines = (_LINE.fullmatch(line.strip()) for line in _lines(files[lists[LABEL_MAP]]))
        found = [line for line in lines if line]
        return _Classes({(int(l["red"]), int(l["green"]), int(l["blue"])): l["label"] for l in found}, {})
    if CLASS_NAMES in lists:
        return _Classes({}, dict(enumerate(_lines(files[lists[CLASS_NAMES]]))))
    raise InvalidRequest(
        f"The masks hold a colour for each class, and no {LABEL_MAP} (label:red,green,blue::) or "
        f"{CLASS_NAMES} says which. Put it beside them, or write a mask for each finding: FILM_FINDING.png."
    )


def _lines(data: bytes) -> list[str]:
    read = decoded_table(data)
    text = (read[0] if read else "").removeprefix("\ufeff")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _film(data: bytes, name: str, classes: _Classes) -> OutlinedFilm:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            numbers = np.asarray(picture) if picture.mode in ("P", "L") else None
            colours = np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as err:
        raise InvalidRequest(f"{name[-80:]} is a damaged picture. Export it again.") from err
    named = _by_colour(colours, classes) if classes.by_colour else _by_number(numbers, classes)
    return film_of(stem(name), [Drawn(label, partial(_same, mask)) for label, mask in named.items()])


def _same(mask: BoolArray) -> BoolArray:
    return mask


def _by_colour(pixels: NDArray[np.uint8], classes: _Classes) -> dict[str, BoolArray]:
    codes = (pixels.astype(np.uint32) << np.array([16, 8, 0], np.uint32)).sum(axis=2)
    found: dict[str, BoolArray] = {}
    for code in np.unique(codes):
        colour = int(code) >> 16, int(code) >> 8 & 255, int(code) & 255
        label = classes.by_colour.get(colour, "background" if colour in ((0, 0, 0), _VOID_COLOUR) else None)
        if label is None:
            raise InvalidRequest(
                f"its mask has pixels of the colour {colour}, which {LABEL_MAP} does not name; masks "
                "are PNG, unscaled and without soft edges"
            )
        if label.casefold() not in _BACKGROUND:
            found[label] = found.get(label, False) | (codes == code)
    return found


def _by_number(pixels: NDArray[np.uint8] | None, classes: _Classes) -> dict[str, BoolArray]:
    if pixels is None:
        raise InvalidRequest(f"its mask is in colours, and only {CLASS_NAMES} is there: add {LABEL_MAP}")
    found: dict[str, BoolArray] = {}
    for number in map(int, np.unique(pixels)):
        label = classes.by_number.get(number, "background" if number in (0, _VOID_NUMBER) else None)
        if label is None:
            raise InvalidRequest(f"its mask has pixels of class {number}, which {CLASS_NAMES} does not have")
        if label.casefold() not in _BACKGROUND:
            found[label] = pixels == number
    return found
