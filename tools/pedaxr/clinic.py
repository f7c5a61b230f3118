"""The clinic: one home folder with the registry, the films and the overlays drawn from them."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pedaxr.durable import disk_errors, sync_folder, write_durably
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.registry import REGISTRY_FILE, Registry

HOME_VARIABLE = "PEDAXR_HOME"
DEMO_UNAMBIGUOUS_NAME = "윤하람"
DEMO_AMBIGUOUS_NAME = "김민준"
_DEMO_MARK = "DEMO.md"
_DEMO_TEXT = """# A synthetic clinic

Every patient, film and date in this folder was made by a program. No real person is shown or named.
"""


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


def default_home() -> Path:
    """$PEDAXR_HOME, or the user's data folder."""
    if given := os.environ.get(HOME_VARIABLE):
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_data_path("pedaxr")


def open_clinic(home: Path | None = None) -> Clinic:
    """Open the clinic in `home`, by default `default_home()`. Raises StorageError when there is none."""
    home = home or default_home()
    if not (home / REGISTRY_FILE).is_file():
        raise StorageError(
            "There is no clinic yet. Run `pedaxr demo` for a synthetic one, or `pedaxr import` with yours."
        )
    return Clinic(home, Registry.open(home / REGISTRY_FILE))


def create_demo_clinic(
    home: Path | None = None,
    *,
    patients: int = 60,
    seed: int = 0,
    processes: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Clinic:
    """Make the synthetic clinic, or open the one that is there already.

    It is built beside `home` and moved there when it is whole. With more than one process a script must call
    this under `if __name__ == "__main__":`, as for any spawned worker.

    Args:
        home: `default_home()` when None.
        patients: how many children; the first few are always the same.
        seed: of everybody else and of the films.
        processes: workers that make films.
        progress: called with (films done, films in all) after each film.

    Raises:
        InvalidRequest: too few patients for the cast.
        StorageError: the folder holds something else, or cannot be written.
    """
    home = home or default_home()
    if not is_demo(home):
        _refuse_occupied(home)
        with disk_errors(), _built_aside(home) as folder:
            _build_demo(folder, patients, seed, processes, progress)
    return open_clinic(home)


def is_demo(home: Path) -> bool:
    """Whether the folder holds a demo clinic."""
    return (home / REGISTRY_FILE).is_file() and (home / _DEMO_MARK).is_file()


def _refuse_occupied(home: Path) -> None:
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise StorageError(
            "The folder for the demo clinic holds something else. Choose an empty one with PEDAXR_HOME."
        )


def _build_demo(
    folder: Path, patients: int, seed: int, processes: int, progress: Callable[[int, int], None] | None
) -> None:
    from pedaxr.demo_cast import FEWEST_PATIENTS, demo_films
    from pedaxr.demo_films import make_films

    if patients < FEWEST_PATIENTS:
        raise InvalidRequest(f"The demo clinic has at least {FEWEST_PATIENTS} patients.")
    for name in ("films", "overlays"):
        (folder / name).mkdir()
    films = demo_films(patients, seed)
    studies = make_films(films, folder, processes=processes, progress=progress)
    registry = Registry.create(folder / REGISTRY_FILE)
    registry.add({film.patient.patient_id: film.patient for film in films}.values(), studies)
    write_durably(folder / _DEMO_MARK, _DEMO_TEXT.encode())
    sync_folder(folder / "films")


@contextmanager
def _built_aside(home: Path) -> Iterator[Path]:
    """A folder beside `home` that takes its place when the block ends well, and is gone when it does not."""
    home.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    try:
        yield folder
        folder.chmod(0o755)
        sync_folder(folder)
        _take_place(folder, home)
        sync_folder(home.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _take_place(folder: Path, home: Path) -> None:
    try:
        folder.rename(home)
    except OSError as err:
        # Another program was faster; what it made serves as well.
        if err.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not is_demo(home):
            raise
