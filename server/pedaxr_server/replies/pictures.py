"""Pictures small enough for a reply, and films as PNG. Pillow and numpy load with the first picture."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.errors import StorageError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_EDGE_PX = 1024
MAX_BYTES = 600_000  # some desktop clients refuse replies above 1 MB, and base64 adds a third


def preview_png(path: Path, *, max_edge: int = MAX_EDGE_PX, max_bytes: int = MAX_BYTES) -> bytes:
    """PNG of the picture, at most `max_edge` pixels long, palette-coded or smaller when over `max_bytes`.

    Raises:
        StorageError: the file cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as stored:
            is_small = stored.format == "PNG" and max(stored.size) <= max_edge
            if is_small and path.stat().st_size <= max_bytes:
                return path.read_bytes()  # as it was drawn: encoding it again takes longer than drawing it
            picture = stored.convert("RGB")
    except (OSError, UnidentifiedImageError) as err:
        raise StorageError(
            "The overlay picture cannot be read. Call segment_xray again to redraw it."
        ) from err
    picture.thumbnail((max_edge, max_edge))
    data = _png(picture)
    while len(data) > max_bytes and max(picture.size) > 128:
        data = _png(picture.quantize(256))
        if len(data) > max_bytes:
            picture.thumbnail((picture.width * 3 // 4, picture.height * 3 // 4))
    return data


def film_png(path: Path, sha256: str) -> bytes:
    """The film as 8-bit grey PNG, bone bright, whatever it was stored as.

    Args:
        path: of the film file.
        sha256: of the file when it was registered; another child's film in its place is not shown.

    Raises:
        UnreadableImage: as `pedaxr.radiograph.read.read_radiograph`.
        StorageError: the file is another one.
    """
    import numpy as np

    from pedaxr.radiograph.png import png_bytes
    from pedaxr.radiograph.read import read_radiograph

    film = read_radiograph(path)
    if film.sha256 != sha256:
        raise StorageError(
            "The film file of this study has changed since it was registered, so it is not shown. "
            "Restore the file, or import the film again."
        )
    return png_bytes(np.round(film.pixels * 255).astype(np.uint8))


def encode_base64(data: bytes) -> str:
    """Standard base64 as text."""
    return base64.b64encode(data).decode("ascii")


def mask_png(polygons: Sequence[Sequence[tuple[int, int]]], *, width: int, height: int) -> bytes:
    """8-bit PNG, 255 inside the polygons (x, y in film pixels) and 0 outside; outlines have no holes."""
    from PIL import Image, ImageDraw

    picture = Image.new("L", (width, height))
    pen = ImageDraw.Draw(picture)
    for polygon in polygons:
        if len(polygon) > 2:
            pen.polygon([tuple(point) for point in polygon], fill=255, outline=255)
        else:
            pen.point([tuple(point) for point in polygon], fill=255)
    return _png(picture)


def _png(picture: "Image") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
