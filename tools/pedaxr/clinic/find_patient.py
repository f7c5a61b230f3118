"""Find a patient by name, id or birth date. Namesakes are listed, never picked.

Whatever could be the patient asked for is a match; a name that is only similar is offered under `nearest`, so
that a slip of the keyboard never opens another child's films without a human saying yes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing, home_of, note
from pedaxr.clinic.asked import Asked, check_arguments, date_in, parse_query
from pedaxr.clinic.next_step import next_step
from pedaxr.errors import InvalidRequest
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.name_forms import NameForms, name_forms, romanised_name, without_titles
from pedaxr.patient_search.search_index import MOST_COUNTED, SearchIndex
from pedaxr.patient_search.typing_slips import typed_in_hangul
from pedaxr.records import counting_damaged
from pedaxr.registry import Patient, Registry, Study
from pedaxr.registry.report_versions import ReportState
from pedaxr.types import PatientMatch, PatientSearch, StudySummary
from pedaxr_models.written.plain import plain

if TYPE_CHECKING:
    from pedaxr.clinic.clinic import ClinicLike

MOST_MATCHES = 20
_LEFT_OUT = (
    "An entry of the registry that may be meant is damaged and was left out: have `pedaxr verify` run, and "
    "confirm name and birth date with the user in any case."
)
_MOST_IDS = 4  # words of a query that are looked up as ids
_NEAREST_LISTED = 5
_AGE = re.compile(
    r"\d+[ -]*(?:(?:year|yr|month|mo|week|wk|day)s?\b(?:[ -]*old)?|세|살|개월|주|일)", re.IGNORECASE
)
_MOST_WEIGHED = 25  # near names whose bearers are counted


@dataclass(frozen=True)
class _Found:
    patient: Patient
    score: float
    reason: str


@dataclass(frozen=True)
class _Matches:
    """The first matches at least, best first, and how many there are, counted to `MOST_COUNTED` and one.

    Attributes:
        by_id: whether an id led to them.
    """

    first: list[_Found]
    total: int
    by_id: bool = False


def find_patient(
    query: str,
    *,
    patient_birth_date: date | str | None = None,
    limit: int = 10,
    offset: int = 0,
    clinic: "ClinicLike | None" = None,
) -> PatientSearch:
    """Search the registry by name (Hangul or Latin script), id or accession number, and birth date.

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
        found = _matching(index, asked, most=max(most, _NEAREST_LISTED))
        if 0 < found.total < _NEAREST_LISTED and found.first[0].score < names.STANDARD:
            found = _with_similar(index, asked, found)
        alone = found.first[0] if found.total == 1 else None
        # A baby under a parent's name, alone, is never taken for the person named.
        if alone and alone.score <= names.BABY:
            found, nearest = _Matches([], 0), [alone]
        else:
            nearest = [] if found.total else _nearest(index, asked)
        has_twin = alone is not None and _has_twin(index, alone.patient)
        return _answer(registry, asked, found, nearest, page=slice(offset, most), has_twin=has_twin)


def _registry(clinic: "ClinicLike | None") -> Registry:
    from pedaxr.clinic.clinic import opened

    return opened(clinic).registry


def _matching(index: SearchIndex, asked: Asked, *, most: int) -> _Matches:
    """The patients who answer the query and were born on the date asked for."""
    with_id = list(_by_id(index, asked))
    by_id = [one for one in with_id if _is_fit(one, asked)]
    if with_id and not by_id:
        return _Matches([], 0)
    if by_id and asked.name != asked.unlabelled:  # an id that is also a birth date: both are listed
        by_id = _ranked([*by_id, *_by_name(index, asked, most=MOST_COUNTED).first])
    if by_id:
        return _Matches(by_id, len(by_id), by_id=True)
    alike = list(_spelled_otherwise(index, asked))
    if fits := [one for one in alike if _is_fit(one, asked)]:
        return _Matches(fits, len(fits))
    if asked.no_such_day and not alike:
        raise InvalidRequest(asked.no_such_day)
    return _by_name(index, asked, most=most)


def _by_id(index: SearchIndex, asked: Asked) -> Iterator[_Found]:
    """Patients with an id that is the query or a word of it; the score of the rest of the query, if any."""
    if whole := index.patients_with_id(asked.text):
        yield from (_Found(patient, names.SAME, reason) for patient, reason in whole)
        return
    words = asked.words
    for word in [word for word in words if any(map(str.isdigit, word))][:_MOST_IDS]:
        for patient, reason in index.patients_with_id(word):
            yield _with_rest(patient, reason, [other for other in words if other != word])


