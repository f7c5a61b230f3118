"""Which weights a clinic uses, and which it used before: `weights/in_use.json` in its home folder.

    {"history": [{"weights": "bundled", "since": "..."}, {"weights": "learned-2026-11-28", "since": "..."}]}

The last entry counts. A name is a folder of `weights/`; other weights are named by their path.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pedaxr.errors import StorageError
from pedaxr.storage.files import disk_errors, replace_durably

BUNDLED = "bundled"
WEIGHTS_FOLDER = "weights"
IN_USE_FILE = "in_use.json"
LEARNING_FOLDER = "learning"
CHILDREN_FILE = "children.json"  # who is learned from and who is held out, for ever


@dataclass(frozen=True)
class Used:
    """Weights that were put in use: `BUNDLED`, a name in `weights/`, or a path; since when (ISO 8601)."""

    weights: str
    since: str


def history(home: Path) -> list[Used]:
    """Everything that was put in use, oldest first; nothing where it was always the bundled weights.

    Raises:
        StorageError: the file is damaged, or may not be read.
    """
    with disk_errors(done="read"):
        try:
            content = (home / WEIGHTS_FOLDER / IN_USE_FILE).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return []
    try:
        rows = json.loads(content)["history"]
        return [Used(_checked(str(one["weights"])), str(one["since"])) for one in rows]
    except (ValueError, KeyError, TypeError) as err:
        raise StorageError(
            f"{WEIGHTS_FOLDER}/{IN_USE_FILE} in the clinic's folder is damaged. Remove it to use the bundled "
            "weights, then choose with `pedaxr weights use`."
        ) from err


def _checked(weights: str) -> str:
    """Raises ValueError: neither a name in `weights/` nor a whole path, so that it could lead anywhere."""
    if Path(weights).is_absolute() or (weights not in ("", ".", "..") and Path(weights).name == weights):
        return weights
    raise ValueError("no name of weights")


def write_history(home: Path, used: list[Used]) -> None:
    """Replace the history in one rename. Raises StorageError."""
    with disk_errors():
        (home / WEIGHTS_FOLDER).mkdir(parents=True, exist_ok=True)
        document = json.dumps({"history": [asdict(one) for one in used]}, ensure_ascii=False, indent=1)
        replace_durably(home / WEIGHTS_FOLDER / IN_USE_FILE, (document + "\n").encode())


def folder_of(home: Path, weights: str) -> Path | None:
    """The folder of weights that are named so; None for the bundled ones."""
    if weights == BUNDLED:
        return None
    path = Path(weights)
    return path if path.is_absolute() else home / WEIGHTS_FOLDER / weights


def weights_in_use(home: Path) -> Path | None:
    """The folder of the weights that a clinic uses; None: the bundled ones. Raises StorageError."""
    used = history(home)
    return folder_of(home, used[-1].weights) if used else None
