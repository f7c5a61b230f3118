"""Real films, and the same with free air put in, as arrays to draw batches from."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.partial_truth import PartialFilm, Presence
from pedaxr_models.labels import CHANNELS, Finding
from pedaxr_models.pasting.free_air import Kind, put_free_air
from pedaxr_models.pasting.mimics import put_mimic
from pedaxr_models.segmentation.mixed.known_planes import KnownPlanes, known_planes
from pedaxr_models.segmentation.transforms import resize, scaled

FREE_AIR = np.uint32(1 << CHANNELS.index(Finding.PNEUMOPERITONEUM))
_RIM_PX = 5  # of the 512 frame, round a pasted finding, where its edge is not believed


@dataclass(frozen=True)
class RealFilms:
    """Films at one resolution, with what is known of each.

    Attributes:
        films: (N, S, S) uint8, bone bright.
        bits, unknown: (N, S, S) uint32, see `KnownPlanes`.
        content: (N, 4) first and last + 1 row, first and last + 1 column that hold film.
        of: the record of each.
        is_pasted: (N,) whether free air was put in; its record is that of the untouched film, as is that of a
            version with something that only looks like it.
    """

    films: NDArray[np.uint8]
    bits: NDArray[np.uint32]
    unknown: NDArray[np.uint32]
    content: NDArray[np.int32]
    of: tuple[PartialFilm, ...]
    is_pasted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.of)


Entry = tuple[NDArray[np.uint8], NDArray[np.uint32], NDArray[np.uint32], list[int], bool]


def rasterise_real(
    films: Sequence[PartialFilm],
    size: int,
    *,
    pastes: int = 0,
    mimics: int = 0,
    seed: int = 0,
    threads: int = 1,
) -> RealFilms:
    """All films at `size`, and of each that surely shows no free air `pastes` versions with some.

    Of those also `mimics` versions with what only looks like it. A version for which the film has no room is
    left out.
    """
    counts = (pastes, mimics)
    with ThreadPoolExecutor(threads) as pool:
        made = list(pool.map(lambda i: _entries(films[i], size, counts, (seed, i)), range(len(films))))
    return stack(films, made)


def stack(films: Sequence[PartialFilm], made: Sequence[Sequence[Entry]]) -> RealFilms:
    """Entries of each film as arrays; there is at least one entry."""
    entries = [entry for group in made for entry in group]
    planes = [np.stack([entry[i] for entry in entries]) for i in range(3)]
    return RealFilms(
        films=planes[0].astype(np.uint8),
        bits=planes[1].astype(np.uint32),
        unknown=planes[2].astype(np.uint32),
        content=np.array([entry[3] for entry in entries], np.int32),
        of=tuple(film for film, group in zip(films, made, strict=True) for _ in group),
        is_pasted=np.array([entry[4] for entry in entries], bool),
    )


def join(parts: Sequence[RealFilms]) -> RealFilms:
    """All films of all parts."""
    return RealFilms(
        films=np.concatenate([part.films for part in parts]),
        bits=np.concatenate([part.bits for part in parts]),
        unknown=np.concatenate([part.unknown for part in parts]),
        content=np.concatenate([part.content for part in parts]),
        of=tuple(film for part in parts for film in part.of),
        is_pasted=np.concatenate([part.is_pasted for part in parts]),
    )


def _entries(film: PartialFilm, size: int, counts: tuple[int, int], seed: tuple[int, int]) -> list[Entry]:
    """The untouched film first."""
    known = known_planes(film)
    entries = [entry_of(known, size)]
    can_be_pasted = film.says(Finding.PNEUMOPERITONEUM) is Presence.ABSENT
    if can_be_pasted and "abdominal_cavity" in known.drawn:
        entries += put_in(known, size, counts, seed)
    return entries


def put_in(
    known: KnownPlanes, size: int, counts: tuple[int, int], seed: tuple[int, ...], kind: Kind | None = None
) -> list[Entry]:
    """Versions of a film with free air put in, and with what only looks like it.

    Args:
        known: the film, with its `abdominal_cavity` drawn.
        size: of the entries.
        counts: how many of each are tried; those for which there is no room are left out.
        seed: equal seeds give equal versions.
        kind: the sign; any when None.
    """
    pastes, mimics = counts
    pasted = (paste_free_air(known, np.random.default_rng((*seed, n)), kind) for n in range(pastes))
    mimicked = (_paste_mimic(known, np.random.default_rng((*seed, n, 1))) for n in range(mimics))
    entries = [entry_of(made, size, is_pasted=True) for made in pasted if made is not None]
    return entries + [entry_of(made, size) for made in mimicked if made is not None]


def paste_free_air(
    known: KnownPlanes, rng: np.random.Generator, kind: Kind | None = None
) -> KnownPlanes | None:
    """The film with free air in it, and its mask; None where it has no room or nothing would be seen."""
    made = put_free_air(*_to_paste_into(known), rng, kind=kind)
    if made is None:
        return None
    rim = cv2.dilate(made.mask.astype(np.uint8), np.ones((2 * _RIM_PX + 1,) * 2, np.uint8)) > 0
    unknown = np.where(rim & ~made.mask, known.unknown | FREE_AIR, known.unknown)
    return replace(
        known,
        frame=_in_unit(made.film),
        bits=np.where(made.mask, known.bits | FREE_AIR, known.bits),
        unknown=np.where(made.mask, unknown & ~FREE_AIR, unknown),
    )


def _paste_mimic(known: KnownPlanes, rng: np.random.Generator) -> KnownPlanes | None:
    made = put_mimic(*_to_paste_into(known), rng)
    return None if made is None else replace(known, frame=_in_unit(made.film))


def _to_paste_into(known: KnownPlanes) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]:
    grey = np.round(known.frame * 255).astype(np.uint8)
    return grey, {name: plane > 0 for name, plane in known.drawn.items()}


def _in_unit(film: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (film / np.float32(255)).astype(np.float32)


def entry_of(known: KnownPlanes, size: int, *, is_pasted: bool = False) -> Entry:
    """A film with what is known of it at a size."""
    rows, columns = scaled(known.letterbox.content, size)
    film = (resize(known.frame, size, size) * 255).round().clip(0, 255).astype(np.uint8)
    bits, unknown = (_nearest(plane, size) for plane in (known.bits, known.unknown))
    return film, bits, unknown, [rows.start, rows.stop, columns.start, columns.stop], is_pasted


def _nearest(bits: NDArray[np.uint32], size: int) -> NDArray[np.uint32]:
    # Seen as floats, which OpenCV resizes without computing anything.
    small = cv2.resize(bits.view(np.float32), (size, size), interpolation=cv2.INTER_NEAREST)
    return np.asarray(small).view(np.uint32)
