"""Read one film from a file: PNG, JPEG or DICOM, hashed and decoded from the same bytes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.file_headers import check_header
from pedaxr.radiograph.isolation import is_in_worker
from pedaxr.radiograph.raster import MAX_BYTES, FloatArray, Raster
from pedaxr.radiograph.recent_cache import Recent


@dataclass(frozen=True)
class Radiograph(Raster):
    """A film and the proof of which file it came from.

    Attributes:
        sha256: hexadecimal digest of the whole file, over the very bytes that were decoded.
    """

    sha256: str = ""

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])


def read_radiograph(film: Path | bytes, *, recent: Recent["Radiograph"] | None = None) -> Radiograph:
    """Read a film, turned upright by EXIF, bone bright.

    Args:
        film: path of the file, which is read and hashed in any case, or the bytes of one.
        recent: films decoded before; one with the same bytes is not decoded again.

    Raises:
        UnreadableImage: the file is missing, not a PNG, JPEG or DICOM radiograph, too large, or damaged.
        WorkerFailed: the decoder's process cannot be started.
    """
    data = film if isinstance(film, bytes) else _read_bytes(film)
    check_header(data)
    sha256 = hashlib.sha256(data).hexdigest()
    return recent.get(sha256, lambda: _radiograph(data, sha256)) if recent else _radiograph(data, sha256)


def picture_digest(radiograph: Radiograph) -> str:
    """SHA-256 of a film's size and pixels, in 4,096 levels, whatever its file holds beside them."""
    levels = (radiograph.pixels * 4095 + 0.5).astype("<u2")
    return hashlib.sha256(f"{radiograph.height} {radiograph.width} ".encode() + levels.tobytes()).hexdigest()


def read_pixels(path: Path) -> FloatArray:
    """Only the pixels, (H, W) float32 in [0, 1], for those who train: see `pedaxr_models.datasets.pixels`.

    Raises:
        ValueError: whatever `read_radiograph` finds wrong.
    """
    try:
        return read_radiograph(path).pixels
    except UnreadableImage as err:
        raise ValueError(f"The film '{path.name}' cannot be read. {err}") from err


def _radiograph(data: bytes, sha256: str) -> Radiograph:
    raster = _decode(data)
    return Radiograph(**vars(raster), sha256=sha256)


def _read_bytes(path: Path) -> bytes:
    """The file's content; folders, devices and pipes are never opened."""
    try:
        if not path.is_file():
            raise UnreadableImage(
                "There is no such film file. Check the path; if it is of a registered study, tell whoever "
                "runs the clinic, who can put it back or import it again."
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as err:  # ValueError: a path with a null byte
        raise UnreadableImage("The film file cannot be opened. Check its path and permissions.") from err
    if len(data) > MAX_BYTES:
        raise UnreadableImage(
            f"The film file is larger than {MAX_BYTES // 2**20} MB. Export one film per file."
        )
    return data


def _decode(data: bytes) -> Raster:
    if is_in_worker():
        from pedaxr.radiograph.decode_pool import decode_apart

        return decode_apart(data)
    from pedaxr.radiograph.decoding import decode  # Pillow loads with the first film

    return decode(data)
