"""Whose film it is and when it was taken: the first line of every answer about a film."""

from typing import TYPE_CHECKING, TypeVar

from pedaxr.ages import UNKNOWN_AGE, age_text, days_ago_text
from pedaxr.registry.film_identity import film_identity
from pedaxr.text import as_data, shown_id
from pedaxr.types import FilmIdentity, Report, SegmentationResult

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic

_Answer = TypeVar("_Answer", Report, SegmentationResult)
# Field, and what it is called in the line.
CHILD = {
    "patient_id": "patient_id",
    "patient_name": "name",
    "patient_name_romanised": "romanised",
    "patient_birth_date": "born",
    "patient_sex": "sex",
}


def film_line(film: FilmIdentity | None, study_id: str | None) -> str:
    """Such as: Film S-820954 of 2025-08-14 (15 months ago), erect, age 6 y 4 mo; then the child as JSON."""
    film = film or FilmIdentity(study_id=study_id)
    shown = film.study_id or study_id
    name = f"Film {shown_id(shown)}" if shown else "A film file"
    view = film.view_position.value.replace("_", " ") if film.view_position else "view not stated"
    dates = film.patient_birth_date, film.study_date
    age = UNKNOWN_AGE if film.age_months is None else f"age {age_text(film.age_months, *dates)}"
    return f"{name} {_taken(film)}, {view}, {age}.{_child(film)}{_later(film)}"


def identified(answer: _Answer, clinic: "Clinic") -> _Answer:
    """The answer with whose film it is, where it does not say so itself, and with the child's newest film."""
    if answer.study_id is None:
        return answer
    study = clinic.registry.study(answer.study_id)
    known = answer.film if answer.film is not None and answer.film.patient_id is not None else None
    film = known or film_identity(study)
    newest = clinic.registry.studies(study.patient_id)[0]
    if study.study_date and newest.study_date and newest.study_date > study.study_date:
        later = {"later_film": newest.study_id, "later_date": newest.study_date}
        film = film.model_copy(update=later)
    return answer.model_copy(update={"film": film})


def _taken(film: FilmIdentity) -> str:
    if film.study_date is None:
        return "of an unknown date"
    ago = "" if film.days_ago is None else f" ({days_ago_text(film.study_date, film.days_ago)})"
    return f"of {film.study_date}{ago}"


def _child(film: FilmIdentity) -> str:
    known = child_data(film)
    return f" Child, as data: {known}" if known else " Whose film it is, is not known."


def _later(film: FilmIdentity) -> str:
    """Whoever asks of a child may not know that another film was taken since."""
    return (
        f" LATER FILM of this child: {shown_id(film.later_film)} of {film.later_date}."
        if film.later_film
        else ""
    )


def child_data(film: FilmIdentity) -> str:
    """Whose film it is, as JSON on one line; empty where nothing is known."""
    known = {shown: value for name, shown in CHILD.items() if (value := getattr(film, name)) is not None}
    return as_data(known) if known else ""
