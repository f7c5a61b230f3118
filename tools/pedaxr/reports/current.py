"""The report of a study among its stored versions: what a human signed, and what was drafted later.

A signature is never displaced: the newest signed version is the report, at every door. A draft that was made
after it is named next to it, with what differs; a draft that is asked for names the signed report.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pedaxr.clinic.annotate import decisions_on
from pedaxr.reading.notes import BY_HAND, by_hand_flags
from pedaxr.registry.film_identity import film_identity
from pedaxr.registry.standing import newest_draft_after, signed_summary, standing_version
from pedaxr.text import counted
from pedaxr.types import NewerDraft, Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import URGENCY, sign

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic, ClinicLike
    from pedaxr.clinic.annotate import HumanDecision
    from pedaxr.records import Study


def current_report(
    study_id: str, *, clinic: "ClinicLike | None" = None, as_made: bool = False
) -> Report | None:
    """The report of a study: its newest signed version, or else its newest draft; None where it has none.

    Args:
        study_id: of the film.
        clinic: by default the one of `open_clinic()`.
        as_made: without what people have decided of the outlines since: what is sent to an archive stays the
            same for one version.

    Raises:
        StudyNotFound, StorageError.
    """
    from pedaxr.clinic import opened

    registry = opened(clinic).registry
    study, versions = registry.study(study_id), registry.reports(study_id)
    if not versions:
        return None
    decided = [] if as_made else decisions_on(study.study_id, opened(clinic))
    return _beside(standing_version(versions), versions, study, decided)


def in_context(report: Report, *, clinic: "Clinic") -> Report:
    """A stored version as it is shown: whose film it is now, the signed report, and a draft made later."""
    if report.study_id is None:
        return report
    registry = clinic.registry
    decided = decisions_on(report.study_id, clinic)
    return _beside(report, registry.reports(report.study_id), registry.study(report.study_id), decided)


def _beside(
    report: Report, versions: Sequence[Report], study: "Study", decided: "Sequence[HumanDecision]"
) -> Report:
    standing, later = standing_version(versions), newest_draft_after(report, versions)
    is_draft_of_signed = report.status == "preliminary" and standing.status != "preliminary"
    film = film_identity(study)
    read_as = report.film  # of a fresh draft: the view and the age that it was read with
    if read_as:
        update = {"view_position": read_as.view_position, "age_months": read_as.age_months}
        film = film.model_copy(update=update)
    return report.model_copy(
        update={
            "film": film,
            "flags": [*report.flags, *_decided_later(report, decided)],
            "signed_report": signed_summary(standing) if is_draft_of_signed else None,
            "newer_draft": _newer(report, later) if later else None,
        }
    )


def _decided_later(report: Report, decided: "Sequence[HumanDecision]") -> list[str]:
    """What humans have decided of the outlines since the report was made."""
    made = report.signed_at or report.created_at
    outlined = {f.finding for f in report.findings if f.presence is Presence.PRESENT}
    return by_hand_flags([one for one in decided if one.at > made], outlined)


def _newer(report: Report, draft: Report) -> NewerDraft:
    return NewerDraft(
        report_id=draft.report_id,
        version=draft.version,
        created_at=draft.created_at,
        critical=draft.critical,
        differs=differences(report, draft),
    )


def differences(report: Report, draft: Report) -> list[str]:
    """In which points a later draft differs, in words of our own: nothing of either is quoted."""
    said = []
    if report.critical != draft.critical:
        names = ", ".join(map(sign, draft.critical))
        said.append(f"Critical in the draft: {names}." if names else "Nothing is critical in the draft.")
    before, after = _by_name(report), _by_name(draft)
    for finding in URGENCY:
        then, now = before.get(finding), after.get(finding)
        if then and now and _said(then) != _said(now):
            said.append(f"{sign(finding)}: {_said(then)}; in the draft {_said(now)}.")
    supplied = (
        ("indication", report.indications, draft.indications),
        ("working diagnosis", report.working_diagnoses, draft.working_diagnoses),
    )
    said += [f"Another {name} was supplied for the draft." for name, then, now in supplied if then != now]
    if _by_hand(report) != _by_hand(draft):
        said.append("Humans decided on outlines by hand in between.")
    if report.model != draft.model:
        said.append("The draft was made with other weights.")
    return said or ["The draft names the same findings."]


def _by_hand(report: Report) -> set[str]:
    return {flag for flag in report.flags if flag.startswith(BY_HAND)}


def _by_name(report: Report) -> dict[str, StructuredFinding]:
    return {finding.finding: finding for finding in report.findings}


def _said(finding: StructuredFinding) -> str:
    """Such as: outlined, 3 levels, right side."""
    if finding.signer:
        return {"affirms": "affirmed by the signer", "denies": "denied by the signer"}[finding.signer]
    if finding.presence is not Presence.PRESENT:
        if finding.certainty == "suspected":
            return "suspected, not outlined"
        return "not assessed" if finding.presence is Presence.NOT_ASSESSED else "not outlined"
    details = ["outlined", counted(finding.count, "level") if finding.count else ""]
    details += [f"{finding.side} side{'s' if finding.side == 'both' else ''}" if finding.side else ""]
    return ", ".join(filter(None, details))
