"""Find a patient by name, id or birth date. Namesakes are listed, never picked.

Whatever could be the patient asked for is a match; a name that is only similar is offered under `nearest`, so
that a slip of the keyboard never opens another child's films without a human saying yes.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing, home_of, note
from pedaxr.clinic.annotate import critical_now, free_air_drawn
from pedaxr.clinic.nearest import nearest_to, with_hidden, with_initials, with_other_scripts, with_similar
from pedaxr.clinic.next_step import next_step
from pedaxr.clinic.patient_matches import NEAREST_LISTED, Found, Matches, matching
from pedaxr.errors import InvalidRequest
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.asked import Asked, check_arguments, parse_query
from pedaxr.patient_search.initials import has_initials, is_shortened
from pedaxr.patient_search.name_forms import name_forms
from pedaxr.patient_search.patient_lookups import MOST_COUNTED
from pedaxr.patient_search.person_name import latin_name
from pedaxr.patient_search.search_index import SearchIndex
from pedaxr.patient_search.told_apart import PARTED_OTHERWISE
from pedaxr.records import counting_damaged
from pedaxr.registry import Patient, Registry, Study
from pedaxr.registry.report_versions import ReportState
from pedaxr.types import PatientMatch, PatientSearch, StudySummary

if TYPE_CHECKING:
    from pedaxr.clinic.clinic import ClinicLike

MOST_MATCHES = 20
_LEFT_OUT = (
    "An entry of the registry that may be meant is damaged and was left out: have `pedaxr verify` run, and "
    "confirm name and birth date with the user in any case."
)


def find_patient(
    query: str,
    *,
    patient_birth_date: date | str | None = None,
    limit: int = 10,
    offset: int = 0,
    clinic: "ClinicLike | None" = None,
) -> PatientSearch:
    """Search the registry by name (Hangul or Latin script), id or accession number, and birth date.

    A name in another script (Иван Петров, محمد أحمد) is found as written, and offered for Latin spellings.

    Args:
        query: at least two characters, or one Hangul syllable. It may hold a birth date and an id beside the
            name; then all must fit.
        patient_birth_date: only patients born on that day (ISO 8601).
        limit: most matches listed, at most 20; `total` counts all, up to 300.
        offset: matches passed over, for the next page.
        clinic: whose registry, or its folder; the default one when None.

    Raises:
        InvalidRequest: the query is too short or long, or an argument is of a wrong type or not a date.
        StorageError: there is no registry, or it cannot be read.
    """
    check_arguments(query, patient_birth_date, limit, offset)
    with accessing(home_of(clinic), "find_patient", query=_as_asked(query, patient_birth_date)):
        asked = parse_query(query, patient_birth_date)
        if limit < 1 or not 0 <= offset <= MOST_COUNTED:
            raise InvalidRequest(f"limit must be at least 1, and offset from 0 to {MOST_COUNTED}.")
        with counting_damaged() as damaged:
            found = _search(_registry(clinic), asked, limit, offset)
        if damaged:
            return found.model_copy(update={"next_step": f"{_LEFT_OUT} {found.next_step}"})
        return found


def _as_asked(query: str, patient_birth_date: date | str | None) -> str:
    """For the audit trail."""
    return query if patient_birth_date is None else f"{query} born {patient_birth_date}"


def _search(registry: Registry, asked: Asked, limit: int, offset: int) -> PatientSearch:
    with registry.searching() as index:
        most = offset + min(limit, MOST_MATCHES)
        wanted = MOST_COUNTED + 1 if has_initials(asked.name) else max(most, NEAREST_LISTED)
        found = matching(index, asked, most=wanted)
        if 0 < found.total < NEAREST_LISTED and found.first[0].score < names.STANDARD:
            found = with_similar(index, asked, found)
        found = with_initials(index, asked, found)
        found = with_other_scripts(index, asked, with_hidden(index, asked, found))
        alone = found.first[0] if found.total == 1 else None
        if alone and _is_unsure(asked, alone):
            found, nearest = Matches([], 0), [alone]
        else:
            nearest = [] if found.total else nearest_to(index, asked)
        has_twin = alone is not None and _has_twin(index, alone.patient)
        return _answer(registry, asked, found, nearest, page=slice(offset, most), has_twin=has_twin)


def _is_unsure(asked: Asked, alone: Found) -> bool:
    """Whether who alone answers is only offered: no baby under a parent's name is the person named.

    Nor is a part what initials stand for, nor a name the same whose words end elsewhere.
    """
    if alone.score <= names.BABY or alone.reason == PARTED_OTHERWISE.reason:
        return True
    return alone.score <= names.PART and is_shortened(asked.without_honorific or asked.name)


def _registry(clinic: "ClinicLike | None") -> Registry:
    from pedaxr.clinic.clinic import opened

    return opened(clinic).registry


def _answer(
    registry: Registry, asked: Asked, found: Matches, nearest: list[Found], *, page: slice, has_twin: bool
) -> PatientSearch:
    listed = found.first[page]
    shown = [one.patient.patient_id for one in (*listed, *nearest)]
    note(patient_ids=shown)
    studies = registry.studies_of(shown)
    summaries = _summaries(studies, registry)
    matches = [_match(one, summaries) for one in listed]
    today = date.today()
    return PatientSearch(
        query=asked.text,
        today=today,
        status="no_match" if not found.total else "one_match" if found.total == 1 else "several_matches",
        matches=matches,
        nearest=[_match(one, summaries) for one in nearest],
        total=min(found.total, MOST_COUNTED),
        next_step=next_step(
            matches,
            total=found.total,
            has_nearest=bool(nearest),
            has_twin=has_twin,
            is_certain=found.by_id or asked.day is not None,
            today=today,
        ),
    )


def _has_twin(index: SearchIndex, patient: Patient) -> bool:
    """Whether the one match shares birth date and nearly the name with somebody who was not asked for."""
    day = patient.patient_birth_date
    if day is None:
        return False
    forms = name_forms(patient.patient_name)
    alike = names.likeliest(forms, index.names_near_of_day(forms, day))
    return any(other != patient for other in index.patients_named(list(alike), born_on=day, limit=2))


def _match(found: Found, summaries: Mapping[str, list[StudySummary]]) -> PatientMatch:
    patient = found.patient
    return PatientMatch(
        patient_id=patient.patient_id,
        patient_name=patient.patient_name,
        patient_name_romanised=latin_name(patient.patient_name),
        patient_birth_date=patient.patient_birth_date,
        patient_sex=patient.patient_sex,
        reason=found.reason,
        score=found.score,
        studies=summaries.get(patient.patient_id, []),
    )


def _summaries(studies: list[Study], registry: Registry) -> dict[str, list[StudySummary]]:
    """The films of each patient, by patient id, with what is reported and critical."""
    ids = [study.study_id for study in studies]
    states, drawn = registry.report_states(ids), free_air_drawn(ids, registry)
    told: dict[str, list[StudySummary]] = {}
    for study in studies:
        summary = _summary(study, states.get(study.study_id), drawn.get(study.study_id))
        told.setdefault(study.patient_id, []).append(summary)
    return told


def _summary(study: Study, state: ReportState | None, drawn: datetime | None) -> StudySummary:
    return StudySummary(
        study_id=study.study_id,
        study_date=study.study_date,
        view_position=study.view_position,
        age_months=None if study.age_months is None else round(study.age_months, 2),
        report_status=state.status if state else "none",
        critical=list(critical_now(state, drawn)),
    )
