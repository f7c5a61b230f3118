"""A PDF file of pictures of pages, and their words under them: to be selected, searched and read aloud.

The letters that are seen are in the picture, so that no viewer needs a font. The words are set in fonts of
empty glyphs (PDF 1.7, 9.6.5) as wide as the letters, which say which letter each stands for (9.10.3).
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from PIL import Image, ImageFont

from pedaxr.reading.overlay_fonts import font_for

_PER_FONT = 255  # codes of one byte; 0 stays free
_PER_BLOCK = 100  # entries of a CMap's block
_EM = 1000  # units of a glyph's size
_ASCENT = 0.8
_POINTS = 72


@dataclass(frozen=True)
class PlacedLine:
    """Words on a page, in pixels from its upper left corner."""

    x: int
    y: int
    size: int
    text: str


@dataclass(frozen=True)
class Page:
    """A page as it is seen, and what stands on it."""

    picture: Image.Image
    lines: tuple[PlacedLine, ...]


def pdf_file(pages: Sequence[Page], *, dpi: int, title: str, language: str, at: datetime) -> bytes:
    """The file; equal pages give equal bytes.

    Args:
        pages: of one size or of several.
        dpi: pixels of the pictures per inch.
        title: of the document.
        language: that the words are in, such as ko-KR.
        at: when it was made.
    """
    made = _Objects()
    catalog, tree, about = made.reserve(), made.reserve(), made.reserve()
    fonts = _Fonts(made, pages)
    kids = [_add_page(made, page, tree, fonts, _POINTS / dpi) for page in pages]
    made.put(catalog, f"<< /Type /Catalog /Pages {tree} 0 R /Lang {_text(language)} >>")
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    made.put(tree, f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>")
    when = f"(D:{at:%Y%m%d%H%M%S}Z)"
    made.put(
        about,
        f"<< /Title {_text(title)} /Producer (pedaxr) /CreationDate {when} /ModDate {when} >>",
    )
    return made.file(catalog, about)


class _Objects:
    """The numbered objects of a file (PDF 1.7, 7.3.10 and 7.5)."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []

    def reserve(self) -> int:
        self._bodies.append(b"")
        return len(self._bodies)

    def put(self, number: int, body: str) -> None:
        self._bodies[number - 1] = body.encode("ascii")

    def add(self, body: str) -> int:
        number = self.reserve()
        self.put(number, body)
        return number

    def add_stream(self, content: bytes, entries: str = "") -> int:
        number = self.reserve()
        head = f"<< {entries} /Length {len(content)} >>\nstream\n".encode("ascii")
        self._bodies[number - 1] = head + content + b"\nendstream"
        return number

    def file(self, catalog: int, about: int) -> bytes:
        out, places = io.BytesIO(), []
        out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        for number, body in enumerate(self._bodies, 1):
            places.append(out.tell())
            out.write(f"{number} 0 obj\n".encode() + body + b"\nendobj\n")
        start = out.tell()
        out.write(f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode())
        out.writelines(f"{place:010d} 00000 n \n".encode() for place in places)
        trailer = f"<< /Size {len(places) + 1} /Root {catalog} 0 R /Info {about} 0 R >>"
        out.write(f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode())
        return out.getvalue()


