"""The clinic: one home folder with the registry, the films and the overlays drawn from them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, Union

from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.registry import Registry
from pedaxr.storage.home import HOME_VARIABLE, REGISTRY_FILE, default_home


@dataclass(frozen=True)
class Clinic:
    """An opened clinic.

    Attributes:
        home: holds `registry.sqlite3`, `films/` and `overlays/`, and can be moved as a whole.
    """

    home: Path
    registry: Registry

    @property
    def films(self) -> Path:
        """Folder of the films."""
        return self.home / "films"

    @property
    def overlays(self) -> Path:
        """Folder for pictures drawn from films."""
        return self.home / "overlays"


ClinicLike: TypeAlias = Union[Clinic, str, "os.PathLike[str]"]


def open_clinic(home: "str | os.PathLike[str] | None" = None) -> Clinic:
    """Open the clinic in `home`, by default `default_home()`.

    Raises:
        InvalidRequest: it is no folder's name at all.
        StorageError: there is none. Where was looked is a note of the error: a client of a server that
            stands elsewhere reads only its message.
    """
    folder = clinic_folder(home)
    return Clinic(folder, Registry.open(folder / REGISTRY_FILE))


def clinic_folder(home: "str | os.PathLike[str] | None" = None) -> Path:
    """Where the clinic is that `open_clinic` opens, which may take minutes of one of an earlier version.

    Raises:
        InvalidRequest, StorageError: as `open_clinic`.
    """
    folder = default_home() if home is None else _folder(home)
    if not (folder / REGISTRY_FILE).is_file():
        error = StorageError(
            "There is no clinic yet. Run `pedaxr demo` for a synthetic one, or `pedaxr import` with yours."
        )
        error.add_note(f"Looked in {folder}; --home or {HOME_VARIABLE} names another folder.")
        raise error
    return folder


def _folder(home: object) -> Path:
    """Raises InvalidRequest."""
    named = os.fspath(home) if isinstance(home, str | os.PathLike) else None
    if not isinstance(named, str):
        raise InvalidRequest(
            "A clinic is what open_clinic gives, or its folder as text or a Path; else leave it out."
        )
    return Path(os.path.expanduser(named))  # noqa: PTH111  # a user whom nobody knows stays as written


def opened(clinic: ClinicLike | None) -> Clinic:
    """The clinic given, the one in the folder given, or the default one.

    Raises:
        InvalidRequest, StorageError: as `open_clinic`.
    """
    return clinic if isinstance(clinic, Clinic) else open_clinic(clinic)
