"""Letters for pictures: Pillow's own font, and for Hangul a font of the machine where there is one."""

import re
import sys
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

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
