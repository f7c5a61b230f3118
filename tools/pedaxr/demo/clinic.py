"""Make the demo clinic: synthetic patients and films in a folder of its own, whole or not at all."""

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.registry import Registry
from pedaxr.storage.files import disk_errors, sync_folder, write_durably
from pedaxr.storage.home import REGISTRY_FILE, default_home

_DEMO_MARK = "DEMO.md"
_DEMO_TEXT = """# A synthetic clinic

Every patient, film and date in this folder was made by a program. No real person is shown or named.
"""


def create_demo_clinic(
    home: Path | None = None,
    *,
    patients: int = 60,
    seed: int = 0,
    processes: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Clinic:
    """Make the synthetic clinic, or open the one that is there already.

    It is built next to `home` and moved there when it is whole. With more than one process a script must call
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
    from pedaxr.demo.films import make_films
    from pedaxr.demo.patients import FEWEST_PATIENTS, demo_films

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
    """A folder next to `home` that takes its place when the block ends well, and is gone when it does not."""
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
