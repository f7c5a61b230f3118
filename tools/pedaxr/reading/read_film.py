"""One film looked at once: read, checked, segmented. segment_xray and generate_report start from it."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pedaxr.ages import ages_differ
from pedaxr.audit import trail as audit
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.radiograph.in_memory import film_of
from pedaxr.radiograph.raster import Spacing
from pedaxr.radiograph.read import Radiograph, read_radiograph
from pedaxr.radiograph.recent_cache import Recent
from pedaxr.reading import networks as models
from pedaxr.reading.counted_findings import CountedFindings, count_findings
from pedaxr.reading.framing import Framing
from pedaxr.reading.markers import LetterSearch, letter_notes, letters_agree
from pedaxr.reading.measurements import Caliper, measure, place_calipers, resolve_spacing
from pedaxr.reading.notes import Note, NoteKind, no_finding_because, of_file, texts
from pedaxr.reading.operating_points import OperatingPoints, operating_points
from pedaxr.reading.outlines import (
    Outlines,
    exposed_framing,
    outline,
    outline_framed,
    square_spacing,
)
from pedaxr.reading.placement import can_lie
from pedaxr.reading.positioning import is_on_its_side, positioning_notes, text_notes
from pedaxr.reading.quality import check_anatomy, check_likeness, check_picture, check_polarity
from pedaxr.reading.reframing import reframed
from pedaxr.reading.second_look import hanging_doubts, refuse_two_bodies, refuse_two_fields
from pedaxr.registry.film_identity import study_metadata
from pedaxr.stage_times import stage
from pedaxr.types import Region
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import CHANNELS, Finding, View
from pedaxr_models.runtime.threads import begin
from pedaxr_models.written.plain import plain_id

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic, ClinicLike
    from pedaxr.radiograph.in_memory import FilmLike
    from pedaxr.registry import Study
    from pedaxr_models.segmentation.film_segmenter import FilmSegmenter, Segmentation


@dataclass(frozen=True)
class Source:
    """Where a film comes from: a registered study of a clinic, or a file of the caller's.

    Attributes:
        film: its path, the bytes of its file, or the film itself.
        study: None for a file.
        clinic: None for a file read outside any clinic.
    """

    film: Path | bytes | Radiograph
    study: "Study | None" = None
    clinic: "Clinic | None" = None


_AGES = Note(NoteKind.IDENTITY, "The stated age and that of the dates differ: check whose film it is.")
_OTHER_CHILD = Note(
    NoteKind.IDENTITY,
    "The film's own header contradicts the registry's patient id, birth date or sex. Check whose it is.",
)
_FROM_THE_SIDE = Note(
    NoteKind.DOUBT, "The header says that the film was taken from the side: this is not a frontal film."
)
_LEVEL_STEPS = (0.7, 0.85, 0.95)  # chosen on validation films: 27 of 50 numbers right, with none 19
_LEAST_AIR_PX = 30  # of the frame, where the weights name no least area
# An agent outlines a film and then has it reported on: the second call finds the first one's work. Two films,
# as one can be 50 million pixels.
_films = Recent[Radiograph](2)
_pictures = Recent["_Picture"](2)
_outlines = Recent[Outlines](2)
_judged = Recent[tuple[Outlines, OperatingPoints, list[Note]]](2)


def forget_films() -> None:
    """Drop what is kept of the last films."""
    for kept in (_films, _pictures, _outlines, _judged):
        kept.clear()


@dataclass(frozen=True)
class Reading:
    """A film and what the segmentation sees on it.

    Attributes:
        spacing: of the film as stored; None when nothing states one.
        metadata: the registry's for a study, the file header's for a file.
        points: the operating points in use when it was read.
        picture_notes: on the file, the picture and what can be seen on it.
    """

    source: Source
    radiograph: Radiograph
    outlines: Outlines
    segmenter: "FilmSegmenter"
    spacing: Spacing | None
    metadata: FilmMetadata
    points: OperatingPoints
    picture_notes: tuple[Note, ...]

    @cached_property
    def counted(self) -> CountedFindings:
        """Which outlines are findings in this film's view."""
        spacing, view, least = self.pixel_spacing_mm, self.metadata.view, self.points.least_share
        return self.outlines.once(
            ("counted", spacing, view, tuple(least.items())),
            lambda: count_findings(self.outlines, spacing=spacing, view=view, least_share=least),
        )

    @property
    def notes(self) -> tuple[Note, ...]:
        """Of the picture, and of a film that is not in doubt on outlines that are not findings."""
        return self.picture_notes if self.doubts else (*self.picture_notes, *self.counted.notes)

    @property
    def model_name(self) -> str:
        """Name of the segmentation network and the beginning of its weights' digest."""
        return f"{self.segmenter.name} {self.segmenter.weights_sha256[:12]}".strip()

    @property
    def doubts(self) -> list[str]:
        """Why this may not be a frontal abdominal film at all; empty where nothing says so."""
        return texts(self.picture_notes, NoteKind.DOUBT)

    @property
    def pixel_spacing_mm(self) -> tuple[float, float] | None:
        """Row, column of the film as stored."""
        return self.spacing[:2] if self.spacing else None

    @property
    def film(self) -> NDArray[np.float32]:
        """(H, W), laid out for reading: what the networks look at."""
        return self.outlines.film

    @property
    def segmentation(self) -> "Segmentation":
        """Probabilities, and the way back to the film."""
        return self.outlines.segmentation

    @property
    def regions(self) -> tuple[Region, ...]:
        """All regions, in the order of the vocabulary."""
        return self.outlines.regions

    @property
    def in_doubt(self) -> str | None:
        """Why the film gives no finding, and what to do; None where nothing doubts it."""
        return no_finding_because(self.doubts) if self.doubts else None

    @property
    def findings(self) -> list[Region]:
        """Outlined findings, in the order of the vocabulary; none of a film in doubt."""
        return [] if self.doubts else list(self.counted.regions)

    @property
    def structures(self) -> list[Region]:
        """Outlined structures, in the order of the vocabulary."""
        return [region for region in self.regions if region.kind == "structure"]

    @cached_property
    def faint_free_air(self) -> float:
        """The probability, 0 to 1, that as many pixels reach as free air must have, where it can lie.

        Where nothing is outlined it says how near the segmentation came to it.
        """
        air, anatomy = Finding.PNEUMOPERITONEUM, self.outlines.anatomy
        film = self.segmentation.probabilities[CHANNELS.index(air)]
        content = self.segmentation.letterbox.content
        placed = film[content][can_lie(air, anatomy, self.metadata.view)[content]]
        least = round(self.points.least_share.get(air, 0.0) * np.count_nonzero(anatomy.body))
        least = max(least, self.segmenter.min_area_px.get(air, _LEAST_AIR_PX))
        if placed.size < least:
            return 0.0
        return float(np.clip(np.partition(placed, -least)[-least], 0, 1))

    @cached_property
    def measures(self) -> dict[str, float]:
        """Calibres, levels and stool shares, named as by `measurements.measure`; none of a film in doubt."""
        if self.doubts:
            return {}
        spacing, counted = square_spacing(self.pixel_spacing_mm), self.counted

        def measured() -> tuple[CountedFindings, dict[str, float]]:
            return counted, measure(
                self.cores,
                self.segmentation.letterbox,
                pixel_spacing_mm=spacing,
                view=self.metadata.view,
                degrees=self.outlines.framing.degrees,
                surer_levels=self._surer_levels,
            )

        key = ("measures", spacing, self.metadata.view, id(counted))
        return dict(self.outlines.once(key, measured)[1])

    @cached_property
    def calipers(self) -> dict[str, Caliper]:
        """Where the lengths of `measures` were read, on the stored film; none of a film in doubt."""
        if self.doubts:
            return {}
        where = self.segmentation.letterbox, self.outlines.framing, self.metadata.view
        return place_calipers(self.cores, *where, self._surer_levels)

    @property
    def _surer_levels(self) -> list[NDArray[np.bool_]]:
        """The gas of the air-fluid loops where the segmentation is ever surer of it."""
        gas = self.cores[Finding.AIR_FLUID_LEVEL]
        sure = self.segmentation.probabilities[CHANNELS.index(Finding.AIR_FLUID_LEVEL)]
        return [gas & (sure >= step) for step in _LEVEL_STEPS if gas.any()]

    @property
    def cores(self) -> dict[str, NDArray[np.bool_]]:
        """What lengths are read from, without what is not a finding."""
        cores = dict(self.outlines.cores)
        for name, kept in self.counted.masks.items():
            cores[name] = cores[name] & kept
        return cores


