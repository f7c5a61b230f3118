"""The sex that a table or a DICOM header states, in the words of several languages."""

import re

from pedaxr_models.written.plain import plain

_SEXES = {
    **dict.fromkeys(("m", "male", "boy", "man", "남", "남자", "남아", "남성", "남자아이"), "M"),
    **dict.fromkeys(("f", "female", "girl", "woman", "여", "여자", "여아", "여성", "여자아이"), "F"),
    **dict.fromkeys(("男", "男性", "男児", "maschio", "erkek", "мужской", "муж", "ذكر", "♂"), "M"),
    **dict.fromkeys(("女", "女性", "女児", "femmina", "kız", "женский", "жен", "أنثى", "انثى", "♀"), "F"),
    **dict.fromkeys(("männlich", "junge", "knabe", "bub", "masculin", "garçon"), "M"),
    **dict.fromkeys(("masculino", "varón", "niño"), "M"),
    **dict.fromkeys(("w", "weiblich", "mädchen", "féminin", "fille"), "F"),
    **dict.fromkeys(("femenino", "feminino", "mujer", "niña"), "F"),
    **dict.fromkeys(("mann", "herr", "männl", "hombre", "homme", "uomo", "homem", "menino"), "M"),
    **dict.fromkeys(("frau", "weibl", "femme", "donna", "vrouw", "kvinna", "kvinde", "menina"), "F"),
    **dict.fromkeys(("nam", "pria", "mężczyzna", "chłopiec"), "M"),
    **dict.fromkeys(("nữ", "wanita", "perempuan", "kobieta", "dziewczynka", "kadın"), "F"),
    **dict.fromkeys(("o", "other", "x", "d", "divers", "diverse", "intersex", "nonbinary", "기타"), "O"),
}


def sex_in(text: str) -> str | None:
    """DICOM M, F or O, which is both or another; None where no word says it, as in a table's own numbers."""
    words = re.findall(r"[^\W\d_]+|[♂♀]", plain(text).casefold())
    said = {_SEXES[word] for word in words if word in _SEXES}
    return said.pop() if len(said) == 1 else "O" if said else None


def sex_of_header(text: str) -> str | None:
    """The same of DICOM, where both are no statement: it has one value, and O for another sex."""
    return None if names_both_sexes(text) else sex_in(text)


def names_both_sexes(text: str) -> bool:
    """Whether male and female are named, as by a form that nobody filled in."""
    return {"M", "F"} <= set(map(sex_in, re.split(r"\W+", text)))
