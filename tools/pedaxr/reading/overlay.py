"""Draw a film with its regions outlined: whose it is, legend, sides, and what the picture is not."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pedaxr.ages import age_text
from pedaxr.errors import StorageError
from pedaxr.radiograph.png import png_bytes
from pedaxr.reading.overlay_fonts import can_write, shortened, wrapped, write
from pedaxr.text import printable
from pedaxr.types import FilmIdentity, Region, SignedReport
from pedaxr_models.labels import TERMS, Structure, sign

ByteArray = NDArray[np.uint8]
Colour = tuple[int, int, int]

LONG_EDGE = 1024
LONGEST_EDGE = 5000  # of a picture at full size: 75 MB in memory
FOOTER = "Research and teaching use, not a medical device. A qualified person must read the film."
# Enough to find one's way; every outline is in the data.
DRAWN_STRUCTURES = (
    Structure.SPINE,
    Structure.L2_BODY,
    Structure.PELVIS,
    Structure.LIVER,
    Structure.DIAPHRAGM,
)
_FILL_OPACITY = 0.22
_STRUCTURE_OPACITY = 0.65
_BACKGROUND, _INK, _FAINT, _WARNING = (16, 18, 22), (235, 238, 242), (150, 156, 164), (255, 212, 121)
_TUBE = (190, 165, 255)  # no finding or structure has it
_SUBPIXEL_BITS = 4
_MARGIN = 14
_LEGEND_SHARE = 0.26


@dataclass(frozen=True)
class Caption:
    """What stands around the film.

    Attributes:
        film: whose film it is; None where nobody knows.
        in_doubt: why the picture gives no finding.
        signed: the report that a human signed, whose words come before any outline.
        data_statement: what the networks were trained on.
        towards_left: where the patient's left lies, one step in x and y; to the right of most films.
        outlined: who drew the outlines.
        tube: (n, 2) x, y on the film, along which a gastric tube is seen; None: none is.
    """

    film: FilmIdentity | None = None
    in_doubt: str | None = None
    signed: SignedReport | None = None
    data_statement: str = ""
    towards_left: tuple[int, int] = (1, 0)
    outlined: str = "Outlined by the network"
    tube: NDArray[np.floating] | None = None


def draw_overlay(
    film: NDArray[np.float32],
    findings: Sequence[Region],
    structures: Sequence[Region],
    caption: Caption | None = None,
    *,
    long_edge: int | None = LONG_EDGE,
) -> Image.Image:
    """RGB picture: whose film it is above, the film on the left, names and areas on the right.

    Args:
        film: (H, W) in [0, 1], bone bright.
        findings: outlined and filled.
        structures: of these only those of `DRAWN_STRUCTURES` are drawn.
        caption: what stands around the film.
        long_edge: of the picture in pixels, at most; None: as many as show each pixel of the film, up to
            `LONGEST_EDGE`.
    """
    caption = caption or Caption()
    findings = [] if caption.in_doubt else findings
    shown = [region for region in structures if region.name in DRAWN_STRUCTURES]
    layout = _Layout(film.shape[1], film.shape[0], long_edge)
    picture = layout.film(film)
    for region in shown:
        _draw_structure(picture, region, layout)
    for region in findings:
        _draw_finding(picture, region, layout)
    if caption.tube is not None:
        _draw_tube(picture, layout.corners(caption.tube), layout)
    sheet = Image.new("RGB", layout.size, _BACKGROUND)
    sheet.paste(Image.fromarray(picture), (layout.left, layout.top))
    draw = ImageDraw.Draw(sheet)
    _write_head(draw, caption.film, layout)
    if not caption.in_doubt:  # how it hangs may be what is in doubt
        _write_sides(draw, layout, caption.towards_left)
    _write_legend(_Legend(draw, layout), findings, shown, caption)
    _write_foot(draw, caption.data_statement, layout)
    return sheet


def write_picture(picture: Image.Image, path: Path) -> None:
    """Store as PNG: a reader finds the whole picture or none, also after a power cut.

    Raises:
        StorageError: the folder cannot be written.
    """
    content = png_bytes(np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB")))
    part: Path | None = None
    try:
        if _holds(path, content):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".overlay-", delete=False) as file:
            part = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as err:
        raise StorageError(
            "The overlay picture cannot be written. Check the permissions and free space of its folder, "
            "which `pedaxr settings` names, or ask for no overlay: overlay=False, --no-overlay."
        ) from err
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _holds(path: Path, content: bytes) -> bool:
    """Whether the same picture is there already: writing it takes the disk longer than drawing it took."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


