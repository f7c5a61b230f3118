"""Hangul syllables and their Latin spellings: romanise a name, and read a romanised name back.

A Hangul name has one Revised Romanisation (National Institute of Korean Language, 2000), computed from its
jamo. In passports it has many spellings: McCune-Reischauer without its diacritics, English habits (`Joon`,
`Young`), and surnames with spellings of their own (`Lee`, `Park`). So a Latin name is read back into every
Hangul string that it may stand for; two names can be the same when their readings meet.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import product

ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
NUCLEI = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
CODAS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST, _LAST = 0xAC00, 0xD7A3
_SYLLABLES = re.compile("[가-힣]*")


def spelling_table(text: str) -> dict[str, tuple[str, ...]]:
    """Symbols and their spellings: `"김 kim gim, 이 lee yi"` as a dict; `-` stands for the empty string."""
    rows = (["" if word == "-" else word for word in row.split()] for row in text.split(","))
    return {symbol: tuple(spellings) for symbol, *spellings in rows}


# The first spelling of each is the Revised Romanisation.
_ONSET_SPELLINGS = spelling_table(
    "ㄱ g k, ㄲ kk gg, ㄴ n, ㄷ d t, ㄸ tt dd, ㄹ r l, ㅁ m, ㅂ b p, ㅃ pp bb, ㅅ s sh, ㅆ ss, ㅇ -,"
    "ㅈ j ch, ㅉ jj tch, ㅊ ch, ㅋ k kh, ㅌ t th, ㅍ p ph, ㅎ h"
)
_NUCLEUS_SPELLINGS = spelling_table(
    "ㅏ a ah, ㅐ ae ai eh, ㅑ ya, ㅒ yae, ㅓ eo o u uh ou, ㅔ e eh, ㅕ yeo yo you yu, ㅖ ye yeh,"
    "ㅗ o oh, ㅘ wa oa, ㅙ wae, ㅚ oe oi, ㅛ yo yoh, ㅜ u oo ou woo wu, ㅝ wo weo, ㅞ we, ㅟ wi wee,"
    "ㅠ yu yoo you, ㅡ eu u, ㅢ ui eui ee, ㅣ i ee"
)
_CODA_SPELLINGS = spelling_table("- -, ㄱ k g ck c, ㄴ n, ㄷ t d s, ㄹ l r, ㅁ m, ㅂ p b, ㅇ ng")
# Seven sounds end a syllable; every written coda is one of them.
_CODA_SOUND = {
    **dict.fromkeys("ㄱㄲㄳㄺㅋ", "ㄱ"),
    **dict.fromkeys("ㄴㄵㄶ", "ㄴ"),
    **dict.fromkeys("ㄷㅅㅆㅈㅊㅌㅎ", "ㄷ"),
    **dict.fromkeys("ㄹㄼㄽㄾㅀ", "ㄹ"),
    **dict.fromkeys("ㅁㄻ", "ㅁ"),
    **dict.fromkeys("ㅂㅄㄿㅍ", "ㅂ"),
    **{"ㅇ": "ㅇ", "": ""},
}

# Surnames that passports spell otherwise than the rules do; the first spelling is the one we print.
SURNAMES = spelling_table(
    "김 kim gim, 이 lee yi rhee li rhie yee ri i, 박 park pak bak bark, 최 choi choe choy, "
    "정 jung jeong chung cheong joung chong, 강 kang gang, 조 cho jo joh, 윤 yoon yun youn, "
    "장 jang chang, 임 lim im yim rim leem, 림 lim rim im, 오 oh o, 서 seo suh so su, "
    "한 han hahn, 신 shin sin, 권 kwon gwon kweon, 안 ahn an, 유 yoo yu you ryu ryoo, "
    "류 ryu ryoo yoo yu lyu, 문 moon mun, 고 ko go koh, 손 son sohn, 배 bae pae bai, "
    "백 baek paik back paek baik, 허 heo hur huh her, 노 noh roh no ro, 나 na ra nah, "
    "라 ra na rah, 심 shim sim, 곽 kwak gwak, 우 woo u wu, 구 koo gu ku goo, 주 joo ju chu, "
    "성 sung seong, 전 jeon chun jun chon, 현 hyun hyeon, 변 byun byeon pyun, 엄 um eom uhm, "
    "염 yeom yum, 명 myung myeong, 석 seok suk, 기 ki gi, 황 hwang whang, 송 song, 홍 hong, "
    "양 yang, 남 nam, 하 ha hah, 차 cha, 민 min, 진 jin chin, 지 ji jee chi, 도 do doh, 마 ma, "
    "방 bang pang, 원 won, 천 cheon chun chon, 추 choo chu, 함 ham hahm, 채 chae, 길 gil kil, "
    "공 kong gong, 금 keum geum kum, 설 seol sul, 여 yeo, 연 yeon yun youn, 옥 ok ock, 제 je, "
    "표 pyo, 탁 tak, 반 ban bahn pan, 봉 bong, 은 eun, 편 pyeon pyun, 피 pi, 소 so, 어 eo, 용 yong, "
    "남궁 namgung namkoong namkung, 황보 hwangbo, 제갈 jegal, 선우 sunwoo seonu, 독고 dokgo, "
    "사공 sagong, 서문 seomun"
)
_SURNAME_READINGS: dict[str, tuple[str, ...]] = {
    spelling: tuple(h for h, spellings in SURNAMES.items() if spelling in spellings)
    for spellings in SURNAMES.values()
    for spelling in spellings
}
_SURNAMES_BEGUN = defaultdict[str, set[str]](set)
for _surname, _spelled_so in SURNAMES.items():
    for _spelling in _spelled_so:
        for _end in range(len(_spelling) + 1):
            _SURNAMES_BEGUN[_spelling[:_end]].add(_surname)
LONGEST_SURNAME = max(map(len, _SURNAME_READINGS))  # letters

_LONGEST_READABLE = 24  # letters; names are shorter, and the number of readings grows with length
_MOST_READINGS = 2048


def is_hangul(char: str) -> bool:
    """Whether `char` is one precomposed Hangul syllable."""
    return _FIRST <= ord(char) <= _LAST


def is_hangul_word(text: str) -> bool:
    """Whether the text is nothing but precomposed Hangul syllables; so is the empty one."""
    return _SYLLABLES.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def decompose(syllable: str) -> tuple[str, str, str]:
    """Onset, nucleus and coda ("" for none) of one syllable, as compatibility jamo."""
    code = ord(syllable) - _FIRST
    return ONSETS[code // 588], NUCLEI[code % 588 // 28], CODAS[code % 28]


def compose(onset: str, nucleus: str, coda: str) -> str:
    """The inverse of `decompose`."""
    return chr(_FIRST + 588 * ONSETS.index(onset) + 28 * NUCLEI.index(nucleus) + CODAS.index(coda))


def jamo(text: str) -> str:
    """Hangul syllables spelled out in jamo, other characters kept: one wrong key is one edit here."""
    return text if text.isascii() else text.translate(_jamo)


class _Jamo(dict[int, str]):
    """By code point what `jamo` puts for a character; the syllables, of 11,172, are kept as they are met."""

    def __missing__(self, code: int) -> str:
        if not is_hangul(char := chr(code)):
            return char
        self[code] = spelled = "".join(decompose(char))
        return spelled


_jamo = _Jamo()


def romanise(text: str) -> str:
    """Revised Romanisation in lower case, syllable by syllable, as the rules ask for personal names."""
    return "".join(_romanise_syllable(char) if is_hangul(char) else char for char in text)


@lru_cache(maxsize=4096)
def _romanise_syllable(syllable: str) -> str:
    onset, nucleus, coda = decompose(syllable)
    return _ONSET_SPELLINGS[onset][0] + _NUCLEUS_SPELLINGS[nucleus][0] + _CODA_SPELLINGS[_CODA_SOUND[coda]][0]


def split_surname(name: str) -> tuple[str, str]:
    """Surname and given name of an unspaced Hangul name; a long surname only before two more syllables."""
    length = 2 if len(name) >= 4 and name[:2] in SURNAMES else 1
    return name[:length], name[length:]


def surname_spellings(surname: str) -> tuple[str, ...]:
    """Latin spellings of a Hangul surname, the one we print first, the rule's always among them."""
    return tuple(dict.fromkeys((*SURNAMES.get(surname, ()), romanise(surname))))