def find_source(study_id: str | None, file: "FilmLike | None", clinic: "ClinicLike | None") -> Source:
    """The film meant by exactly one of `study_id` and `file`.

    Raises:
        InvalidRequest: neither or both were given, or something else than an id or a film.
        UnreadableImage: a picture in memory is damaged or too large.
        StudyNotFound: the clinic has no such study.
        StorageError: there is no clinic.
    """
    if (study_id is None) == (file is None):
        raise InvalidRequest("Give either a study_id, taken from find_patient, or a film file; not both.")
    from pedaxr.clinic import opened

    if file is not None:
        return Source(film_of(file), clinic=None if clinic is None else opened(clinic))
    if not isinstance(study_id, str):
        raise InvalidRequest("The study_id must be text, as find_patient gives it. Give a film as file=...")
    found = opened(clinic)
    study = found.registry.study(study_id)
    return Source(study.image_path, study, found)


def read_film(source: Source, segmenter: "FilmSegmenter | None" = None) -> Reading:
    """Read, check and segment one film, by another network than the one in use if given. Nothing is written.

    Raises:
        UnreadableImage, NotAnAbdominalFilm: of the file and the picture.
        ModelUnavailable: there are no usable segmentation weights.
        StorageError: the study's file is not the one that was registered.
    """
    with stage("decode"):
        radiograph = (
            source.film
            if isinstance(source.film, Radiograph)
            else read_radiograph(source.film, recent=_films)
        )
    _check_identity(source, radiograph)
    notes = of_file(radiograph.notes)
    spacing, spacing_notes = resolve_spacing(radiograph, source.study)
    sides = spacing[:2] if spacing else None
    with stage("check_picture"):
        picture = _pictures.get((radiograph.sha256, sides), lambda: _Picture.of(radiograph, sides))
    notes += picture.notes
    notes += [_FROM_THE_SIDE] if radiograph.stored.is_from_the_side else []
    notes += _header_notes(source, radiograph)
    segmenter = segmenter or models.segmenter()
    audit.note(weights=segmenter.weights_sha256)
    metadata = study_metadata(source.study) if source.study else radiograph.metadata
    with stage("outline"):
        outlines = _seen(radiograph, segmenter, sides, metadata.view, picture.framing)
    points = operating_points()
    with stage("second_looks"):
        notes += _judgement(outlines, points)
    notes += spacing_notes
    return Reading(source, radiograph, outlines, segmenter, spacing, metadata, points, tuple(notes))