class _Fonts:
    """Empty glyphs for every letter of the pages, in as many fonts as they need."""

    def __init__(self, made: _Objects, pages: Sequence[Page]) -> None:
        lines = [line for page in pages for line in page.lines]
        self._place: dict[str, tuple[int, int]] = {}  # font and code of each letter
        self._width: dict[str, int] = {}
        for line in lines:
            font = font_for(line.text, line.size)
            for letter in line.text:
                self._width.setdefault(letter, _width(font, letter, line.size))
        letters = sorted(self._width)
        groups = [letters[i : i + _PER_FONT] for i in range(0, len(letters), _PER_FONT)]
        for number, group in enumerate(groups):
            self._place |= {letter: (number, code) for code, letter in enumerate(group, 1)}
        added = [_add_font(made, group, self._width) for group in groups]
        self.resources = " ".join(f"/F{number} {font} 0 R" for number, font in enumerate(added))

    def shown(self, line: PlacedLine, scale: float) -> Iterator[str]:
        """Operators that show a line, as wide as it is in the picture; `scale`: points per pixel."""
        drawn = font_for(line.text, line.size).getlength(line.text)
        as_set = sum(self._width[letter] for letter in line.text) * line.size / _EM
        if as_set > 0:
            yield f"{100 * drawn / as_set:.2f} Tz"
        now, size = -1, line.size * scale
        for letter in line.text:
            font, code = self._place[letter]
            if font != now:
                yield f"/F{font} {size:.2f} Tf"
                now = font
            yield f"<{code:02X}> Tj"


def _width(font: ImageFont.ImageFont | ImageFont.FreeTypeFont, letter: str, size: int) -> int:
    """In thousandths of the size."""
    return round(_EM * font.getlength(letter) / size)


def _add_font(made: _Objects, letters: Sequence[str], width: dict[str, int]) -> int:
    widths = [width[letter] for letter in letters]
    glyphs = {one: made.add_stream(f"{one} 0 d0".encode()) for one in sorted(set(widths))}
    meaning = made.add_stream(_to_unicode(letters).encode("ascii"))
    return made.add(
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 -200 1000 800] /FontMatrix [0.001 0 0 0.001 0 0] "
        f"/FirstChar 1 /LastChar {len(letters)} /Widths [{' '.join(map(str, widths))}] "
        f"/Encoding << /Type /Encoding /Differences [1 {' '.join(f'/w{one}' for one in widths)}] >> "
        f"/CharProcs << {' '.join(f'/w{one} {number} 0 R' for one, number in glyphs.items())} >> "
        f"/Resources << >> /ToUnicode {meaning} 0 R >>"
    )


def _to_unicode(letters: Sequence[str]) -> str:
    entries = [f"<{code:02X}> <{_utf16(letter)}>" for code, letter in enumerate(letters, 1)]
    blocks = [entries[i : i + _PER_BLOCK] for i in range(0, len(entries), _PER_BLOCK)]
    listed = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CMapName /pedaxr def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<00> <FF>\nendcodespacerange\n{listed}\n"
        "endcmap\nend\nend"
    )


def _add_page(made: _Objects, page: Page, tree: int, fonts: _Fonts, scale: float) -> int:
    """`scale`: points per pixel."""
    width, height = (side * scale for side in page.picture.size)
    jpeg = io.BytesIO()
    page.picture.save(jpeg, "JPEG", quality=92, subsampling=0)
    columns, rows = page.picture.size
    picture = made.add_stream(
        jpeg.getvalue(),
        f"/Type /XObject /Subtype /Image /Width {columns} /Height {rows} /ColorSpace /DeviceRGB "
        "/BitsPerComponent 8 /Filter /DCTDecode",
    )
    drawn = [f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /Im Do Q"]
    for line in page.lines:
        baseline = height - (line.y + _ASCENT * line.size) * scale
        shown = " ".join(fonts.shown(line, scale))
        drawn.append(f"BT {line.x * scale:.2f} {baseline:.2f} Td {shown} ET")
    content = made.add_stream("\n".join(drawn).encode("ascii"))
    return made.add(
        f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {width:.2f} {height:.2f}] "
        f"/Resources << /XObject << /Im {picture} 0 R >> /Font << {fonts.resources} >> >> "
        f"/Contents {content} 0 R >>"
    )


def _text(text: str) -> str:
    """A text string (PDF 1.7, 7.9.2.2)."""
    return f"<FEFF{_utf16(text)}>"


def _utf16(text: str) -> str:
    return text.encode("utf-16-be", "replace").hex().upper()
