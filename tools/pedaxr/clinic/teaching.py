"""Which film would teach most if a human corrected it next: active learning, by what is stored already.

Films are ranked by how far the two witnesses disagree, how unsure the reader is, and whether the film looks
unlike those that the networks know (Settles, 2009: uncertainty, query by committee, novelty). No film is
read for it.
"""

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pedaxr.audit.trail import accessing, note
from pedaxr.clinic.annotate import annotations_of, merged
from pedaxr.records import Study
from pedaxr.registry.annotation_rows import annotated_studies
from pedaxr.registry.schema import reading
from pedaxr.types import Report
from pedaxr_models.labels import FINDINGS, Finding

if TYPE_CHECKING:
    from pedaxr.clinic.clinic import Clinic

MOST_FILMS = 500  # looked at, newest first
MOST_LISTED = 50
_DISAGREEMENT, _DOUBT, _RARE = 1.0, 1.5, 0.5
_MANY = 20  # corrected examples of a finding, from which it is not rare any more


class TeachingFilm(BaseModel):
    """One film that nobody has corrected.

    Attributes:
        score: higher teaches more; of no meaning by itself.
        disagreements: findings that draft and outlines do not agree on.
        rare: findings told on it of which few corrected examples are there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study_id: str
    study_date: date | None = None
    patient_name: str | None = None
    patient_birth_date: date | None = None
    score: float = Field(ge=0)
    disagreements: list[Finding]
    unsure: float | None = Field(description="1 less the report's confidence; None of a film in doubt")
    is_in_doubt: bool
    rare: list[Finding]


class TeachingList(BaseModel):
    """What to correct next, most instructive first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    films: list[TeachingFilm]
    looked_at: int = Field(ge=0, description="Films with a draft that nobody has corrected")
    corrected: int = Field(ge=0)


def teaching_films(*, clinic: "Clinic", limit: int = MOST_LISTED) -> TeachingList:
    """Films with a draft that nobody has corrected, by what they would teach. Raises StorageError."""
    with accessing(clinic.home, "teaching_films"):
        with reading(clinic.registry.path) as connection:
            done = annotated_studies(connection)
        studies = [s for s in clinic.registry.newest_studies(MOST_FILMS) if s.study_id not in done]
        states = clinic.registry.report_states([study.study_id for study in studies])
        examples = _examples(done, clinic)
        ranked = []
        for study in studies:
            if study.study_id in states:
                film = _scored(clinic.registry.reports(study.study_id)[-1], examples)
                ranked.append((_named(film, study), study.patient_id))
        ranked.sort(key=lambda one: -one[0].score)
        note(patient_ids=[patient for _, patient in ranked[:limit]])
        return TeachingList(
            films=[film for film, _ in ranked[:limit]], looked_at=len(ranked), corrected=len(done)
        )


def _named(film: TeachingFilm, study: Study) -> TeachingFilm:
    names = ("study_date", "patient_name", "patient_birth_date")
    return film.model_copy(update={name: getattr(study, name) for name in names})


def _examples(studies: set[str], clinic: "Clinic") -> Counter[str]:
    """How many corrected films show each finding."""
    found: Counter[str] = Counter()
    for study_id in studies:
        said = merged(annotations_of(study_id, clinic=clinic))
        if said is not None and not said.is_unsuitable:
            found.update(finding.value for finding, given in said.findings.items() if given.mask is not None)
    return found


def _scored(report: Report, examples: Counter[str]) -> TeachingFilm:
    disagreements = [Finding(one.finding) for one in report.findings if not one.agreed]
    is_in_doubt = report.in_doubt is not None
    unsure = None if report.confidence is None else round(1 - report.confidence, 3)
    told = {one.finding for one in report.findings if one.presence == "present"}
    rare = [finding for finding in FINDINGS if finding in told and examples[finding.value] < _MANY]
    novelty = sum(1 - examples[finding.value] / _MANY for finding in rare)
    score = _DISAGREEMENT * len(disagreements) + (unsure or 0.0) + _DOUBT * is_in_doubt + _RARE * novelty
    return TeachingFilm(
        study_id=report.study_id or "",
        score=round(score, 3),
        disagreements=disagreements,
        unsure=unsure,
        is_in_doubt=is_in_doubt,
        rare=rare,
    )
