"""Queries with the patient meant, to measure a search: exact, misspelt, and in another script.

A misspelling is one edit, as fingers make it: a wrong, missing, extra or swapped key, on the two-set Korean
keyboard for Hangul and on QWERTY for Latin. Wrong keys are neighbours half of the time, any key otherwise.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from pedaxr.evaluation.population import latin_spelling
from pedaxr.patient_search import hangul
from pedaxr.patient_search.name_forms import fold, name_forms
from pedaxr.patient_search.typing_slips import KOREAN_KEYS, LATIN_KEYS
from pedaxr.records import Patient

MOST_BEARERS = 5


@dataclass(frozen=True)
class SearchCase:
    """One query.

    Attributes:
        kind: a key of `KINDS`.
        patient_id: whom the searcher has in mind.
        birth_date: what the searcher can add when asked.
        bearers: patients whose registered name is the same apart from case.
    """

    kind: str
    query: str
    patient_id: str
    birth_date: date | None
    bearers: int


def search_cases(patients: Sequence[Patient], per_kind: int, seed: int = 0) -> list[SearchCase]:
    """`per_kind` queries of each kind about patients drawn from the registry; the same for the same seed.

    Names are drawn, not patients, so that rare names count as much as common ones. A misspelling that is
    another registered name is drawn again: it means that other name.
    """
    draw = random.Random(seed)
    bearers = Counter(fold(patient.patient_name) for patient in patients)
    by_name = {fold(patient.patient_name): patient for patient in patients}
    names = sorted(by_name)
    cases: list[SearchCase] = []
    for kind, asked in KINDS.items():
        found = 0
        while found < per_kind:
            patient = by_name[draw.choice(names)]
            query = asked(patient, draw)
            if query is None or (kind.startswith("typo") and fold(query) in by_name):
                continue
            found += 1
            count = bearers[fold(patient.patient_name)]
            cases.append(SearchCase(kind, query, patient.patient_id, patient.patient_birth_date, count))
    return cases


def _is_plain_hangul(name: str) -> bool:
    return len(name) > 2 and all(map(hangul.is_hangul, name))


def _exact(patient: Patient, draw: random.Random) -> str:
    return patient.patient_name


def _titled(patient: Patient, draw: random.Random) -> str | None:
    if not _is_plain_hangul(patient.patient_name):
        return None
    return patient.patient_name + draw.choice(("님", " 환자", " 씨", "씨", " 어린이"))


def _reordered(patient: Patient, draw: random.Random) -> str | None:
    words = patient.patient_name.replace(",", "").split()
    return " ".join([*words[1:], words[0]]).lower() if len(words) > 1 and "아기" not in words else None


def _romanised(system: str) -> Callable[[Patient, random.Random], str | None]:
    def asked(patient: Patient, draw: random.Random) -> str | None:
        if not _is_plain_hangul(patient.patient_name):
            return None
        return latin_spelling(patient.patient_name, draw, system)

    return asked


def _hangul_typo(patient: Patient, draw: random.Random) -> str | None:
    if not _is_plain_hangul(patient.patient_name):
        return None
    keys = list(hangul.jamo(patient.patient_name))
    typed = compose_jamo(_one_edit(keys, KOREAN_KEYS, draw))
    return typed if typed and typed != patient.patient_name else None


def _latin_typo(patient: Patient, draw: random.Random) -> str | None:
    name = patient.patient_name
    if not name.isascii():
        return None
    typed = "".join(_one_edit(list(name.lower()), LATIN_KEYS, draw))
    return typed if name_forms(typed).text != name_forms(name).text else None


def _cross_typo(patient: Patient, draw: random.Random) -> str | None:
    latin = _romanised("revised")(patient, draw)
    return "".join(_one_edit(list(latin.lower()), LATIN_KEYS, draw)) if latin else None


def _surname(patient: Patient, draw: random.Random) -> str | None:
    name = patient.patient_name
    if _is_plain_hangul(name):
        return hangul.split_surname(name)[0]
    word = name.split()[-1]
    return word if len(word) > 1 else None


def _given(patient: Patient, draw: random.Random) -> str | None:
    return hangul.split_surname(patient.patient_name)[1] if _is_plain_hangul(patient.patient_name) else None


def _beginning(patient: Patient, draw: random.Random) -> str | None:
    name = patient.patient_name
    return name[:2] if _is_plain_hangul(name) else name[:5]


def _strange(patient: Patient, draw: random.Random) -> str:
    return " ".join("".join(draw.choices("bcdfghjklmnpqrstvwxz", k=6)) for _ in range(2))


# Kinds that begin with `typo` and `cross` are the test set of misspellings and of other scripts.
KINDS: dict[str, Callable[[Patient, random.Random], str | None]] = {
    "exact": _exact,
    "title": _titled,
    "word order": _reordered,
    "patient id": lambda patient, draw: patient.patient_id.lower(),
    "accession": lambda patient, draw: f"A{int(patient.patient_id[1:]):08d}",
    "birth date": lambda patient, draw: (patient.patient_birth_date or date(2010, 1, 1)).isoformat(),
    "name and birth date": lambda patient, draw: f"{patient.patient_name} {patient.patient_birth_date or ''}",
    "surname": _surname,
    "given name": _given,
    "beginning": _beginning,
    "nobody": _strange,
    "typo hangul": _hangul_typo,
    "typo latin": _latin_typo,
    "cross revised": _romanised("revised"),
    "cross mccune": _romanised("mccune"),
    "cross passport": _romanised("passport"),
    "both: typo in other script": _cross_typo,
}


def _one_edit(keys: list[str], keyboard: dict[str, str], draw: random.Random) -> list[str]:
    """The keys with one wrong, missing, extra or swapped."""
    at = draw.choice([place for place, key in enumerate(keys) if key in keyboard])
    wrong = draw.choice(keyboard[keys[at]] if draw.random() < 0.5 else list(keyboard))
    edit = draw.choices(("replace", "delete", "insert", "swap"), (4, 2, 2, 2))[0]
    if edit == "replace":
        return [*keys[:at], wrong, *keys[at + 1 :]]
    if edit == "delete":
        return [*keys[:at], *keys[at + 1 :]]
    if edit == "insert":
        return [*keys[: at + 1], draw.choice((wrong, keys[at])), *keys[at + 1 :]]
    return [*keys[:at], *reversed(keys[at : at + 2]), *keys[at + 2 :]]


def compose_jamo(keys: Sequence[str]) -> str | None:
    """The syllables that a Korean keyboard makes of the keys; None when some jamo stays alone."""
    text, at = "", 0
    keys = list(keys)
    while at < len(keys):
        if at + 1 >= len(keys) or keys[at] not in hangul.ONSETS or keys[at + 1] not in hangul.NUCLEI:
            return None
        is_coda = at + 2 < len(keys) and keys[at + 2] in hangul.CODAS
        is_next = at + 3 < len(keys) and keys[at + 3] in hangul.NUCLEI
        coda = keys[at + 2] if is_coda and not is_next else ""
        text += hangul.compose(keys[at], keys[at + 1], coda)
        at += 2 + bool(coda)
    return text