def _spelled_otherwise(index: SearchIndex, asked: Asked) -> Iterator[_Found]:
    """Patients whose id is a word of the query but for zeros in front, or hyphens.

    Alone that is offered, and no match: the ids may be two children's.
    """
    words = asked.words
    wholes = dict.fromkeys(("".join(words), "".join(asked.text.split())))  # MRN may begin the id itself
    for word in dict.fromkeys([*words[:_MOST_IDS], *wholes]):
        rest = [] if word in wholes else [other for other in words if other != word]
        alike = [(patient, _BUT_FOR_ZEROS) for patient in index.patients_but_for_zeros(word)]
        alike += [(patient, _BUT_FOR_HYPHENS) for patient in index.patients_but_for_hyphens(word)]
        for patient, reason in alike:
            found = _with_rest(patient, reason, rest)
            is_born = asked.born is not None and asked.born == patient.patient_birth_date
            yield found if rest or is_born else replace(found, score=_BAD)


def _with_rest(patient: Patient, reason: str, rest: list[str]) -> _Found:
    beside = " ".join(without_titles(rest))
    found = date_in(beside)
    name = beside if found is None else found.rest
    if found is not None and found.day != patient.patient_birth_date:
        return _Found(patient, _BAD, f"{reason}, but another birth date")
    if not name:
        return _Found(patient, names.SAME, reason)
    like = names.likeness(name_forms(name), name_forms(patient.patient_name))
    return (
        _Found(patient, like.score, f"{reason}; {like.reason}")
        if like
        else _Found(patient, _BAD, f"{reason}, but another name")
    )


_BUT_FOR_ZEROS, _BUT_FOR_HYPHENS = "patient id but for zeros in front", "patient id but for hyphens"
_BAD = 0.5  # of patients of whom something asked for is not true: offered, never a match


def _is_fit(found: _Found, asked: Asked) -> bool:
    return found.score > _BAD and asked.born in (None, found.patient.patient_birth_date)


def _by_name(index: SearchIndex, asked: Asked, *, most: int) -> _Matches:
    if asked.contradicts_itself:
        return _Matches([], 0)
    if not asked.name and asked.day:
        born = index.patients_born_on(asked.day)
        score = names.PART if asked.is_short else names.SAME
        reason = (
            "born on that day, if the six digits are a birth date" if asked.is_short else "born on that day"
        )
        return _Matches([_Found(p, score, reason) for p in born[:most]], len(born))
    numbers = re.findall(r"\d{3,}", asked.name)  # an id or a year: a child whose name lacks it has another
    found = {
        one.patient_name: one.likeness
        for one in index.names_like(name_forms(asked.name), born_on=asked.day)
        if all(number in plain(one.patient_name) for number in numbers)
    }
    most = MOST_COUNTED + 1 if asked.day else most
    patients = index.patients_named(list(found), born_on=asked.day, limit=most)
    total = len(patients) if asked.day or len(patients) < most else index.count_named(list(found))
    likes = ((patient, found[patient.patient_name]) for patient in patients)
    return _Matches([_Found(patient, like.score, like.reason) for patient, like in likes], total)


def _with_similar(index: SearchIndex, asked: Asked, found: _Matches) -> _Matches:
    """Few matches by sound or part, and behind them names that one slip of the keyboard makes of the query.

    Either may be meant, so there are several matches and the user is asked.
    """
    if not asked.name or found.first[0].score <= names.BABY:
        return found
    slips = (one for one in _similar(index, asked) if one.score >= names.ONE_LETTER)
    fits = [one for one in slips if asked.born in (None, one.patient.patient_birth_date)]
    ranked = _ranked([*found.first, *fits])[:_NEAREST_LISTED]
    return _Matches(ranked, len(ranked))


def _nearest(index: SearchIndex, asked: Asked) -> list[_Found]:
    """With no match: a part of what was asked, or names a few letters away; best first."""
    found = [
        _Found(
            one.patient,
            min(one.score, _BAD),
            one.reason if one.score <= _BAD else f"{one.reason}, but another birth date",
        )
        for one in (*_by_id(index, asked), *_spelled_otherwise(index, asked))
    ]
    if found:
        named = _by_name(index, asked, most=_NEAREST_LISTED).first
        found += [_Found(one.patient, one.score / 2, f"{one.reason}, but another id") for one in named]
    elif asked.name:
        found = [*_on_other_keyboard(index, asked), *_similar(index, asked)]
        found += [*_born_otherwise(index, asked), *_but_for_numbers(index, asked)]
    return _ranked(found)[:_NEAREST_LISTED]


def _on_other_keyboard(index: SearchIndex, asked: Asked) -> Iterator[_Found]:
    """The name whose keys these are on a Korean keyboard: nobody had pressed the key between the two."""
    if hangul := typed_in_hangul("".join(asked.name.split())):
        for one in _by_name(index, replace(asked, name=hangul), most=_NEAREST_LISTED).first:
            yield replace(one, score=one.score / 2, reason=f"{one.reason}, by the keys of a Korean keyboard")


