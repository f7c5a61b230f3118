"""Who may have been meant, where nobody answers a search: offered to a human, never a match."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date

from pedaxr.clinic.named_within import as_called, beside_other_words
from pedaxr.clinic.patient_matches import (
    NEAREST_LISTED,
    UNFIT,
    Found,
    Matches,
    by_id,
    by_name,
    ranked,
    spelled_otherwise,
)
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.asked import Asked
from pedaxr.patient_search.hangul import is_hangul_word, surname_spellings
from pedaxr.patient_search.initials import (
    fitting,
    has_initials,
    initials_and_words,
    with_initials_for_words,
)
from pedaxr.patient_search.name_forms import NameForms, in_other_script, name_forms
from pedaxr.patient_search.other_scripts import is_as_whole, is_other, romanised
from pedaxr.patient_search.other_words import other_words, words_of_name
from pedaxr.patient_search.search_index import SearchIndex
from pedaxr.patient_search.told_apart import sex_asked
from pedaxr.patient_search.typing_slips import typed_in_hangul
from pedaxr_models.written.masked import fits

_MOST_SPELLINGS = 64  # of a name in the other script, that a mask may hide
_LACKING = 0.01  # less for each initial that stands for nothing
_MOST_BY_INITIALS = 100  # patients whose names initials may stand for
_LEAST_BY_CONSONANTS = 0.75 * names.ONE_LETTER  # a quarter of the letters differ
_ABOUT = (
    0.004  # between scores of about equally near names: less than a likely slip is from a less likely one
)
_MOST_WEIGHED = 25  # near names whose bearers are counted


def with_similar(index: SearchIndex, asked: Asked, found: Matches) -> Matches:
    """Few matches by sound or part, and behind them names that one slip of the keyboard makes of the query.

    Either may be meant, so there are several matches and the user is asked.
    """
    if not asked.name or found.first[0].score <= names.BABY:
        return found
    fits = [one for one in _slips(index, asked) if asked.born in (None, one.patient.patient_birth_date)]
    both = ranked([*found.first, *fits])[:NEAREST_LISTED]
    return Matches(both, len(both))


def with_hidden(index: SearchIndex, asked: Asked, found: Matches) -> Matches:
    """Beside those under a masked name as it was asked for the children whose whole name it may hide."""
    if name_forms(asked.name).seen is None or found.by_id or not found.total:
        return found
    known = {one.patient.patient_id for one in found.first}
    hidden = [
        one
        for one in _hidden(index, asked)
        if asked.day in (None, one.patient.patient_birth_date) and one.patient.patient_id not in known
    ]
    return Matches([*found.first, *hidden], found.total + len(hidden))


def with_initials(index: SearchIndex, asked: Asked, found: Matches) -> Matches:
    """Beside few who answer initials who else may be meant by them: then users are asked.

    Where they surely are initials, who only sounds like them comes last, however many answer.
    """
    is_sure = has_initials(asked.name) and name_forms(asked.name).newborn is None  # Baby B Smith is a twin
    if found.by_id or not found.total or (found.total >= NEAREST_LISTED and not is_sure):
        return found
    first = _judged_by_initials(asked, found.first) if is_sure else found.first
    known = {one.patient.patient_id for one in first}
    others = [one for one in ranked(_by_initials(index, asked)) if one.patient.patient_id not in known]
    both = [*first, *others]
    return Matches(sorted(both, key=lambda one: -one.score) if is_sure else both, found.total + len(others))


def _judged_by_initials(asked: Asked, found: list[Found]) -> list[Found]:
    """Neither Abigail Cruz is meant by M. M. Cruz, which may be Monsieur Cruz, nor 이민 by Y. I. Min."""
    initials, words = _shortened(asked)
    return [
        one
        if one.score > names.STANDARD or fitting(initials, words, one.patient.patient_name)
        else replace(
            one, score=min(one.score, UNFIT), reason=f"{one.reason}, but not by what the initials stand for"
        )
        for one in found
    ]


def with_other_scripts(index: SearchIndex, asked: Asked, found: Matches) -> Matches:
    """Beside a name who may bear it, whole, in another script: then several match, and users are asked."""
    if not asked.name or found.by_id or not 0 < found.total < NEAREST_LISTED:
        return found
    forms, known = name_forms(asked.name), {one.patient.patient_id for one in found.first}
    if found.first[0].score < names.READING and (len(forms.words) == 1 or found.first[0].score <= names.BABY):
        return found
    others = [
        one
        for one in _in_other_scripts(index, asked)
        if one.patient.patient_id not in known and is_as_whole(forms, name_forms(one.patient.patient_name))
    ]
    return Matches([*found.first, *others], found.total + len(others))


def nearest_to(index: SearchIndex, asked: Asked) -> list[Found]:
    """With no match: a part of what was asked, or names a few letters away; best first."""
    found = [
        Found(
            one.patient,
            min(one.score, UNFIT),
            one.reason if one.score <= UNFIT else f"{one.reason}, but another birth date",
        )
        for one in (*by_id(index, asked), *spelled_otherwise(index, asked))
    ]
    if found:
        named = by_name(index, asked, most=NEAREST_LISTED).first
        found += [Found(one.patient, one.score / 2, f"{one.reason}, but another id") for one in named]
    elif asked.name:
        return _named_nearly(index, asked)
    return ranked(found)[:NEAREST_LISTED]


def _named_nearly(index: SearchIndex, asked: Asked) -> list[Found]:
    """By every way in which a name may mean another; not by those that can add nobody to the nearest."""
    found: list[Found] = []
    for way, best in _WAYS:
        if _may_be_among(found, best):
            found = ranked([*found, *way(index, asked)])[:NEAREST_LISTED]
    if _may_be_among(found, names.READING / 2):
        is_one_near = bool(found) and found[0].score >= names.ONE_LETTER
        found = ranked([*found, *_by_other_words(index, asked, as_written=is_one_near)])[:NEAREST_LISTED]
    return found


def _may_be_among(found: list[Found], score: float) -> bool:
    """Whether who has that score at best may be among the nearest, beside those who are known."""
    return len(found) < NEAREST_LISTED or found[-1].score <= score


def _hidden(index: SearchIndex, asked: Asked) -> list[Found]:
    """Who is filed under a mask that may hide the name, or bears a name that the mask asked for may hide."""
    if not asked.name:
        return []
    forms = name_forms(asked.name)
    if forms.seen is None and not index.has_masked_names():
        return []  # as in most registries
    spelled = [] if forms.seen is not None else in_other_script(forms, _MOST_SPELLINGS)
    hidden = index.names_hidden(forms, ("".join(one.split()) for one in spelled))
    names_there = [name for name in hidden if any(fits(name, one) for one in (asked.name, *spelled))]
    patients = index.patients_named(names_there, born_on=asked.day, limit=NEAREST_LISTED)
    return [Found(patient, UNFIT, "one of the two names hides letters") for patient in patients]


def _shortened(asked: Asked) -> tuple[list[str], list[str]]:
    """The initials asked for and the other words, without Herr or Mme; M. may be Monsieur or an initial."""
    whole, bare = initials_and_words(asked.name), initials_and_words(asked.without_honorific)
    return bare if bare[0] and len(bare[0]) == len(whole[0]) else whole


def _by_initials(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """Whose name may be the one asked for by initials: Oliver Brown for Master O. Brown.

    Who has a word for each of them, in their order, comes before who has fewer.
    """
    initials, words = _shortened(asked)
    if not initials or not words:
        return
    latin = [surname_spellings(word)[0] if is_hangul_word(word) else word for word in words]
    for name in (" ".join([*latin, initials[0]]), " ".join(words)):
        alike = (one.patient_name for one in index.names_like(name_forms(name), born_on=asked.day))
        fits = {name: fit for name in alike if (fit := fitting(initials, words, name))}
        meant = sorted(fits, key=lambda name: -fits[name])
        for patient in index.patients_named(meant, born_on=asked.day, limit=_MOST_BY_INITIALS):
            lacking = len(initials) - fits[patient.patient_name]
            score = round(names.TYPO - lacking * _LACKING, 3)
            yield Found(patient, score, "may be the name that the initials stand for")


def _registered_with_initials(index: SearchIndex, asked: Asked) -> list[Found]:
    """Who is registered with initials that the name may stand for: Brown, O. for Oliver Brown."""
    alike = index.names_written(with_initials_for_words(asked.name))
    some = [name for name in alike if (short := initials_and_words(name))[0] and fitting(*short, asked.name)]
    patients = index.patients_named(some, born_on=asked.day, limit=NEAREST_LISTED)
    return [
        Found(patient, UNFIT, "registered with initials, which the name may stand for")
        for patient in patients
    ]


def _by_other_words(index: SearchIndex, asked: Asked, *, as_written: bool) -> Iterator[Found]:
    """Whose name has another word for one of the query: Robert for Bob, al- for el-, Wilson for Wislon.

    `as_written` leaves out, as for `by_name`, whose name is only read like one with a slip put right.
    """
    words = words_of_name(asked.name)
    for at, word in enumerate(words):
        meant = list(other_words(words, at))
        for other in index.words_for(word, meant):
            named = replace(asked, name=" ".join([*words[:at], other, *words[at + 1 :]]))
            found = by_name(index, named, most=NEAREST_LISTED, as_written=as_written and other not in meant)
            for one in found.first[:NEAREST_LISTED]:
                reason = f"{one.reason}, with another form or spelling of a word"
                score = min(one.score, names.READING if other else names.PREFIX) / 2
                yield replace(one, score=score, reason=reason)


def _in_other_scripts(index: SearchIndex, asked: Asked) -> list[Found]:
    """Whose name in another script has the same consonants: Ivan Petrov and Иван Петров."""
    alike = index.names_in_other_scripts(name_forms(asked.name))
    patients = index.patients_named(alike, born_on=asked.day, limit=NEAREST_LISTED)
    return [Found(patient, UNFIT, "may be the same name in another script") for patient in patients]


def _in_latin(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """Whom a name in another script finds as it is written in Latin letters, such as a family name alone."""
    forms = name_forms(asked.name)
    if not is_other(forms):
        return
    for one in by_name(index, replace(asked, name=romanised(forms)), most=NEAREST_LISTED).first:
        yield replace(one, score=min(one.score, UNFIT), reason=f"{one.reason}, in Latin letters")


def _on_other_keyboard(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """The name whose keys these are on a Korean keyboard: nobody had pressed the key between the two."""
    if hangul := typed_in_hangul("".join(asked.name.split())):
        for one in by_name(index, replace(asked, name=hangul), most=NEAREST_LISTED).first:
            yield replace(one, score=one.score / 2, reason=f"{one.reason}, by the keys of a Korean keyboard")


def _born_otherwise(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """The name with another birth date."""
    if asked.day is None:
        return
    found = by_name(index, Asked(asked.text, asked.name, None, None), most=NEAREST_LISTED)
    for one in found.first:
        yield Found(one.patient, one.score / 2, f"{one.reason}, but another birth date")


def _of_other_sex(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """The name, of a child whose sex is another than the one said beside it."""
    if sex_asked(name_forms(asked.name), asked.name):
        for one in by_name(index, asked, most=NEAREST_LISTED, any_sex=True).first[:NEAREST_LISTED]:
            yield replace(one, score=min(one.score, names.TYPO), reason=f"{one.reason}, but another sex")


def _slips(index: SearchIndex, asked: Asked) -> list[Found]:
    """Names one letter away, of patients born on the day asked for."""
    query, day = name_forms(asked.name), asked.day
    near = index.names_near(query) if day is None else index.names_near_of_day(query, day)
    like = names.likeliest(query, near)
    slips = {name: one for name, one in like.items() if one.score >= names.ONE_LETTER}
    return _bearers(index, _most_names_first(index, slips) if day is None else slips, day)


def _similar(index: SearchIndex, asked: Asked) -> list[Found]:
    """Names a few letters away, of patients born on the day asked for where there are such."""
    query = name_forms(asked.name)
    rated = names.rated(query, index.names_near(query))
    if sum(one.like.score >= names.ONE_LETTER for one in rated) < NEAREST_LISTED:
        rated += _with_alike_consonants(index, query, {one.name for one in rated})
    near = names.best_first(rated)
    if asked.day is None:
        return _bearers(index, _most_names_first(index, near), None)
    of_day = _bearers(index, near, asked.day)
    if not of_day:
        of_day = _bearers(index, names.likeliest(query, index.names_near_of_day(query, asked.day)), asked.day)
    return of_day


def _with_alike_consonants(index: SearchIndex, query: NameForms, known: set[str]) -> list[names.Rated]:
    """Names of the same consonants, which may be spelled several letters apart."""
    others = set(index.names_of_consonants(query)) - known
    sounding = names.rated(query, names.of_like_letters(query, others))
    return [one for one in sounding if one.like.score >= _LEAST_BY_CONSONANTS]


def _most_names_first(index: SearchIndex, near: dict[str, names.Likeness]) -> dict[str, names.Likeness]:
    """Of about equally near names those of few patients first, so that five places hold many names.

    Who bears a name of hundreds is found by the birth date in any case.
    """
    first = list(near)[:_MOST_WEIGHED]
    ordered = sorted(index.fewest_bearers_first(first), key=lambda name: -round(near[name].score / _ABOUT))
    return {name: near[name] for name in (*ordered, *list(near)[_MOST_WEIGHED:])}


def _bearers(index: SearchIndex, near: dict[str, names.Likeness], born_on: date | None) -> list[Found]:
    patients = index.patients_named(list(near), born_on=born_on, limit=NEAREST_LISTED)
    likes = ((patient, near[patient.patient_name]) for patient in patients)
    return [Found(patient, like.score, like.reason) for patient, like in likes]


# Each with the best score that it gives, in the order in which they are asked.
_WAYS: tuple[tuple[Callable[[SearchIndex, Asked], Iterable[Found]], float], ...] = (
    (_on_other_keyboard, names.SAME / 2),
    (_similar, names.TYPO),
    (_born_otherwise, names.SAME / 2),
    (_of_other_sex, names.TYPO),
    (beside_other_words, names.SAME / 2),
    (_hidden, UNFIT),
    (as_called, names.SAME / 2),
    (_in_other_scripts, UNFIT),
    (_in_latin, UNFIT),
    (_by_initials, names.TYPO),
    (_registered_with_initials, UNFIT),
)
