"""The audit trail as a table: a chain in which every entry holds the hash of the one before.

Whatever is changed, removed, swapped or put in between breaks the chain from there on. An end that was cut
off is seen by the table's own counter, by the entries of the other chain that name it, and by a head that was
noted outside (`pedaxr audit head`).

The table refuses every UPDATE and DELETE. Whoever can write to the file can remove these triggers and write
a whole new chain: only a head kept elsewhere shows that.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

GENESIS = "0" * 64
OK = "ok"
STATE = "state"  # the action of entries that hold digests of rows, written with every change of them


@dataclass(frozen=True)
class Entry:
    """One act, read, search or refusal.

    Attributes:
        entry_id: unique; the same entry is never put into a chain twice.
        at: when, ISO 8601 in UTC.
        action: the tool or act.
        outcome: `ok`, or the code of the error with which it was refused or failed.
        user, client, request_id: as of `callers.Caller`.
        patient_ids: of those whose data were shown or changed.
        image_sha256: of the film.
        weights: SHA-256 of the networks' weights that looked at it.
        query: what was searched for, as the caller gave it.
        detail: what else the action needs to be understood: ids, hashes, numbers; never text of a patient.
        anchor: head of the other chain at that time, `sequence:hash`.
    """

    entry_id: str
    at: str
    action: str
    outcome: str
    user: str
    client: str
    request_id: str | None = None
    patient_ids: tuple[str, ...] = ()
    study_id: str | None = None
    report_id: str | None = None
    image_sha256: str | None = None
    weights: tuple[str, ...] = ()
    query: str | None = None
    detail: str | None = None
    anchor: str | None = None

    def columns(self) -> tuple[str | None, ...]:
        """In the order of the table."""
        # Not through `astuple`, which copies each value deeply: a third of what registering a patient cost.
        cells = (getattr(self, name) for name in _COLUMNS)
        return tuple(json.dumps(v, ensure_ascii=False) if isinstance(v, tuple) else v for v in cells)


_COLUMNS = tuple(field.name for field in fields(Entry))
_LISTS = frozenset({"patient_ids", "weights"})
_REFUSALS = {
    f"audit_refuses_{act.lower()}": f"""CREATE TRIGGER audit_refuses_{act.lower()} BEFORE {act} ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END"""
    for act in ("UPDATE", "DELETE")
}
TABLES: tuple[str, ...] = (
    f"""CREATE TABLE audit (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        {", ".join(f"{name} TEXT" for name in _COLUMNS)},
        previous_hash TEXT NOT NULL,
        hash TEXT NOT NULL)""",
    "CREATE UNIQUE INDEX audit_by_entry ON audit (entry_id)",
    *_REFUSALS.values(),
)
_NAMES = ", ".join(("sequence", *_COLUMNS, "previous_hash", "hash"))


@dataclass(frozen=True)
class Head:
    """The last entry of a chain. `str` of it is what is noted outside."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True)
class Link:
    """An entry at its place in the chain."""

    sequence: int
    entry: Entry
    previous_hash: str
    hash: str


