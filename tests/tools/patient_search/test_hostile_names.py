"""Names that are syntax elsewhere: found or not found, and never an error. `-m slow` runs 5,000."""

import random
import sqlite3
import string
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import InvalidRequest
from pedaxr.registry import Patient

from ..small_clinic import small_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return small_clinic(tmp_path / "home")


_PIECES = [
    *["'", '"', ";", "--", "/*", "*/", "*", "%", "_", "\\", "(", ")", "[", "]", "^", ":", "-", "+", "~"],
    *[
        "NEAR",
        "AND",
        "OR",
        "NOT",
        "NULL",
        "MATCH",
        "{x}",
        "%s",
        "{0}",
        "${x}",
        "\x00",
        "\u202e",
        "\u200b",
        "﷽",
    ],
    *["' OR '1'='1", '" OR ""="', "'); DROP TABLE patients;--", "UNION SELECT", "name:", "Robert", "김민준"],
    *["😀", "e\u0301", "İ", "ß", "𝕏", "ﬁ", "\t", "\n", "１２", "2020-13-45", "아기", "<script>", "../../etc"],
]


def hostile_names(count: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    pieces = [*_PIECES, *string.ascii_letters, *string.punctuation]
    return ["".join(draw.choices(pieces, k=draw.randint(1, 7)))[:150] for _ in range(count)]


def search_all(clinic: Clinic, names: list[str]) -> dict[str, int]:
    """Each name registered, then searched: errors that are not ours, and names that were not found."""
    children = [Patient(f"H-{n}", name, None, "M", "hostile") for n, name in enumerate(names)]
    clinic.registry.add(children, [])
    counted = {"searched": 0, "refused": 0, "not found": 0}
    for number in range(len(names)):
        stored = clinic.registry.patient(f"H-{number}").patient_name
        try:
            found = find_patient(stored, limit=20, clinic=clinic)
        except InvalidRequest:  # too short, or nothing printable
            counted["refused"] += 1
            continue
        counted["searched"] += 1
        shown = {match.patient_id for match in (*found.matches, *found.nearest)}
        counted["not found"] += f"H-{number}" not in shown and found.total <= 20
    return counted


def test_hostile_names_are_found_or_not_and_never_an_error(clinic: Clinic) -> None:
    counted = search_all(clinic, hostile_names(300))
    assert counted["searched"] > 200
    assert clinic.registry.counts()["patients"] == 303


@pytest.mark.slow
def test_five_thousand_hostile_names_are_no_error(clinic: Clinic) -> None:
    counted = search_all(clinic, hostile_names(5000))
    print(counted)  # noqa: T201
    assert counted["searched"] + counted["refused"] == 5000


def test_the_same_names_break_a_search_that_takes_them_as_they_come() -> None:
    """Control: full-text search, and SQL that they are pasted into."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(name)")
        matched = sum(_breaks(connection, "SELECT * FROM t WHERE t MATCH ?", [n]) for n in hostile_names(300))
        pasted = sum(_breaks(connection, f"SELECT * FROM t WHERE name = '{n}'") for n in hostile_names(300))
    assert matched > 100 and pasted > 20


def _breaks(connection: sqlite3.Connection, statement: str, values: Sequence[str] = ()) -> bool:
    try:
        connection.execute(statement, values).fetchall()
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return True
    return False
