"""One film's outlines and decisions as any format gives them, and outlines as polygons and back."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.clinic.annotate import Decision
from pedaxr.errors import InvalidRequest
from pedaxr.text import printable
from pedaxr_models.datasets import fields
from pedaxr_models.datasets.read_report import RowError
from pedaxr_models.datasets.shapes import check_unit
from pedaxr_models.labels import FINDINGS, NORMAL, SIGNS, TERMS, Finding, Structure
from pedaxr_models.written.numbers import parse_number

BoolArray = NDArray[np.bool_]
Polygon = list[list[float]]
MOST_SIDE = 30_000  # pixels
_MOST_PIECES = 500  # and holes, of a mask that becomes polygons
UNNAMED = "(no name)"  # of an outline that nobody gave a label
NOTHING = fields.NOTHING
# Structures that nobody names for a finding in them, as "stool" may be.
_PLAIN = (
    Structure.LUNGS,
    Structure.HEART,
    Structure.LIVER,
    Structure.SPINE,
    Structure.RIBS,
    Structure.PELVIS,
)


@dataclass(frozen=True)
class OutlinedFilm:
    """What a file says of one film.

    Attributes:
        name: of the film in that file: a study id, or the name of a picture without its suffix.
        masks: (rows, columns) by finding that is outlined.
        decisions: of every finding that is decided on; an outline without one counts as corrected.
        is_unsuitable: the film cannot be read, or is none.
        file: the stem of the annotations' own file, where each film has one: pictures are renamed.
        sha256, sop_instance_uid: of the film's file, where the format names them.
        author: who outlined it, where the format says.
        without_outline: findings said to be there that nobody outlined.
        unknown_labels: of what was outlined under a name that is not understood.
        problem: why nothing of it can be used; empty where it can.
    """

    name: str
    masks: Mapping[Finding, BoolArray] = field(default_factory=dict)
    decisions: Mapping[Finding, Decision] = field(default_factory=dict)
    is_unsuitable: bool = False
    file: str = ""
    sha256: str = ""
    sop_instance_uid: str = ""
    author: str = ""
    without_outline: tuple[Finding, ...] = ()
    unknown_labels: tuple[str, ...] = ()
    problem: str = ""

    @property
    def says_nothing(self) -> bool:
        """Whether its picture is listed and nothing is said of it."""
        return not (self.decisions or self.without_outline or self.unknown_labels or self.problem) and (
            not self.is_unsuitable
        )


def together(films: Sequence[OutlinedFilm]) -> OutlinedFilm:
    """All that a source says of one film in several places.

    Raises:
        InvalidRequest: they outline or decide on one finding in different ways, and none is chosen.
    """
    whole = films[0]
    for film in films[1:]:
        if any(_differ(whole, film, finding) for finding in whole.decisions.keys() & film.decisions.keys()):
            raise InvalidRequest(
                "the source holds it more than once, and one finding differently; import one of them at a "
                "time"
            )
        masks, decisions = {**whole.masks, **film.masks}, {**whole.decisions, **film.decisions}
        whole = replace(
            whole,
            masks=masks,
            decisions=decisions,
            is_unsuitable=whole.is_unsuitable or film.is_unsuitable,
            without_outline=not_outlined((*whole.without_outline, *film.without_outline), masks, decisions),
            unknown_labels=tuple(sorted({*whole.unknown_labels, *film.unknown_labels})),
        )
    return whole


def _differ(one: OutlinedFilm, other: OutlinedFilm, finding: Finding) -> bool:
    if one.decisions[finding] != other.decisions[finding]:
        return True
    first, second = one.masks.get(finding), other.masks.get(finding)
    return first is not None and second is not None and not np.array_equal(first, second)


@contextmanager
def also_called(labels: Mapping[str, str]) -> Iterator[None]:
    """Read labels of a hospital's own as ours, or as normal: `{"PNP": "pneumoperitoneum"}`.

    Raises:
        InvalidRequest: what a label is to mean is neither a finding, nor normal, nor `NOTHING`.
    """
    for theirs, ours in labels.items():
        if finding_named(ours) is None and not is_normal(ours) and ours != NOTHING:
            known = ", ".join((*(finding.value for finding in FINDINGS), NORMAL, NOTHING))
            raise InvalidRequest(f"{theirs[:40]}={ours[:40]}: {ours[:40]!r} is not one of {known}.")
    token = _OWN_NAMES.set({_key(theirs): ours for theirs, ours in labels.items()})
    try:
        yield
    finally:
        _OWN_NAMES.reset(token)


_NO_FINDINGS = frozenset(
    name.casefold().replace("_", " ").removesuffix("s")
    for structure in _PLAIN
    for name in (structure.value, TERMS[structure].english, TERMS[structure].korean)
) | {"body", "abdominal cavity", "abdomen", "marker", "letter"}
_OWN_NAMES: ContextVar[Mapping[str, str]] = ContextVar("pedaxr_own_names", default=MappingProxyType({}))


def _key(label: str) -> str:
    return unicodedata.normalize("NFC", label).strip().casefold()


def _ours(label: str) -> str:
    return _OWN_NAMES.get().get(_key(label), label)


def finding_named(text: object) -> Finding | None:
    """The finding that a label of another program means, in any spelling; None for anything else."""
    written = _ours(printable(str(text), 100).strip())
    if written.casefold() in _BY_SIGN:
        return _BY_SIGN[written.casefold()]
    try:
        label = fields.parse_label(written.replace("_", " "))
    except RowError:
        return None
    return None if label == NORMAL else Finding(label)


def not_understood(labels: Iterable[object]) -> tuple[str, ...]:
    """The labels that name neither a finding nor a normal film; `UNNAMED` for an outline without one."""
    written = {printable(str(label), 60).strip() for label in labels if finding_named(label) is None}
    return tuple(
        sorted(label or UNNAMED for label in written if not is_normal(label) and _ours(label) != NOTHING)
    )


def may_mean_a_finding(label: str) -> bool:
    """Whether a label that is not understood may mean a finding: an abbreviation, a word misspelt, or none.

    The names of bones and solid organs do not.
    """
    return label == UNNAMED or _key(label).replace("_", " ").removesuffix("s") not in _NO_FINDINGS


def is_normal(label: str) -> bool:
    """Whether a label calls a film normal."""
    try:
        return fields.parse_label(_ours(label).replace("_", " ")) == NORMAL
    except RowError:
        return False


_BY_SIGN = {sign.casefold(): Finding(name) for name, sign in SIGNS.items()} | {
    "free_air": Finding.PNEUMOPERITONEUM
}


def read_presence(said: object) -> dict[Finding, Decision]:
    """`{"constipation": "absent"}` as decisions; what is present says nothing without an outline."""
    words: dict[str, Decision] = {"absent": "rejected", "uncertain": "uncertain"}
    if not isinstance(said, Mapping):
        return {}
    found = ((finding_named(name), str(word)) for name, word in said.items())
    return {finding: words[word] for finding, word in found if finding is not None and word in words}


def presence_of(said: object) -> tuple[Finding, ...]:
    """The findings that `{"constipation": "present"}` names."""
    if not isinstance(said, Mapping):
        return ()
    named = (finding_named(name) for name, word in said.items() if str(word) == "present")
    return tuple(finding for finding in named if finding is not None)


def absent_where_normal(labels: Iterable[object], shown: Iterable[Finding]) -> dict[Finding, Decision]:
    """Every finding as absent on a film that a label calls normal. Raises InvalidRequest: it shows one."""
    if not any(is_normal(str(label)) for label in labels):
        return {}
    if found := next(iter(shown), None):
        raise InvalidRequest(f"it is labelled normal and {found.value.replace('_', ' ')}; keep one of them")
    return dict.fromkeys(FINDINGS, "rejected")


def not_outlined(
    shown: Iterable[Finding], masks: Mapping[Finding, BoolArray], decisions: Mapping[Finding, Decision]
) -> tuple[Finding, ...]:
    """Findings marked by a point, a line or a tag alone: they are there, and nobody outlined them."""
    bare = set(shown) - set(masks) - set(decisions)
    return tuple(finding for finding in FINDINGS if finding in bare)


def read_or_told(name: str, read: Callable[[], OutlinedFilm]) -> OutlinedFilm:
    """One film of a source; what is wrong with it keeps no other film out."""
    try:
        return read()
    except InvalidRequest as err:
        return OutlinedFilm(name=name, problem=str(err))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
        return OutlinedFilm(
            name=name,
            problem="one of its outlines is damaged: it lacks points or a label, or does not fill its film. "
            "Export it again.",
        )


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Say of whatever is wrong with one outline where in its file it stands. Raises InvalidRequest."""
    try:
        yield
    except InvalidRequest as err:
        raise InvalidRequest(f"{place}: {err}") from err
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as err:
        raise InvalidRequest(
            f"{place} is damaged: its points are missing, are no numbers, or do not fill the film. Export it "
            "again."
        ) from err


