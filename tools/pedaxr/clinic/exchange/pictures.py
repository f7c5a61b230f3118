"""The films that annotations lie beside, or that are elsewhere: their size and what they are known by."""

import hashlib
import io
import re
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from PIL import Image

from pedaxr.clinic.exchange.files import Files, stem
from pedaxr.clinic.exchange.mask_png import film_and_finding
from pedaxr.clinic.exchange.outlined import checked_size
from pedaxr.errors import InvalidRequest, UnreadableImage
from pedaxr_models.datasets.pixels import is_dicom

SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff", ".bmp")
CLASS_MASKS = frozenset(  # folders of Pascal VOC that hold masks, not films
    {"segmentationclass", "segmentationobject", "segmentationclasspng", "segmentationobjectpng"}
    | {"segmentationclassvisualization", "segmentationobjectvisualization"}
)
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_LABELS, _IMAGES = "labels", "images"
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations in which the stored picture lies on its side
_ORIENTATION = 0x0112
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")  # what Label Studio puts before the name of a file

Elsewhere = Callable[[str], Path | None]  # the film of a name, outside the source


def nowhere(name: str) -> Path | None:
    """No film lies elsewhere."""
    return None


def before_upload(written: str) -> list[str]:
    """What a film may have been called before it was uploaded to Label Studio; first as it is written."""
    name = stem(written)
    plain = _UPLOAD.sub("", name)
    return [name] if plain == name else [name, plain, plain.replace("_", " ")]  # an upload loses its spaces


@dataclass(frozen=True)
class Picture:
    """One film's file.

    Attributes:
        name: in its source; empty where it lies elsewhere.
        size: rows, columns, upright by EXIF, as annotation tools show it.
    """

    name: str
    size: tuple[int, int]
    sha256: str


@dataclass
class Pictures:
    """The pictures of a source by name, and those that `elsewhere` knows."""

    files: Files
    elsewhere: Elsewhere = nowhere
    _by_stem: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _hashes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.files.ending(*SUFFIXES):
            if film_and_finding(name) is None and not CLASS_MASKS & {*name.casefold().split("/")[:-1]}:
                self._by_stem[_key(name)].append(name)

    def names(self) -> list[str]:
        """All in the source, in order."""
        return [name for names in self._by_stem.values() for name in names]

    def hashes(self) -> dict[str, str]:
        """SHA-256 by name without suffix, where that names one picture."""
        alone = (names[0] for names in self._by_stem.values() if len(names) == 1)
        return {stem(name): self.sha256_of(name) for name in alone}

    def sha256_of(self, name: str) -> str:
        """That of a picture of the source, computed once."""
        if name not in self._hashes:
            self._hashes[name] = hashlib.sha256(self.files[name]).hexdigest()
        return self._hashes[name]

    def has(self, written: str) -> bool:
        """Whether one of that name lies in the source."""
        return any(_key(name) in self._by_stem for name in before_upload(written))

    def known_name(self, name: str) -> str:
        """What a film is called that is known by its name before an upload alone; else `name`."""
        names = (one for one in before_upload(name) if _key(one) in self._by_stem or self.elsewhere(one))
        return next(names, name)

    def find(self, written: str, labels: str = "") -> Picture:
        """The film that annotations name, by whatever path.

        Args:
            written: the name or path in the annotations.
            labels: the path of the film's own label file, which decides between films of one name.

        Raises:
            InvalidRequest: there is none, there are several, or it cannot be read.
        """
        name = self.name_of(written, labels)
        data = self.files[name] if name else self._elsewhere(written)
        return Picture(name, picture_size(data, stem(written)), hashlib.sha256(data).hexdigest())

    def name_of(self, written: str, labels: str = "") -> str:
        """Its path in the source; empty where it is not there. Raises InvalidRequest: there are several."""
        found = next(
            (self._by_stem[key] for key in map(_key, before_upload(written)) if key in self._by_stem), []
        )
        if written in found:
            return written
        if len(found) > 1:
            parts = _folders(labels or written)
            found = [name for name in found if _folders(name) == parts] or found
        if len(found) > 1:
            raise InvalidRequest(f"the source holds {len(found)} pictures of this name; give each its own")
        return found[0] if found else ""

    def _elsewhere(self, written: str) -> bytes:
        if (path := next(filter(None, map(self.elsewhere, before_upload(written))), None)) is None:
            raise InvalidRequest(
                "its picture is not there, and the annotations do not state its size; put the picture beside "
                "them"
            )
        return path.read_bytes()


def picture_size(data: bytes, name: str) -> tuple[int, int]:
    """Rows and columns of a picture or DICOM file as it is shown. Raises InvalidRequest: it is damaged."""
    if is_dicom(data):
        from pedaxr.radiograph.read import read_radiograph

        try:
            film = read_radiograph(data)
        except UnreadableImage as err:
            raise InvalidRequest(f"its picture cannot be read: {err}") from err
        return film.height, film.width
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                width, height = picture.size
                if picture.getexif().get(_ORIENTATION) in _SIDEWAYS:
                    width, height = height, width
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as err:
        raise InvalidRequest("its picture is damaged or of a kind that is not read") from err
    return checked_size(height, width, name)


def _key(name: str) -> str:
    return stem(name).casefold()


def _folders(name: str) -> tuple[str, ...]:
    """Folders around a file, but for `images` and `labels`, which part pictures from their label files."""
    parts = PurePosixPath(name.replace("\\", "/")).parent.parts
    return tuple(part for part in parts if part.casefold() not in (_LABELS, _IMAGES))
