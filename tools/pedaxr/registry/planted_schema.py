"""Programs inside a database file: triggers, views and virtual tables act on whoever opens it.

A trigger planted in a registry changes rows while pedaxr writes others, and the audit chain then holds what
it made of them. So those that pedaxr makes are known word for word, and any other is a fault.
"""

import sqlite3

from pedaxr.audit import chain as audit_chain
from pedaxr.registry.schema import MIGRATIONS

_TRIGGER = "CREATE TRIGGER "
_ACTING = (
    "SELECT name, sql FROM main.sqlite_master WHERE type IN ('trigger', 'view') "
    "OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%')"
)


def _named(statements: list[str]) -> dict[str, str]:
    return {sql.split()[2]: sql for sql in statements if sql.startswith(_TRIGGER)}


OURS_IN_REGISTRY = _named([step for steps in MIGRATIONS for step in steps if isinstance(step, str)])
OURS_IN_ACCESS_LOG = _named(list(audit_chain.TABLES))


def planted(connection: sqlite3.Connection, ours: dict[str, str]) -> int:
    """How many triggers, views and virtual tables of the file pedaxr did not make."""
    return sum(ours.get(str(name)) != sql for name, sql in connection.execute(_ACTING))


def missing(connection: sqlite3.Connection, ours: dict[str, str]) -> list[str]:
    """The triggers of pedaxr that the file no longer has as they were made."""
    there = {str(name): sql for name, sql in connection.execute(_ACTING)}
    return sorted(name for name, sql in ours.items() if there.get(name) != sql)