class _Layout:
    """Where things go, in pixels of the sheet. The film gets what head, legend, foot and margins leave."""

    _HEAD_LINES, _FOOT_LINES = 3, 2  # who, which film, sides; what the picture is not

    def __init__(self, width: int, height: int, long_edge: int | None) -> None:
        edge = long_edge or self._edge_for(width, height)
        self.normal, self.small = max(9, round(edge / 64)), max(8, round(edge / 78))
        self.line = round(edge / 44)
        self.thick = max(2, round(edge / 640))
        self.legend_width = round(edge * _LEGEND_SHARE)
        self.left, self.top = _MARGIN, _MARGIN + self._HEAD_LINES * self.line
        self.foot = self._FOOT_LINES * self.line
        room = (edge - self.legend_width - 3 * _MARGIN, edge - self.top - self.foot - 2 * _MARGIN)
        self.scale = min(room[0] / width, room[1] / height)
        if long_edge is None and edge > LONG_EDGE:
            self.scale = min(self.scale, 1.0)
        self.width, self.height = max(1, round(width * self.scale)), max(1, round(height * self.scale))
        least_height = self.line * 18
        self.size = (
            min(edge, self.width + self.legend_width + 3 * _MARGIN),
            min(edge, max(self.height, least_height) + self.top + self.foot + 2 * _MARGIN),
        )

    def _edge_for(self, width: int, height: int) -> int:
        """Of a sheet on which the film is shown pixel by pixel; never less than the small picture's."""
        lines = self._HEAD_LINES + self._FOOT_LINES
        wide = (width + 3 * _MARGIN) / (1 - _LEGEND_SHARE)
        high = (height + 3 * _MARGIN) / (1 - lines / 44)
        return min(max(LONG_EDGE, round(max(wide, high)) + lines), LONGEST_EDGE)

    def film(self, film: NDArray[np.float32]) -> ByteArray:
        """The film at its place's size, (height, width, 3)."""
        method = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_CUBIC
        grey = cv2.resize(film, (self.width, self.height), interpolation=method)
        levels = (np.clip(grey, 0, 1) * 255).astype(np.uint8)
        return np.asarray(cv2.cvtColor(levels, cv2.COLOR_GRAY2RGB), np.uint8)

    def outlines(self, region: Region) -> list[NDArray[np.int32]]:
        """Polygons in fixed-point pixels of the drawn film (centres of film pixels lie at +0.5)."""
        return [self.corners(np.asarray(polygon, np.float64)) for polygon in region.polygons]

    def corners(self, points: NDArray[np.floating]) -> NDArray[np.int32]:
        """Points (n, 2) of the film likewise."""
        places = (points + 0.5) * self.scale - 0.5
        return np.asarray(np.round(places * 2**_SUBPIXEL_BITS), np.int32)


