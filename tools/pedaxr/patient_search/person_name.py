"""People's names as DICOM writes them (PS3.5 6.2.1)."""

from pedaxr.patient_search.hangul import split_surname
from pedaxr.patient_search.name_forms import romanised_name


def person_name(name: str) -> str:
    """DICOM PN: family^given in Latin, and in Hangul as the ideographic group."""
    latin = romanised_name(name)
    if latin is None:
        given, _, family = name.rpartition(" ")
        return f"{family}^{given}"
    surname, given = split_surname(name)
    return f"{latin.replace(' ', '^')}={surname}^{given}"
