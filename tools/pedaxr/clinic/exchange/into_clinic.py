"""Annotations of other programs into a clinic: each film's as its next version, by a named human."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pedaxr.audit.trail import accessing
from pedaxr.clinic.annotate import AnnotatedFinding, Decision, NewAnnotation, annotate, annotations_of, merged
from pedaxr.clinic.exchange.outlined import NOTHING, UNNAMED, OutlinedFilm, may_mean_a_finding, together
from pedaxr.clinic.exchange.read import read_annotations
from pedaxr.clinic.export_annotations import mask_of
from pedaxr.errors import InvalidRequest
from pedaxr.text import printable
from pedaxr_models.labels import FINDINGS, Finding

if TYPE_CHECKING:
    from pedaxr.clinic.clinic import Clinic


class Unused(BaseModel):
    """A film that was not imported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    film: str
    reason: str


class ImportedAnnotations(BaseModel):
    """What an import of annotations did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(description="The format that was recognised")
    films: int = Field(ge=0, description="Films with a new version")
    already_there: int = Field(ge=0, description="Films of which nothing new was said")
    decisions: dict[str, int]
    unused: list[Unused]
    notes: list[str]


def import_annotations(
    source: Path,
    *,
    by: str,
    clinic: "Clinic",
    absent_unless_drawn: bool = False,
    labels: Mapping[str, str] = MappingProxyType({}),
    progress: Callable[[int, int], None] | None = None,
) -> ImportedAnnotations:
    """Store what the source says of each film as its next version; earlier decisions on others stay.

    A film is found by the SHA-256 or the SOP Instance UID that the source names, else by its study id, else
    by the name of its file. The same import again changes nothing.

    Args:
        source: see `read_annotations`.
        by: the human who answers for the outlines.
        clinic: whose films.
        absent_unless_drawn: on a film in the source every finding that is not outlined is known to be absent.
            Without it, it is unknown; so it is beside a label that may mean a finding and is not understood.
        labels: what labels of a hospital's own mean; see `read_annotations`.
        progress: called with (films done, films in all).

    Raises:
        InvalidRequest: the source cannot be read, or no name is given.
        StorageError.
    """
    finder = _Finder(clinic)
    kind, films = read_annotations(source, finder.picture, labels)
    with accessing(clinic.home, "import_annotations"):
        by_study, unused = _by_study(films, finder)
        decisions: Counter[str] = Counter()
        stored = same = 0
        for number, (study_id, several) in enumerate(by_study.items(), 1):
            try:
                film = together(several)
                given = _given(film, absent_unless_drawn=absent_unless_drawn)
                if _store(clinic, study_id, given, kind, by, is_unsuitable=film.is_unsuitable):
                    stored += 1
                    decisions.update(one.decision for one in given.values())
                else:
                    same += 1
            except InvalidRequest as err:
                unused.append(_unused(several[0], err))
            if progress is not None:
                progress(number, len(by_study))
    return ImportedAnnotations(
        kind=kind,
        films=stored,
        already_there=same,
        decisions=dict(decisions),
        unused=unused,
        notes=notes_on(films, absent_unless_drawn=absent_unless_drawn),
    )


def _by_study(
    films: Sequence[OutlinedFilm], finder: "_Finder"
) -> tuple[dict[str, list[OutlinedFilm]], list[Unused]]:
    """What the source says of each registered film, and what of it is of none."""
    found: dict[str, list[OutlinedFilm]] = defaultdict(list)
    unused = []
    for film in films:
        try:
            if film.problem:
                raise InvalidRequest(film.problem)
            found[finder.study_of(film)].append(film)
        except InvalidRequest as err:
            unused.append(_unused(film, err))
    return found, unused


def _unused(film: OutlinedFilm, why: InvalidRequest) -> Unused:
    return Unused(film=printable(film.name, 100), reason=str(why))


def notes_on(films: Sequence[OutlinedFilm], *, absent_unless_drawn: bool = False) -> list[str]:
    """What whoever imports should know of films that say nothing, or not what was meant."""
    notes = []
    if empty := sum(film.says_nothing for film in films):
        meant = "no finding is on them" if absent_unless_drawn else _STAY_UNKNOWN
        notes.append(f"Films on which nothing is drawn: {empty}; {meant}.")
    if bare := sum(bool(film.without_outline) for film in films):
        notes.append(_WITHOUT_OUTLINE.format(bare))
    if labels := sorted({label for film in films for label in film.unknown_labels}):
        of = sum(bool(film.unknown_labels) for film in films)
        shown = ", ".join(map(repr, labels[:_MOST_NAMED]))
        notes.append(
            f"Films with labels that name no finding here, which were left out: {of} ({shown})."
            + _advice(labels, absent_unless_drawn=absent_unless_drawn)
        )
    return notes


def _advice(labels: Sequence[str], *, absent_unless_drawn: bool) -> str:
    """What to do about labels that are not understood."""
    named = next((label for label in labels if label != UNNAMED), None)
    if named is None:
        return " Name these outlines, and export them again."
    open_ = " Until then nothing is taken to be absent on these films." if absent_unless_drawn else ""
    return (
        f" --label {named!r}=FINDING says what one means, --label {named!r}={NOTHING} that it is none.{open_}"
    )


_MOST_NAMED = 10
_STAY_UNKNOWN = (
    "nothing is known of them, unless --absent-unless-drawn says that whatever is not outlined is absent"
)
_WITHOUT_OUTLINE = (
    "Films with a finding that nobody outlined: {}. An annotation is an outline, so these findings were left "
    "unknown; `pedaxr evaluate local` counts them from the table itself."
)


class _Finder:
    """Registered films by all that a source may name."""

    def __init__(self, clinic: "Clinic") -> None:
        studies = clinic.registry.newest_studies(-1)
        self._by_hash = {study.image_sha256: study.study_id for study in studies}
        self._by_instance = {s.sop_instance_uid: s.study_id for s in studies if s.sop_instance_uid}
        self._by_id = {_spelled(study.study_id): study.study_id for study in studies}
        self._pictures = {study.study_id: study.image_path for study in studies}
        files = Counter(_spelled(study.image_path.stem) for study in studies)
        self._by_file = {
            _spelled(study.image_path.stem): study.study_id
            for study in studies
            if files[_spelled(study.image_path.stem)] == 1
        }

    def picture(self, name: str) -> Path | None:
        """The registered film of that study id or file name; None where there is none."""
        found = self._by_id.get(_spelled(name)) or self._by_file.get(_spelled(name))
        return self._pictures[found] if found else None

    def study_of(self, film: OutlinedFilm) -> str:
        """Raises InvalidRequest: no film of the clinic is meant."""
        found = self._by_hash.get(film.sha256 or "-") or self._by_instance.get(film.sop_instance_uid)
        for name in map(_spelled, (film.name, film.file)):
            found = found or self._by_id.get(name) or self._by_file.get(name)
        if found is None:
            raise InvalidRequest(
                "no film of the clinic has this study id, file name or SOP Instance UID; an import names "
                "films anew, so put the very picture beside the annotations"
            )
        return found


def _spelled(name: str) -> str:
    """Names of files as they are compared: in any case, and with Hangul put together as macOS does not."""
    return unicodedata.normalize("NFC", name).casefold()


def _given(film: OutlinedFilm, *, absent_unless_drawn: bool) -> dict[Finding, AnnotatedFinding]:
    given = {}
    decisions = decisions_of(film, absent_unless_drawn=absent_unless_drawn)
    for finding in FINDINGS:
        decision = decisions.get(finding)
        if decision in ("rejected", "uncertain"):
            given[finding] = AnnotatedFinding(decision=decision)
        elif finding in film.masks:
            mask = mask_of(film.masks[finding])
            given[finding] = AnnotatedFinding(decision=decision or "corrected", mask=mask)
    return given


def decisions_of(film: OutlinedFilm, *, absent_unless_drawn: bool) -> dict[Finding, Decision]:
    """What is decided of each finding; where it is asked for, what nobody outlined or marked is absent."""
    if not absent_unless_drawn or any(map(may_mean_a_finding, film.unknown_labels)):
        return dict(film.decisions)
    open_ = [finding for finding in FINDINGS if finding not in film.without_outline]
    return {**dict.fromkeys(open_, "rejected"), **film.decisions}


def _store(
    clinic: "Clinic",
    study_id: str,
    given: dict[Finding, AnnotatedFinding],
    kind: str,
    by: str,
    *,
    is_unsuitable: bool,
) -> bool:
    """Whether something new was stored."""
    versions = annotations_of(study_id, clinic=clinic)
    current = merged(versions)
    before = dict(current.findings) if current else {}
    was_unsuitable = current.is_unsuitable if current else False
    findings = {**before, **given}
    if findings == before and is_unsuitable == was_unsuitable:
        return False
    if not findings and not is_unsuitable:
        return False
    new = NewAnnotation(
        based_on=versions[-1].version if versions else 0,
        model=f"imported ({kind})",
        findings=findings,
        is_unsuitable=is_unsuitable,
        comment=current.comment if current else "",
    )
    annotate(study_id, new, by=by, clinic=clinic)
    return True
