"""Free air put into films that are no real abdomens, of which there are many: synthetic ones, and chests."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import Film, unpack_masks
from pedaxr_models.datasets.partial_truth import PartialFilm
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS, Finding
from pedaxr_models.pasting.grey_curve import Mask
from pedaxr_models.pasting.structures import structures_from_channels
from pedaxr_models.phantom.onto.backgrounds import Outline
from pedaxr_models.segmentation.data import rasterise
from pedaxr_models.segmentation.mixed.known_planes import KnownPlanes, known_planes
from pedaxr_models.segmentation.mixed.real_cache import Entry, RealFilms, entry_of, put_in, stack
from pedaxr_models.segmentation.transforms import FloatArray, frame_film

# Kinds of the films that are made, as those of other pictures than abdomens have.
ONTO_SYNTHETIC, ONTO_CHEST = "put into a synthetic film", "put into a chest"
CHESTS = ("chest", "chest_spine")
_LEAST_BELLY = 0.02  # of the frame
_SMALLER_LUNG = 0.3  # of the larger one's area


def into_synthetic(
    films: Sequence[Film], size: int, *, count: int, versions: tuple[int, int] = (3, 1), seed: int = 0
) -> RealFilms | None:
    """Some of the films that show no free air, each untouched, with some, and with what looks like it.

    Args:
        films: with masks of all channels.
        size: of the entries.
        count: films to put it into, drawn at random.
        versions: with free air, and with what only looks like it, tried of each.
        seed: equal seeds give equal films.

    Returns:
        None when none has room.
    """
    order = np.random.default_rng((seed, 31)).permutation(len(films) if count else 0)
    used, made = [], []
    for index in order:
        known = _known(films[index])
        if known is not None and (entries := put_in(known, size, versions, (seed, 31, int(index)))):
            name = films[index].image_path.stem
            used.append(PartialFilm(name, films[index].image_path, ONTO_SYNTHETIC, name))
            made.append([entry_of(known, size), *entries])
        if len(made) == count:
            break
    return stack(used, made) if made else None


def into_chests(
    films: Sequence[PartialFilm],
    size: int,
    outline: Outline,
    *,
    versions: tuple[int, int] = (16, 4),
    seed: int = 0,
) -> RealFilms | None:
    """Crescents under the domes of chest films, and what only looks like them.

    Args:
        films: of any kind; only chests are used.
        size: of the entries.
        outline: outlines their structures.
        versions: tried of each.
        seed: equal seeds give equal films.

    Returns:
        None when none has room.
    """
    used, made = [], []
    for index, film in enumerate(film for film in films if film.kind in CHESTS):
        if entries := _crescents(film, size, outline, versions, (seed, 32, index)):
            used.append(PartialFilm(film.id, film.image_path, ONTO_CHEST, film.child, film.source))
            made.append(entries)
    return stack(used, made) if made else None


def _known(film: Film) -> KnownPlanes | None:
    """All of a synthetic film; None where free air is on it, or it shows no belly to put some into."""
    frame, letterbox = frame_film(read_pixels(film.image_path))
    bits = rasterise(film, letterbox)
    masks = dict(zip(CHANNELS, unpack_masks(bits), strict=True))
    drawn = _drawn(frame, masks)
    if masks[Finding.PNEUMOPERITONEUM].any() or not _shows_a_belly(drawn):
        return None
    return KnownPlanes(frame, bits, np.zeros_like(bits), letterbox, drawn)


def _crescents(
    film: PartialFilm, size: int, outline: Outline, versions: tuple[int, int], seed: tuple[int, ...]
) -> list[Entry]:
    known = known_planes(film)
    drawn = _drawn(known.frame, outline(known.frame))
    if not _is_frontal(drawn) or not _shows_a_belly(drawn):
        return []
    shown = KnownPlanes(known.frame, known.bits, known.unknown, known.letterbox, drawn)
    return put_in(shown, size, versions, seed, "crescent")


def _is_frontal(drawn: dict[str, NDArray[np.uint8]]) -> bool:
    """Two lungs beside each other; a lateral chest shows one over the other, and its domes are no domes."""
    if "lungs" not in drawn:
        return False
    _, _, stats, middles = cv2.connectedComponentsWithStats(drawn["lungs"])
    order = np.argsort(stats[1:, cv2.CC_STAT_AREA])[::-1][:2] + 1
    if len(order) < 2:
        return False
    larger, smaller = stats[order, cv2.CC_STAT_AREA]
    apart = np.abs(middles[order[0]] - middles[order[1]])
    return bool(smaller > _SMALLER_LUNG * larger and apart[0] > apart[1])


def _shows_a_belly(drawn: dict[str, NDArray[np.uint8]]) -> bool:
    return "abdominal_cavity" in drawn and drawn["abdominal_cavity"].mean() > _LEAST_BELLY


def _drawn(frame: FloatArray, masks: Mapping[str, Mask]) -> dict[str, NDArray[np.uint8]]:
    grey = np.asarray(np.rint(frame * 255), np.uint8)
    return {name: mask.astype(np.uint8) for name, mask in structures_from_channels(grey, masks).items()}
