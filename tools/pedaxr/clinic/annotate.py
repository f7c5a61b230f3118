"""A human's word on a film: corrected outlines, findings accepted, rejected or added.

An annotation never takes the network's place: it is stored next to it, with author, time and the weights
whose outlines were on screen. Nothing is overwritten; each one names the version it began from, so that two
people at once lose nothing.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pedaxr.audit.trail import accessing, home_of
from pedaxr.errors import InvalidRequest, StorageError, StudyNotFound
from pedaxr.records import Study, quoted
from pedaxr.registry.annotation_rows import (
    documents_of_study,
    find_annotation,
    insert_annotation,
    newest_version,
    studies_decided,
)
from pedaxr.registry.departments import is_hidden
from pedaxr.registry.schema import reading, writing
from pedaxr.registry.standing import moment_after
from pedaxr.text import printable
from pedaxr_models.labels import Finding
from pedaxr_models.written.nobody import names_somebody

if TYPE_CHECKING:
    from sqlite3 import Connection

    from pedaxr.clinic.clinic import Clinic, ClinicLike
    from pedaxr.registry import Registry
    from pedaxr.registry.report_versions import ReportState

LONGEST_NAME, LONGEST_COMMENT = 100, 1000
MOST_RUNS = 400_000
# accepted: as the network outlined it; corrected: by the mask given; added: the network missed it; rejected:
# it is not there; uncertain: nobody can say, so that it teaches nothing.
Decision = Literal["accepted", "corrected", "added", "rejected", "uncertain"]
DRAWN_BY_HAND = "drawn by hand"  # how surely something is critical that no report holds yet
_AIR = Finding.PNEUMOPERITONEUM
_DRAWN: frozenset[Decision] = frozenset({"accepted", "corrected", "added"})


class Mask(BaseModel):
    """One finding's pixels as runs (COCO): down the columns, first those outside, at the size of the film.

    Attributes:
        size: rows, columns.
        counts: lengths of runs, outside and inside by turns; their sum is rows times columns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[Annotated[int, Field(ge=1, le=50_000)], Annotated[int, Field(ge=1, le=50_000)]]
    counts: list[Annotated[int, Field(ge=0)]] = Field(max_length=MOST_RUNS)

    @property
    def area_px(self) -> int:
        """Pixels inside."""
        return sum(self.counts[1::2])


class AnnotatedFinding(BaseModel):
    """What a human decided of one finding; only one that is there has a mask."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Decision
    mask: Mask | None = None


class NewAnnotation(BaseModel):
    """What is to be saved.

    Attributes:
        based_on: version that the human began from; 0 is the network's outlines.
        model: whose outlines were on screen: name and digest of the weights.
        findings: decisions; what is not named was not looked at, or is taken back from `based_on`.
        is_unsuitable: the film cannot be read, or is none: it must teach nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    based_on: int = Field(ge=0)
    model: str = Field(max_length=200)
    findings: dict[Finding, AnnotatedFinding]
    is_unsuitable: bool = False
    comment: str = Field(default="", max_length=LONGEST_COMMENT)


class Annotation(NewAnnotation):
    """One stored version."""

    annotation_id: str
    study_id: str
    version: int = Field(default=0, ge=0)
    author: str
    created_at: datetime
    image_sha256: str


