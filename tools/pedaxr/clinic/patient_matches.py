"""Who answers a search: by id, by name and by birth date."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pedaxr.errors import InvalidRequest
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.asked import Asked, date_in
from pedaxr.patient_search.name_forms import NameForms, fold, name_forms, without_titles
from pedaxr.patient_search.patient_lookups import MOST_COUNTED
from pedaxr.patient_search.search_index import SearchIndex
from pedaxr.patient_search.told_apart import is_as_said, sex_asked, with_words_parted, without_others
from pedaxr.registry import Patient
from pedaxr_models.written.plain import plain

_MOST_IDS = 4  # words of a query that are looked up as ids
_BUT_FOR_ZEROS, _BUT_FOR_HYPHENS = "patient id but for zeros in front", "patient id but for hyphens"
_SEX_LETTER = re.compile(r"(?<=\w)([\s,]\S*\w)[\s,/]+([mf])[\s,]*$", re.IGNORECASE)
_MOST_WEIGHED = 60  # names whose bearers are counted
NEAREST_LISTED = 5
UNFIT = 0.5  # score of patients of whom something asked for is not true: offered, never a match


@dataclass(frozen=True)
class Found:
    """One patient, how well the query fits (as `Likeness.score`), and why."""

    patient: Patient
    score: float
    reason: str


@dataclass(frozen=True)
class Matches:
    """The first matches at least, best first, and how many there are, counted to `MOST_COUNTED` and one.

    Attributes:
        by_id: whether an id led to them.
    """

    first: list[Found]
    total: int
    by_id: bool = False


def matching(index: SearchIndex, asked: Asked, *, most: int) -> Matches:
    """The patients who answer the query and were born on the date asked for."""
    with_id = list(by_id(index, asked))
    fits_id = ranked(one for one in with_id if _is_fit(one, asked))
    if with_id and not fits_id:
        return Matches([], 0)
    if fits_id and asked.name != asked.unlabelled:  # an id that is also a birth date: both are listed
        fits_id = ranked([*fits_id, *by_name(index, asked, most=MOST_COUNTED).first])
    if fits_id:
        return Matches(fits_id, len(fits_id), by_id=True)
    alike = list(spelled_otherwise(index, asked))
    if fits := [one for one in alike if _is_fit(one, asked)]:
        return Matches(fits, len(fits))
    if asked.no_such_day and not alike:
        raise InvalidRequest(asked.no_such_day)
    if asked.day:  # beside a birth date the F of Emma Wilson F is no initial
        asked = replace(asked, name=_SEX_LETTER.sub(r"\1 (\2)", asked.name))
    named = by_name(index, asked, most=most)
    if named.total or not asked.without_honorific:
        return named
    return by_name(index, replace(asked, name=asked.without_honorific), most=most)


def by_id(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """Patients with an id that is the query or a word of it; the score of the rest of the query, if any."""
    if whole := index.patients_with_id(asked.text):
        yield from (Found(patient, names.SAME, reason) for patient, reason in whole)
        return
    words = asked.words
    with_digit = [word for word in words if any(map(str.isdigit, word))][:_MOST_IDS]
    found = [(word, *one) for word in with_digit for one in index.patients_with_id(word)]
    for _, patient, reason in found:
        own = [word for word, other, _ in found if other.patient_id == patient.patient_id]  # P-1 and S-1
        yield _with_rest(patient, reason, [other for other in words if other not in own])


def spelled_otherwise(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """Patients whose id is a word of the query but for zeros or letters in front, or hyphens.

    Alone that is offered, and no match: the ids may be two children's.
    """
    words = asked.words
    wholes = dict.fromkeys(("".join(words), "".join(asked.text.split())))  # MRN may begin the id itself
    for word in dict.fromkeys([*words[:_MOST_IDS], *wholes]):
        rest = [] if word in wholes else [other for other in words if other != word]
        alike = [(patient, _BUT_FOR_ZEROS) for patient in index.patients_but_for_zeros(word)]
        alike += [(patient, _BUT_FOR_HYPHENS) for patient in index.patients_but_for_hyphens(word)]
        alike += [
            (one, f"{kind} but for letters in front") for one, kind in index.patients_but_for_letters(word)
        ]
        for patient, reason in alike:
            found = _with_rest(patient, reason, rest)
            is_born = asked.born is not None and asked.born == patient.patient_birth_date
            yield found if rest or is_born else replace(found, score=UNFIT)


def _with_rest(patient: Patient, reason: str, rest: list[str]) -> Found:
    beside = " ".join(without_titles(rest))
    found = date_in(beside)
    name = beside if found is None else found.rest
    if found is not None and found.day != patient.patient_birth_date:
        return Found(patient, UNFIT, f"{reason}, but another birth date")
    if not name:
        return Found(patient, names.SAME, reason)
    like = names.likeness(name_forms(name), name_forms(patient.patient_name))
    return (
        Found(patient, like.score, f"{reason}; {like.reason}")
        if like
        else Found(patient, UNFIT, f"{reason}, but another name")
    )


def _is_fit(found: Found, asked: Asked) -> bool:
    return found.score > UNFIT and asked.born in (None, found.patient.patient_birth_date)


def by_name(
    index: SearchIndex,
    asked: Asked,
    *,
    most: int,
    any_sex: bool = False,
    as_written: bool = False,
    whole: bool = False,
) -> Matches:
    """Patients whose name answers the query, or who were born on the day that is all of it.

    Args:
        index: of the registry.
        asked: with a name or a day.
        most: patients wanted.
        any_sex: also those whose sex is another than the one said beside the name.
        as_written: not those whose name is only read like the query, or begins like it.
        whole: not those of whose name the query is only a part or the beginning.
    """
    if asked.contradicts_itself:
        return Matches([], 0)
    if not asked.name and asked.day:
        born = index.patients_born_on(asked.day)
        score = names.PART if asked.is_short else names.SAME
        reason = (
            "born on that day, if the six digits are a birth date" if asked.is_short else "born on that day"
        )
        return Matches([Found(p, score, reason) for p in born[:most]], len(born))
    numbers = re.findall(r"\d{3,}", asked.name)  # an id or a year: a child whose name lacks it has another
    query = name_forms(asked.name)
    sex = "" if any_sex else sex_asked(query, asked.name)
    found = {
        one.patient_name: one.likeness
        for one in index.names_like(query, born_on=asked.day, as_written=as_written, whole=whole)
        if all(number in plain(one.patient_name) for number in numbers)
    }
    found = with_words_parted(asked.name, without_others(query, found))
    found = {name: found[name] for name in _in_order(index, asked, found)}
    most = MOST_COUNTED + 1 if asked.day or sex else most
    patients = index.patients_named(list(found), born_on=asked.day, limit=most)
    is_counted = asked.day or len(patients) < most
    patients = [one for one in patients if not sex or _is_of_sex(one, sex, query)]
    total = len(patients) if is_counted else index.count_named(list(found))
    likes = ((patient, found[patient.patient_name]) for patient in patients)
    return Matches([Found(patient, like.score, like.reason) for patient, like in likes], total)


def _in_order(index: SearchIndex, asked: Asked, found: dict[str, names.Likeness]) -> list[str]:
    """Best first; of equally alike names those written like the query, then those of few children.

    Who bears a name of many is found by the birth date in any case.
    """
    best = sorted(found, key=lambda name: -found[name].score)
    if len(best) < 2 or asked.day is not None:
        return best
    words, first = fold(asked.name).split(), best[:_MOST_WEIGHED]
    likes = ((name, found[name]) for name in first)
    key = {name: (-round(like.score, 3), _rewritten(asked.name, words, name, like)) for name, like in likes}
    return [*sorted(index.fewest_bearers_first(first), key=key.__getitem__), *best[_MOST_WEIGHED:]]


def _rewritten(asked: str, words: list[str], name: str, like: names.Likeness) -> int:
    """0 for a name that begins as asked for but for capitals, 1 for another order of it, 2 for others."""
    if name.casefold().startswith(asked.casefold()):
        return 0
    is_part = len(words) == 1 and like.score <= names.PART  # one word has no other order
    return 2 if is_part or sorted(words) != sorted(fold(name).split()) else 1


def _is_of_sex(patient: Patient, sex: str, query: NameForms) -> bool:
    """Whether a patient may be of the sex said, or bears a name in which that word is a name."""
    return patient.patient_sex in (sex, "O", None) or is_as_said(query, patient.patient_name)


def ranked(found: Iterable[Found]) -> list[Found]:
    """Each patient once, with the best reason; best first, ties in a fixed order that prefers nobody."""
    best: dict[str, Found] = {}
    for one in sorted(found, key=lambda f: (-f.score, f.patient.patient_name, f.patient.patient_id)):
        best.setdefault(one.patient.patient_id, one)
    return list(best.values())