@dataclass(frozen=True)
class _Picture:
    """How a film is laid out at first, and what can be said of it before any network looks."""

    framing: Framing
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, radiograph: Radiograph, spacing: tuple[float, float] | None) -> "_Picture":
        """Raises NotAnAbdominalFilm."""
        refuse_two_fields(radiograph.pixels)
        text = begin(lambda: text_notes(radiograph.pixels))
        framing = exposed_framing(radiograph, spacing)
        exposed = replace(radiograph, pixels=framing.apply(radiograph.pixels))
        return cls(framing, (*check_picture(exposed), *text.result()))


def _judgement(outlines: Outlines, points: OperatingPoints) -> list[Note]:
    """`_anatomy_notes`, kept with the very objects they belong to: no others get their numbers meanwhile."""
    key = (id(outlines), id(points))
    return _judged.get(key, lambda: (outlines, points, _anatomy_notes(outlines)))[2]


def _anatomy_notes(outlines: Outlines) -> list[Note]:
    """What the outlines say of the picture, and how it was framed. Raises NotAnAbdominalFilm."""
    refuse_two_bodies(outlines.looks, outlines.masks)
    notes = check_anatomy(outlines.read_regions, is_lying=outlines.is_lying)
    notes += check_likeness(outlines.segmentation, is_lying=outlines.is_lying)
    notes += check_polarity(outlines.film, outlines.segmentation.letterbox, outlines.masks)
    placed = positioning_notes(
        outlines.masks,
        outlines.segmentation.letterbox.content,
        contradicts_header=outlines.contradicts_header,
        is_part=outlines.is_part,
    )
    if not texts(placed, NoteKind.DOUBT) and not is_on_its_side(outlines.masks):
        laid = outlines.letters, outlines.midline_x, outlines.framing.upright_size[0]
        notes += letter_notes(*laid)
        # Who laid a letter saw the child; on real films the mirrored look is wrong as often as right.
        notes += [] if letters_agree(*laid) else hanging_doubts(outlines.looks, operating_points())
    return [*outlines.notes, *notes, *placed]


