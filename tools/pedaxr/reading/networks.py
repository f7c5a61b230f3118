"""The networks of this process: loaded when first needed, once, by whichever thread comes first."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pedaxr.errors import ModelUnavailable

if TYPE_CHECKING:
    from pedaxr_models.captioning.film_reporter import FilmReporter
    from pedaxr_models.segmentation.film_segmenter import FilmSegmenter
    from pedaxr_models.tubes.finder import TubeFinder

T = TypeVar("T")


class _Cache:
    """Loaded networks by folder; a failure is not kept, so that mended weights load without a restart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[Path, object] = {}

    def get(self, folder: Path, load: Callable[[Path], T]) -> T:
        if folder in self._loaded:  # the other network may be loading
            return self._loaded[folder]  # type: ignore[return-value]
        with self._lock:  # held while loading: a second caller waits instead of loading twice
            if folder not in self._loaded:
                self._loaded[folder] = _loaded(folder, load)
            return self._loaded[folder]  # type: ignore[return-value]


_cache = _Cache()


def segmenter() -> "FilmSegmenter":
    """The segmentation network.

    Raises:
        ModelUnavailable: its weights are missing, damaged or of another version.
    """
    from pedaxr_models.checkpoint import weights_folder
    from pedaxr_models.runtime.load import load_segmenter

    return _cache.get(weights_folder("segmentation"), load_segmenter)


def reporter() -> "FilmReporter":
    """The captioning network.

    Raises:
        ModelUnavailable: its weights are missing, damaged or of another version.
    """
    from pedaxr_models.checkpoint import weights_folder
    from pedaxr_models.runtime.load import load_reporter

    return _cache.get(weights_folder("captioner"), load_reporter)


def tube_finder() -> "TubeFinder":
    """What looks for gastric tubes.

    Raises:
        ModelUnavailable: its weights are missing, damaged or of another version.
    """
    from pedaxr_models.checkpoint import weights_folder
    from pedaxr_models.runtime.load import load_tube_finder

    return _cache.get(weights_folder("tubes"), load_tube_finder)


def _loaded(folder: Path, load: Callable[[Path], T]) -> T:
    from pedaxr_models.checkpoint import CheckpointError, GraphError

    try:
        return load(folder)
    except (CheckpointError, GraphError) as err:
        raise ModelUnavailable(str(err)) from err
    except OSError as err:
        raise ModelUnavailable(
            f"The weights in '{folder.name}' cannot be read. Install pedaxr again, or point PEDAXR_WEIGHTS "
            "at a good copy."
        ) from err
