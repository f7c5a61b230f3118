"""Look-ups of patients by id, birth date and name; each goes through a key of the registry and is bounded."""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date

from pedaxr.records import Patient, bare_id, is_stored_text, marks, patients_in
from pedaxr_models.written.plain import hyphen_spellings, zero_spellings

MOST_COUNTED = 300  # names or patients; a search that meets more says so
_MOST_BY_ID = 1000  # patients of a day read each by the id
_A_NUMBER, _DIGIT = re.compile("[0-9]{4,20}"), re.compile("[0-9]")
_MOST_BEGINNINGS = 40  # of ids
_PATIENT_IDS = (
    "SELECT patient_id FROM patients WHERE patient_id >= ? ORDER BY patient_id LIMIT 1",
    "SELECT * FROM patients WHERE patient_id IN ({}) ORDER BY patient_id LIMIT 100",
)
_STUDY_IDS = (
    "SELECT study_id FROM studies WHERE study_id >= ? ORDER BY study_id LIMIT 1",
    "SELECT * FROM patients WHERE patient_id IN (SELECT patient_id FROM studies WHERE study_id IN ({})) "
    "ORDER BY patient_id LIMIT 100",
)
_MANY = 6  # bearers of a name; the nearest five are listed


class PatientLookups:
    """Look-ups on one connection, which sees one state of the registry."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def patients_with_id(self, some_id: str) -> list[tuple[Patient, str]]:
        """Patients with that id, or a study or accession number of that id, in any case and width."""
        found: dict[str, tuple[Patient, str]] = {}
        for spelled in dict.fromkeys((some_id, bare_id(some_id))):
            for row in self._connection.execute(_WITH_ID, [spelled]):
                for patient in patients_in([row]):
                    found.setdefault(patient.patient_id, (patient, row["reason"]))
        return list(found.values())

    def patients_but_for_zeros(self, some_id: str) -> list[Patient]:
        """Patients whose id is that number with more or fewer zeros in front."""
        spellings = zero_spellings(some_id)
        having = f"SELECT * FROM patients WHERE patient_id IN ({marks(spellings)}) ORDER BY patient_id"
        return list(patients_in(self._connection.execute(having, spellings))) if spellings else []

    def patients_but_for_hyphens(self, some_id: str) -> list[Patient]:
        """Patients whose id has the same letters and digits, in any case, and other hyphens."""
        spellings = hyphen_spellings(some_id)
        having = (
            f"SELECT * FROM patients WHERE patient_id COLLATE NOCASE IN ({marks(spellings)}) "
            "ORDER BY patient_id LIMIT 100"
        )
        return list(patients_in(self._connection.execute(having, spellings))) if spellings else []

    def patients_but_for_letters(self, number: str) -> list[tuple[Patient, str]]:
        """Patients whose id, or a study's of theirs, is that number behind letters; P-60497 for 60497."""
        if not _A_NUMBER.fullmatch(number):
            return []
        found = [(patient, "patient id") for patient in self._behind_letters(_PATIENT_IDS, number)]
        return found + [(patient, "study id") for patient in self._behind_letters(_STUDY_IDS, number)]

    def _behind_letters(self, ids: tuple[str, str], number: str) -> list[Patient]:
        """By the letters that ids begin with: as many looks into the index, however many ids there are."""
        after: str = ""
        spelled: list[str] = []
        for _ in range(_MOST_BEGINNINGS):
            row = self._connection.execute(ids[0], [after]).fetchone()
            if row is None or not is_stored_text(row[0]):
                break
            letters = _DIGIT.split(row[0], maxsplit=1)[0]
            spelled += [f"{letters}{number}"] if letters else []
            after = f"{letters}:"  # the sign behind 9
        having = ids[1].format(marks(spelled))
        return list(patients_in(self._connection.execute(having, spelled))) if spelled else []

    def patients_born_on(self, day: date, *, limit: int = MOST_COUNTED + 1) -> list[Patient]:
        """Patients with that birth date, by name."""
        born = "SELECT * FROM patients WHERE patient_birth_date = ? ORDER BY patient_name, patient_id LIMIT ?"
        return list(patients_in(self._connection.execute(born, [day.isoformat(), limit])))

    def patients_named(self, names: Sequence[str], *, born_on: date | None, limit: int) -> list[Patient]:
        """The bearers of the names, in the order of the names, then by patient id."""
        if born_on is not None:
            return self._born_and_named({name: at for at, name in enumerate(names)}, born_on, limit)
        found: list[Patient] = []
        bearers = "SELECT * FROM patients WHERE patient_name = ? ORDER BY patient_id LIMIT ?"
        for name in names:
            if len(found) < limit:
                found += patients_in(self._connection.execute(bearers, [name, limit - len(found)]))
        return found

    def _born_and_named(self, place: dict[str, int], born_on: date, limit: int) -> list[Patient]:
        """Of the patients of a day, hundreds in a large registry, those with a name that has a place."""
        of_day = "SELECT patient_name, patient_id FROM patients WHERE patient_birth_date = ?"
        born = self._connection.execute(of_day, [born_on.isoformat()]) if place else ()
        ids = [patient_id for name, patient_id in born if name in place]
        by_id = [patient_id for patient_id in ids if is_stored_text(patient_id)]
        which, values = f"patient_id IN ({marks(by_id)})", [*by_id]
        if len(by_id) < len(ids) or len(ids) > _MOST_BY_ID:  # a damaged id, or a day that stands for any
            which, values = "patient_birth_date = ?", [born_on.isoformat()]
        rows = self._connection.execute(f"SELECT * FROM patients WHERE {which}", values) if ids else ()
        found = list(patients_in(row for row in rows if row["patient_name"] in place))
        return sorted(found, key=lambda p: (place[p.patient_name], p.patient_id))[:limit]

    def fewest_bearers_first(self, names: Iterable[str]) -> list[str]:
        """Names by how many patients bear them, counted to `_MANY`; of as many in the order given."""
        listed = list(names)
        count = f"SELECT count(*) FROM (SELECT 1 FROM patients WHERE patient_name = asked.name LIMIT {_MANY})"
        asked = f"WITH asked (name) AS (VALUES {', '.join(['(?)'] * len(listed))})"
        counts = f"{asked} SELECT name, ({count}) FROM asked"
        bearers = dict(map(tuple, self._connection.execute(counts, listed))) if listed else {}
        return sorted(listed, key=bearers.__getitem__)

    def count_named(self, names: Sequence[str]) -> int:
        """How many patients bear one of the names, counted to one more than `MOST_COUNTED`."""
        if not 0 < len(names) <= MOST_COUNTED:
            return min(len(names), MOST_COUNTED + 1)  # each name has a bearer
        bearers = f"SELECT 1 FROM patients WHERE patient_name IN ({marks(names)}) LIMIT {MOST_COUNTED + 1}"
        return int(self._connection.execute(f"SELECT count(*) FROM ({bearers})", names).fetchone()[0])


_BY_ID = (
    ("patient_id = ? COLLATE NOCASE", "patient id"),
    ("patient_id IN (SELECT patient_id FROM studies WHERE study_id = ? COLLATE NOCASE)", "study id"),
    (
        "patient_id IN (SELECT patient_id FROM studies WHERE accession_number = ? COLLATE NOCASE)",
        "accession number",
    ),
    (
        "patient_id IN (SELECT merged_into FROM merged_patients WHERE patient_id = ? COLLATE NOCASE)",
        "id before a merge",
    ),
)
_WITH_ID = " UNION ALL ".join(  # one statement: each costs more to begin than to find nothing
    f"SELECT * FROM (SELECT *, '{reason}' AS reason FROM patients WHERE {condition} LIMIT 100)"
    for condition, reason in _BY_ID
).replace("?", "?1")
