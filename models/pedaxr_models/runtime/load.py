"""Load a network with the runtime that $PEDAXR_RUNTIME asks for: auto, torch or compiled."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from pedaxr_models.captioning.film_reporter import FilmReporter
from pedaxr_models.checkpoint import GraphError
from pedaxr_models.runtime.compiled import DeviceError, wanted_runtime
from pedaxr_models.runtime.threads import share_cores
from pedaxr_models.segmentation.film_segmenter import FilmSegmenter
from pedaxr_models.tubes.finder import TubeFinder

_log = logging.getLogger(__name__)
T = TypeVar("T")


def load_segmenter(folder: Path) -> FilmSegmenter:
    """The segmentation network of a checkpoint folder.

    Raises:
        CheckpointError: the folder is missing, damaged or not of a segmentation network of this version.
        GraphError: there is no graph, and only the compiled runtime was asked for or there is no torch.
    """
    return _load(folder, _compiled_segmenter, _torch_segmenter)


def load_reporter(folder: Path) -> FilmReporter:
    """The report writer of a checkpoint folder.

    Raises:
        CheckpointError: the folder is missing, damaged or not of a report writer of this version.
        GraphError: there is no graph, and only the compiled runtime was asked for or there is no torch.
    """
    return _load(folder, _compiled_reporter, _torch_reporter)


def load_tube_finder(folder: Path) -> TubeFinder:
    """What looks for gastric tubes, of a checkpoint folder.

    Raises:
        CheckpointError: the folder is missing, damaged or not of a tube network of this version.
        GraphError: there is no graph, and only the compiled runtime was asked for or there is no torch.
    """
    return _load(folder, _compiled_tube_finder, _torch_tube_finder)


def _load(folder: Path, compiled: Callable[[Path], T], torch: Callable[[Path], T]) -> T:
    wanted = wanted_runtime()
    try:
        loaded = torch(folder) if wanted == "torch" else compiled(folder)
    except GraphError as err:
        if wanted == "compiled" or isinstance(err, DeviceError) or find_spec("torch") is None:
            raise
        _log.warning("'%s' runs with torch, more slowly: %s", folder.name, err)
        loaded = torch(folder)
    share_cores()  # when torch is there: it is what has to be told
    return loaded


def _compiled_segmenter(folder: Path) -> FilmSegmenter:
    from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter

    return CompiledSegmenter.load(folder)


def _torch_segmenter(folder: Path) -> FilmSegmenter:
    from pedaxr_models.segmentation.segmenter import Segmenter

    return Segmenter.load(folder)


def _compiled_reporter(folder: Path) -> FilmReporter:
    from pedaxr_models.runtime.compiled_reporter import CompiledReporter

    return CompiledReporter.load(folder)


def _torch_reporter(folder: Path) -> FilmReporter:
    from pedaxr_models.captioning.reporter import Reporter

    return Reporter.load(folder)


def _compiled_tube_finder(folder: Path) -> TubeFinder:
    from pedaxr_models.checkpoint import load_checkpoint
    from pedaxr_models.runtime.compiled import as_float, open_graphs
    from pedaxr_models.tubes.finder import check, finder_of

    checkpoint = load_checkpoint(folder, with_tensors=False)
    check(checkpoint.config, folder)
    graph = open_graphs("tubes", folder, checkpoint)["tubes"]
    return finder_of(lambda film: as_float(graph(film[None, None])[0])[0], checkpoint)


def _torch_tube_finder(folder: Path) -> TubeFinder:
    from pedaxr_models.tubes.torch_finder import load_finder

    return load_finder(folder)
