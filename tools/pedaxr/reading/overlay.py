"""Draw a film with its regions outlined: legend, sides, and what the picture is not."""

import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pedaxr.errors import StorageError
from pedaxr.types import Region
from pedaxr_models.labels import TERMS, Structure

ByteArray = NDArray[np.uint8]
Colour = tuple[int, int, int]

LONG_EDGE = 1024
FOOTER = "Research and teaching only. Models trained on synthetic films; not for diagnosis."
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
_BACKGROUND, _INK, _FAINT = (16, 18, 22), (235, 238, 242), (150, 156, 164)
_SUBPIXEL_BITS = 4
_MARGIN = 14


def draw_overlay(
    film: NDArray[np.float32],
    findings: Sequence[Region],
    structures: Sequence[Region],
    *,
    long_edge: int = LONG_EDGE,
) -> Image.Image:
    """RGB picture of at most `long_edge` pixels: the film on the left, names and areas on the right.

    `film` is (H, W) in [0, 1], bone bright; of the structures only those of `DRAWN_STRUCTURES` are drawn.
    """
    shown = [region for region in structures if region.name in DRAWN_STRUCTURES]
    layout = _Layout(film.shape[1], film.shape[0], long_edge)
    picture = layout.film(film)
    for region in shown:
        _draw_structure(picture, region, layout)
    for region in findings:
        _draw_finding(picture, region, layout)
    sheet = Image.new("RGB", layout.size, _BACKGROUND)
    sheet.paste(Image.fromarray(picture), (layout.left, layout.top))
    draw = ImageDraw.Draw(sheet)
    _write_sides(draw, layout)
    _write_legend(draw, findings, shown, layout)
    draw.text((_MARGIN, layout.size[1] - _MARGIN), FOOTER, _FAINT, layout.small, anchor="ls")
    return sheet


def write_picture(picture: Image.Image, path: Path) -> None:
    """Store as PNG: a reader finds the whole picture or none, also after a power cut.

    Raises:
        StorageError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".overlay-", delete=False) as file:
            part = Path(file.name)
            file.write(buffer.getvalue())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as err:
        raise StorageError(
            "The overlay picture cannot be written. Check the folder's permissions and free space, "
            "or ask for no overlay."
        ) from err
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; not every system lets a folder be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Layout:
    """Where things go, in pixels of the sheet. The film gets what the legend and two margins leave."""

    def __init__(self, width: int, height: int, long_edge: int) -> None:
        self.normal = ImageFont.load_default(max(9, round(long_edge / 64)))
        self.small = ImageFont.load_default(max(8, round(long_edge / 78)))
        self.line = round(long_edge / 44)
        self.legend_width = round(long_edge * 0.26)
        self.left, self.top = _MARGIN, _MARGIN + self.line
        room = (
            long_edge - self.legend_width - 3 * _MARGIN,
            long_edge - self.top - self.line - 2 * _MARGIN,
        )
        self.scale = min(room[0] / width, room[1] / height)
        self.width, self.height = max(1, round(width * self.scale)), max(1, round(height * self.scale))
        least_height = self.line * 18
        self.size = (
            min(long_edge, self.width + self.legend_width + 3 * _MARGIN),
            min(long_edge, max(self.height, least_height) + self.top + self.line + 2 * _MARGIN),
        )

    def film(self, film: NDArray[np.float32]) -> ByteArray:
        """The film at its place's size, (height, width, 3)."""
        method = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_CUBIC
        grey = cv2.resize(film, (self.width, self.height), interpolation=method)
        return np.repeat((np.clip(grey, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)

    def outlines(self, region: Region) -> list[NDArray[np.int32]]:
        """Polygons in fixed-point pixels of the drawn film (centres of film pixels lie at +0.5)."""
        unit = 2**_SUBPIXEL_BITS
        return [
            np.round(((np.asarray(p, np.float64) + 0.5) * self.scale - 0.5) * unit).astype(np.int32)
            for p in region.polygons
        ]


def _draw_finding(picture: ByteArray, region: Region, layout: _Layout) -> None:
    """Translucent fill and a thick line on a dark one, so that it shows on gas and on bone."""
    colour, outlines = TERMS[region.name].colour, layout.outlines(region)
    filled = picture.copy()
    for outline in outlines:
        cv2.fillPoly(filled, [outline], colour, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.addWeighted(filled, _FILL_OPACITY, picture, 1 - _FILL_OPACITY, 0, dst=picture)
    cv2.polylines(picture, outlines, True, (0, 0, 0), 4, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.polylines(picture, outlines, True, colour, 2, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_structure(picture: ByteArray, region: Region, layout: _Layout) -> None:
    lined = picture.copy()
    colour = TERMS[region.name].colour
    cv2.polylines(lined, layout.outlines(region), True, colour, 1, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.addWeighted(lined, _STRUCTURE_OPACITY, picture, 1 - _STRUCTURE_OPACITY, 0, dst=picture)


def _write_sides(draw: ImageDraw.ImageDraw, layout: _Layout) -> None:
    baseline = layout.top - 5
    right_edge = layout.left + layout.width
    draw.text((layout.left, baseline), "R  patient's right", _INK, layout.normal, anchor="ls")
    draw.text((right_edge, baseline), "patient's left  L", _INK, layout.normal, anchor="rs")


def _write_legend(
    draw: ImageDraw.ImageDraw, findings: Sequence[Region], structures: Sequence[Region], layout: _Layout
) -> None:
    x, y = layout.left + layout.width + _MARGIN, layout.top
    y = _heading(draw, (x, y), "Findings outlined", layout)
    for region in findings:
        y = _entry(draw, (x, y), region, layout, is_finding=True)
    if not findings:
        draw.text((x, y), "none above threshold", _FAINT, layout.normal)
        y += layout.line
    y = _heading(draw, (x, y + layout.line // 2), "Landmarks", layout)
    for region in structures:
        y = _entry(draw, (x, y), region, layout, is_finding=False)
    if not structures:
        draw.text((x, y), "none found", _FAINT, layout.normal)


def _heading(draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, layout: _Layout) -> int:
    draw.text(at, words, _FAINT, layout.normal)
    return at[1] + layout.line


def _entry(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], region: Region, layout: _Layout, *, is_finding: bool
) -> int:
    """Swatch and name; for a finding also its area and confidence. Returns the next line's y."""
    (x, y), side = at, layout.line - 9
    colour: Colour = TERMS[region.name].colour
    box = (x, y + 3, x + side, y + 3 + side)
    draw.rectangle(box, fill=colour if is_finding else None, outline=colour, width=2)
    draw.text((x + side + 8, y), TERMS[region.name].english, _INK, layout.normal)
    if not is_finding:
        return y + layout.line
    details = f"{area_text(region)}, {region.share_of_body:.0%} of body, conf. {region.confidence:.2f}"
    draw.text((x + side + 8, y + layout.line - 4), details, _FAINT, layout.small)
    return y + 2 * layout.line


def area_text(region: Region) -> str:
    """Area in square centimetres, or in pixels when the film has no spacing."""
    return f"{region.area_mm2 / 100:.1f} sq cm" if region.area_mm2 is not None else f"{region.area_px} px"
