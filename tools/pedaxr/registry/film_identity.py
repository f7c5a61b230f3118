"""Whose film it is and when it was taken, as every answer about a film says first."""

from datetime import date
from typing import TYPE_CHECKING, cast

from pedaxr.records import Study
from pedaxr.text import printable
from pedaxr.types import FilmIdentity, Sex
from pedaxr_models.labels import View

if TYPE_CHECKING:
    from pedaxr_models.datasets.film import FilmMetadata


def film_identity(
    study: Study | None, metadata: "FilmMetadata | None" = None, *, today: date | None = None
) -> FilmIdentity:
    """The child and the film.

    Args:
        study: as registered; None for a film file, which only its own header can name.
        metadata: what the film is read with; its view and age count before the registry's.
        today: to count the days from; by default the server's own date, as films have theirs.
    """
    today = today or date.today()
    if study is None:
        return _of_header(metadata, today) if metadata else FilmIdentity()
    view, age_months = (metadata.view, metadata.age_months) if metadata else (None, None)
    return FilmIdentity(
        study_id=study.study_id,
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        patient_name_romanised=_romanised(study.patient_name),
        patient_birth_date=study.patient_birth_date,
        patient_sex=study.patient_sex,
        study_date=study.study_date,
        days_ago=(today - study.study_date).days if study.study_date else None,
        view_position=view or study.view_position,
        age_months=study.age_months if age_months is None else age_months,
    )


def study_metadata(study: Study) -> "FilmMetadata":
    """What the registry knows of a film that is read."""
    from pedaxr_models.datasets.film import FilmMetadata

    return FilmMetadata(
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        patient_sex=study.patient_sex,
        patient_birth_date=study.patient_birth_date.isoformat() if study.patient_birth_date else None,
        study_date=study.study_date.isoformat() if study.study_date else None,
        age_months=study.age_months,
        view=View(study.view_position) if study.view_position else None,
        indication=study.indication,
        working_diagnosis=study.working_diagnosis,
    )


def _romanised(name: str) -> str | None:
    """See `latin_name`: the search's rules are loaded with the first film, not as the server starts."""
    from pedaxr.patient_search.person_name import latin_name

    return latin_name(name)


def _of_header(header: "FilmMetadata", today: date) -> FilmIdentity:
    name = printable(header.patient_name) if header.patient_name else None
    on = _date(header.study_date)
    is_known_sex = header.patient_sex in ("M", "F", "O")
    return FilmIdentity(
        patient_id=printable(header.patient_id, 64) if header.patient_id else None,
        patient_name=name,
        patient_name_romanised=_romanised(name) if name else None,
        patient_birth_date=_date(header.patient_birth_date),
        patient_sex=cast("Sex", header.patient_sex) if is_known_sex else None,
        study_date=on,
        days_ago=(today - on).days if on else None,
        view_position=View(header.view) if header.view else None,
        age_months=header.age_months,
    )


def _date(text: str | None) -> date | None:
    """Headers hold dates that are none."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
