"""Letters for pictures: Pillow's own font, and for Hangul a font of the machine where there is one.

Texts are written as pictures of their own, which are kept, and shortened or wrapped to the room there is.
"""

import re
import sys
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
Colour = tuple[int, int, int]

# Pillow brings no Hangul, and a font with it weighs more than this package.
_FOLDERS = {
    "darwin": (Path("/System/Library/Fonts"), Path("/Library/Fonts")),
    "win32": (Path("C:/Windows/Fonts"),),
}
_UNIX_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
_WIDE = 0.92  # DejaVu Sans is the larger one at the same size
_HANGUL = re.compile("[\u1100-\u11ff\u3000-\u318f\u4e00-\u9fff\uac00-\ud7a3]+")
_IN_NO_FONT = "\ue000"  # drawn as the box that stands for a missing letter
_NAMES = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansKR-Regular.*",
    "NanumGothic.ttf",
    "AppleSDGothicNeo.ttc",
    "malgun.ttf",
)


@cache
def hangul_font_file() -> Path | None:
    """A font of this machine that has Hangul."""
    folders = _FOLDERS.get(sys.platform, _UNIX_FOLDERS)
    found = chain.from_iterable(folder.rglob(name) for name in _NAMES for folder in folders)
    return next(iter(found), None)


@cache
def wide_font_file() -> Path | None:
    """DejaVu Sans, which comes with matplotlib: it has the signs that Pillow's font lacks, such as ²."""
    found = find_spec("matplotlib")
    folders = (found.submodule_search_locations or []) if found else []
    paths = (Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf" for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def can_write(text: str) -> bool:
    """Whether a picture can show the text as it is."""
    if _has_letters(text) or (_is_latin(text) and wide_font_file() is not None):
        return True
    return _is_latin(_HANGUL.sub("", text)) and hangul_font_file() is not None


def font_for(text: str, size: int) -> Font:
    """Pillow's own font, or another for a text that it lacks letters for."""
    wide, hangul = wide_font_file(), hangul_font_file()
    if _has_letters(text) or (wide is None and hangul is None):
        return _font(None, size)
    if wide is not None and _is_latin(text):
        return _font(wide, round(_WIDE * size))
    return _font(hangul, size)


@lru_cache(maxsize=32)
def _font(file: Path | None, size: int) -> Font:
    """Pillow's own where no file is given; opened once, as every line of a picture asks for it."""
    return ImageFont.load_default(size) if file is None else ImageFont.truetype(str(file), size)


def _has_letters(text: str) -> bool:
    """Whether Pillow's own font has them all; it lacks accents, and a square for a unit."""
    return all(map(_has_letter, text))


@cache
def _has_letter(char: str) -> bool:
    font = ImageFont.load_default(20)
    return char.isspace() or bytes(font.getmask(char)) != bytes(font.getmask(_IN_NO_FONT))


def _is_latin(text: str) -> bool:
    """Latin letters with their accents, punctuation and the signs that measures need."""
    return all(ord(char) < 0x250 or char in "\u2013\u2014\u2018\u2019\u201c\u201d\u2026" for char in text)


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    colour: Colour,
    size: int,
    anchor: str = "la",
) -> None:
    """Put a text into a picture, `anchor` as Pillow names it at the point `at`."""
    stamp, (left, top) = _stamp(text, size, anchor)
    draw.bitmap((at[0] + left, at[1] + top), stamp, colour)


@lru_cache(maxsize=256)
def _stamp(text: str, size: int, anchor: str) -> tuple[Image.Image, tuple[int, int]]:
    """The text in white on black, and where its corner lies from its anchor: most lines are on every film."""
    font = font_for(text, size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text, anchor=anchor))
    stamp = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(stamp).text((-left, -top), text, 255, font, anchor=anchor)
    return stamp, (left, top)


@lru_cache(maxsize=256)
def shortened(text: str, size: int, room: int) -> str:
    """The text, or as much of it as fits into `room` pixels."""
    font = font_for(text, size)
    if font.getlength(text) <= room:
        return text
    kept = text
    while kept and font.getlength(f"{kept}…") > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def wrapped(text: str, size: int, room: int, most: int) -> list[str]:
    """The text in lines of at most `room` pixels; the last of `most` lines says when more is left out."""
    lines, font = [""], font_for(text, size)
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1]} …"]
