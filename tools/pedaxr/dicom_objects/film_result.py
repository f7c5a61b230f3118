"""All that a film's objects are made of: its header, its reading, its report and the outlines that count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from pedaxr.clinic.annotate import Annotation, Decision, annotations_of, merged
from pedaxr.clinic.export_annotations import pixels_of
from pedaxr.dicom_objects.header import read_header
from pedaxr.dicom_objects.stored_masks import polygons_of, stored_masks
from pedaxr.dicom_objects.uids import object_uid, seed_of
from pedaxr.errors import InvalidRequest
from pedaxr.reading.measurements import Caliper
from pedaxr.reading.read_film import Reading, find_source, read_film
from pedaxr.registry.report_versions import find_report
from pedaxr.registry.schema import reading as reading_rows
from pedaxr.reports.current import current_report
from pedaxr.reports.generate_report import generate_report
from pedaxr.types import Region, Report, StructuredFinding
from pedaxr_models.codes import ABSENT, NOT_EVALUATED, PRESENT, SUSPECTED, Code
from pedaxr_models.facts import Presence
from pedaxr_models.labels import Finding, Structure

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic

BoolArray = NDArray[np.bool_]
# What calibres are measured on and against; the other structures would bury the findings in a viewer's list.
SENT_STRUCTURES: tuple[str, ...] = (Structure.L2_BODY, Structure.STOMACH, Structure.COLON)
# Who drew a segment (PS3.3 C.8.20.2): the network, a human from the network's, a human alone.
DrawnBy = Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]
DRAWN_BY: dict[Decision, DrawnBy] = {
    "accepted": "AUTOMATIC",
    "corrected": "SEMIAUTOMATIC",
    "added": "MANUAL",
}
_PRESENCE = {
    Presence.PRESENT: PRESENT,
    Presence.ABSENT: ABSENT,
    Presence.NOT_ASSESSED: NOT_EVALUATED,
}


@dataclass(frozen=True)
class Segment:
    """One outline that counts.

    Attributes:
        mask: (H, W) of the film as stored.
        region: confidence and place by the network; None where a human drew alone.
    """

    name: str
    mask: BoolArray
    drawn_by: DrawnBy
    region: Region | None

    @property
    def area_px(self) -> int:
        """Pixels of the stored film."""
        return int(np.count_nonzero(self.mask))


@dataclass(frozen=True)
class FilmResult:
    """One film with the version of its report that is handed out.

    Attributes:
        header: of the film, as `header.read_header` gives it.
        predecessor: what the identifiers of the version follow from that this one signs or amends.
        annotation: what humans decided on the outlines before they signed.
        organisation: for which whoever signed answers.
    """

    header: Dataset
    reading: Reading
    report: Report
    predecessor: tuple[str, ...] | None
    annotation: Annotation | None
    organisation: str

    @property
    def is_signed(self) -> bool:
        """Whether a human answers for the report."""
        return self.report.status != "preliminary"

    @property
    def said_by(self) -> str:
        """How a series is named: whose it is, and how far it may be trusted."""
        return "pedaxr, signed report" if self.is_signed else "AI, pedaxr, preliminary"

    @cached_property
    def seed(self) -> tuple[str, ...]:
        """What the identifiers follow from."""
        return _seed(self.header, self.reading, self.report, self.annotation)

    @property
    def weights_sha256(self) -> str:
        """Digest of the network that outlined the film."""
        return self.reading.segmenter.weights_sha256

    def uid(self, *parts: str) -> str:
        """An identifier of this version's."""
        return object_uid(*self.seed, *parts)

    @cached_property
    def at(self) -> datetime:
        """When the report was drafted or signed, by the film's clock where it names its own, else UTC."""
        when = self.report.signed_at or self.report.created_at
        offset = str(self.header.get("TimezoneOffsetFromUTC") or "+0000").strip()
        minutes = int(offset[1:3]) * 60 + int(offset[3:5])
        zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes)) if minutes else UTC
        return when.astimezone(zone)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Findings that the report names, then structures; none of a film in doubt."""
        if self.report.in_doubt or self.reading.doubts:
            return ()
        regions = {region.name: region for region in self.reading.regions}
        found = [self._finding(name, regions.get(name)) for name in self._named]
        seen = self._stored({name: self.reading.outlines.masks[name] for name in SENT_STRUCTURES})
        structures = [Segment(name, mask, "AUTOMATIC", regions.get(name)) for name, mask in seen.items()]
        return tuple(one for one in (*found, *structures) if one is not None and one.mask.any())

    @property
    def findings(self) -> list[Segment]:
        """The segments that are findings."""
        return [one for one in self.segments if one.name in set(Finding)]

    @property
    def _named(self) -> list[str]:
        return [f.finding for f in self.report.findings if presence_code(f) in (PRESENT, SUSPECTED)]

    def _finding(self, name: str, region: Region | None) -> Segment | None:
        decided = self.annotation.findings.get(Finding(name)) if self.annotation else None
        if self.annotation and self.annotation.is_unsuitable:
            return None
        if decided is not None:
            drawn_by = DRAWN_BY.get(decided.decision)
            if drawn_by is None or decided.mask is None:
                return None  # a human took the outline back
            return Segment(name, pixels_of(decided.mask), drawn_by, None if drawn_by == "MANUAL" else region)
        kept = self.reading.counted.masks.get(name)
        if kept is None or not kept.any():
            return None
        counted = next((one for one in self.reading.findings if one.name == name), region)
        return Segment(name, self._stored({name: kept})[name], "AUTOMATIC", counted)

    def _stored(self, masks: Mapping[str, BoolArray]) -> dict[str, BoolArray]:
        return stored_masks(masks, self.reading.segmentation.letterbox, self.reading.outlines.framing)

    def polygons(self, segment: Segment) -> list[NDArray[np.float64]]:
        """Outer outlines of a segment, x, y counted from the film's corner, as DICOM does (PS3.3 C.10.5)."""
        letterbox = self.reading.segmentation.letterbox
        return [one + 0.5 for one in polygons_of(segment.mask, 1 / letterbox.scale)]

    @property
    def calipers(self) -> dict[str, Caliper]:
        """Where lengths were read, on the stored film, whole numbers at pixel centres."""
        return {} if self.report.in_doubt else self.reading.calipers

    def area_mm2(self, segment: Segment) -> float | None:
        """Of the pixels that are sent; None without a pixel spacing."""
        spacing = self.reading.pixel_spacing_mm
        return round(segment.area_px * spacing[0] * spacing[1], 1) if spacing else None

    def share_of_body(self, segment: Segment) -> float:
        """Area over that of the child's body in the field; 0 where no body is found."""
        body = int(np.count_nonzero(self._stored({"body": self.reading.outlines.anatomy.body})["body"]))
        return min(1.0, round(segment.area_px / body, 4)) if body else 0.0