def checked_size(height: object, width: object, name: str) -> tuple[int, int]:
    """Rows and columns of a film. Raises InvalidRequest: they are no size of a film."""
    try:
        rows, columns = (parse_number(str(side)) for side in (height, width))
    except ValueError:
        rows = columns = 0.0
    if not all(side.is_integer() and 0 < side <= MOST_SIDE for side in (rows, columns)):
        raise InvalidRequest(f"{printable(name, 80)}: the film's height and width are missing or impossible.")
    return int(rows), int(columns)


def filled(polygons: Sequence[Sequence[Sequence[float]]], size: tuple[int, int]) -> BoolArray:
    """Polygons, x and y at pixel centres, filled at a film's (rows, columns); overlaps are one region.

    A polygon that runs back along itself leaves a hole, as does one that crosses itself (even-odd, as COCO's
    and LabelMe's own tools fill); its own border is inside. Fewer than three points outline nothing.
    """
    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        points = np.asarray(polygon, np.float64).reshape(-1, 2)
        if len(points) > 2 and np.isfinite(points).all() and np.abs(points).max() <= 4 * MOST_SIDE:
            one = np.zeros(size, np.uint8)
            cv2.fillPoly(one, [np.round(points * 16).astype(np.int32)], (1,), shift=4)
            mask |= one
    return mask.astype(bool)


