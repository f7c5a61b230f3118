"""Which picture a film of the annotations is: in their source, beside it, or in a folder of films."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pedaxr.clinic.exchange.dicom_seg import header_of, is_dicom
from pedaxr.clinic.exchange.files import stem
from pedaxr.clinic.exchange.outlined import OutlinedFilm
from pedaxr.clinic.exchange.pictures import SUFFIXES, Pictures
from pedaxr.errors import InvalidRequest

Bytes = Callable[[], bytes]
_MISSING = "its picture is missing: put it beside the annotations, or name its folder with --films"


class FilmFinder:
    """The films of a folder by their names."""

    def __init__(self, folder: Path | None) -> None:
        self._found: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob("*")) if folder else ():
            if path.is_file() and (path.suffix.lower() in SUFFIXES or not path.suffix):
                self._found[_key(path.name)].append(path)

    def find(self, name: str) -> Path | None:
        """The one film of that name, whatever its suffix; None where there is none, or several."""
        found = self._found.get(_key(name), [])
        return found[0] if len(found) == 1 else None

    def paths(self) -> list[Path]:
        """All of them."""
        return [path for paths in self._found.values() for path in paths]


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", stem(name)).casefold()


@dataclass
class FilmFiles:
    """The picture of each film: in the source, beside it, or in the folder of films."""

    pictures: Pictures
    finder: FilmFinder
    _by_hash: dict[str, str] | None = None
    _by_instance: dict[str, tuple[str, Bytes]] | None = None

    def of(self, film: OutlinedFilm) -> tuple[str, Bytes]:
        """A name that is that of no other picture, and its bytes. Raises InvalidRequest: there is none."""
        if found := self._of_hash(film.sha256) or self._of_name(film):
            return found, lambda: self.pictures.files[found]
        names = (film.name, film.file)
        if path := next((path for one in names if one and (path := self.pictures.elsewhere(one))), None):
            return str(path), path.read_bytes
        if referred := self._of_instance(film.sop_instance_uid):
            return referred
        raise InvalidRequest(_MISSING)

    def _of_hash(self, sha256: str) -> str:
        if self._by_hash is None:
            pictures = self.pictures
            self._by_hash = {pictures.sha256_of(name): name for name in reversed(pictures.names())}
        return self._by_hash.get(sha256, "")

    def _of_name(self, film: OutlinedFilm) -> str:
        names = (self.pictures.name_of(one) for one in (film.name, film.file) if one)
        return next(filter(None, names), "")

    def _of_instance(self, uid: str) -> tuple[str, Bytes] | None:
        """The DICOM film of that SOP Instance UID."""
        if self._by_instance is None:
            files = self.pictures.files
            found: list[tuple[str, Bytes]] = [
                *((name, partial(files.__getitem__, name)) for name in self.pictures.names()),
                *((str(path), path.read_bytes) for path in self.finder.paths()),
            ]
            self._by_instance = {_instance(data()): (name, data) for name, data in reversed(found)}
        return self._by_instance.get(uid) if uid else None


def _instance(data: bytes) -> str:
    return str(header_of(data).get("SOPInstanceUID", "")) if is_dicom(data) else ""
