"""Features of many films, made once by a frozen backbone and kept, so that a training step is cheap."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.captioning.eyes.backbone import FilmBackbone
from pedaxr_models.captioning.inputs import ReaderFilms, ood_picture, open_inputs, open_ood_images
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.captioning.vision_stem import FEATURE_STEMS
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.transforms import FloatArray

_FORMAT = 1
Features = NDArray[np.float16]
Pictures = Sequence[Callable[[], FloatArray]]


def backbone_of(stem: str, segmenter: Segmenter) -> FilmBackbone | None:
    """The frozen backbone of a reader with that stem; None for one that looks at the film itself.

    Raises:
        ValueError: the ImageNet weights are not installed.
    """
    if stem not in FEATURE_STEMS:
        return None
    return FilmBackbone.of(segmenter) if stem == "hybrid" else FilmBackbone.imagenet()


def with_features(
    opened: ReaderFilms,
    films: Sequence[Film],
    backbone: FilmBackbone | None,
    folder: Path,
    *,
    views: int = 1,
    progress: Callable[[int], None] | None = None,
) -> ReaderFilms:
    """The opened films with their features, made on first use and kept in `folder`.

    Args:
        opened: of those of `films` that have facts.
        films: as given to `open_inputs`.
        backbone: None: the films as they are.
        folder: that keeps the features.
        views: of each film, at other exposures; the first is the film as it is.
        progress: is told of each film made.
    """
    if backbone is None:
        return opened
    films = [film for film in films if film.facts is not None]
    names = [f"{film.image_path} {film.image_path.stat().st_mtime_ns}" for film in films]
    pictures = [partial(read_pixels, film.image_path) for film in films]
    return replace(opened, features=_kept(pictures, names, backbone, folder, views, progress))


def with_ood_features(opened: ReaderFilms, backbone: FilmBackbone | None, folder: Path) -> ReaderFilms:
    """The pictures of `open_ood_images` with their features."""
    if backbone is None:
        return opened
    pictures = [partial(ood_picture, seed) for seed in range(len(opened))]
    return replace(opened, features=_kept(pictures, ["ood"], backbone, folder, 1, None))


def open_for(
    reporter: Reporter,
    films: Sequence[Film],
    segmenter: Segmenter,
    folder: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> ReaderFilms:
    """Films as a trained reader gets them in serving: it goes without the features of other segmentations."""
    config = reporter.network.config
    opened = open_inputs(films, segmenter, folder, config.image_size, progress=progress)
    if _goes_without(reporter, segmenter):
        return _without(opened, config.features)
    return with_features(opened, films, backbone_of(config.stem, segmenter), folder)


def open_ood_for(reporter: Reporter, segmenter: Segmenter, folder: Path) -> ReaderFilms:
    """As `open_for`, the pictures that are not films."""
    config = reporter.network.config
    opened = open_ood_images(segmenter, folder, config.image_size)
    if _goes_without(reporter, segmenter):
        return _without(opened, config.features)
    return with_ood_features(opened, backbone_of(config.stem, segmenter), folder)


def _goes_without(reporter: Reporter, segmenter: Segmenter) -> bool:
    is_known = reporter.features_from == segmenter.features_from
    return reporter.network.config.stem == "hybrid" and not is_known


def _without(opened: ReaderFilms, channels: int) -> ReaderFilms:
    return replace(opened, features=np.zeros((len(opened), 1, channels, 1, 1), np.float16))


def _kept(
    pictures: Pictures,
    names: Sequence[str],
    backbone: FilmBackbone,
    folder: Path,
    views: int,
    progress: Callable[[int], None] | None,
) -> Features:
    """(N, views, C, h, w), read from the disk as it is needed."""
    listed = "\n".join([str(_FORMAT), backbone.name, str(backbone.size), str(views), *names])
    path = folder / f"features-{hashlib.sha256(listed.encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        shape = (len(pictures), views, *backbone.shape)
        made = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
        for index, read in enumerate(pictures):
            made[index] = backbone.looks(read(), views)
            if progress:
                progress(1)
        made.flush()
        part.replace(path)
    return np.asarray(np.load(path, mmap_mode="r"))