def _seen(
    radiograph: Radiograph,
    segmenter: "FilmSegmenter",
    spacing: tuple[float, float] | None,
    view: View | None,
    framing: Framing,
) -> Outlines:
    """Of the same film and weights what was found the last time; weights without a digest have no name."""
    if not segmenter.weights_sha256:
        return look_at(radiograph, segmenter, spacing, view, framing)
    key = (radiograph.sha256, segmenter.weights_sha256, id(segmenter), spacing, view)
    return _outlines.get(key, lambda: look_at(radiograph, segmenter, spacing, view, framing))


def look_at(
    radiograph: Radiograph,
    segmenter: "FilmSegmenter",
    spacing: tuple[float, float] | None,
    view: View | None,
    framing: Framing | None = None,
) -> Outlines:
    """What is outlined, after every second look: askew, lying, upside down, the abdomen of a whole baby.

    `framing` is what `exposed_framing` gives of the film, where it is known already.
    """
    letters = LetterSearch(radiograph.pixels)
    first = outline(radiograph, segmenter, spacing, framing, letters.begin)

    def look(framing: Framing) -> Outlines:
        return outline_framed(radiograph, segmenter, spacing, framing)

    def turned(quarters: int) -> Framing:
        return exposed_framing(radiograph, spacing, first.framing.orientation.turned(quarters))

    by_header = first.contradicts_header or radiograph.stored.is_certain
    seen = first if first.contradicts_header else reframed(first, look, None if by_header else turned, view)
    return replace(seen, letters=letters.found(seen.framing))


def _check_identity(source: Source, radiograph: Radiograph) -> None:
    """The registry vouches for a file by its hash; another file would be read as this child's film."""
    if source.study and source.study.image_sha256 != radiograph.sha256:
        raise StorageError(
            "The film file of this study has changed since it was registered, so it was not read. "
            "Restore the file, or import the film again."
        )


def _header_notes(source: Source, radiograph: Radiograph) -> list[Note]:
    """A header that names another child. Data sets are re-labelled, so this is for a human to settle."""
    study, header = source.study, radiograph.metadata
    if study is None:
        return []
    notes = [_AGES] if ages_differ(study.age_months, study.stated_age_months) else []
    pairs = (
        (header.patient_id and _plain(header.patient_id), _plain(study.patient_id)),
        (header.patient_birth_date, study.patient_birth_date and study.patient_birth_date.isoformat()),
        (header.patient_sex, study.patient_sex),
    )
    if all(ours is None or theirs is None or ours == theirs for theirs, ours in pairs):
        return notes
    return [*notes, _OTHER_CHILD]


def _plain(text: str) -> str:
    """An id as it is compared."""
    return plain_id(text).casefold()
