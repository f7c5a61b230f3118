"""The files of a source that may be one file, a folder or a ZIP archive; none is larger than it may be."""

import lzma
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pedaxr.errors import InvalidRequest
from pedaxr_models.written.scripts import is_hangul

MOST_FILES = 100_000
MOST_BYTES = 512 * 1024**2  # of one file, unpacked
_IS_UTF8 = 0x800  # flag of a name (APPNOTE 4.4.4)
_HIDDEN = ("__MACOSX", ".")
_DAMAGED = (
    *(zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, KeyError),
    *(zlib.error, lzma.LZMAError, OSError, ValueError, struct.error),
)


class Files(Mapping[str, bytes]):
    """Content by relative name with forward slashes, read when asked for."""

    def __init__(self, source: Path) -> None:
        """Raises InvalidRequest: there is nothing, or far too much."""
        self._source = source
        self._archive: zipfile.ZipFile | None = None
        self._inside: dict[str, zipfile.ZipInfo] = {}
        if source.is_dir():
            found = [path for path in source.rglob("*") if path.is_file()]
            self._names = {path.relative_to(source).as_posix(): path for path in found}
        elif not source.is_file():
            raise InvalidRequest(f"There is no file or folder {source.name[:200]!r}.")
        elif zipfile.is_zipfile(source):
            self._archive = _opened(source)
            infos = [info for info in self._archive.infolist() if not info.is_dir()]
            if any(info.file_size > MOST_BYTES for info in infos):
                raise InvalidRequest(
                    f"{source.name[:80]} holds a file of more than {MOST_BYTES // 1024**2} MB."
                )
            self._inside = {_written(info): info for info in infos}
            self._names = dict.fromkeys(self._inside, source)
        else:
            self._names = {source.name: source}
        if len(self._names) > MOST_FILES:
            raise InvalidRequest(f"{source.name[:80]} holds more than {MOST_FILES} files.")
        self._names = {name: path for name, path in sorted(self._names.items()) if not _is_hidden(name)}

    def __getitem__(self, name: str) -> bytes:
        path = self._names[name]
        if self._archive is not None:
            try:
                return self._archive.read(self._inside[name])
            except _DAMAGED as err:
                raise InvalidRequest(
                    f"{name[:80]} in the archive is damaged or locked. Pack it again."
                ) from err
        if path.stat().st_size > MOST_BYTES:
            raise InvalidRequest(f"{name[:80]} is larger than {MOST_BYTES // 1024**2} MB.")
        return path.read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def ending(self, *suffixes: str) -> list[str]:
        """Names with one of the suffixes, in order."""
        return [name for name in self._names if name.lower().endswith(suffixes)]


def _opened(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except _DAMAGED as err:
        raise InvalidRequest(f"The archive {source.name[:80]} is damaged or cut off. Copy it again.") from err


def _written(info: zipfile.ZipInfo) -> str:
    """The name as it was packed: a Korean Windows writes code page 949 and does not say so."""
    name = info.filename
    if not info.flag_bits & _IS_UTF8 and not name.isascii():
        for encoding in ("utf-8", "cp949"):
            with suppress(UnicodeError):
                read = name.encode("cp437").decode(encoding)
                if any(map(is_hangul, unicodedata.normalize("NFC", read))):
                    name = read
                    break
    return name.replace("\\", "/")


def _is_hidden(name: str) -> bool:
    return any(part.startswith(_HIDDEN) for part in PurePosixPath(name).parts)


def stem(name: str) -> str:
    """What a film is called by the name of its picture: `a/S-1.png` is `S-1`; Hangul is put together."""
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    suffix = PurePosixPath(base).suffix.lower()
    is_picture = suffix in {".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff", ".bmp"}
    return base[: -len(suffix)] if is_picture else base
