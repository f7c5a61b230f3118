"""What a query says that its name alone does not: the child's sex, a second name, which of several newborns.

A name that fits is no sure match where one of these tells its bearer from the child asked for.
"""

import re

from pedaxr.patient_search import hangul
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.name_forms import NameForms, name_forms
from pedaxr.patient_search.name_matching import Likeness

_SEXES = {
    **dict.fromkeys(("m", "male", "남", "남자", "남성"), "M"),
    **dict.fromkeys(("f", "female", "여", "여자", "여성"), "F"),
}
_TOKEN = re.compile(r"\w+|[^\w\s]")
_OTHER_NAME = "fits only in one script: the other holds another name, or none"


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


def sex_asked(query: NameForms, name: str) -> str:
    """The sex said behind a name, or of a newborn: M, F or nothing."""
    return sex_said(name) or (query.newborn.sex if query.newborn else "")


def is_as_said(query: NameForms, name: str) -> bool:
    """Whether a name is the whole query, so that nothing in the query stands beside it."""
    return query.text in name_forms(name).wholes


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
