"""What humans outlined and decided on a film, as rows: every version stays as it was saved.

Two people may correct the same film at once: each version names the one it began from, so that none takes the
place of another and what was saved meanwhile is seen.
"""

import sqlite3
from collections.abc import Sequence

from pedaxr.audit.trail import record
from pedaxr.records import marks

# Appended to the registry's migrations; never changed once released.
ANNOTATIONS: tuple[str, ...] = (
    """CREATE TABLE annotations (
        annotation_id TEXT PRIMARY KEY NOT NULL,
        study_id TEXT NOT NULL REFERENCES studies (study_id),
        version INTEGER NOT NULL,
        based_on INTEGER NOT NULL,
        author TEXT NOT NULL,
        created_at TEXT NOT NULL,
        image_sha256 TEXT NOT NULL,
        model TEXT NOT NULL,
        document TEXT NOT NULL,
        UNIQUE (study_id, version),
        CHECK (based_on >= 0 AND based_on < version))""",
    """CREATE TRIGGER annotations_stay_as_they_are BEFORE UPDATE ON annotations
        BEGIN SELECT RAISE(ABORT, 'a stored annotation is never changed'); END""",
)
_MOST_ASKED = 500  # studies in one statement
_DOCUMENTS = "SELECT document, version FROM annotations"


def newest_version(connection: sqlite3.Connection, study_id: str) -> int:
    """The number of a study's last annotation; 0 where there is none."""
    query = "SELECT coalesce(max(version), 0) FROM annotations WHERE study_id = ?"
    return int(connection.execute(query, [study_id]).fetchone()[0])


def find_annotation(connection: sqlite3.Connection, annotation_id: str) -> tuple[str, int] | None:
    """Document and version of the annotation with that id."""
    row = connection.execute(f"{_DOCUMENTS} WHERE annotation_id = ?", [annotation_id]).fetchone()
    return (row[0], row[1]) if row else None


def documents_of_study(connection: sqlite3.Connection, study_id: str) -> list[tuple[str, int]]:
    """Document and version of every annotation of a study, oldest first."""
    rows = connection.execute(f"{_DOCUMENTS} WHERE study_id = ? ORDER BY version", [study_id])
    return [(row[0], row[1]) for row in rows]


def annotated_studies(connection: sqlite3.Connection) -> set[str]:
    """Ids of the studies that somebody has annotated."""
    return {row[0] for row in connection.execute("SELECT DISTINCT study_id FROM annotations")}


def studies_decided(
    connection: sqlite3.Connection, study_ids: Sequence[str], finding: str, decisions: Sequence[str]
) -> list[str]:
    """Which of the studies have an annotation, at any version, that decides so of a finding."""
    found: list[str] = []
    for start in range(0, len(study_ids), _MOST_ASKED):
        some = study_ids[start : start + _MOST_ASKED]
        query = (
            f"SELECT DISTINCT study_id FROM annotations WHERE study_id IN ({marks(some)}) AND CASE WHEN "
            f"json_valid(document) THEN json_extract(document, ?) END IN ({marks(decisions)})"
        )
        said = [*some, f"$.findings.{finding}.decision", *decisions]
        found += [row[0] for row in connection.execute(query, said)]
    return found


def insert_annotation(
    connection: sqlite3.Connection, row: dict[str, str | int], *, patient_id: str, digest: str
) -> None:
    """Store one version and write it into the audit trail, in one transaction."""
    columns, places = ", ".join(row), ", ".join(f":{column}" for column in row)
    connection.execute(f"INSERT INTO annotations ({columns}) VALUES ({places})", row)
    record(
        connection,
        "annotate",
        patient_ids=[patient_id],
        study_id=str(row["study_id"]),
        image_sha256=str(row["image_sha256"]),
        detail=digest,
    )
