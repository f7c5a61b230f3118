"""What to correct next: films on which the witnesses disagree come first, corrected ones not at all."""

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import AnnotatedFinding, NewAnnotation, annotate
from pedaxr.clinic.teaching import teaching_films
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import Finding

from ..small_clinic import a_report


def draft(study_id: str, *, agreed: bool = True, confidence: float | None = 0.9, **more: object) -> Report:
    said = StructuredFinding(finding="constipation", presence=Presence.PRESENT, agreed=agreed)
    report = a_report(f"R-{study_id}", study_id)
    return report.model_copy(update={"findings": [said], "confidence": confidence, **more})


@pytest.fixture
def drafted(film_clinic: Clinic) -> Clinic:
    film_clinic.registry.save_report(draft("normal"))
    film_clinic.registry.save_report(draft("levels", confidence=0.4))
    film_clinic.registry.save_report(draft("free air", agreed=False))
    film_clinic.registry.save_report(draft("pyloric", confidence=None, in_doubt="a chest film"))
    return film_clinic


def order(clinic: Clinic) -> list[str]:
    return [film.study_id for film in teaching_films(clinic=clinic).films]


def test_doubt_and_disagreement_come_before_mere_unsureness(drafted: Clinic) -> None:
    assert order(drafted) == ["pyloric", "free air", "levels", "normal"]
    found = {film.study_id: film for film in teaching_films(clinic=drafted).films}
    assert found["free air"].disagreements == [Finding.CONSTIPATION] and found["pyloric"].is_in_doubt
    assert found["levels"].unsure == pytest.approx(0.6) and found["pyloric"].unsure is None
    assert "normal supine" not in found, "what has no draft is not ranked: nobody knows"


def test_a_corrected_film_is_done_and_makes_its_finding_less_rare(drafted: Clinic) -> None:
    before = {film.study_id: film.score for film in teaching_films(clinic=drafted).films}
    mask = {"size": (512, 512), "counts": [100, 400, 512 * 512 - 500]}
    given = {Finding.CONSTIPATION: AnnotatedFinding.model_validate({"decision": "corrected", "mask": mask})}
    annotate("pyloric", NewAnnotation(based_on=0, model="m", findings=given), by="Dr Kim", clinic=drafted)
    after = teaching_films(clinic=drafted)
    assert "pyloric" not in order(drafted) and after.corrected == 1 and after.looked_at == 3
    assert all(film.score < before[film.study_id] for film in after.films)


def test_the_list_is_cut_and_who_is_on_it_is_written_down(drafted: Clinic) -> None:
    assert len(teaching_films(clinic=drafted, limit=2).films) == 2
