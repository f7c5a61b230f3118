"""A second look at the same film, hung another way: is it mirrored, upside down, or two films in one?

A network may find an organ by its place as much as by its look, so that a film hung wrongly is outlined as if
it were not, only with less confidence. A film whose outlines are uncertain enough is therefore segmented
again, turned by half, and mirrored if that tells anything of the network in use; if it is clearly more
certain the other way round, it was hung wrongly. The bundled network learned from mirrored films: it outlines
organs where they lie, and their places tell (`positioning`).

Two exposed fields in one picture are refused before any network looks (`refuse_two_fields`). A picture that
is wide, tall or has two spines is also segmented half by half: two bodies are more certain
apart, or show a spine, a liver and a pelvis each.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.reading.notes import Note, NoteKind
from pedaxr.reading.operating_points import NEVER
from pedaxr_models.labels import CHANNELS, Structure
from pedaxr_models.segmentation.landmarks import box_of
from pedaxr_models.segmentation.transforms import FRAME

if TYPE_CHECKING:
    from pedaxr.reading.operating_points import OperatingPoints
    from pedaxr_models.segmentation.film_segmenter import Segmentation

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]

ONE_SIDED = (Structure.LIVER, Structure.STOMACH, Structure.HEART)
UPRIGHT = (Structure.LIVER, Structure.STOMACH, Structure.SPINE, Structure.RIBS)
_LOOKED_AT_PX = 256  # longest side when borders are looked for
_BLACK, _WHITE = 0.02, 0.98
_STEP = 4  # every fourth row and column says as much
_LEAST_SEEN_PX = 200  # expected, of the frame, for a look to count
_WIDE, _TALL = 1.3, 1.7  # of one side to the other; films of one child stay below
_SURER_APART = 0.05
# Where each half shows an abdomen: of 21 pictures of two shifted films the halves are surer by -0.23 to 1.04,
# of wide parts of one film that show parts of each organ in both halves by -0.52 and less.
_AS_SURE_APART = -0.35
_ABDOMEN = {Structure.SPINE: 0.01, Structure.LIVER: 0.02, Structure.PELVIS: 0.02}  # least shares of a film
_LEAST_SECOND_SPINE = 0.15  # of the longer one's area
_LEAST_SPINE_SHAPE = 2.0  # height to mean width
_SPINES_APART = 2.5  # mean widths
_MIRRORED = Note(
    NoteKind.DOUBT,
    "The outlines are surer with the film mirrored, so left and right may be exchanged.",
)
_FIELDS_PX = 160  # longest side when fields are looked for
_FIELD_LEVELS = (1.0, 0.75, 0.6)  # of Otsu's threshold: a field may be as dark as half the other
_LEAST_FIELD, _LEAST_FIELD_HEIGHT, _MOST_SHARED = 0.1, 0.45, 0.03  # of the picture, its height, its width
_PAINTED = 0.05  # of the picture: a film has hardly any of 256 greys as often, but black and white
_TURNED = Note(
    NoteKind.DOUBT, "The outlines are surer with the film upside down, so it may hang the wrong way up."
)


class Looks:
    """How unsure the outlines of one film are, as stored and otherwise; each other look is made once.

    Unsureness is the entropy of the probabilities of some channels, in nats, over the pixels that they are
    expected to fill; infinite where hardly any is.
    """

    def __init__(
        self,
        segmentation: "Segmentation",
        film: FloatArray,
        segment: Callable[[FloatArray, Sequence[str]], "Segmentation"],
    ) -> None:
        self._stored = segmentation
        self._film = film
        self._segment = segment

    @cached_property
    def sides(self) -> float:
        """Of the organs that lie on one side, as stored."""
        return unsureness(self._stored, ONE_SIDED)

    @cached_property
    def upright(self) -> float:
        """Of what tells up from down, as stored."""
        return unsureness(self._stored, UPRIGHT)

    @cached_property
    def sides_mirrored(self) -> float:
        """Of the organs that lie on one side, with the film mirrored."""
        return self._unsure(self._content[:, ::-1], ONE_SIDED)

    @cached_property
    def upright_turned(self) -> float:
        """Of what tells up from down, with the film turned by half."""
        return self._unsure(self._content[::-1, ::-1], UPRIGHT)

    @cached_property
    def upright_apart(self) -> float:
        """Of the less sure one of the picture's two halves, each looked at alone."""
        return max(unsureness(half, UPRIGHT) for half in self._apart)

    @cached_property
    def are_abdomens_apart(self) -> bool:
        """Whether each half alone shows spine, liver and pelvis: of one child a half lacks one of them."""
        return all(_share(half, organ) >= least for half in self._apart for organ, least in _ABDOMEN.items())

    @cached_property
    def _apart(self) -> list["Segmentation"]:
        halves = _halves(_shrunk(self._film[self._lit]))
        return [self._segment(half, (*UPRIGHT, Structure.PELVIS)) for half in halves]

    @cached_property
    def upright_together(self) -> float:
        """Of what tells up from down, on the whole picture: the network may have looked at a part of it."""
        return self._unsure(_shrunk(self._film[self._lit]), UPRIGHT)

    @cached_property
    def is_long(self) -> bool:
        """Whether what is exposed is wider or taller than a film of one child."""
        rows, columns = self._lit
        height, width = rows.stop - rows.start, columns.stop - columns.start
        return bool(width > _WIDE * height or height > _TALL * width)

    def _unsure(self, picture: FloatArray, channels: tuple[Structure, ...]) -> float:
        return unsureness(self._segment(picture, channels), channels)

    @property
    def _content(self) -> FloatArray:
        """The film as the network saw it, without the frame's padding: small, whatever the film's size."""
        frame: FloatArray = self._stored.frame_of(self._film)[self._stored.letterbox.content]
        return frame

    @cached_property
    def _lit(self) -> tuple[slice, slice]:
        """Rows and columns of the film without black and white borders; all where nothing would be left."""
        step = max(1, max(self._film.shape) // _LOOKED_AT_PX)
        thin = self._film[::step, ::step]
        lit = (thin > _BLACK) & (thin < _WHITE)
        rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
        if not len(rows):
            return slice(0, self._film.shape[0]), slice(0, self._film.shape[1])
        return (
            slice(int(rows[0]) * step, int(rows[-1] + 1) * step),
            slice(int(columns[0]) * step, int(columns[-1] + 1) * step),
        )


def hanging_doubts(looks: Looks, points: "OperatingPoints") -> list[Note]:
    """Doubts that the film hangs the right way round; empty where it is sure as stored, or surest so."""
    if (
        points.turned_looked_from < NEVER
        and looks.upright > points.turned_looked_from
        and surer_by(looks.upright, looks.upright_turned) > points.turned_surer_by
    ):
        return [_TURNED]
    if (
        points.mirrored_looked_from < NEVER
        and looks.sides > points.mirrored_looked_from
        and surer_by(looks.sides, looks.sides_mirrored) > points.mirrored_surer_by
    ):
        return [_MIRRORED]
    return []


def refuse_two_fields(film: FloatArray) -> None:
    """Raise NotAnAbdominalFilm where a long picture holds two exposed fields, one beyond the other.

    No network is asked: it may look at one of the two alone. A viewer's panels, each painted in one grey,
    are no fields.

    Args:
        film: (H, W) float32 in [0, 1], as stored.
    """
    height, width = film.shape
    if width <= _WIDE * height and height <= _TALL * width:
        return
    lying = _without_panels(film if width > height else np.ascontiguousarray(film.T))
    thumbnail = cv2.GaussianBlur(_shrunk(lying, _FIELDS_PX), (0, 0), 1.5)
    grey = np.round(np.clip(thumbnail, 0, 1) * 255).astype(np.uint8)
    level = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)[0]
    if any(_are_apart(np.asarray(grey > share * level)) for share in _FIELD_LEVELS):
        raise _two_films()


