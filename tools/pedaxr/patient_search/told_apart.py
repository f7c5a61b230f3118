"""What a query says that its name alone does not: the child's sex, a second name, which of several newborns.

A name that fits is no sure match where one of these tells its bearer from the child asked for.
"""

import re
from collections.abc import Iterator

from pedaxr.patient_search import hangul
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.name_forms import NameForms, fold, name_forms, without_titles
from pedaxr.patient_search.name_matching import Likeness

_SEXES = {
    **dict.fromkeys(("m", "male", "남", "남자", "남성"), "M"),
    **dict.fromkeys(("f", "female", "여", "여자", "여성"), "F"),
}
_TOKEN = re.compile(r"\w+|[^\w\s]")
# Titles that are of one sex; two words each where the title is abbreviated (ด.ช.).
_SEX_OF_TITLES = {
    **dict.fromkeys(("mr", "master", "군", "เด็กชาย", "นาย", "ด ช", "श्री"), "M"),
    **dict.fromkeys(
        ("mrs", "ms", "miss", "양", "เด็กหญิง", "นาง", "นางสาว", "ด ญ", "น ส", "श्रीमती", "कुमारी"), "F"
    ),
}
_WRITTEN_ON = re.compile("^(เด็กชาย|เด็กหญิง|นางสาว)(?=.{2})|(?<=[가-힣]{3})([군양])$")
_BETWEEN = re.compile(r"[\s,.]+")
_OTHER_NAME = "fits only in one script: the other holds another name, or none"
# Below another spelling, above a part.
PARTED_OTHERWISE = Likeness(0.85, "may be the same name, if its words end elsewhere")
_LONGEST_READ = 5  # syllables of a Korean name


def sex_said(name: str) -> str:
    """M or F where one stands behind a name as its bearer's sex (김민준 여, Kim Minjun/F/7), else nothing.

    A single letter is an initial unless a sign, an age or Hangul is beside it, and 7 m are months.
    """
    tokens = _TOKEN.findall(name.casefold())
    for at in range(1, len(tokens)):
        sex, before = _SEXES.get(tokens[at], ""), tokens[at - 1]
        if not sex or sum(map(len, tokens[:at])) < 2:
            continue
        is_letter = tokens[at].isascii() and len(tokens[at]) == 1
        is_behind_hangul = all(map(hangul.is_hangul_word, tokens[:at]))
        if not is_letter or is_behind_hangul or before in "/([" or re.fullmatch(r"\d+\D+", before):
            return sex
    return ""


def sex_of_title(name: str) -> str:
    """M or F where a title beside a name is of one sex (Miss Yoon, 윤하람 군, ด.ญ.), else nothing."""
    words = [word for word in _BETWEEN.split(name.casefold()) if word]
    for at, word in enumerate(words):
        if word in ("군", "양") and not at:
            continue  # a surname
        written_on = _WRITTEN_ON.search(word)
        said = written_on[1] or written_on[2] if written_on else word
        sex = _SEX_OF_TITLES.get(said) or _SEX_OF_TITLES.get(" ".join(words[at : at + 2]))
        if sex and (written_on or len(words) > 1):
            return sex
    return ""


def sex_asked(query: NameForms, name: str) -> str:
    """The sex said behind a name, or of a newborn, or of a title: M, F or nothing."""
    return sex_said(name) or (query.newborn.sex if query.newborn else "") or sex_of_title(name)


def is_as_said(query: NameForms, name: str) -> bool:
    """Whether a name is the whole query, in any order, so that nothing in the query stands beside it."""
    other = name_forms(name)
    is_reordered = other.text in query.wholes and len(other.text) == len(query.text)
    return is_reordered or query.text in other.wholes


def holds_two_names(query: NameForms) -> bool:
    """Whether a query in Hangul and Latin letters may name two people: 김민준 Lee Jisoo."""
    scripts = [words for words in query.variants if words != query.variants[0]]
    in_hangul = [words for words in scripts if "".join(words) and hangul.is_hangul_word("".join(words))]
    in_latin = [words for words in scripts if "".join(words).isascii() and len("".join(words)) > 1]
    if not in_hangul or not in_latin:
        return False
    pairs = ((name_forms(" ".join(a)), name_forms(" ".join(b))) for a in in_hangul for b in in_latin)
    return not any(names.likeness(one, other) or names.likeness(other, one) for one, other in pairs)