class SavedAnnotation(BaseModel):
    """What was stored, and what others have stored since the human began."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    annotation: Annotation
    meanwhile: list[Annotation]


def annotations_of(study_id: str, *, clinic: "ClinicLike | None" = None) -> list[Annotation]:
    """All versions, oldest first. Raises StudyNotFound, StorageError."""
    opened = _opened(clinic)
    with accessing(home_of(opened), "read_annotations", study_id=study_id):
        study = opened.registry.study(study_id)
        with reading(opened.registry.path) as connection:
            return _stored(connection, study.study_id)


def merged(versions: Sequence[Annotation]) -> Annotation | None:
    """The newest version, with what others decided unseen by its author, on findings that it says nothing of.

    So two people who began from the same version both have their say. Whoever begins from a version has what
    is merged up to there on screen: what is missing in the next one was taken back.

    Args:
        versions: of one film, oldest first.
    """
    if not versions:
        return None
    newest = versions[-1]
    unseen = [one for one in versions[:-1] if one.version > newest.based_on]
    before = merged(unseen)
    return newest.model_copy(update={"findings": {**(before.findings if before else {}), **newest.findings}})


@dataclass(frozen=True)
class HumanDecision:
    """What a human decided of one finding, or of the film as a whole: then there is no finding.

    Attributes:
        author: as given by whoever saved it: a name, and no signature.
        at: when.
    """

    finding: Finding | None
    decision: Decision | Literal["unsuitable"]
    author: str
    at: datetime

    @property
    def is_drawn(self) -> bool:
        """Whether the human outlined it, or accepted its outline."""
        return self.decision in _DRAWN


def decisions_on(study_id: str, clinic: "Clinic") -> list[HumanDecision]:
    """What humans decided of a film, as it stands, each under the name of whoever decided it first."""
    with reading(clinic.registry.path, is_kept=True) as connection:
        return _standing(_stored(connection, study_id))


def free_air_drawn(study_ids: Sequence[str], registry: "Registry") -> dict[str, datetime]:
    """Of films on which free air stands drawn by hand: since when. No film is read for this."""
    with reading(registry.path, is_kept=True) as connection:
        some = studies_decided(connection, study_ids, _AIR.value, sorted(_DRAWN))
        since = {study_id: _air_drawn(connection, study_id) for study_id in some}
    return {study_id: at for study_id, at in since.items() if at is not None}


def _air_drawn(connection: "Connection", study_id: str) -> datetime | None:
    with suppress(StorageError):  # damaged: `pedaxr verify` names it
        decided = _standing(_stored(connection, study_id))
        return next((one.at for one in decided if one.finding is _AIR and one.is_drawn), None)
    return None


def critical_now(state: "ReportState | None", drawn: datetime | None) -> dict[str, str]:
    """What is critical of a film and how surely: by its report, and free air that was drawn by hand since.

    Args:
        state: of its report, where it has one.
        drawn: since when free air stands drawn on it, where it does.
    """
    told = {name: state.certainty.get(name, "outlined") for name in state.critical} if state else {}
    is_since = drawn is not None and (state is None or drawn.isoformat() > state.created_at)  # both UTC
    return {_AIR.value: DRAWN_BY_HAND, **told} if is_since and _AIR.value not in told else told


def _standing(versions: Sequence[Annotation]) -> list[HumanDecision]:
    current = merged(versions)
    if current is None:
        return []
    whose = _deciders(versions)
    told = [_decision(finding, one.decision, whose[finding]) for finding, one in current.findings.items()]
    return [*told, *([_decision(None, "unsuitable", versions[-1])] if current.is_unsuitable else [])]


def _decision(
    finding: Finding | None, decision: "Decision | Literal['unsuitable']", version: Annotation
) -> HumanDecision:
    return HumanDecision(finding, decision, version.author, version.created_at)


def _deciders(versions: Sequence[Annotation]) -> dict[Finding, Annotation]:
    """The version that each finding's decision comes from: a later one repeats what its author let stand."""
    whose: dict[Finding, Annotation] = {}
    for one in versions:
        begun = merged([other for other in versions if other.version <= one.based_on])
        for finding, said in one.findings.items():
            is_repeated = begun is not None and begun.findings.get(finding) == said and finding in whose
            whose[finding] = whose[finding] if is_repeated else one
    return whose


def annotate(
    study_id: str, given: NewAnnotation, *, by: str, clinic: "ClinicLike | None" = None
) -> SavedAnnotation:
    """Store a human's annotation as the study's next version. The same act again is one act.

    Args:
        study_id: of the film.
        given: outlines and decisions.
        by: name of the human.
        clinic: by default the one of `open_clinic()`.

    Raises:
        StudyNotFound, StorageError.
        InvalidRequest: no name, no decision, a mask that does not fit the film or its decision, or a version
            to begin from that is not there.
    """
    opened = _opened(clinic)
    with accessing(home_of(opened), "annotate", study_id=study_id):
        study = opened.registry.study(study_id)
        author = _author(by)
        _check(given, study)
        return _saved(opened, study, given, author)