def _born_otherwise(index: SearchIndex, asked: Asked) -> Iterator[_Found]:
    """The name with another birth date."""
    if asked.day is None:
        return
    found = _by_name(index, Asked(asked.text, asked.name, None, None), most=_NEAREST_LISTED)
    for one in found.first:
        yield _Found(one.patient, one.score / 2, f"{one.reason}, but another birth date")


def _but_for_numbers(index: SearchIndex, asked: Asked) -> Iterator[_Found]:
    """The name without what stands beside it: a year, an age, an id that nobody has."""
    words = _AGE.sub(" 0 ", asked.name.replace(",", " ")).split()
    bare = [word for word in words if not any(map(str.isdigit, word))]
    if not bare or len(bare) == len(words) or asked.day is not None:
        return
    for one in _by_name(index, Asked(asked.text, " ".join(bare), None, None), most=_NEAREST_LISTED).first:
        yield _Found(one.patient, one.score / 2, f"{one.reason}, but for a number beside it")


def _similar(index: SearchIndex, asked: Asked) -> list[_Found]:
    """Names a few letters away, of patients born on the day asked for where there are such."""
    query = name_forms(asked.name)
    near = _likeliest(query, index.names_near(query))
    if asked.day is None:
        return _bearers(index, _most_names_first(index, near), None)
    of_day = _bearers(index, near, asked.day)
    if not of_day:
        of_day = _bearers(index, _likeliest(query, index.names_near_of_day(query, asked.day)), asked.day)
    return of_day


def _likeliest(query: NameForms, near: Iterable[str]) -> dict[str, names.Likeness]:
    """The names that are similar enough, best first; of equal ones those written like the query."""
    forms = {name: name_forms(name) for name in near}
    likes = ((name, names.similarity(query, of_name)) for name, of_name in forms.items())
    similar = [
        (-like.score, names.written_apart(query, forms[name]), name, like) for name, like in likes if like
    ]
    return {name: like for *_, name, like in sorted(similar, key=lambda row: row[:3])}


def _most_names_first(index: SearchIndex, near: dict[str, names.Likeness]) -> dict[str, names.Likeness]:
    """Of about equally near names those of few patients first, so that five places hold many names.

    Who bears a name of hundreds is found by the birth date in any case.
    """
    first = list(near)[:_MOST_WEIGHED]
    ordered = sorted(index.fewest_bearers_first(first), key=lambda name: -round(near[name].score, 2))
    return {name: near[name] for name in (*ordered, *list(near)[_MOST_WEIGHED:])}


def _bearers(index: SearchIndex, near: dict[str, names.Likeness], born_on: date | None) -> list[_Found]:
    patients = index.patients_named(list(near), born_on=born_on, limit=_NEAREST_LISTED)
    likes = ((patient, near[patient.patient_name]) for patient in patients)
    return [_Found(patient, like.score, like.reason) for patient, like in likes]


def _ranked(found: Iterable[_Found]) -> list[_Found]:
    """Each patient once, with the best reason; best first, ties in a fixed order that prefers nobody."""
    best: dict[str, _Found] = {}
    for one in sorted(found, key=lambda f: (-f.score, f.patient.patient_name, f.patient.patient_id)):
        best.setdefault(one.patient.patient_id, one)
    return list(best.values())


def _answer(
    registry: Registry, asked: Asked, found: _Matches, nearest: list[_Found], *, page: slice, has_twin: bool
) -> PatientSearch:
    listed = found.first[page]
    shown = [one.patient.patient_id for one in (*listed, *nearest)]
    note(patient_ids=shown)
    studies = registry.studies_of(shown)
    states = registry.report_states([study.study_id for study in studies])
    matches = [_match(one, studies, states) for one in listed]
    today = date.today()
    return PatientSearch(
        query=asked.text,
        today=today,
        status="no_match" if not found.total else "one_match" if found.total == 1 else "several_matches",
        matches=matches,
        nearest=[_match(one, studies, states) for one in nearest],
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
    alike = _likeliest(forms, index.names_near_of_day(forms, day))
    return any(other != patient for other in index.patients_named(list(alike), born_on=day, limit=2))


def _match(found: _Found, studies: list[Study], states: Mapping[str, ReportState]) -> PatientMatch:
    patient = found.patient
    return PatientMatch(
        patient_id=patient.patient_id,
        patient_name=patient.patient_name,
        patient_name_romanised=romanised_name(patient.patient_name),
        patient_birth_date=patient.patient_birth_date,
        patient_sex=patient.patient_sex,
        reason=found.reason,
        score=found.score,
        studies=[
            _summary(study, states.get(study.study_id))
            for study in studies
            if study.patient_id == patient.patient_id
        ],
    )


def _summary(study: Study, state: ReportState | None) -> StudySummary:
    return StudySummary(
        study_id=study.study_id,
        study_date=study.study_date,
        view_position=study.view_position,
        age_months=None if study.age_months is None else round(study.age_months, 2),
        report_status=state.status if state else "none",
        critical=list(state.critical) if state else [],
    )
