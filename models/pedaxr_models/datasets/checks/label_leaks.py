"""How well a label can be guessed without looking at the bowel, and which films appear in two splits.

A network trained on data with such leaks learns the leak. Each probe takes a part of the data that ought to
say little, and trains two classifiers on it that are too simple to learn anatomy.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.checks.leak_probes import Floats, cross_validated
from pedaxr_models.datasets.checks.near_duplicates import Duplicate, across_splits, fingerprint
from pedaxr_models.datasets.film import Film, FloatArray, read_masks
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.datasets.splits import patient_key
from pedaxr_models.labels import CHANNELS, LABELS, Structure, View

LIMIT = 0.40  # six labels in equal shares: chance is 0.17
_SIDE = 512
_STRIP = 40
_SMALL = 64
# The hidden box on a 512-pixel film, from the middle of L2: the same on every film, so that it says nothing.
_BOX_UP, _BOX_DOWN, _BOX_HALF_WIDTH = 165, 300, 190
_GUT = (Structure.STOMACH, Structure.COLON, Structure.SMALL_BOWEL_GAS, Structure.STOOL)
_PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)


@dataclass(frozen=True)
class Probe:
    """One part of the data, and how much of the label it gives away.

    Attributes:
        linear, gaussian: accuracy of each classifier by cross-validation over patients.
        limit: above which the data should not be used; None where the figure is only shown.
    """

    name: str
    linear: float
    gaussian: float
    limit: float | None

    @property
    def accuracy(self) -> float:
        """The better classifier's."""
        return max(self.linear, self.gaussian)

    @property
    def is_leak(self) -> bool:
        """Whether the limit is exceeded."""
        return self.limit is not None and self.accuracy > self.limit


@dataclass(frozen=True)
class LeakReport:
    """What `find_leaks` measured.

    Attributes:
        chance: share of the commonest label, which guessing reaches.
        gut_outside: mean share of each film's gut that the hidden box leaves in view; None without masks.
        duplicates: pairs of file names across splits.
    """

    films: int
    patients: int
    chance: float
    probes: tuple[Probe, ...]
    gut_outside: float | None
    duplicates: tuple[tuple[str, str, bool], ...]

    @property
    def is_clean(self) -> bool:
        """No probe above its limit and no film on two sides."""
        return not self.duplicates and not any(probe.is_leak for probe in self.probes)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "is_clean": self.is_clean}