def filled_if_meant(polygons: Sequence[Sequence[Sequence[float]]], size: tuple[int, int]) -> BoolArray:
    """`filled`, for what another program drew.

    Raises:
        InvalidRequest: an outline is in shares or percent of the picture, leaves it, or has no numbers.
    """
    for polygon in polygons:
        points = np.asarray(polygon, np.float32).reshape(-1, 2)
        if not np.isfinite(points).all():
            raise InvalidRequest("a point of an outline is not two finite numbers; draw it again")
        if len(points) > 2:
            try:
                check_unit(points, (size[1], size[0]))
            except RowError as err:
                raise InvalidRequest(str(err)) from err
    return filled(polygons, size)


def exact_polygons(mask: BoolArray) -> list[Polygon] | None:
    """Polygons that `filled` makes the very mask of; None where there are none, as of some holes and specks.

    A hole is reached along a slit in its piece. A mask of very many pieces, as noise is, has none either.
    """
    borders, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if tree is None:
        return []
    if len(borders) > _MOST_PIECES:
        return None
    polygons = []
    for index, (border, (_, _, _, parent)) in enumerate(zip(borders, tree[0], strict=True)):
        if parent >= 0:
            continue
        holes = [b[:, 0] for b, (_, _, _, of) in zip(borders, tree[0], strict=True) if of == index]
        polygons.append(_with_slits(border[:, 0], holes))
    if any(len(polygon) < 3 for polygon in polygons) or not np.array_equal(
        filled(polygons, _size(mask)), mask
    ):
        return None
    return polygons


def _size(mask: BoolArray) -> tuple[int, int]:
    return mask.shape[0], mask.shape[1]


def _with_slits(border: NDArray[np.int32], holes: Sequence[NDArray[np.int32]]) -> Polygon:
    """One outline (n, 2) that goes into each hole where it is nearest, round it, and back."""
    outline = border
    for hole in holes:
        away = ((outline[:, None] - hole[None]) ** 2).sum(axis=2)
        at, into = np.unravel_index(int(away.argmin()), away.shape)
        round_it = np.concatenate([hole[into:], hole[: into + 1]])
        outline = np.concatenate([outline[: at + 1], round_it, outline[at:]])
    return [[float(x), float(y)] for x, y in outline]


def decided(
    masks: Mapping[Finding, BoolArray], decisions: Mapping[Finding, Decision]
) -> dict[Finding, Decision]:
    """Every decision, in the order of the vocabulary: outlines without one count as corrected."""
    every: dict[Finding, Decision] = {**dict.fromkeys(masks, "corrected"), **decisions}
    return {finding: every[finding] for finding in FINDINGS if finding in every}
