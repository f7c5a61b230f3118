"""What each row was when pedaxr last wrote it: a digest in the audit chain, with which verify compares it.

Triggers of the writing connection note every row that a transaction inserts, changes or removes, whichever
code does it; before the transaction is committed their digests become entries of the chain. A row that was
changed, moved, put in or taken out behind pedaxr's back no longer fits, and is named.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence

from pedaxr.audit import trail
from pedaxr.audit.chain import STATE

# Every table that a reader relies on, its key, and what a row of it is called. A column added later must be
# empty in the rows that are there: empty cells are left out of digests.
WATCHED: dict[str, tuple[str, str]] = {
    "patients": ("patient_id", "patient"),
    "studies": ("study_id", "study"),
    "reports": ("report_id", "report"),
    "annotations": ("annotation_id", "annotation"),
    "merged_patients": ("patient_id", "merged id"),
    "sent": ("sent_id", "sent object"),
    "moved_films": ("study_id", "moved film"),
    "withdrawn": ("withdrawn_id", "withdrawn version"),
}
_GONE = "-"
_DIGEST = 32  # hexadecimal digits, 128 bits
_ROWS_IN_ENTRY = 500
_ALL = "temp.written_rows"


def watch(connection: sqlite3.Connection) -> None:
    """Have the transaction to come note the rows that it writes. Temporary tables must lie in memory."""
    connection.execute(
        "CREATE TEMP TABLE written_rows (table_name TEXT, row_key TEXT, PRIMARY KEY (table_name, row_key))"
    )
    for table in _there(connection):
        key = WATCHED[table][0]
        for act, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
            noted = "".join(
                f"INSERT OR IGNORE INTO written_rows VALUES ('{table}', {row}.{key}); " for row in rows
            )
            name = f"watch_{table}_{act.lower()}"
            connection.execute(f"CREATE TEMP TRIGGER {name} AFTER {act} ON main.{table} BEGIN {noted}END")


def write_states(connection: sqlite3.Connection) -> None:
    """Put the digests of the rows written into the chain, if there is one yet."""
    written = connection.execute(f"SELECT table_name, row_key FROM {_ALL} ORDER BY 1, 2").fetchall()
    if written and "audit" in _tables(connection):
        _record(connection, [(table, key, _state_of(connection, table, key)) for table, key in written])


def adopt_rows(connection: sqlite3.Connection) -> None:
    """Write all rows there are into the chain: a registry from before it did that."""
    for table in _there(connection):
        _record(connection, [(table, key, digest) for key, digest in _digests(connection, table)])


def row_faults(connection: sqlite3.Connection, table: str) -> tuple[int, list[str]]:
    """How many rows a table has, and what is wrong with them, by id; nothing of their content."""
    noted = _noted(connection, table)
    called = WATCHED[table][1]
    faults, count = [], 0
    for key, digest in _digests(connection, table):
        count += 1
        if (state := noted.pop(key, _GONE)) == _GONE:
            faults.append(f"{called} {key!r} is alien: pedaxr did not write it")
        elif state != digest:
            faults.append(f"{called} {key!r} is not as it was stored")
    faults += [f"{called} {key!r} is missing" for key, state in noted.items() if state != _GONE]
    return count, faults


def _record(connection: sqlite3.Connection, states: Sequence[tuple[str, str, str]]) -> None:
    for start in range(0, len(states), _ROWS_IN_ENTRY):
        some = [list(state) for state in states[start : start + _ROWS_IN_ENTRY]]
        trail.record(connection, STATE, detail=json.dumps(some, ensure_ascii=False, separators=(",", ":")))


def _noted(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """The last state of every row in the chain; of entries that somebody broke the chain itself tells."""
    noted: dict[str, str] = {}
    for (detail,) in connection.execute(
        "SELECT detail FROM audit WHERE action = ? ORDER BY sequence", [STATE]
    ):
        try:
            noted |= {
                str(key): str(state) for of_table, key, state in json.loads(detail) if of_table == table
            }
        except (ValueError, TypeError):
            continue
    return noted


def _state_of(connection: sqlite3.Connection, table: str, key: str) -> str:
    cursor = connection.execute(f"SELECT * FROM main.{table} WHERE {WATCHED[table][0]} = ?", [key])
    row = cursor.fetchone()
    return _GONE if row is None else _digest([column[0] for column in cursor.description], row)


def _digests(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, str]]:
    key = WATCHED[table][0]
    cursor = connection.execute(f"SELECT * FROM main.{table} ORDER BY {key}")
    columns = [column[0] for column in cursor.description]
    for row in cursor:
        yield str(row[columns.index(key)]), _digest(columns, row)


def _digest(columns: Sequence[str], row: Sequence[object]) -> str:
    cells = {name: cell for name, cell in zip(columns, row, strict=True) if cell is not None}
    text = json.dumps(cells, sort_keys=True, default=_blob, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]


def _blob(cell: object) -> list[str]:
    return ["blob", bytes(cell).hex()] if isinstance(cell, bytes) else [type(cell).__name__]


def _there(connection: sqlite3.Connection) -> list[str]:
    there = _tables(connection)
    return [table for table in WATCHED if table in there]


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