def _two_films() -> NotAnAbdominalFilm:
    return NotAnAbdominalFilm(
        "The picture seems to show two bodies, or two films in one: nothing is read into it. "
        "Export each film on its own."
    )


def _without_panels(film: FloatArray) -> FloatArray:
    """Black where the picture has a grey that it has too often for a film, exactly."""
    greys = np.round(np.clip(film, 0, 1) * 255).astype(np.uint8)
    is_painted = np.bincount(greys.ravel(), minlength=256) > _PAINTED * film.size
    return np.where(is_painted[greys], np.float32(0), film)


def _are_apart(bright: BoolArray) -> bool:
    """Whether the two largest pieces lie beside each other, both of them large and high."""
    opened = cv2.morphologyEx(bright.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    gap = max(3, len(bright) // 20) | 1  # closed: bowel gas is as dark as what surrounds a field
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    pieces = cv2.connectedComponentsWithStats(closed, connectivity=4)[2][1:]
    largest = sorted(pieces.tolist(), key=lambda piece: -piece[cv2.CC_STAT_AREA])[:2]
    are_fields = [
        area > _LEAST_FIELD * bright.size and height > _LEAST_FIELD_HEIGHT * len(bright)
        for _, _, _, height, area in largest
    ]
    if are_fields != [True, True]:
        return False
    first, second = sorted(largest)
    return bool(first[0] + first[cv2.CC_STAT_WIDTH] - second[0] <= _MOST_SHARED * bright.shape[1])


def refuse_two_bodies(looks: Looks, masks: Mapping[str, BoolArray]) -> None:
    """Raise NotAnAbdominalFilm where the picture's two halves are each a surer film than the whole."""
    if not (looks.is_long or has_two_spines(masks[Structure.SPINE])):
        return
    surer = surer_by(looks.upright_together, looks.upright_apart)
    if surer > (_AS_SURE_APART if looks.are_abdomens_apart else _SURER_APART):
        raise _two_films()


def has_two_spines(spine: BoolArray) -> bool:
    """Whether the mask (S, S) holds two upright columns beside each other."""
    inner = np.ascontiguousarray(spine[box_of(spine)]).view(np.uint8)
    if not inner.size:
        return False
    _, _, stats, centres = cv2.connectedComponentsWithStats(inner, connectivity=8)
    columns = sorted(zip(stats[1:], centres[1:, 0], strict=True), key=lambda one: -one[0][cv2.CC_STAT_AREA])
    if len(columns) < 2:
        return False
    (first, first_x), *others = columns
    return any(_stands_beside(first, other, abs(first_x - x)) for other, x in others)


def _stands_beside(first: NDArray[np.int32], other: NDArray[np.int32], apart: float) -> bool:
    top, height, area = (int(other[i]) for i in (cv2.CC_STAT_TOP, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
    first_top, first_height = int(first[cv2.CC_STAT_TOP]), int(first[cv2.CC_STAT_HEIGHT])
    first_area = int(first[cv2.CC_STAT_AREA])
    shared = min(top + height, first_top + first_height) - max(top, first_top)
    return (
        area > _LEAST_SECOND_SPINE * first_area
        and height * height > _LEAST_SPINE_SHAPE * area
        and shared > min(height, first_height) / 2
        and apart > _SPINES_APART * first_area / first_height
    )


def unsureness(segmentation: "Segmentation", channels: tuple[Structure, ...]) -> float:
    """Entropy of those channels on the film over the pixels they are expected to fill; see `Looks`."""
    rows, columns = segmentation.letterbox.content
    planes = [CHANNELS.index(channel) for channel in channels]
    p = segmentation.probabilities[planes, rows, columns][:, ::_STEP, ::_STEP].astype(np.float64)
    expected = float(p.sum()) * _STEP**2
    if expected < _LEAST_SEEN_PX:
        return float("inf")
    p = np.clip(p, 1e-6, 1 - 1e-6)
    entropy = -float((p * np.log(p) + (1 - p) * np.log1p(-p)).sum()) * _STEP**2
    return entropy / expected


def _share(segmentation: "Segmentation", organ: Structure) -> float:
    """Share of what is looked at that is outlined as one organ."""
    rows, columns = segmentation.letterbox.content
    return float((segmentation.probabilities[CHANNELS.index(organ), rows, columns] > 0.5).mean())


def _shrunk(picture: FloatArray, longest: int = FRAME) -> FloatArray:
    """At most as large as the network's frame, so that no look shrinks a large film again."""
    scale = longest / max(picture.shape)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _halves(picture: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Across the longer side."""
    height, width = picture.shape
    if width >= height:
        return picture[:, : width // 2], picture[:, width // 2 :]
    return picture[: height // 2], picture[height // 2 :]


def surer_by(stored: float, other: float) -> float:
    """How much surer the other look is: the logarithm of the ratio; 0 where either shows nothing."""
    if not np.isfinite([stored, other]).all():
        return 0.0
    return float(np.log(max(stored, 1e-9) / max(other, 1e-9)))
