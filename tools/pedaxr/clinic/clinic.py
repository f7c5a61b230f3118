"""The clinic: one home folder with the registry, the films and the overlays drawn from them."""

from dataclasses import dataclass
from pathlib import Path

from pedaxr.errors import StorageError
from pedaxr.registry import Registry
from pedaxr.storage.home import REGISTRY_FILE, default_home


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


def open_clinic(home: Path | None = None) -> Clinic:
    """Open the clinic in `home`, by default `default_home()`. Raises StorageError when there is none."""
    home = home or default_home()
    if not (home / REGISTRY_FILE).is_file():
        raise StorageError(
            "There is no clinic yet. Run `pedaxr demo` for a synthetic one, or `pedaxr import` with yours."
        )
    return Clinic(home, Registry.open(home / REGISTRY_FILE))
