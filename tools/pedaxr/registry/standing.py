"""Which of a study's versions is its report: what a human signed, and never a draft in its place."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from pedaxr.types import Report, SignedReport

_SET_BACK = timedelta(days=1)  # further, and the time that was stored before is the wrong one
_NEXT = timedelta(microseconds=1)


def moment_after(connection: sqlite3.Connection, study_id: str | None, now: datetime) -> datetime:
    """When what is stored of a film next was made: now, or just after what is stored of it already.

    What a human had seen when signing is told by time; a clock that was set back turns none of it round.
    """
    query = """SELECT max(created_at) FROM (SELECT created_at FROM reports WHERE study_id = :study
        UNION ALL SELECT created_at FROM annotations WHERE study_id = :study)"""
    (newest,) = connection.execute(query, {"study": study_id}).fetchone()
    try:
        last = datetime.fromisoformat(newest or "")
        return last + _NEXT if now <= last <= now + _SET_BACK else now
    except (ValueError, TypeError):  # nothing is stored, or by a version that wrote no time of the kind
        return now


def standing_version(versions: Sequence[Report]) -> Report:
    """Of a study's versions, oldest first, the newest signed one, or else the newest."""
    signed = [version for version in versions if version.status != "preliminary"]
    return (signed or list(versions))[-1]


def newest_draft_after(report: Report, versions: Sequence[Report]) -> Report | None:
    """The newest draft that was stored after that version."""
    later = [v for v in versions if v.status == "preliminary" and v.version > report.version]
    return later[-1] if later else None


def signed_summary(report: Report) -> SignedReport:
    """A signed version in short."""
    assert report.status != "preliminary" and report.signed_by is not None, "a draft is not signed"
    return SignedReport(
        report_id=report.report_id,
        version=report.version,
        status=report.status,
        signed_by=report.signed_by,
        signed_at=report.signed_at,
        impression=report.sections.get("Impression", ""),
        critical=report.critical,
    )


def signed_of(versions: Sequence[Report]) -> SignedReport | None:
    """The signed report among a study's versions, in short; None where nobody has signed."""
    standing = standing_version(versions) if versions else None
    return signed_summary(standing) if standing and standing.status != "preliminary" else None