def _saved(clinic: "Clinic", study: Study, given: NewAnnotation, author: str) -> SavedAnnotation:
    body = given.model_copy(update={"comment": printable(given.comment, LONGEST_COMMENT)})
    digest = hashlib.sha256(f"{study.study_id}\n{author}\n{body.model_dump_json()}".encode()).hexdigest()
    with writing(clinic.registry.path) as database:
        if is_hidden(database.conn, study.patient_id):
            raise StudyNotFound(f"No study has the id {quoted(study.study_id)}.")
        if (done := find_annotation(database.conn, f"A{digest[:20]}")) is None:
            newest = newest_version(database.conn, study.study_id)
            if body.based_on > newest:
                raise InvalidRequest(
                    f"There is no version {body.based_on} to begin from. Load the annotations again."
                )
            kept = Annotation(
                **body.model_dump(),
                annotation_id=f"A{digest[:20]}",
                study_id=study.study_id,
                version=newest + 1,
                author=author,
                created_at=moment_after(database.conn, study.study_id, datetime.now(UTC)),
                image_sha256=study.image_sha256,
            )
            _insert(database.conn, kept, study)
        else:
            kept = _annotation(*done)
        versions = _stored(database.conn, study.study_id)
    others = [
        one for one in versions if body.based_on < one.version and one.annotation_id != kept.annotation_id
    ]
    return SavedAnnotation(annotation=kept, meanwhile=others)


def _insert(connection: "Connection", kept: Annotation, study: Study) -> None:
    document = kept.model_dump_json()
    insert_annotation(
        connection,
        {
            "annotation_id": kept.annotation_id,
            "study_id": kept.study_id,
            "version": kept.version,
            "based_on": kept.based_on,
            "author": kept.author,
            "created_at": kept.created_at.isoformat(),
            "image_sha256": kept.image_sha256,
            "model": kept.model,
            "document": document,
        },
        patient_id=study.patient_id,
        digest=f"sha256:{hashlib.sha256(document.encode()).hexdigest()}",
    )


def _stored(connection: "Connection", study_id: str) -> list[Annotation]:
    return [_annotation(*row) for row in documents_of_study(connection, study_id)]


def _annotation(document: str, version: int) -> Annotation:
    try:
        return Annotation.model_validate_json(document).model_copy(update={"version": version})
    except ValidationError as err:
        raise StorageError(
            "A stored annotation was written by another version of pedaxr. Use that version to read it."
        ) from err


def _author(by: str) -> str:
    name = printable(by, LONGEST_NAME)
    if not names_somebody(name):
        raise InvalidRequest(
            "An annotation is a person's: give the name of the human who looked at the film."
        )
    return name


def _check(given: NewAnnotation, study: Study) -> None:
    if not given.findings and not given.is_unsuitable and not given.based_on:
        raise InvalidRequest("The annotation says nothing. Decide on a finding, or mark the film unsuitable.")
    masks = [one.mask for one in given.findings.values() if one.mask is not None]
    size = _film_size(study) if masks else (0, 0)
    for finding, one in given.findings.items():
        if (one.mask is not None) != (one.decision in _DRAWN):
            raise InvalidRequest(
                f"{finding.value}: what is there needs an outline, what is not there has none."
            )
        if one.mask and (one.mask.size != size or sum(one.mask.counts) != size[0] * size[1]):
            raise InvalidRequest(
                f"{finding.value}: the outline must have the film's size, {size[0]} x {size[1]}."
            )
        if one.mask and not one.mask.area_px:
            raise InvalidRequest(f"{finding.value}: the outline is empty. Reject the finding instead.")


def _film_size(study: Study) -> tuple[int, int]:
    from pedaxr.radiograph.read import read_radiograph

    film = read_radiograph(study.image_path)
    if film.sha256 != study.image_sha256:
        raise StorageError("The film file has changed since it was registered. Restore it, then save again.")
    return film.height, film.width


def _opened(clinic: "ClinicLike | None") -> "Clinic":
    from pedaxr.clinic.clinic import opened

    return opened(clinic)
