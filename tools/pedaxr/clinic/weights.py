"""A clinic's weights: which there are, which are in use, and the way back."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit.trail import record
from pedaxr.errors import InvalidRequest
from pedaxr.registry.schema import writing
from pedaxr.storage.weights import BUNDLED, WEIGHTS_FOLDER, Used, folder_of, history, write_history
from pedaxr_models.checkpoint import NETWORKS, CheckpointError, find_network, load_checkpoint

if TYPE_CHECKING:
    from pedaxr.clinic.clinic import Clinic

LEARNED = "learned.json"  # of `pedaxr learn`: how the weights came about and what was measured


@dataclass(frozen=True)
class ClinicWeights:
    """One set of weights.

    Attributes:
        name: as `use` takes it.
        in_use: whether films are read with them.
        networks: that are theirs; another is the bundled one.
        verdict: of `pedaxr learn`: better, worse, or unproven; empty for weights that it did not make.
        since: when they were last put in use, ISO 8601; empty: never.
    """

    name: str
    in_use: bool
    networks: tuple[str, ...]
    verdict: str = ""
    since: str = ""


def list_weights(clinic: "Clinic") -> list[ClinicWeights]:
    """The bundled weights, the clinic's own, and others that were ever in use. Raises StorageError."""
    used = history(clinic.home)
    below = clinic.home / WEIGHTS_FOLDER
    own = sorted(path.name for path in below.iterdir() if path.is_dir()) if below.is_dir() else []
    own = [name for name in own if not name.startswith(".")]
    names = dict.fromkeys([BUNDLED, *own, *(one.weights for one in used)])
    return [_described(clinic, name, used) for name in names]


def _described(clinic: "Clinic", name: str, used: list[Used]) -> ClinicWeights:
    folder = folder_of(clinic.home, name)
    in_use = (used[-1].weights if used else BUNDLED) == name
    networks = NETWORKS if folder is None else tuple(n for n in NETWORKS if find_network(folder, n))
    since = next((one.since for one in reversed(used) if one.weights == name), "")
    return ClinicWeights(name, in_use, networks, verdict_of(folder), since)


def verdict_of(folder: Path | None) -> str:
    """What `pedaxr learn` found of these weights; empty where it did not make them."""
    if folder is None or not (folder / LEARNED).is_file():
        return ""
    try:
        return str(json.loads((folder / LEARNED).read_bytes())["verdict"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unreadable"


def use_weights(name: str, *, clinic: "Clinic", although_worse: bool = False) -> ClinicWeights:
    """Have the clinic's films read with these from now on; a running server takes them when restarted.

    Args:
        name: `bundled`, a name of `list_weights`, or a folder that `pedaxr train` wrote.
        clinic: whose.
        although_worse: take even those that `pedaxr learn` found to be worse.

    Raises:
        InvalidRequest: there are none, they are damaged, or were found to be worse.
        StorageError: the choice cannot be kept.
    """
    kept = _kept_name(clinic, name)
    folder = folder_of(clinic.home, kept)
    if folder is not None:
        _check(folder)
        if verdict_of(folder) == "worse" and not although_worse:
            raise InvalidRequest(
                f"{kept} reads the held-out films worse than the weights it was learned from, so it is not "
                "put in use. See its README.md; correct more films and learn again."
            )
    used = history(clinic.home) or [Used(BUNDLED, "")]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    _put(clinic, used := [*used, Used(kept, now)], "weights_use")
    return _described(clinic, kept, used)


def roll_back(*, clinic: "Clinic") -> ClinicWeights:
    """Back to the weights that were in use before. Raises InvalidRequest when there were none."""
    used = history(clinic.home)
    before = list(used)
    while before and before[-1].weights == used[-1].weights:
        before.pop()
    if not before:
        raise InvalidRequest(
            "The bundled weights are in use, and no others were: there is no way back from here."
        )
    if (folder := folder_of(clinic.home, before[-1].weights)) is not None:
        _check(folder)
    _put(clinic, before, "weights_rollback")
    return _described(clinic, before[-1].weights, before)


def _kept_name(clinic: "Clinic", name: str) -> str:
    if name == BUNDLED:
        return BUNDLED
    own = Path(name).name == name and name not in (".", "..")
    if own and (clinic.home / WEIGHTS_FOLDER / name).is_dir():
        return name
    path = Path(name).expanduser().absolute()
    if not path.is_dir():
        raise InvalidRequest(
            f"There are no weights {name[:200]!r}: neither in the clinic's folder nor at that path. "
            "`pedaxr weights list` shows what there is."
        )
    inside = (clinic.home / WEIGHTS_FOLDER).absolute()
    return path.name if path.parent == inside else str(path)


def _check(folder: Path) -> None:
    found = [checkpoint for n in NETWORKS if (checkpoint := find_network(folder, n)) is not None]
    if not found:
        raise InvalidRequest(
            f"'{folder.name}' holds no weights: neither {' nor '.join(f'{n}/' for n in NETWORKS)} nor a "
            "checkpoint that `pedaxr train` wrote."
        )
    for checkpoint in found:
        try:
            load_checkpoint(checkpoint, with_tensors=False)
        except CheckpointError as err:
            raise InvalidRequest(str(err)) from err


def _put(clinic: "Clinic", used: list[Used], action: str) -> None:
    """Keep the history, and write into the audit trail which weights now read the films."""
    write_history(clinic.home, used)
    with writing(clinic.registry.path) as database:
        record(database.conn, action, detail=Path(used[-1].weights).name)
