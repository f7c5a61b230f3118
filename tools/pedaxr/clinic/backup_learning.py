"""What a clinic has learned, as files of a backup: weights, which are in use, which children are held out.

Without the weights a restored clinic would read films with others; without `children.json` it could be
measured on children whom it has learned from.
"""

from collections.abc import Iterator
from pathlib import Path

from pedaxr.clinic.backup_file import is_packed_name
from pedaxr.errors import StorageError
from pedaxr.storage.weights import (
    BUNDLED,
    CHILDREN_FILE,
    IN_USE_FILE,
    LEARNING_FOLDER,
    WEIGHTS_FOLDER,
    folder_of,
    history,
)


def learning_files(home: Path) -> list[str]:
    """Paths below the clinic's folder. The choice comes first: weights are there before they are chosen."""
    fixed = [f"{WEIGHTS_FOLDER}/{IN_USE_FILE}", f"{LEARNING_FOLDER}/{CHILDREN_FILE}"]
    weights = [name for name in _below(home, home / WEIGHTS_FOLDER) if name not in fixed]
    return [*(name for name in fixed if _is_plain(home / name)), *sorted(weights)]


def weights_left_out(home: Path) -> list[str]:
    """Folders that were put in use and lie elsewhere, or are a link: no part of a backup."""
    try:
        names = dict.fromkeys(one.weights for one in history(home) if one.weights != BUNDLED)
    except StorageError:  # damaged: copied as it is, and told by whoever reads it
        return []
    return [name for name in names if _lies_elsewhere(folder_of(home, name), home)]


def _lies_elsewhere(folder: Path | None, home: Path) -> bool:
    return folder is not None and (folder.parent != home / WEIGHTS_FOLDER or folder.is_symlink())


def _below(home: Path, folder: Path) -> Iterator[str]:
    """Files below a folder as they may stand in a backup; links and what is half written are left out."""
    for path in folder.iterdir() if folder.is_dir() else ():
        name = path.relative_to(home).as_posix()
        if path.name.startswith(".") or path.is_symlink() or not is_packed_name(name):
            continue
        if path.is_dir():
            yield from _below(home, path)
        elif path.is_file():
            yield name


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
