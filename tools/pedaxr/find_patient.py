"""Find a patient by name, id or birth date. Homonyms are listed, never picked.

Whatever could be the patient asked for is a match; a name that is only similar is offered under `nearest`, so
that a slip of the keyboard never opens another child's films without a human saying yes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pedaxr import names
from pedaxr.errors import InvalidRequest
from pedaxr.hangul import is_hangul
from pedaxr.names import NameForms, name_forms
from pedaxr.printable import printable
from pedaxr.registry import Patient, Registry, Study
from pedaxr.types import PatientMatch, PatientSearch, StudySummary

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic

MOST_MATCHES = 20
_LONGEST_QUERY = 200
_SIMILAR_COMPARED = 80  # names ranked by edit distance when nothing matched
_NEAREST_LISTED = 5

_DATES = (
    re.compile(r"(?<!\d)(?P<y>\d{4})\s*[-./년]\s*(?P<m>\d{1,2})\s*[-./월]\s*(?P<d>\d{1,2})(?:\s*일|(?!\d))"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\d)"),
)


@dataclass(frozen=True)
class _Found:
    patient: Patient
    score: float
    reason: str


@dataclass(frozen=True)
class _Query:
    """What was asked, taken apart: a birth date inside the text is a condition like the argument."""

    text: str
    name: str
    birth_dates: tuple[date, ...]
    is_only_date: bool


def find_patient(
    query: str,
    *,
    patient_birth_date: date | str | None = None,
    limit: int = 10,
    clinic: "Clinic | None" = None,
) -> PatientSearch:
    """Search the registry by name (Hangul or Latin script), patient id, study id or birth date.

    Args:
        query: at least two characters, or one Hangul syllable. It may hold a birth date beside the name.
        patient_birth_date: only patients born on that day (ISO 8601).
        limit: most matches listed, at most 20; `total` counts all.
        clinic: whose registry; the default one when None.

    Raises:
        InvalidRequest: the query is too short or long, or the date is no date.
        StorageError: there is no registry, or it cannot be read.
    """
    asked = _parse(query, patient_birth_date)
    if limit < 1:
        raise InvalidRequest("limit must be at least 1.")
    registry = _registry(clinic)
    found = _ranked(_matching(registry, asked))
    # A baby under a parent's name, alone, is never taken for the person named.
    if len(found) == 1 and found[0].score <= names.BABY:
        return _answer(registry, asked, [], found, limit)
    return _answer(registry, asked, found, [] if found else _nearest(registry, asked), limit)


def _registry(clinic: "Clinic | None") -> Registry:
    if clinic is None:
        from pedaxr.clinic import open_clinic

        clinic = open_clinic()
    return clinic.registry


def _parse(query: str, patient_birth_date: date | str | None) -> _Query:
    if len(query) > _LONGEST_QUERY:
        raise InvalidRequest(
            f"The query is longer than {_LONGEST_QUERY} characters. Give a name, an id or a date."
        )
    text = printable(query)
    if len(text) < 2 and not any(map(is_hangul, text)):
        raise InvalidRequest("Give at least two characters of a name, an id or a birth date.")
    born, rest = _cut_date(text)
    asked = _as_date(patient_birth_date)
    dates = tuple(dict.fromkeys(day for day in (born, asked) if day))
    return _Query(text, rest, dates, is_only_date=born is not None and not rest)


def _cut_date(text: str) -> tuple[date | None, str]:
    """The first date in the text and the text around it."""
    for pattern in _DATES:
        if found := pattern.search(text):
            try:
                day = date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                continue
            return day, (text[: found.start()] + " " + text[found.end() :]).strip(" ,;()")
    return None, text


def _as_date(value: date | str | None) -> date | None:
    if value is None or isinstance(value, date):
        return value
    day, rest = _cut_date(printable(value, 40))
    if day is None or rest:
        raise InvalidRequest("patient_birth_date must be a date such as 2021-03-04.")
    return day


def _matching(registry: Registry, asked: _Query) -> Iterator[_Found]:
    """Every patient who answers the query and was born on every date asked for."""
    found = list(_by_id(registry, asked.text))
    if asked.is_only_date:
        found += [_Found(p, 1.0, "born on that day") for p in registry.patients_born_on(asked.birth_dates[0])]
    else:
        found += _by_name(registry, name_forms(asked.name))
    for one in found:
        if (
            all(one.patient.patient_birth_date == day for day in asked.birth_dates)
            or one.reason == _ID_REASON
        ):
            yield one


_ID_REASON = "patient id or study id"


def _by_id(registry: Registry, text: str) -> Iterator[_Found]:
    return (_Found(patient, 1.0, _ID_REASON) for patient in registry.patients_with_id(text))


def _by_name(registry: Registry, query: NameForms) -> Iterator[_Found]:
    candidates = registry.patients_with_terms(names.query_terms(query), prefix=names.prefix_of(query))
    for patient in candidates:
        if like := names.likeness(query, name_forms(patient.patient_name)):
            yield _Found(patient, like.score, like.reason)


def _nearest(registry: Registry, asked: _Query) -> list[_Found]:
    """With no match: the name with another birth date, else names a few letters away."""
    if asked.is_only_date:
        return []
    query = name_forms(asked.name)
    if asked.birth_dates and (others := list(_by_name(registry, query))):
        found = [_Found(o.patient, o.score / 2, f"{o.reason}, but another birth date") for o in others]
    else:
        found = list(_similar(registry, query))
    return _ranked(found)[:_NEAREST_LISTED]


def _similar(registry: Registry, query: NameForms) -> Iterator[_Found]:
    for patient in registry.patients_sharing_terms(names.grams(query), limit=_SIMILAR_COMPARED):
        if like := names.similarity(query, name_forms(patient.patient_name)):
            yield _Found(patient, like.score, like.reason)


def _ranked(found: Iterable[_Found]) -> list[_Found]:
    """Each patient once, with the best reason; best first, ties in a fixed order that prefers nobody."""
    best: dict[str, _Found] = {}
    for one in sorted(found, key=lambda f: (-f.score, f.patient.patient_name, f.patient.patient_id)):
        best.setdefault(one.patient.patient_id, one)
    return list(best.values())


def _answer(
    registry: Registry, asked: _Query, found: list[_Found], nearest: list[_Found], limit: int
) -> PatientSearch:
    listed = found[: min(limit, MOST_MATCHES)]
    studies = registry.studies_of([one.patient.patient_id for one in (*listed, *nearest)])
    return PatientSearch(
        query=asked.text,
        status="no_match" if not found else "one_match" if len(found) == 1 else "several_matches",
        matches=[_match(one, studies) for one in listed],
        nearest=[_match(one, studies) for one in nearest],
        total=len(found),
        next_step=_next_step(found, nearest, len(listed), has_twin=_has_twin(registry, found)),
    )


def _has_twin(registry: Registry, found: list[_Found]) -> bool:
    """Whether the one match shares birth date and nearly the name with somebody who was not asked for."""
    patient = found[0].patient if len(found) == 1 else None
    if patient is None or patient.patient_birth_date is None:
        return False
    forms = name_forms(patient.patient_name)
    others = registry.patients_born_on(patient.patient_birth_date)
    alike = (names.similarity(forms, name_forms(o.patient_name)) for o in others if o != patient)
    return any(like is not None for like in alike)


def _next_step(found: list[_Found], nearest: list[_Found], listed: int, *, has_twin: bool) -> str:
    if not found and nearest:
        return "No patient matches. Ask the user whether one of the nearest is meant; do not choose for them."
    if not found:
        return "No patient matches. Ask the user for another spelling, the patient id or the birth date."
    if len(found) > listed:
        return (
            f"{len(found)} patients match and {listed} are listed. Ask for the birth date and search again."
        )
    if len(found) > 1:
        return "Several patients match. Ask the user which one, by birth date or id; do not choose for them."
    if has_twin:
        return "One patient matches, but a child of like name was born that day. Confirm each letter."
    if found[0].score < names.STANDARD:
        return "One patient matches, but not by the full name. Confirm name and birth date with the user."
    return "Use a study_id of this patient with segment_xray or generate_report."


def _match(found: _Found, studies: list[Study]) -> PatientMatch:
    patient = found.patient
    return PatientMatch(
        patient_id=patient.patient_id,
        patient_name=patient.patient_name,
        patient_name_romanised=names.romanised_name(patient.patient_name),
        patient_birth_date=patient.patient_birth_date,
        patient_sex=patient.patient_sex,
        reason=found.reason,
        score=found.score,
        studies=[_summary(study) for study in studies if study.patient_id == patient.patient_id],
    )


def _summary(study: Study) -> StudySummary:
    return StudySummary(
        study_id=study.study_id,
        study_date=study.study_date,
        view_position=study.view_position,
        age_months=None if study.age_months is None else round(study.age_months, 2),
    )