def _draw_finding(picture: ByteArray, region: Region, layout: _Layout) -> None:
    """Translucent fill and a thick line on a dark one, so that it shows on gas and on bone."""
    colour, outlines = TERMS[region.name].colour, layout.outlines(region)
    if not outlines:
        return
    part = _part_with(outlines, picture, 2)
    filled = picture[part].copy()
    for outline in _within(part, outlines):
        cv2.fillPoly(filled, [outline], colour, cv2.LINE_AA, _SUBPIXEL_BITS)
    picture[part] = cv2.addWeighted(filled, _FILL_OPACITY, picture[part], 1 - _FILL_OPACITY, 0)
    cv2.polylines(picture, outlines, True, (0, 0, 0), 2 * layout.thick, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.polylines(picture, outlines, True, colour, layout.thick, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_structure(picture: ByteArray, region: Region, layout: _Layout) -> None:
    colour, outlines = TERMS[region.name].colour, layout.outlines(region)
    if not outlines:
        return
    part = _part_with(outlines, picture, layout.thick + 2)
    lined, inner = picture[part].copy(), _within(part, outlines)
    cv2.polylines(lined, inner, True, colour, layout.thick // 2, cv2.LINE_AA, _SUBPIXEL_BITS)
    picture[part] = cv2.addWeighted(lined, _STRUCTURE_OPACITY, picture[part], 1 - _STRUCTURE_OPACITY, 0)


def _draw_tube(picture: ByteArray, course: NDArray[np.int32], layout: _Layout) -> None:
    """Two lines beside the tube, so that it can be seen between them, and a ring round its tip."""
    beside = np.array([3 * layout.thick << _SUBPIXEL_BITS, 0], np.int32)
    sides = [course - beside, course + beside]
    cv2.polylines(picture, sides, False, _TUBE, max(1, layout.thick // 2), cv2.LINE_AA, _SUBPIXEL_BITS)
    x, y = (course[-1] >> _SUBPIXEL_BITS).tolist()
    cv2.circle(picture, (x, y), 5 * layout.thick, _TUBE, max(1, layout.thick // 2), cv2.LINE_AA)


def _within(part: tuple[slice, slice], outlines: Sequence[NDArray[np.int32]]) -> list[NDArray[np.int32]]:
    """The outlines on that part of the picture alone: copying all of it takes as long as drawing."""
    corner = np.array([part[1].start, part[0].start], np.int32) << _SUBPIXEL_BITS
    return [outline - corner for outline in outlines]


def _part_with(outlines: Sequence[NDArray[np.int32]], picture: ByteArray, around: int) -> tuple[slice, slice]:
    """Rows and columns of the picture that hold the outlines, and as many pixels around them."""
    points = np.concatenate(outlines) >> _SUBPIXEL_BITS
    (left, top), (right, bottom) = points.min(axis=0) - around, points.max(axis=0) + around + 2
    height, width = picture.shape[:2]
    rows = slice(max(0, int(top)), min(height, int(bottom)))
    return rows, slice(max(0, int(left)), min(width, int(right)))


def _write_head(draw: ImageDraw.ImageDraw, film: FilmIdentity | None, layout: _Layout) -> None:
    """The child, and the film: a picture that has been copied elsewhere still says whose it is."""
    room = layout.size[0] - 2 * _MARGIN
    for i, line in enumerate(head_lines(film)):
        at, size = (_MARGIN, _MARGIN + i * layout.line), layout.normal
        write(draw, at, shortened(line, size, room), (_INK, _FAINT)[i], size, "lt")


def head_lines(film: FilmIdentity | None) -> tuple[str, str]:
    """Who, and which film. A name that no font here can show stands in Latin letters, or is left out."""
    if film is None:
        return "", ""
    names = [_fact(name) for name in (film.patient_name, film.patient_name_romanised) if name]
    born = f"born {film.patient_birth_date}" if film.patient_birth_date else ""
    who = [" / ".join(filter(can_write, names)), born, film.patient_sex or "", _fact(film.patient_id or "")]
    view = film.view_position.replace("_", " ") if film.view_position else ""
    dates = film.patient_birth_date, film.study_date
    age = age_text(film.age_months, *dates) if film.age_months is not None else ""
    day = film.study_date.isoformat() if film.study_date else "date unknown"
    which = [_fact(film.study_id or ""), day, view, age]
    return " · ".join(filter(None, who)), " · ".join(filter(None, which))


def _fact(text: str) -> str:
    """What was registered, clean, and without the middle dot that parts facts."""
    return printable(text.replace("·", " "))


def _write_sides(draw: ImageDraw.ImageDraw, layout: _Layout, towards_left: tuple[int, int]) -> None:
    """Above the film where its sides are the child's, or what lies above and below on a film on its side."""
    baseline, right_edge = layout.top - layout.line // 3, layout.left + layout.width
    words = {
        (1, 0): ("R  patient's right", "patient's left  L"),
        (-1, 0): ("L  patient's left", "patient's right  R"),
        (0, 1): ("R  patient's right above", "patient's left below  L"),
        (0, -1): ("L  patient's left above", "patient's right below  R"),
    }[towards_left]
    write(draw, (layout.left, baseline), words[0], _INK, layout.normal, "ls")
    write(draw, (right_edge, baseline), words[1], _INK, layout.normal, "rs")


def _write_foot(draw: ImageDraw.ImageDraw, data_statement: str, layout: _Layout) -> None:
    bottom, room = layout.size[1] - _MARGIN, layout.size[0] - 2 * _MARGIN
    for i, line in enumerate((printable(data_statement), FOOTER)):
        write(
            draw,
            (_MARGIN, bottom - i * layout.line),
            shortened(line, layout.small, room),
            _FAINT,
            layout.small,
            "ls",
        )


class _Legend:
    """Lines written one under another on the right of the film, as far as the sheet goes."""

    def __init__(self, draw: ImageDraw.ImageDraw, layout: _Layout) -> None:
        self.draw, self.layout = draw, layout
        self.x, self.y = layout.left + layout.width + _MARGIN, layout.top

    def line(self, text: str, colour: Colour = _INK, *, indent: int = 0, is_small: bool = False) -> None:
        """One line, cut where the sheet ends."""
        size = self.layout.small if is_small else self.layout.normal
        room = self.layout.size[0] - _MARGIN - self.x - indent
        write(self.draw, (self.x + indent, self.y), shortened(text, size, room), colour, size)
        self.y += self.layout.line - (4 if is_small else 0)

    def paragraph(self, text: str, colour: Colour, *, lines: int) -> None:
        """As many lines as the text needs, at most `lines`."""
        size, room = self.layout.small, self.layout.size[0] - _MARGIN - self.x
        for line in wrapped(text, size, room, lines):
            self.line(line, colour, is_small=True)

    def gap(self) -> None:
        """Half an empty line."""
        self.y += self.layout.line // 2

    def entry(self, region: Region, *, is_finding: bool) -> None:
        """Swatch and name; for a finding also its area and how much of the body that is."""
        side, colour = self.layout.line - 9, TERMS[region.name].colour
        box = (self.x, self.y + 3, self.x + side, self.y + 3 + side)
        self.draw.rectangle(box, fill=colour if is_finding else None, outline=colour, width=2)
        self.line(sign(region.name), indent=side + 8)
        if is_finding:
            details = f"{area_text(region)}, {region.share_of_body:.0%} of body"
            self.line(details, _FAINT, indent=side + 8, is_small=True)


def _write_legend(
    legend: _Legend, findings: Sequence[Region], structures: Sequence[Region], caption: Caption
) -> None:
    """A human's words first, then what the network outlined."""
    if caption.signed is not None:
        _write_signed(legend, caption.signed)
    if caption.in_doubt:
        legend.line("In doubt: no findings", _WARNING)
        legend.paragraph(caption.in_doubt, _INK, lines=8)
    else:
        legend.line(caption.outlined, _FAINT)
        for region in findings:
            legend.entry(region, is_finding=True)
        if not findings:
            legend.line("none above threshold", _FAINT)
    if caption.tube is not None:
        legend.line("Gastric tube, on either side of it", _TUBE)
    legend.gap()
    legend.line("Landmarks", _FAINT)
    for region in structures:
        legend.entry(region, is_finding=False)
    if not structures:
        legend.line("none found", _FAINT)


def _write_signed(legend: _Legend, signed: SignedReport) -> None:
    legend.line("Amended report" if signed.status == "amended" else "Signed report", _INK)
    on = f", {signed.signed_at:%Y-%m-%d}" if signed.signed_at else ""
    legend.paragraph(f"{signed.signed_by}{on}", _FAINT, lines=2)
    words = printable(signed.impression, 1000)
    legend.paragraph(words if can_write(words) else "(in Korean: see the report)", _INK, lines=8)
    legend.gap()


def area_text(region: Region) -> str:
    """Area in square centimetres, or in pixels when the film has no spacing."""
    return f"{region.area_mm2 / 100:.1f} cm²" if region.area_mm2 is not None else f"{region.area_px} px"
