"""find_patient, and behind it the PACS: asked where the registry has nobody who is exactly the one meant.

Films that are in the PACS alone get an id that begins with X-; the next tool fetches such a film. A PACS that
does not answer costs the search a note and, for half a minute, no further waiting.
"""

import logging
import time
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from pedaxr.ages import age_in_months
from pedaxr.audit.callers import current_caller
from pedaxr.audit.trail import accessing, note
from pedaxr.clinic import Clinic
from pedaxr.clinic import find_patient as registry_search
from pedaxr.clinic.identity import Refused, check_same
from pedaxr.clinic.next_step import next_step
from pedaxr.errors import PacsDown, PacsError, PatientNotFound
from pedaxr.pacs.node import PacsNode
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.asked import parse_query
from pedaxr.patient_search.person_name import latin_name
from pedaxr.records import Patient
from pedaxr.types import PatientMatch, PatientSearch, StudySummary

if TYPE_CHECKING:
    from pedaxr.pacs.find import FoundFilm
    from pedaxr.pacs.rows import PacsFilm, PacsPatient

IN_PACS = "in the PACS, not yet read here"
DOWN = "The PACS did not answer: only films registered here were searched."
_FETCHED = "A study_id that begins with X- is in the PACS; the next tool fetches that film."
_CONTRADICTS = (
    "A child in the PACS has the patient id of another child here and was left out: tell the administrator."
)
_REST_S = 30.0
_MOST_FILMS = 10  # of one child, newest first
_down_until: dict[tuple[str, int], float] = {}
_log = logging.getLogger(__name__)


def find_patient_and_ask(
    query: str,
    *,
    patient_birth_date: date | str | None = None,
    limit: int = 10,
    clinic: Clinic,
    node: PacsNode | None,
) -> PatientSearch:
    """What `find_patient` finds and, where that is nobody exactly, the children with films in the PACS.

    A caller who may see some departments only is told nothing of the PACS, which knows none.

    Raises:
        InvalidRequest, StorageError.
    """
    found = registry_search.find_patient(
        query, patient_birth_date=patient_birth_date, limit=limit, clinic=clinic
    )
    if node is None or current_caller().departments is not None or _is_exact(found):
        return found
    if time.monotonic() < _down_until.get((node.host, node.port), 0.0):
        return _with_note(found, DOWN)
    try:
        with accessing(clinic.home, "query", query=_as_asked(query, patient_birth_date)):
            in_pacs = _ask(node, query, patient_birth_date)
            note(patient_ids=list(dict.fromkeys(one.film.study.patient.patient_id for one in in_pacs)))
    except PacsDown:
        _down_until[node.host, node.port] = time.monotonic() + _REST_S
        _log.warning("The PACS does not answer")
        return _with_note(found, DOWN)
    except PacsError as err:
        return _with_note(found, f"The PACS was not searched: {err}")
    return _together(found, in_pacs, clinic, limit)


def _ask(node: PacsNode, query: str, patient_birth_date: date | str | None) -> "list[FoundFilm]":
    from pedaxr.pacs.find import films_asked_for

    return films_asked_for(node, parse_query(query, patient_birth_date))


def _is_exact(found: PatientSearch) -> bool:
    """Whether the registry has somebody by the full name, an id or a birth date as asked."""
    return any(match.score >= names.STANDARD for match in found.matches)


def _as_asked(query: str, patient_birth_date: date | str | None) -> str:
    return query if patient_birth_date is None else f"{query} born {patient_birth_date}"


def _with_note(found: PatientSearch, said: str) -> PatientSearch:
    return found.model_copy(update={"next_step": f"{found.next_step} {said}"})


