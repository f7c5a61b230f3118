"""Films with free air put in, kept on the disk: five folds and the final run learn from the same ones."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pedaxr_models.datasets.partial_truth import PartialFilm
from pedaxr_models.segmentation.mixed.real_cache import RealFilms

_FORMAT = 1
_ARRAYS = ("films", "bits", "unknown", "content", "is_pasted")


def kept(folder: Path, made_of: object, make: Callable[[], RealFilms | None]) -> RealFilms | None:
    """What `make` gives, made on first use; None where it has nothing to give.

    Args:
        folder: made when missing.
        made_of: all that it depends on, as plain values: other values, other films.
        make: takes minutes.
    """
    digest = hashlib.sha256(repr((_FORMAT, made_of)).encode()).hexdigest()[:16]
    path = folder / f"put-in-{digest}.npz"
    if not path.exists():
        films = make()
        if films is None:
            return None
        _write(path, films)
    return _read(path)


def _write(path: Path, films: RealFilms) -> None:
    """Written next to its place and moved there, so that a file that is there is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    of = [[film.id, str(film.image_path), film.kind, film.child, film.source] for film in films.of]
    part = path.with_suffix(f".{os.getpid()}.tmp")
    with part.open("wb") as stream:
        np.savez(stream, of=np.array(json.dumps(of)), **{name: getattr(films, name) for name in _ARRAYS})
    part.replace(path)


def _read(path: Path) -> RealFilms:
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in _ARRAYS}
        of = json.loads(str(stored["of"]))
    films = tuple(PartialFilm(id, Path(image), kind, child, source) for id, image, kind, child, source in of)
    return RealFilms(of=films, **arrays)