def presence_code(finding: StructuredFinding) -> Code:
    """What the report says of a finding; the human who signed has the last word."""
    if finding.signer is not None:
        return PRESENT if finding.signer == "affirms" else ABSENT
    if finding.certainty in ("in_doubt", "suspected"):
        return SUSPECTED
    return _PRESENCE[finding.presence]


def film_result(clinic: "Clinic", study_id: str, *, organisation: str = "") -> FilmResult:
    """The study's film with its signed report, or else its newest draft; one is drafted where there is none.

    Raises:
        InvalidRequest: the film is no DICOM file, or its report was made with other weights.
        StudyNotFound, UnreadableImage, NotAnAbdominalFilm, ModelUnavailable, StorageError.
    """
    study = clinic.registry.study(study_id)
    header = read_header(study.image_path)
    report = report_of(clinic, study_id)
    reading = reading_of(clinic, report)
    versions = annotations_of(study_id, clinic=clinic)
    before = _before(clinic, report)
    predecessor = _seed(header, reading, before, _decided(versions, before)) if before else None
    return FilmResult(header, reading, report, predecessor, _decided(versions, report), organisation)


def _before(clinic: "Clinic", report: Report) -> Report | None:
    """The version that this one signs or amends."""
    if not report.supersedes:
        return None
    with reading_rows(clinic.registry.path) as connection:
        return find_report(connection, report.supersedes)


def _seed(
    header: Dataset, reading: Reading, report: Report, annotation: Annotation | None
) -> tuple[str, ...]:
    changes = [annotation.annotation_id] if annotation else []
    return seed_of(header.SOPInstanceUID, reading.segmenter.weights_sha256, report, *changes)


def report_of(clinic: "Clinic", study_id: str) -> Report:
    """The study's report as it stands; a draft is made where there is none."""
    return current_report(study_id, clinic=clinic, as_made=True) or generate_report(study_id, clinic=clinic)


def reading_of(clinic: "Clinic", report: Report) -> Reading:
    """What the report was made from. Raises InvalidRequest where other weights are in use now."""
    assert report.study_id is not None, "only reports of studies are stored"
    reading = read_film(find_source(report.study_id, None, clinic))
    if not report.model.startswith(reading.model_name) or report.image_sha256 != reading.radiograph.sha256:
        raise InvalidRequest(
            "The report was made with other weights than those in use, so its outlines are not at hand. "
            "Use the weights that made it, or draft the report again."
        )
    if report.film is None:
        return reading
    film, as_registered = report.film, reading.metadata
    read_as = replace(as_registered, view=film.view_position, age_months=film.age_months)
    return replace(reading, metadata=read_as)


def _decided(versions: Sequence[Annotation], report: Report) -> Annotation | None:
    """What humans had decided on this film when they signed; nothing counts for a draft."""
    if report.signed_at is None:
        return None
    seen = [one for one in versions if one.created_at <= report.signed_at]
    return merged([one for one in seen if one.image_sha256 == report.image_sha256])