def surnames_spelled(latin: str) -> tuple[str, ...]:
    """Hangul surnames with that usual spelling: `yu` is 유 and 류."""
    return _SURNAME_READINGS.get(latin, ())


def surnames_begun(latin: str) -> Collection[str]:
    """Hangul surnames with a usual spelling that begins so."""
    return _SURNAMES_BEGUN.get(latin, ())


def by_sound(hangul: str) -> str:
    """The syllables with each coda replaced by its sound, the form that `readings` gives."""
    return "".join(map(_syllable_by_sound, hangul))


@lru_cache(maxsize=4096)
def _syllable_by_sound(syllable: str) -> str:
    onset, nucleus, coda = decompose(syllable)
    return compose(onset, nucleus, _CODA_SOUND[coda])


@lru_cache(maxsize=4096)
def readings(latin: str) -> frozenset[str]:
    """Every Hangul string, by sound, that an unspaced lower-case Latin word may spell, if any."""
    if not latin.isascii() or len(latin) > _LONGEST_READABLE:
        return frozenset()
    ways: list[set[str]] = [set() for _ in latin] + [{""}]
    for start in reversed(range(len(latin))):
        ways[start].update(_readings_at(latin, start, ways))
        if len(ways[start]) > _MOST_READINGS:
            return frozenset()
    return frozenset(ways[0])


