"""Real pictures whose findings are partly known, as the report writer learns them.

Nobody wrote reports of them. What the writer learns to say of such a film is its own draft, put right where
the truth is known (self-training with corrected labels); of what is not known its finding head learns
nothing. Each film is shown in many looks, half of those that can have free air with some put in, so that it
does not learn that real films never show it.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.captioning.eyes.backbone import FilmBackbone
from pedaxr_models.captioning.eyes.kept_features import features_of
from pedaxr_models.captioning.inputs import ReaderFilms, open_pictures
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.datasets.partial_truth import PartialFilm, Presence, read_partial
from pedaxr_models.facts import FilmFacts, FindingFact
from pedaxr_models.facts import Presence as Said
from pedaxr_models.labels import FINDINGS, Finding, View
from pedaxr_models.report_text.parser import parse
from pedaxr_models.report_text.statements import ParsedFacts
from pedaxr_models.segmentation.augmentation import Augmentation
from pedaxr_models.segmentation.mixed.folds import left_out, other_halves
from pedaxr_models.segmentation.mixed.known_planes import KnownPlanes, known_planes
from pedaxr_models.segmentation.mixed.looks import add_margins, add_marks
from pedaxr_models.segmentation.mixed.real_cache import paste_free_air
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.transforms import FloatArray

# Neither mirrored nor turned by quarters: the report says on which side things lie.
_DISTORTED = Augmentation(makers=0.3)
_PUT_IN, _MARGINS, _MARKS = 0.5, 0.25, 0.35
_FEWER = 6
_AIR = Finding.PNEUMOPERITONEUM


@dataclass(frozen=True)
class Look:
    """One way in which a film is shown.

    Attributes:
        pixels: (512, 512) uint8, bone bright.
        findings: known to be there or not; those that are not in it are unknown.
    """

    pixels: NDArray[np.uint8]
    findings: Mapping[Finding, bool]

    def picture(self) -> FloatArray:
        """The film in [0, 1], as it is read from a file."""
        return np.asarray(self.pixels / np.float32(255), np.float32)


def learnt_films(folders: Sequence[Path], fold: int | None) -> list[PartialFilm]:
    """The films of the folders, without those that a run of this fold leaves out.

    Pictures of something else are among them: they show a reader of drawn films what real bone, lung and soft
    tissue look like where no finding is. A run of no fold leaves out half of them, too, to measure on.

    Raises:
        ValueError: a folder holds no film with partial truth.
    """
    films = [film for folder in folders for film in read_partial(folder)]
    away = {film.id for film in other_halves(films)[1]}
    children = left_out(films, fold)
    known = [film for film in films if film.findings and film.child not in children]
    return [film for film in known if film.is_abdomen or film.id not in away]


def looks_of(films: Sequence[PartialFilm], count: int) -> list[Look]:
    """`count` looks of each abdomen, the first as it is; the same ones every time.

    Of the other pictures, which are many, there is a sixth as many.
    """
    few = max(1, count // _FEWER)
    return [look for film in films for look in _looks(film, count if film.is_abdomen else few)]


def _looks(film: PartialFilm, count: int) -> Iterator[Look]:
    known = known_planes(film)
    said = {f: p is Presence.PRESENT for f, p in film.findings.items() if p is not Presence.UNCERTAIN}
    yield Look(_grey(known), said)
    for number in range(1, count):
        rng = np.random.default_rng((zlib.crc32(film.id.encode()), number))
        put_in = _with_free_air(known, said, rng)
        pixels = _distorted(put_in or known, rng)
        yield Look(pixels, said | {_AIR: True} if put_in else said)


def _with_free_air(
    known: KnownPlanes, said: Mapping[Finding, bool], rng: np.random.Generator
) -> KnownPlanes | None:
    """None where it shall have none, may have some already, or has no room for any."""
    if said.get(_AIR, True) or "abdominal_cavity" not in known.drawn or rng.random() > _PUT_IN:
        return None
    return paste_free_air(known, rng)


def _grey(known: KnownPlanes) -> NDArray[np.uint8]:
    return np.asarray((known.frame * 255).round().clip(0, 255), np.uint8)


def _distorted(known: KnownPlanes, rng: np.random.Generator) -> NDArray[np.uint8]:
    rows, columns = known.letterbox.content
    film, _ = _DISTORTED.distort(_grey(known), [], rng)
    if rng.random() < _MARGINS:
        film, _ = add_margins(film, [], (rows.start, rows.stop, columns.start, columns.stop), rng)
    return add_marks(film, rng) if rng.random() < _MARKS else film


def open_looks(
    looks: Sequence[Look],
    segmenter: Segmenter,
    backbone: FilmBackbone | None,
    writer: Reporter,
    folder: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> ReaderFilms:
    """The looks as the writer takes them, each with what it is to say of it; kept in `folder`.

    Args:
        looks: of the films to learn from.
        segmenter: whose outlines the writer reads.
        backbone: that is its eyes; None: it has none.
        writer: before the training; it drafts what is put right.
        folder: that keeps what the frozen networks see.
        progress: is told of each look.
    """
    pictures, names = (
        [look.picture for look in looks],
        [str(zlib.crc32(look.pixels.tobytes())) for look in looks],
    )
    size = writer.network.config.image_size
    seen = open_pictures(pictures, names, segmenter, folder, size, progress=progress)
    blank = FilmFacts(View.SUPINE, tuple(_plain(finding, False) for finding in FINDINGS))
    known = np.array([[finding in look.findings for finding in FINDINGS] for look in looks])
    opened = ReaderFilms(*seen, [blank] * len(looks), [FilmMetadata()] * len(looks), known=known)
    if backbone is not None:
        opened = replace(opened, features=features_of(pictures, names, backbone, folder))
    drafts = map(parse, writer.describe_cached(opened, range(len(looks))))
    facts = [put_right(draft, look.findings) for draft, look in zip(drafts, looks, strict=True)]
    return replace(opened, facts=facts)


def put_right(drafted: ParsedFacts, known: Mapping[Finding, bool]) -> FilmFacts:
    """The facts of a draft with what is known of the findings in the place of what it says of them.

    A finding that is there keeps the draft's particulars, where the draft saw it; of one that is neither
    known nor drafted nothing is said.
    """
    said = {fact.finding: fact for fact in drafted.findings}

    def fact(finding: Finding) -> FindingFact:
        draft = said.get(finding)
        is_there = known.get(finding, draft is not None and draft.is_present)
        return draft if is_there and draft is not None and draft.is_present else _plain(finding, is_there)

    findings = tuple(fact(finding) for finding in FINDINGS)
    view = drafted.view or View.SUPINE
    return FilmFacts(view, findings, drafted.distal_gas, drafted.stool_burden, drafted.gastric_tube)


def _plain(finding: Finding, is_there: bool) -> FindingFact:
    return FindingFact(finding, Said.PRESENT if is_there else Said.ABSENT)
