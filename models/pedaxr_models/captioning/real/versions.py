"""Versions of films, posed, exposed and processed otherwise; half of the real ones with free air put in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.partial_truth import PartialFilm, Presence
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import Finding
from pedaxr_models.segmentation.augmentation import Augmentation
from pedaxr_models.segmentation.mixed.known_planes import known_planes
from pedaxr_models.segmentation.mixed.real_cache import paste_free_air
from pedaxr_models.segmentation.transforms import FloatArray, Letterbox, frame_film

_AIR = Finding.PNEUMOPERITONEUM
# Nothing is mirrored: on which side an organ lies is told in reports.
_DISTORTED = Augmentation(
    rotation_degrees=9.0, shift=0.04, log_scale=0.12, log_aspect=0.08, bend=0.004, dropout=0.0, makers=0.2
)


@dataclass(frozen=True)
class Version:
    """A version of a film, on disk.

    Attributes:
        path: of its picture.
        film: what is known of the film; with free air in it where some was put in.
    """

    path: Path
    film: PartialFilm


def write_versions(films: Sequence[PartialFilm], folder: Path, *, count: int, seed: int = 0) -> list[Version]:
    """`count` versions of each film as PNG in `folder`; those that are there already are not made again.

    The first is the film as it is. Of a film that surely shows no free air every other one has some put in,
    where there is room for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [version for film in films for version in _versions(film, folder, count, seed)]


def write_posed(films: Sequence[Film], folder: Path, *, count: int, seed: int = 0) -> list[Film]:
    """`count` other versions of each film as PNG in `folder`, with all that is known of it.

    Those that are there already are not made again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for film in films:
        stem = film.image_path.stem
        name = f"{stem}-{crc32(str(film.image_path).encode()):08x}-{seed}"
        for number in range(count):
            path = folder / f"{name}-{number}.png"
            if not path.exists():
                rng = np.random.default_rng((seed, crc32(stem.encode()), number))
                _write(path, _distorted(*frame_film(read_pixels(film.image_path)), rng))
            made.append(replace(film, image_path=path))
    return made


def _versions(film: PartialFilm, folder: Path, count: int, seed: int) -> list[Version]:
    known, found = known_planes(film), []
    can_be_pasted = film.says(_AIR) is Presence.ABSENT and "abdominal_cavity" in known.drawn
    for number in range(count):
        rng = np.random.default_rng((seed, crc32(film.id.encode()), number))
        pasted = paste_free_air(known, rng) if can_be_pasted and number % 2 else None
        version = (
            film if pasted is None else replace(film, findings={**film.findings, _AIR: Presence.PRESENT})
        )
        path = folder / f"{film.id}-{seed}-{number}.png"
        if not path.exists():
            shown = pasted or known
            _write(path, _distorted(shown.frame, shown.letterbox, rng if number else None))
        found.append(Version(path, version))
    return found


def _distorted(frame: FloatArray, letterbox: Letterbox, rng: np.random.Generator | None) -> NDArray[np.uint8]:
    """What the frame (S, S) holds of the film, distorted by `rng` or as it is."""
    grey = (frame * 255).round().clip(0, 255).astype(np.uint8)
    if rng is not None:
        grey = _DISTORTED.distort(grey, [], rng)[0]
    return np.ascontiguousarray(grey[letterbox.content])


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    part = path.with_suffix(".part.png")
    cv2.imwrite(str(part), picture)
    part.replace(path)
