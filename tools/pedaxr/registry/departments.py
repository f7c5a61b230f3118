"""What a caller of some departments sees: the same tables, without the patients of others.

On a reading connection of such a caller views take the place of the tables, so that no query can forget the
check, and what is not theirs is, in every answer, what is not there. A writer works on the tables themselves,
which must stay whole, and asks `is_hidden` before it changes a patient or signs a report.
"""

import sqlite3
from collections.abc import Iterable

from pedaxr.audit.callers import current_caller
from pedaxr.text import printable

LONGEST_DEPARTMENT = 64

COLUMN: tuple[str, ...] = (
    "ALTER TABLE patients ADD COLUMN department TEXT",
    "CREATE INDEX patients_by_name_and_department ON patients (patient_name, department)",
)
_OWN = "SELECT 1 FROM main.patients p WHERE p.department IN (SELECT department FROM temp.seen_departments)"
_NAMED = f"{_OWN} AND p.patient_name"
_OF_STUDY = (
    "EXISTS (SELECT 1 FROM main.studies s JOIN main.patients p USING (patient_id) WHERE "
    "s.study_id = t.study_id AND p.department IN (SELECT department FROM temp.seen_departments))"
)
_VIEWS = {
    "patients": "department IN (SELECT department FROM temp.seen_departments)",
    "studies": f"EXISTS ({_OWN} AND p.patient_id = t.patient_id)",
    "merged_patients": f"EXISTS ({_OWN} AND p.patient_id = t.merged_into)",
    "reports": _OF_STUDY,
    "annotations": _OF_STUDY,
    "sent": _OF_STUDY,
    "moved_films": f"EXISTS ({_OWN} AND p.patient_id = t.patient_id)",
    "withdrawn": f"EXISTS ({_OWN} AND p.patient_id = t.patient_id)",
    "patient_names": f"EXISTS ({_NAMED} = t.patient_name)",
    **dict.fromkeys(
        ("name_keys", "near_keys"),
        f"EXISTS (SELECT 1 FROM main.patient_names n WHERE n.name_id = t.name_id AND "
        f"EXISTS ({_NAMED} = n.patient_name))",
    ),
}


def cleaned(department: str | None) -> str | None:
    """A department's name as it is stored and compared."""
    return printable(department, LONGEST_DEPARTMENT) or None if department else None


def is_hidden(connection: sqlite3.Connection, patient_id: str) -> bool:
    """Whether the present caller must not learn that there is such a patient."""
    seen = current_caller().departments
    if seen is None:
        return False
    row = connection.execute("SELECT department FROM patients WHERE patient_id = ?", [patient_id]).fetchone()
    return row is not None and row[0] not in _cleaned(seen)


def show_only(connection: sqlite3.Connection, departments: Iterable[str]) -> None:
    """Let the connection see the patients of these departments alone, and nothing of any other."""
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("CREATE TEMP TABLE seen_departments (department TEXT PRIMARY KEY) WITHOUT ROWID")
    seen = sorted(_cleaned(departments))
    connection.executemany("INSERT INTO temp.seen_departments VALUES (?)", [(name,) for name in seen])
    for table, condition in _VIEWS.items():
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT t.* FROM main.{table} t WHERE {condition}")


def _cleaned(departments: Iterable[str]) -> set[str]:
    return {name for name in map(cleaned, departments) if name}