def find_leaks(
    films: Sequence[Film],
    *,
    seed: int = 0,
    most: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> LeakReport:
    """Probe a data set.

    Args:
        films: with labels; films without one only count as possible duplicates.
        seed: of the folds and of the choice of films.
        most: films that are probed; all are looked through for duplicates.
        progress: called with (films read, films in all).

    Raises:
        ValueError: too few films, or a film that cannot be read.
    """
    labelled = [i for i, film in enumerate(films) if film.label in LABELS]
    if len(labelled) < 30 or len({films[i].label for i in labelled}) < 2:
        raise ValueError("The leak check needs at least 30 films of two labels or more.")
    views, prints, outside = [], [], []
    for number, film in enumerate(films, start=1):
        pixels = _on_canvas(read_pixels(film.image_path))
        bits = read_masks(film.mask_path) if film.mask_path else None
        views.append(_pixel_features(pixels, bits))
        prints.append(fingerprint(pixels))
        outside.append(_gut_outside(bits))
        if progress is not None:
            progress(number, len(films))
    order = np.random.default_rng(seed).permutation(len(labelled))
    labelled = sorted(labelled[i] for i in order[:most])
    labels = np.array([LABELS.index(films[i].label or "") for i in labelled])
    keys = sorted({patient_key(film) for film in films})
    patients = np.array([keys.index(patient_key(films[i])) for i in labelled])
    probes = tuple(
        _probe(name, features[labelled], labels, patients, limit, seed)
        for name, features, limit in _parts(films, views)
    )
    shares = [share for share in outside if share is not None]
    return LeakReport(
        films=len(films),
        patients=len(set(patients.tolist())),
        chance=float(np.bincount(labels).max() / len(labels)),
        probes=probes,
        gut_outside=float(np.mean(shares)) if shares else None,
        duplicates=tuple(_named(films, pair) for pair in across_splits(prints, [f.split for f in films])),
    )


def _probe(
    name: str,
    features: Floats,
    labels: NDArray[np.intp],
    patients: NDArray[np.intp],
    limit: float | None,
    seed: int,
) -> Probe:
    linear, gaussian = (cross_validated(features, labels, patients, seed=seed) == labels).mean(1)
    return Probe(name, float(linear), float(gaussian), limit)


def _named(films: Sequence[Film], pair: Duplicate) -> tuple[str, str, bool]:
    return films[pair.first].image_path.name, films[pair.second].image_path.name, pair.is_exact


def _parts(
    films: Sequence[Film], pixels: Sequence[dict[str, FloatArray]]
) -> Iterator[tuple[str, Floats, float | None]]:
    """Name, features (n, d) and limit of each probe."""
    seen = np.array([_metadata(film) for film in films])
    words = _words([film.metadata.indication or "" for film in films])
    yield "metadata: age, sex, view", seen, LIMIT
    yield "metadata with the request's words", np.concatenate([seen, words], 1), LIMIT
    yield "view alone", seen[:, -len(View) :], None
    for name, limit in (
        ("grey statistics", None),
        ("top and bottom 40 rows", None),
        ("film with the abdomen hidden", LIMIT),
        ("16 x 16 thumbnail", None),
    ):
        yield name, np.array([features[name] for features in pixels], np.float64), limit


def _metadata(film: Film) -> list[float]:
    """Age on several scales, so that a linear classifier can tell bands, sex, and view last."""
    m = film.metadata
    age = -1.0 if m.age_months is None else m.age_months
    ages = [age, np.log1p(max(0.0, age)), *(float(age < edge) for edge in (0, 0.5, 1, 3, 6, 24, 72, 144))]
    sexes = [float(m.patient_sex == sex) for sex in ("M", "F")]
    return [*ages, *sexes, *(float(m.view is view) for view in View)]


def _words(texts: Sequence[str]) -> Floats:
    """(n, words) 1 where a request holds a word that at least two requests hold."""
    split = [set(text.casefold().replace(",", " ").split()) for text in texts]
    counted = sorted({word for words in split for word in words})
    table = np.array([[word in words for word in counted] for words in split], np.float64)
    return table.reshape(len(texts), -1)[:, table.reshape(len(texts), -1).sum(0) > 1]


def _on_canvas(pixels: FloatArray) -> FloatArray:
    """The film on 512 x 512, as its network sees it but for the bars."""
    if pixels.shape == (_SIDE, _SIDE):
        return pixels
    return np.asarray(cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _pixel_features(pixels: FloatArray, bits: NDArray[np.uint32] | None) -> dict[str, FloatArray]:
    strips = np.concatenate([pixels[:_STRIP], pixels[-_STRIP:]])
    return {
        "grey statistics": _grey_statistics(pixels),
        "top and bottom 40 rows": cv2.resize(strips, (_SMALL, 8), interpolation=cv2.INTER_AREA).ravel(),
        "film with the abdomen hidden": _shrunk(_hidden(pixels, bits), _SMALL),
        "16 x 16 thumbnail": _shrunk(pixels, 16),
    }


def _shrunk(pixels: FloatArray, side: int) -> FloatArray:
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), np.float32).ravel()


def _grey_statistics(pixels: FloatArray) -> FloatArray:
    """Mean, spread, percentiles and a histogram of 16 bins, in [0, 1]; sorting once gives the last two."""
    ordered = np.sort(pixels, axis=None)
    at = np.array(_PERCENTILES) / 100 * (len(ordered) - 1)
    below, share = at.astype(int), at % 1
    percentiles = ordered[below] * (1 - share) + ordered[below + 1] * share
    edges = np.searchsorted(ordered, np.arange(1, 16, dtype=np.float32) / 16)
    histogram = np.diff(edges, prepend=0, append=pixels.size) / pixels.size
    return np.concatenate([[pixels.mean(), pixels.std()], percentiles, histogram]).astype(np.float32)


def _hidden(pixels: FloatArray, bits: NDArray[np.uint32] | None) -> FloatArray:
    hidden = pixels.copy()
    hidden[_box(bits)] = 0.5
    return hidden


def _box(bits: NDArray[np.uint32] | None) -> tuple[slice, slice]:
    """The box round the abdomen; round the middle of the film where L2 is not known."""
    row, column = 0.42 * _SIDE, 0.5 * _SIDE
    if bits is not None and (l2 := _plane(bits, Structure.L2_BODY)).any():
        rows, columns = np.nonzero(l2)
        scale = _SIDE / bits.shape[0]
        row, column = float(rows.mean()) * scale, float(columns.mean()) * scale
    top, bottom = max(0, round(row) - _BOX_UP), min(_SIDE, round(row) + _BOX_DOWN)
    left, right = max(0, round(column) - _BOX_HALF_WIDTH), min(_SIDE, round(column) + _BOX_HALF_WIDTH)
    return slice(top, bottom), slice(left, right)


def _plane(bits: NDArray[np.uint32], channel: str) -> NDArray[np.bool_]:
    return np.asarray(bits >> np.uint32(CHANNELS.index(channel)) & np.uint32(1), bool)


def _gut_outside(bits: NDArray[np.uint32] | None) -> float | None:
    """Share of the gut that the box leaves in view."""
    if bits is None or bits.shape != (_SIDE, _SIDE):
        return None
    gut = np.any([_plane(bits, structure) for structure in _GUT], axis=0)
    total = int(gut.sum())
    gut[_box(bits)] = False
    return float(gut.sum() / total) if total else None
