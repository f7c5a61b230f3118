"""Whose name stands among other words: beside a number, in a sentence, or before what a parent is called."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product

from pedaxr.clinic.patient_matches import NEAREST_LISTED, Found, by_name
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.asked import Asked
from pedaxr.patient_search.hangul import surnames_spelled
from pedaxr.patient_search.name_forms import name_forms
from pedaxr.patient_search.other_words import words_of_name
from pedaxr.patient_search.search_index import SearchIndex

_AGE = re.compile(
    r"\d+[ -]*(?:(?:year|yr|month|mo|week|wk|day)s?\b(?:[ -]*old)?|세|살|개월|주|일)", re.IGNORECASE
)
_PARTICLE = "의|가|은|는|을|를|도|만|와|과|이?랑|에게|한테|께"
# What is written on to a name in a sentence: the genitive, and in Korean honorifics and particles.
_AFTER_NAME = re.compile(
    rf"['’]s?$|(?<=[가-힣]{{2}})(?:환자|환아|씨|님|군|양)?(?:이|{_PARTICLE})?$", re.IGNORECASE
)
_PARENT = re.compile(
    r"(?:['’]s)?[\s,]*\b(?:어머님?|어머니|엄마|아버님?|아버지|아빠|보호자|mother|mum|mom|father|dad|parents?"
    r"|boy|girl|child|kid)(?:님|분)?$",
    re.IGNORECASE,
)
_CALLED = re.compile(f"(?<=[가-힣]{{2}})(?:[아야]|이(?:{_PARTICLE})?|{_PARTICLE})$")
_OWNED = re.compile(
    r"['’](?:s\b.*)?$|(?<=[가-힣]{2})이?의\s.*$", re.IGNORECASE
)  # Minjun's film, 민준이의 사진
_HANGUL_NAME = re.compile("[가-힣]{2,5}")
_AROUND = "\"'“”‘’«»()[].?!"
_MOST_WORDS = 24  # of a longer text that are looked through for a name
_LONGEST_KOREAN = 4  # syllables of a name, as most are


def beside_other_words(index: SearchIndex, asked: Asked) -> list[Found]:
    """The name without the numbers beside it, or the names among the words of a sentence."""
    return list(_but_for_numbers(index, asked)) or list(_within_a_sentence(index, asked))


def as_called(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """The child whose parent or film is named, or who is called with an ending: 민준 엄마, 민준이."""
    child, owner = _PARENT.sub("", asked.name.removeprefix("the ")), _OWNED.sub("", asked.name)
    for name in dict.fromkeys((child, _CALLED.sub("", child), owner, _CALLED.sub("", owner))):
        if name in ("", asked.name) or (name == owner and surnames_spelled(name.casefold())):
            continue  # Kim's film may be that of hundreds
        for one in by_name(index, replace(asked, name=name), most=NEAREST_LISTED).first:
            yield replace(one, score=one.score / 2, reason=f"{one.reason}, but for what is written behind it")


def _but_for_numbers(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """The name without what stands beside it: a year, an age, an id that nobody has."""
    words = _AGE.sub(" 0 ", asked.name.replace(",", " ")).split()
    bare = [word for word in words if not any(map(str.isdigit, word))]
    if not bare or len(bare) == len(words) or asked.day is not None:
        return
    for one in by_name(index, Asked(asked.text, " ".join(bare), None, None), most=NEAREST_LISTED).first:
        yield Found(one.patient, one.score / 2, f"{one.reason}, but for a number beside it")


def _within_a_sentence(index: SearchIndex, asked: Asked) -> Iterator[Found]:
    """Whole names among other words, not parts of longer ones: Haram Yoon's film, 윤하람의 복부 사진."""
    known: list[str] = []
    for name in _names_within(asked.name):
        if any(name in longer for longer in known):
            continue
        least, named = _least_alike(name), replace(asked, name=name)
        is_unread = least >= names.STANDARD
        found = by_name(index, named, most=NEAREST_LISTED, as_written=is_unread, whole=True).first
        if alike := [one for one in found if one.score >= least]:
            known.append(name)
            yield from (
                replace(one, score=one.score / 2, reason=f"{one.reason}, with other words beside it")
                for one in alike
            )


def _least_alike(name: str) -> float:
    """Words of two syllables are many: 최근 (recently) may be read as Choi Geun, but is nobody but 최근."""
    if not _HANGUL_NAME.fullmatch(name):
        return names.READING
    return names.STANDARD if len(name) > 2 else names.REORDERED


def _names_within(text: str) -> list[str]:
    """What may be a name in a text, longest first: two or three words in a row, and each word in Hangul."""
    written = [word for part in re.split(r"[\s,;:]+", text) if (word := part.strip(_AROUND))][:_MOST_WORDS]
    bare = [_AFTER_NAME.sub("", word) for word in written]
    found: list[str] = []
    for words, count in product((bare, written), (3, 2)):
        runs = zip(*(words[at:] for at in range(count)), strict=False)
        found += map(" ".join, runs)
    found += _but_for_a_name(text)
    found += [word for word in (*written, *bare) if _HANGUL_NAME.fullmatch(word)]
    asked = name_forms(text)  # of Kim, Minjun as of Kim Minjun
    return sorted((name for name in dict.fromkeys(found) if name_forms(name) != asked), key=len, reverse=True)


def _but_for_a_name(text: str) -> list[str]:
    """A Latin name without one or two of its words: Emma Grace Wilson may be registered without Grace."""
    words = words_of_name(text)
    is_korean = any(len(reading) <= _LONGEST_KOREAN for reading in name_forms(text).readings)
    if len(words) < 3 or not text.isascii() or is_korean:
        return []  # three words of a Korean name are one name
    counts = {len(words) - 1, max(2, len(words) - 2)}
    return [" ".join(some) for count in sorted(counts) for some in combinations(words, count)]
