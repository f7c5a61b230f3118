"""What was sent to a PACS: each object once for each PACS, written down when it was read back from there."""

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pedaxr.audit.trail import record

SENT: tuple[str, ...] = (
    """CREATE TABLE sent (
        sent_id TEXT PRIMARY KEY NOT NULL,
        study_id TEXT NOT NULL REFERENCES studies (study_id),
        report_id TEXT NOT NULL,
        version INTEGER NOT NULL,
        kind TEXT NOT NULL,
        sop_instance_uid TEXT NOT NULL,
        node TEXT NOT NULL,
        confirmed_at TEXT NOT NULL)""",
    "CREATE INDEX sent_by_report ON sent (report_id, node)",
)


@dataclass(frozen=True)
class SentObject:
    """One object in a PACS.

    Attributes:
        kind: such as seg or sr.
        node: AE title, address and port of the PACS.
    """

    kind: str
    sop_instance_uid: str
    node: str


def insert_sent(
    connection: sqlite3.Connection,
    objects: Sequence[SentObject],
    *,
    study_id: str,
    report_id: str,
    version: int,
) -> None:
    """Write down objects that were read back from a PACS, with the act, in the caller's transaction.

    What was written down before is left as it is; where that is everything, nothing was done.
    """
    now = datetime.now(UTC).isoformat()
    there = {
        row[0] for row in connection.execute("SELECT sent_id FROM sent WHERE report_id = ?", [report_id])
    }
    new = [one for one in objects if _sent_id(one, report_id) not in there]
    if not new:
        return
    rows = [
        (
            *(_sent_id(one, report_id), study_id, report_id, version),
            *(one.kind, one.sop_instance_uid, one.node, now),
        )
        for one in new
    ]
    connection.executemany("INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    whose = connection.execute("SELECT patient_id FROM studies WHERE study_id = ?", [study_id]).fetchone()
    record(
        connection,
        "send",
        patient_ids=[whose[0]] if whose else [],
        study_id=study_id,
        report_id=report_id,
        detail=", ".join(one.kind for one in new),
    )


def sent_of(connection: sqlite3.Connection, report_id: str) -> list[SentObject]:
    """The objects of a report version that are in a PACS."""
    columns = "kind, sop_instance_uid, node"
    rows = connection.execute(f"SELECT {columns} FROM sent WHERE report_id = ? ORDER BY kind", [report_id])
    return [SentObject(*row) for row in rows]


def reports_to_send(
    connection: sqlite3.Connection, node: str, *, since: str, with_drafts: bool
) -> list[tuple[str, str]]:
    """Study and id of each film's report that a PACS is to have and has not, oldest first.

    That is the newest signed version and, where nobody has signed and drafts are wanted, the newest draft; of
    reports made since then, of films that a PACS can have.
    """
    rows = connection.execute(_TO_SEND, {"node": node, "since": since, "drafts": with_drafts})
    return [(str(row[0]), str(row[1])) for row in rows]


_TO_SEND = """
    SELECT r.study_id, r.report_id FROM reports r JOIN studies s USING (study_id)
    WHERE r.created_at >= :since AND s.sop_instance_uid IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM sent WHERE sent.report_id = r.report_id AND sent.node = :node)
    AND CASE r.status WHEN 'preliminary' THEN :drafts AND NOT EXISTS (SELECT 1 FROM reports l
        WHERE l.study_id = r.study_id AND (l.status <> 'preliminary' OR l.version > r.version))
    ELSE NOT EXISTS (SELECT 1 FROM reports l WHERE l.supersedes = r.report_id) END
    ORDER BY r.created_at, r.version"""


def _sent_id(one: SentObject, report_id: str) -> str:
    key = f"{one.sop_instance_uid}|{one.node}|{report_id}"
    return hashlib.sha256(key.encode()).hexdigest()[:24]
