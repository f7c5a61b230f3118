"""Which of a study's versions is its report: what a human signed, and never a draft in its place."""

from collections.abc import Sequence

from pedaxr.types import Report, SignedReport


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