def _together(found: PatientSearch, in_pacs: "list[FoundFilm]", clinic: Clinic, limit: int) -> PatientSearch:
    """The registry's matches with their further films, then the children whom only the PACS knows."""
    new = [one for one in in_pacs if clinic.registry.study_of_film("", one.film.sop_uid) is None]
    known, strange, contradicting = _by_child(new, clinic)
    if not known and not strange:
        return _with_note(found, _CONTRADICTS) if contradicting else found
    from pedaxr.pacs.handles import remember

    remember(clinic.home, [one.film for one in (*_flat(known.values()), *_flat(strange.values()))])
    matches = [_with_films(match, known.pop(match.patient_id, [])) for match in found.matches]
    matches += [_registered(clinic, patient_id, films) for patient_id, films in known.items()]
    matches += [_match(films) for films in strange.values()]
    matches.sort(key=lambda match: -match.score)
    total = found.total + len(matches) - len(found.matches)
    today = found.today or date.today()
    step = next_step(
        matches[:limit], total=total, has_nearest=False, has_twin=False, is_certain=False, today=today
    )
    return found.model_copy(
        update={
            "status": "one_match" if total == 1 else "several_matches",
            "matches": matches[:limit],
            "nearest": [],
            "total": total,
            "next_step": " ".join([step, _FETCHED, *([_CONTRADICTS] if contradicting else [])]),
        }
    )


_Films = dict[str, list["FoundFilm"]]


def _by_child(new: "list[FoundFilm]", clinic: Clinic) -> tuple[_Films, _Films, bool]:
    """Films by registered patient id, films of others by child, and whether an id means two children."""
    known: _Films = {}
    strange: _Films = {}
    contradicting = False
    for one in new:
        patient = one.film.study.patient
        try:
            registered = clinic.registry.patient(patient.patient_id)
            check_same(registered, _as_patient(patient))
            known.setdefault(registered.patient_id, []).append(one)
        except PatientNotFound:
            strange.setdefault(patient.digest, []).append(one)
        except Refused:
            contradicting = True
    return known, strange, contradicting


def _as_patient(patient: "PacsPatient") -> Patient:
    return Patient(patient.patient_id, patient.name, patient.birth_date, patient.sex)


def _flat(groups: "Iterable[list[FoundFilm]]") -> "list[FoundFilm]":
    return [one for group in groups for one in group]


def _with_films(match: PatientMatch, films: "list[FoundFilm]") -> PatientMatch:
    listed = [*_summaries(films), *match.studies]
    listed.sort(key=lambda study: study.study_date or date.min, reverse=True)
    return match.model_copy(update={"studies": listed}) if films else match


def _registered(clinic: Clinic, patient_id: str, films: "list[FoundFilm]") -> PatientMatch:
    """A child whom the registry has, and finds by the id alone."""
    by_id = registry_search.find_patient(patient_id, clinic=clinic).matches
    mine = [match for match in by_id if match.patient_id == patient_id]
    like = films[0].likeness
    update = {"score": like.score, "reason": f"{like.reason}; {IN_PACS}"}
    return _with_films(mine[0].model_copy(update=update) if mine else _match(films), films if mine else [])


def _match(films: "list[FoundFilm]") -> PatientMatch:
    patient, like = films[0].film.study.patient, films[0].likeness
    return PatientMatch(
        patient_id=patient.patient_id,
        patient_name=patient.name,
        patient_name_romanised=latin_name(patient.name),
        patient_birth_date=patient.birth_date,
        patient_sex=patient.sex,
        reason=f"{like.reason}; {IN_PACS}",
        score=like.score,
        studies=_summaries(films),
    )


def _summaries(films: "list[FoundFilm]") -> list[StudySummary]:
    return [_summary(one.film) for one in films[:_MOST_FILMS]]


def _summary(film: "PacsFilm") -> StudySummary:
    born, on = film.study.patient.birth_date, film.study.study_date
    age = age_in_months(born, on) if born and on and born <= on else None
    return StudySummary(
        study_id=film.study_id,
        study_date=on,
        age_months=None if age is None else round(age, 2),
        report_status="none",
    )


def forget_outages() -> None:
    """Ask every PACS again."""
    _down_until.clear()
