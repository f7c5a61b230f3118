"""People's names in Latin letters, and as DICOM writes them (PS3.5 6.2.1)."""

from pedaxr.patient_search.hangul import split_surname
from pedaxr.patient_search.name_forms import bare_of_title, fold, romanised_name, without_titles
from pedaxr.patient_search.newborns import Newborn, without_newborn
from pedaxr_models.written.masked import hides_letters

_KINDS = {"M": "Baby boy", "F": "Baby girl"}


def person_name(name: str) -> str:
    """DICOM PN: family^given in Latin, and in Hangul as the ideographic group."""
    latin = romanised_name(name)
    if latin is None:
        given, _, family = name.rpartition(" ")
        return f"{family}^{given}"
    surname, given = split_surname(name)
    return f"{latin.replace(' ', '^')}={surname}^{given}"


def latin_name(name: str) -> str | None:
    """A Hangul name in Latin letters as people read it; None if not Hangul, or masked.

    What says whose baby a child is, or is a title, is no part of the name: 박지은 아기 is Baby of Park Jieun,
    김민준 환아 is Kim Minjun.
    """
    words, newborn = without_newborn(fold(name).split())
    latin = romanised_name("".join(map(bare_of_title, without_titles(words))))
    if latin is None or newborn is None or hides_letters(name):
        return None if hides_letters(name) else latin
    if newborn.is_baby:
        return f"{_called(newborn)} of {latin}"
    return f"{latin} {newborn.number}" if romanised_name(name) else None  # 김지은B is written so


def _called(newborn: Newborn) -> str:
    return f"{_KINDS.get(newborn.sex, 'Baby')} {newborn.number}".strip()