def readings_among(latin: str, wanted: Mapping[str, Collection[str]]) -> set[str]:
    """Those of `readings` that are wanted; quick, as nothing else is put together.

    Args:
        latin: unspaced, in lower case.
        wanted: by the end of a wanted string by sound, which syllables stand before it in one.
    """
    if not latin.isascii() or len(latin) > _LONGEST_READABLE:
        return set()
    spelled = _spelled()
    ways: list[set[str]] = [set() for _ in latin] + [{""}]
    for start in reversed(range(len(latin))):
        for end in range(start + 1, min(start + _LONGEST_SYLLABLE, len(latin)) + 1):
            if ways[end] and (syllables := spelled.get(latin[start:end])):
                ways[start].update(
                    first + rest for rest in ways[end] for first in wanted.get(rest, ()) if first in syllables
                )
    return ways[0]


def _readings_at(latin: str, start: int, ways: Sequence[Collection[str]]) -> Iterator[str]:
    """Readings of what begins there; `ways` holds those of what begins later."""
    for end in range(start + 1, min(start + _LONGEST_SYLLABLE, len(latin)) + 1):
        if ways[end] and (syllables := _spelled().get(latin[start:end])):
            yield from (syllable + rest for syllable in syllables for rest in ways[end])


@lru_cache(maxsize=4096)
def surname_readings(latin: str) -> frozenset[str]:
    """`readings` plus the surnames with a spelling of their own."""
    return readings(latin) | own_readings(latin)


def own_readings(latin: str) -> set[str]:
    """The surnames with a spelling of their own, by sound."""
    return {by_sound(surname) for surname in _SURNAME_READINGS.get(latin, ())}


def surname_cuts(latin: str) -> Iterator[tuple[str, str]]:
    """Each way to cut a known surname off an unspaced name, first or last: surname and what is left."""
    places = range(1, len(latin))
    yield from ((latin[:at], latin[at:]) for at in places if latin[:at] in _SURNAME_READINGS)
    yield from ((latin[at:], latin[:at]) for at in places if latin[at:] in _SURNAME_READINGS)


@cache
def _spelled() -> dict[str, str]:
    """Each spelling of a syllable and the syllables, by sound, that it may be: `gi` is 기 and 긔."""
    found = defaultdict[str, str](str)
    for (onset, o), (nucleus, n), (coda, c) in product(
        _spellings(_ONSET_SPELLINGS, ONSETS),
        _spellings(_NUCLEUS_SPELLINGS, NUCLEI),
        _spellings(_CODA_SPELLINGS, CODAS),
    ):
        found[onset + nucleus + coda] += chr(_FIRST + 588 * o + 28 * n + c)
    return dict(found)


def _spellings(table: dict[str, tuple[str, ...]], symbols: Sequence[str]) -> list[tuple[str, int]]:
    return [(spelling, symbols.index(symbol)) for symbol, written in table.items() for spelling in written]


_LONGEST_SYLLABLE = sum(
    max(len(spelling) for written in table.values() for spelling in written)
    for table in (_ONSET_SPELLINGS, _NUCLEUS_SPELLINGS, _CODA_SPELLINGS)
)


_COARSE_ONSET = dict(zip(ONSETS, "kknttlmppss.cccktph", strict=True))
_COARSE_NUCLEUS = dict(zip(NUCLEI, "aeaeoeoeoaeooooeiooii", strict=True))


@lru_cache(maxsize=16384)
def coarse(reading: str) -> str:
    """A lossy key shared by readings that Latin spelling confuses: what the search index stores."""
    return " ".join(map(_coarse_syllable, reading))


@lru_cache(maxsize=4096)
def _coarse_syllable(syllable: str) -> str:
    onset, nucleus, coda = decompose(syllable)
    return _COARSE_ONSET[onset] + _COARSE_NUCLEUS[nucleus] + _CODA_SOUND[coda]
