"""A synthetic population of any size, to measure searches: nobody in it is real.

Surnames occur as often as in Korea, given names with a long tail, so that common names have thousands of
bearers and most names few. One child in twelve is registered in romanised form, as foreign hospitals and
passports do, one in fourteen has a Western name, and a few are babies under a parent's name.
"""

import random
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from importlib.resources import files
from itertools import accumulate
from pathlib import Path

from pedaxr.patient_search import hangul
from pedaxr.records import NewStudy, Patient

_WORDS = tomllib.loads(files("pedaxr.evaluation").joinpath("population.toml").read_text("utf-8"))
_COMMON_GIVEN, _SYLLABLES, _FIRST, _LAST = (
    tuple(_WORDS["words"][kind].split()) for kind in ("given", "syllables", "first", "last")
)
_FIRST_DAY, _DAYS = date(2008, 1, 1), 6570


def synthetic_patients(count: int, seed: int = 0) -> Iterator[Patient]:
    """`count` fictitious children with ids `P0000000` upwards; the same for the same seed."""
    draw = random.Random(seed)
    for number in range(count):
        born = _FIRST_DAY + timedelta(days=draw.randrange(_DAYS)) if draw.random() > 0.01 else None
        yield Patient(f"P{number:07d}", _name(draw), born, draw.choice(("M", "F")))


def synthetic_study(patient: Patient, number: int) -> NewStudy:
    """One film of a fictitious child; there is no file."""
    taken = (patient.patient_birth_date or _FIRST_DAY) + timedelta(days=number % 2000)
    return NewStudy(
        study_id=f"S{number:07d}",
        patient_id=patient.patient_id,
        image_path=Path(f"films/{number}.png"),
        image_sha256=f"{number:064x}",
        study_date=taken,
        accession_number=f"A{number:08d}",
    )


def latin_spelling(name: str, draw: random.Random, system: str) -> str:
    """A Hangul name as somebody may write it in Latin letters.

    Args:
        name: unspaced, in Hangul.
        draw: chooses among usual spellings.
        system: `revised`, `mccune` (McCune-Reischauer without diacritics) or `passport` (surname in a usual
            spelling, given name in English habits such as `Joon` and `Young`).
    """
    surname, given = hangul.split_surname(name)
    if system == "revised":
        return f"{hangul.romanise(surname)} {hangul.romanise(given)}".title()
    if system == "mccune":
        return f"{_mccune(surname)} {_mccune(given)}".title()
    spelled = draw.choice(hangul.surname_spellings(surname)[:3])
    syllables = [_HABITS.get(char, hangul.romanise(char)) for char in given]
    return f"{spelled} {draw.choice(('', '-', ' ')).join(syllables)}".title()


_HABITS = {
    **{
        "준": "joon",
        "영": "young",
        "우": "woo",
        "현": "hyun",
        "정": "jung",
        "은": "eun",
        "서": "seo",
        "수": "soo",
    },
    **{
        "승": "seung",
        "성": "sung",
        "훈": "hoon",
        "주": "joo",
        "규": "kyu",
        "경": "kyung",
        "건": "kun",
        "선": "sun",
    },
    **{
        "희": "hee",
        "지": "ji",
        "진": "jin",
        "연": "yeon",
        "윤": "yoon",
        "유": "yoo",
        "혜": "hye",
        "재": "jae",
    },
    **{
        "호": "ho",
        "동": "dong",
        "태": "tae",
        "석": "suk",
        "찬": "chan",
        "규": "kyu",
        "기": "ki",
        "리": "lee",
    },
}
_MCCUNE_ONSET = hangul.spelling_table(
    "ㄱ k, ㄲ kk, ㄴ n, ㄷ t, ㄸ tt, ㄹ r, ㅁ m, ㅂ p, ㅃ pp, ㅅ s, ㅆ ss, ㅇ -, ㅈ ch, ㅉ tch,"
    "ㅊ ch, ㅋ k, ㅌ t, ㅍ p, ㅎ h"
)
_MCCUNE_VOICED = {"ㄱ": "g", "ㄷ": "d", "ㅂ": "b", "ㅈ": "j"}
_MCCUNE_NUCLEUS = hangul.spelling_table(
    "ㅏ a, ㅐ ae, ㅑ ya, ㅒ yae, ㅓ o, ㅔ e, ㅕ yo, ㅖ ye, ㅗ o, ㅘ wa, ㅙ wae,"
    "ㅚ oe, ㅛ yo, ㅜ u, ㅝ wo, ㅞ we, ㅟ wi, ㅠ yu,"
    "ㅡ u, ㅢ ui, ㅣ i"
)
_MCCUNE_CODA = {"ㄱ": "k", "ㄴ": "n", "ㄷ": "t", "ㄹ": "l", "ㅁ": "m", "ㅂ": "p", "ㅇ": "ng", "": ""}


def _mccune(text: str) -> str:
    """McCune-Reischauer (1939) without diacritics: plain stops are voiced between voiced sounds."""
    spelled, is_voiced = "", False
    for onset, nucleus, coda in map(hangul.decompose, hangul.by_sound(text)):
        consonant = (
            _MCCUNE_VOICED[onset] if is_voiced and onset in _MCCUNE_VOICED else _MCCUNE_ONSET[onset][0]
        )
        if (onset, nucleus) == ("ㅅ", "ㅟ"):
            consonant = "sh"
        spelled += consonant + _MCCUNE_NUCLEUS[nucleus][0] + _MCCUNE_CODA[coda]
        is_voiced = coda in ("", "ㄴ", "ㄹ", "ㅁ", "ㅇ")
    return spelled


def _name(draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.07:
        middle = f" {_frequent(draw, _FIRST)}" if draw.random() < 0.25 else ""
        return f"{_frequent(draw, _FIRST)}{middle} {_frequent(draw, _LAST)}"
    hangul_name = _weighted(draw, _SURNAME_NAMES, _SURNAME_WEIGHTS) + _given(draw)
    if kind < 0.15:
        system = draw.choices(("passport", "revised", "mccune"), (8, 3, 1))[0]
        return _written(draw, latin_spelling(hangul_name, draw, system))
    if kind < 0.155:
        return f"{hangul_name} 아기"
    return hangul_name


def _written(draw: random.Random, latin: str) -> str:
    surname, _, given = latin.partition(" ")
    return draw.choice((latin, latin.upper(), f"{given} {surname}", f"{surname}, {given}"))


def _given(draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.55:
        return _frequent(draw, _COMMON_GIVEN)
    if kind < 0.57:
        return _frequent(draw, _SYLLABLES)
    return _frequent(draw, _SYLLABLES) + _frequent(draw, _SYLLABLES)


def _frequent(draw: random.Random, words: Sequence[str]) -> str:
    """One of the words; the first ones more often, by Zipf's law with an offset."""
    return _weighted(draw, words, _ZIPF[len(words)])


def _weighted(draw: random.Random, words: Sequence[str], cumulative: Sequence[float]) -> str:
    return draw.choices(words, cum_weights=cumulative)[0]


_ZIPF = {
    len(words): list(accumulate(1 / (rank + 8) for rank in range(len(words))))
    for words in (_COMMON_GIVEN, _SYLLABLES, _FIRST, _LAST)
}
_SURNAME_NAMES, _SURNAME_WEIGHTS = tuple(_WORDS["surnames"]), list(accumulate(_WORDS["surnames"].values()))
