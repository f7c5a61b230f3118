"""PNG and JPEG to grey, with all their bits: the one decoder of those who train and those who serve."""

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pedaxr_models.datasets.grey_range import unit_range
from pedaxr_models.datasets.jpeg_damage import is_damaged_jpeg

FloatArray = NDArray[np.float32]

CHROMA = 0.08  # difference of two channels from which a pixel is clearly not grey
_STRIP = 256  # rows that are in memory as three floats a pixel at a time
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_DEPTH, _COLOUR_TYPE = 24, 25  # bytes of a PNG's header (ISO/IEC 15948 section 11.2.2)
# Pillow opens colour of 16 bits as 8. Read twice it gives the upper and then the lower bytes; two channels,
# grey and alpha, are read as the four bytes that they are.
_HALVES = {2: ("RGB", "RGB;16B", "RGB;16L"), 6: ("RGBA", "RGBA;16B", "RGBA;16L")}
_GREY_ALPHA = 4


def to_grey(colour: FloatArray) -> tuple[FloatArray, float]:
    """(H, W, 3) in [0, 1] to luma (H, W) (ITU-R BT.601) and the share of pixels that are clearly not grey."""
    chroma = colour.max(axis=2) - colour.min(axis=2)
    red, green, blue = (colour[..., plane] * weight for plane, weight in enumerate(_LUMA))
    # Added in this order everywhere: a matrix product rounds as the process's threads have it.
    return np.asarray(red + green + blue, np.float32), float((chroma > CHROMA).mean())


def grey_of(picture: Image.Image, content: bytes) -> tuple[FloatArray, float]:
    """An opened PNG or JPEG as (H, W) in [0, 1], upright by EXIF, and the share of pixels that are not grey.

    Args:
        picture: opened from `content`, not yet decoded.
        content: the file, which is opened again where Pillow drops half of its bits.

    What may be seen through lies on black. Raises whatever Pillow raises on a damaged file, and ValueError.
    """
    if content.startswith(_JPEG) and is_damaged_jpeg(content):
        raise ValueError("The JPEG's data are damaged.")
    deep = _deep_colour(content)
    if deep is not None:
        return _on_black(deep, picture)
    picture = ImageOps.exif_transpose(picture)
    clear = picture.info.get("transparency")
    if picture.mode.startswith("I"):  # 16-bit grey
        stored = np.asarray(picture)
        grey = unit_range(stored if clear is None else np.where(stored == clear, 0, stored))
        return grey, 0.0
    if picture.mode in ("1", "L") and clear is None:
        return np.asarray(picture.convert("L"), np.float32) / np.float32(255), 0.0
    grey = np.empty((picture.height, picture.width), np.float32)
    colourful = 0.0
    for top, strip in _strips(picture):
        grey[top : top + strip.height], share = to_grey(_opaque(strip))
        colourful += share * strip.height
    return grey, colourful / picture.height


def _strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """First row and strip, from top to bottom."""
    for top in range(0, picture.height, _STRIP):
        yield top, picture.crop((0, top, picture.width, min(top + _STRIP, picture.height)))


def _opaque(picture: Image.Image) -> FloatArray:
    """On black, as (H, W, 3) in [0, 1]."""
    rgba = picture.convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("RGB")
    return np.asarray(shown, np.float32) / np.float32(255)


def _deep_colour(content: bytes) -> NDArray[np.uint16] | None:
    """A PNG of 16 bits and more than one channel as (H, W, channels), upright; None for anything else."""
    if not content.startswith(_PNG) or len(content) <= _COLOUR_TYPE or content[_DEPTH] != 16:
        return None
    kind = content[_COLOUR_TYPE]
    if kind == _GREY_ALPHA:
        pairs = _bytes_of(content, "RGBA", "RGBA")
        return _joined(pairs[..., 0::2], pairs[..., 1::2])
    if kind in _HALVES:
        mode, upper, lower = _HALVES[kind]
        return _joined(_bytes_of(content, mode, upper), _bytes_of(content, mode, lower))
    return None


def _joined(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return np.asarray(upper.astype(np.uint16) << np.uint16(8) | lower, np.uint16)


def _bytes_of(content: bytes, mode: str, raw_mode: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
        picture._mode = mode
        picture.tile = [tile._replace(args=raw_mode) for tile in picture.tile]
        return np.asarray(ImageOps.exif_transpose(picture))


def _on_black(deep: NDArray[np.uint16], picture: Image.Image) -> tuple[FloatArray, float]:
    """(H, W, channels) as `grey_of` gives it, on black where it may be seen through."""
    has_alpha = deep.shape[2] in (2, 4)
    unit = unit_range(deep[..., :-1] if has_alpha else deep)
    if has_alpha:
        unit *= deep[..., -1:] / np.float32(65535)
    elif "transparency" in picture.info:
        unit[(deep == np.array(picture.info["transparency"])).all(axis=2)] = 0
    return (unit[..., 0], 0.0) if unit.shape[2] == 1 else to_grey(unit)