def without_others(query: NameForms, found: dict[str, Likeness]) -> dict[str, Likeness]:
    """Of the names that answer a query, without those that it tells apart itself, or with less certainty.

    Beside the newborn who was asked for by the very name, or a number, parent and other twin are not listed.
    """
    least = names.STANDARD if query.newborn and query.newborn.number else names.SAME
    if query.newborn and any(like.score >= least for like in found.values()):
        found = {
            name: like for name, like in found.items() if like.score != names.BABY or _may_be(query, name)
        }
    if query.text.isascii() or not holds_two_names(query):
        return found
    unsure = Likeness(names.BABY, _OTHER_NAME)  # as a relative's
    return {
        name: unsure if like.score > names.BABY and not is_as_said(query, name) else like
        for name, like in found.items()
    }


def _may_be(query: NameForms, name: str) -> bool:
    """Whether a newborn without a number may be this one, who has one."""
    other = name_forms(name).newborn
    if query.newborn is None or other is None or query.newborn.is_baby != other.is_baby:
        return False
    is_same_sex = "" in (query.newborn.sex, other.sex) or query.newborn.sex == other.sex
    return is_same_sex and "" in (query.newborn.number, other.number)


def with_words_parted(asked: str, found: dict[str, Likeness]) -> dict[str, Likeness]:
    """The names that answer a query, those behind whose words end elsewhere than the query's.

    The letters of Ji Junha also spell 전하지 with the surname last, but who means him writes Jun Haji.
    """
    if name_forms(asked).newborn:
        return found  # under a parent's name stand other words
    words = list(_words(asked))
    return {
        name: PARTED_OTHERWISE
        if names.PART < like.score < names.SAME
        and all(_is_parted_otherwise(ones, others) for others in _words(name) for ones in words)
        else like
        for name, like in found.items()
    }


def _words(name: str) -> Iterator[list[str]]:
    """The words of a name, those of a hyphen apart, then without a sex or another script beside it."""
    yield without_titles(fold(name, joined=False).split())
    yield from map(list, name_forms(name).variants[1:])


def _is_parted_otherwise(asked: list[str], name: list[str]) -> bool:
    """Whether the words of a Latin name do not end where those of the other, or its syllables, do."""
    whole, other = "".join(asked), "".join(name)
    if whole.isascii() and other.isascii():
        return min(len(asked), len(name)) > 1 and sorted(asked) != sorted(name) and _no_surname(asked, name)
    if whole.isascii() and hangul.is_hangul_word(other):
        return len(asked) > 1 and not _is_read_as(asked, name)
    if other.isascii() and hangul.is_hangul_word(whole):
        return len(name) > 1 and not _is_read_as(name, asked)
    return False


def _no_surname(asked: list[str], name: list[str]) -> bool:
    """Whether a name has a Korean surname, first or last, with which the query neither begins nor ends."""
    surnames = {hangul.by_sound(one) for end in _ends(name) for one in hangul.surnames_spelled(end)}
    return bool(surnames) and all(surnames.isdisjoint(hangul.surname_readings(end)) for end in _ends(asked))


def _ends(words: list[str]) -> set[str]:
    """The first and the last word, and the two first and last: Nam Goong is one surname."""
    return {words[0], words[-1], "".join(words[:2]), "".join(words[-2:])}


def _is_read_as(latin: list[str], in_hangul: list[str]) -> bool:
    """Whether Latin words, the surname first or last, are read each as whole syllables of a name."""
    if len("".join(in_hangul)) > _LONGEST_READ:
        return True  # not looked into
    wholes = {"".join(order) for order in _orders(in_hangul)}
    cuts = {
        (whole[:at], whole[at:])
        for whole in wholes
        for at in (1, 2)
        if at == 1 or whole[:2] in hangul.SURNAMES
    }
    return any(_spell(words, *map(hangul.by_sound, cut)) for cut in cuts for words in _orders(latin))


def _orders(words: list[str]) -> list[list[str]]:
    """As written, the last word first, the first word last."""
    return [words, [*words[-1:], *words[:-1]], [*words[1:], *words[:1]]]


def _spell(words: list[str], surname: str, given: str) -> bool:
    """Whether the first word, or two, are read as the surname, and the others as the given name."""
    return any(
        surname in hangul.surname_readings("".join(words[:end])) and _are_read(words[end:], given)
        for end in (1, 2)
    )


def _are_read(words: list[str], syllables: str) -> bool:
    if not words:
        return not syllables
    return any(
        syllables[:end] in hangul.readings(words[0]) and _are_read(words[1:], syllables[end:])
        for end in range(1, len(syllables) + 1)
    )
