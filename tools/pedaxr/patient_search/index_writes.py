"""The tables of the search index, and how names get into them and out again.

A name enters the index with its first bearer and leaves it with its last, in the transaction that changes the
patient.
"""

import sqlite3
from collections.abc import Iterable
from itertools import islice

from pedaxr.patient_search import index_keys as name_keys
from pedaxr.patient_search.name_forms import name_forms

TABLES: tuple[str, ...] = (
    # Ids are never used twice, so a key that outlived its name can never lead to another.
    """CREATE TABLE patient_names (
        name_id INTEGER PRIMARY KEY AUTOINCREMENT,
        patient_name TEXT NOT NULL UNIQUE,
        skeleton TEXT NOT NULL,
        is_baby INTEGER NOT NULL)""",  # a baby's, or one with a number: compared in full
    """CREATE TABLE name_keys (
        name_key TEXT NOT NULL,
        name_id INTEGER NOT NULL,
        PRIMARY KEY (name_key, name_id)) WITHOUT ROWID""",
    "CREATE INDEX name_keys_by_name ON name_keys (name_id)",
    """CREATE TABLE near_keys (
        near_key INTEGER NOT NULL,
        name_id INTEGER NOT NULL,
        PRIMARY KEY (near_key, name_id)) WITHOUT ROWID""",
    """CREATE TABLE name_sounds (
        sound TEXT NOT NULL,
        part TEXT NOT NULL,
        PRIMARY KEY (sound, part)) WITHOUT ROWID""",
    "CREATE INDEX name_sounds_by_part ON name_sounds (part)",
    "CREATE INDEX patients_by_name ON patients (patient_name, patient_id)",
    "CREATE INDEX patients_by_any_case ON patients (patient_id COLLATE NOCASE)",
    "CREATE INDEX studies_by_any_case ON studies (study_id COLLATE NOCASE)",
    "CREATE INDEX studies_by_accession ON studies (accession_number COLLATE NOCASE) "
    "WHERE accession_number IS NOT NULL",
)


def index_name(connection: sqlite3.Connection, name: str) -> None:
    """Put a registered name into the index, if it is new there."""
    index_names(connection, [name])


def index_names(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Put registered names into the index, those that are new there and that somebody bears.

    Many at once are put in by the order of their keys: each page of the index is then written once, and not
    for every name again.
    """
    waiting = iter(dict.fromkeys(names))
    while some := list(islice(waiting, _INDEXED_AT_ONCE)):
        exact, near, sounds = list[tuple[str, int]](), list[tuple[int, int]](), set[tuple[str, str]]()
        for name in some:
            forms = name_forms(name)
            row = (name, name_keys.name_skeleton(forms), forms.newborn is not None, name)
            done = connection.execute(_NEW_NAME, row)
            if done.rowcount == 1 and (name_id := done.lastrowid) is not None:
                exact += [(key, name_id) for key in name_keys.stored_keys(forms)]
                near += [(key, name_id) for key in name_keys.stored_near_keys(forms)]
                sounds |= name_keys.stored_sounds(forms)
        connection.executemany("INSERT INTO name_keys VALUES (?, ?)", sorted(exact))
        connection.executemany("INSERT INTO near_keys VALUES (?, ?)", sorted(near))
        connection.executemany("INSERT OR IGNORE INTO name_sounds VALUES (?, ?)", sorted(sounds))


_INDEXED_AT_ONCE = 10_000  # names; some 300,000 keys
_NEW_NAME = (
    "INSERT OR IGNORE INTO patient_names (patient_name, skeleton, is_baby) "
    "SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM patients WHERE patient_name = ?)"
)


def unindex_name(connection: sqlite3.Connection, name: str) -> None:
    """Take a name out of the index when no patient bears it any more."""
    if connection.execute("SELECT 1 FROM patients WHERE patient_name = ?", [name]).fetchone():
        return
    row = connection.execute("SELECT name_id FROM patient_names WHERE patient_name = ?", [name]).fetchone()
    if row is None:
        return
    (name_id,) = row
    forms = name_forms(name)
    near = [(key, name_id) for key in name_keys.stored_near_keys(forms)]
    connection.executemany("DELETE FROM near_keys WHERE near_key = ? AND name_id = ?", near)
    connection.execute("DELETE FROM name_keys WHERE name_id = ?", [name_id])
    connection.execute("DELETE FROM patient_names WHERE name_id = ?", [name_id])
    orphaned = (
        "DELETE FROM name_sounds WHERE part = ? AND NOT EXISTS (SELECT 1 FROM name_keys WHERE name_key = ?)"
    )
    connection.executemany(orphaned, [(part, f"@{part}") for part in forms.parts])


def build_index(connection: sqlite3.Connection) -> None:
    """Index the names of every patient there is: the migration of a registry from before the index."""
    index_names(
        connection, [row[0] for row in connection.execute("SELECT DISTINCT patient_name FROM patients")]
    )