def append(connection: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Add entries in the caller's transaction; those that are in the chain already are passed over."""
    head = head_of(connection)
    sequence, last = head.sequence, head.hash
    there = "SELECT 1 FROM audit WHERE entry_id = ?"
    places = ", ".join("?" * (len(_COLUMNS) + 3))
    for entry in entries:
        if connection.execute(there, [entry.entry_id]).fetchone():
            continue
        columns = entry.columns()
        sequence, before = sequence + 1, last
        last = _hash(sequence, columns, before)
        connection.execute(
            f"INSERT INTO audit ({_NAMES}) VALUES ({places})", [sequence, *columns, before, last]
        )


def head_of(connection: sqlite3.Connection) -> Head:
    """The last entry; of an empty chain number 0."""
    row = connection.execute("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1").fetchone()
    return Head(*row) if row else Head(0, GENESIS)


def links(connection: sqlite3.Connection, *, after: int = 0) -> Iterator[Link]:
    """All entries with their places, oldest first."""
    rows = connection.execute(f"SELECT {_NAMES} FROM audit WHERE sequence > ? ORDER BY sequence", [after])
    for sequence, *columns, previous_hash, own_hash in rows:
        yield Link(sequence, _entry(columns), previous_hash, own_hash)


def faults_of(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with a chain in itself; nothing when it is whole."""
    faults = [] if _has_triggers(connection) else ["a trigger that protects the table is missing or changed"]
    rows = connection.execute(f"SELECT {_NAMES} FROM audit ORDER BY sequence")
    expected, last = 1, GENESIS
    for sequence, *columns, previous_hash, own_hash in rows:
        if sequence != expected:
            faults.append(f"entries {expected} to {sequence - 1} are missing")
        if previous_hash != last:
            faults.append(f"entry {sequence} does not follow the one before it")
        if own_hash != _hash(sequence, tuple(columns), previous_hash):
            faults.append(f"entry {sequence} was changed")
        expected, last = sequence + 1, own_hash
    counted = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").fetchone()
    if (counted[0] if counted else 0) != expected - 1:
        faults.append(f"entries after {expected - 1} are missing")
    return faults


def has(connection: sqlite3.Connection, head: Head) -> bool:
    """Whether the entry of that number is there and has that hash."""
    if head.sequence == 0:
        return head.hash == GENESIS
    row = connection.execute("SELECT hash FROM audit WHERE sequence = ?", [head.sequence]).fetchone()
    return row is not None and row[0] == head.hash


def parse_head(text: str) -> Head:
    """What `str` of a head wrote. Raises ValueError."""
    number, _, own_hash = text.strip().partition(":")
    if len(own_hash) != len(GENESIS):
        raise ValueError("A head has the form NUMBER:HASH.")
    return Head(int(number), own_hash)


def now() -> str:
    """The time as entries have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def entry_of(values: dict[str, object]) -> Entry:
    """An entry from its fields as JSON has them. Raises TypeError."""
    entry = Entry(**values)  # type: ignore[arg-type]
    return replace(entry, patient_ids=tuple(entry.patient_ids), weights=tuple(entry.weights))


def checked_entry(values: object) -> Entry:
    """An entry from what anybody may have written. Raises TypeError, ValueError where pedaxr did not."""
    if not isinstance(values, dict):
        raise TypeError
    entry = entry_of(values)
    for field in fields(Entry):
        value = values.get(field.name, field.default)
        if field.name in _LISTS and not isinstance(value, list | tuple):
            raise TypeError
        texts = value if field.name in _LISTS else [value]
        is_optional = field.default is None
        if not all(isinstance(text, str) or (text is None and is_optional) for text in texts):
            raise TypeError
        for text in texts:
            str(text or "").encode()  # no halves of characters
    if not entry.entry_id or not entry.at or entry.action == STATE:
        raise ValueError
    return entry


def _entry(columns: Sequence[str | None]) -> Entry:
    values: dict[str, object] = dict(zip(_COLUMNS, columns, strict=True))
    return entry_of({k: _listed(v) if k in _LISTS else v for k, v in values.items()})


def _listed(text: object) -> list[str]:
    """A list that somebody broke is empty: the hash says that it was changed."""
    try:
        listed = json.loads(str(text))
    except ValueError:
        return []
    return [str(item) for item in listed] if isinstance(listed, list) else []


def _hash(sequence: int, columns: tuple[str | None, ...], previous_hash: str) -> str:
    cells = [sequence, *columns, previous_hash]
    content = json.dumps(cells, ensure_ascii=False, separators=(",", ":"), default=repr)  # of a blob put in
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _has_triggers(connection: sqlite3.Connection) -> bool:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    there = {name: sql for name, sql in rows}
    return all(there.get(name) == sql for name, sql in _REFUSALS.items())
