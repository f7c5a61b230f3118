"""Earlier reports, and the two acts that only a named human does: to finalise one and to amend it.

Nothing is ever overwritten: each act adds a version to the ones before it. The server reaches these acts
only through a form that its client shows to a human.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing, home_of, note
from pedaxr.errors import InvalidRequest, ReportNotFound
from pedaxr.records import quoted
from pedaxr.registry.departments import is_hidden
from pedaxr.registry.film_moves import is_withdrawn
from pedaxr.registry.report_versions import (
    final_of,
    find_report,
    insert_version,
    reports_of_study,
    successor_of,
)
from pedaxr.registry.schema import reading, writing
from pedaxr.registry.standing import newest_draft_after
from pedaxr.reports.human_words import DRAFT_IMPRESSION, SIGNED_IMPRESSION, with_human_words
from pedaxr.reports.signers import check_signer
from pedaxr.text import printable
from pedaxr.types import Report
from pedaxr_models.written.nobody import names_somebody

if TYPE_CHECKING:
    from sqlite3 import Connection

    from pedaxr.clinic import Clinic, ClinicLike

AMENDMENTS = "Amendments"
_IMPRESSION = "Impression"
_LONGEST_NAME = 100
_LONGEST_TEXT = 4000


def list_reports(
    study_id: str | None = None, *, patient_id: str | None = None, clinic: "ClinicLike | None" = None
) -> list[Report]:
    """All versions of a study's or of a patient's reports, by study newest first, then oldest version first.

    Raises:
        InvalidRequest: neither or both ids were given.
        StudyNotFound, PatientNotFound, StorageError.
    """
    if (study_id is None) == (patient_id is None):
        raise InvalidRequest("Give either a study_id or a patient_id, taken from find_patient; not both.")
    registry = _opened(clinic).registry
    with accessing(home_of(clinic), "list_reports", study_id=study_id):
        if study_id is not None:
            studies = [registry.study(study_id)]
        else:
            studies = registry.studies(registry.patient(str(patient_id)).patient_id)
        with reading(registry.path) as connection:
            return [r for study in studies for r in reports_of_study(connection, study.study_id)]


def read_report(report_id: str, *, clinic: "ClinicLike | None" = None) -> Report:
    """One stored version. Raises ReportNotFound, StorageError."""
    with (
        accessing(home_of(clinic), "read_report"),
        reading(_opened(clinic).registry.path) as connection,
    ):
        return _stored(connection, report_id)


def finalise(
    report_id: str,
    *,
    by: str,
    impression: str | None = None,
    told: str | None = None,
    is_critical_denied: bool = False,
    although_newer: bool = False,
    confirmed: str = "from Python",
    clinic: "ClinicLike | None" = None,
) -> Report:
    """Make a draft the study's final report: a new version; the draft stays. The same act again is one act.

    The signer's impression takes the draft's place; a critical finding that it denies is critical no longer.

    Args:
        report_id: of a preliminary report.
        by: name of the human who read the film and answers for the report.
        impression: in that human's words, in place of the draft's.
        told: of a critical report, who was told of the finding, or why nobody was.
        is_critical_denied: the signer says outright that what the draft names critical is not there.
        although_newer: sign this draft even though a newer one was made of the same film.
        confirmed: how the caller knows that this human signs, for the record.
        clinic: by default the one of `open_clinic()`.

    Raises:
        ReportNotFound, StorageError.
        InvalidRequest: no usable name or one that may not sign, the report is not a draft, its study has a
            final report already, a newer draft was made of the same film, or it is critical and nobody was
            told.
    """
    path = _opened(clinic).registry.path
    with accessing(path.parent, "finalise"):
        name = _human(by, path.parent)
        act = _Act(name, _line(impression or ""), _line(told or ""), is_critical_denied, confirmed)
        return _finalised(path, report_id, act, although_newer)


@dataclass(frozen=True)
class _Act:
    """What a human does to a version: under which name, and in which words."""

    name: str
    words: str
    told: str = ""
    is_critical_denied: bool = False
    confirmed: str = ""

    @property
    def parts(self) -> list[str | None]:
        """What tells the act from another: of acts from before there was a denial, what they were made of."""
        parts = [self.name, self.words or None, self.told or None]
        return [*parts, "critical denied"] if self.is_critical_denied else parts


def _finalised(path: Path, report_id: str, act: _Act, although_newer: bool) -> Report:
    with writing(path) as database:
        draft = _stored(database.conn, report_id)
        signed_id = _signed_id(draft, "final", *act.parts)
        if done := find_report(database.conn, signed_id):
            return done
        words = {_IMPRESSION: act.words, "Communication": f"Told: {act.told}." if act.told else ""}
        signed = _signed(draft, signed_id, "final", act, words)
        if act.words or act.is_critical_denied:
            signed = with_human_words(signed, act.words, is_critical_denied=act.is_critical_denied)
        _check_may_be_final(database.conn, draft, signed, act.told, although_newer)
        return insert_version(database.conn, signed)


def amend(
    report_id: str,
    *,
    by: str,
    text: str,
    is_critical_denied: bool = False,
    confirmed: str = "from Python",
    clinic: "ClinicLike | None" = None,
) -> Report:
    """Put a human's words on top of a final report, as a new version; earlier ones stay as they were.

    They take the impression's place; what stood there follows as history. A critical finding that they deny
    is critical no longer. The same act again is one act.

    Args:
        report_id: of the newest version of a final report.
        by: name of the human who answers for the amendment.
        text: what is to be added or corrected.
        is_critical_denied: the human says outright that what the report names critical is not there.
        confirmed: how the caller knows that this human signs, for the record.
        clinic: by default the one of `open_clinic()`.

    Raises:
        ReportNotFound, StorageError.
        InvalidRequest: name or text is empty, the report is a draft, or a later version amends it already.
    """
    path = _opened(clinic).registry.path
    with accessing(path.parent, "amend"):
        name = _human(by, path.parent)
        act = _Act(name, _line(text), is_critical_denied=is_critical_denied, confirmed=confirmed)
        if not act.words:
            raise InvalidRequest("An amendment needs a text.")
        return _amended(path, report_id, act)


def _amended(path: Path, report_id: str, act: _Act) -> Report:
    with writing(path) as database:
        before = _stored(database.conn, report_id)
        signed_id = _signed_id(before, "amended", *filter(None, act.parts))
        if done := find_report(database.conn, signed_id):
            return done
        _check_may_be_amended(database.conn, before)
        earlier = before.sections.get(AMENDMENTS, "").splitlines()
        entry = f"{len(earlier) + 1}. {act.words} ({act.name}, {_now():%Y-%m-%d %H:%M} UTC)"
        impression = " ".join([act.words, *(["Earlier amendments:", *earlier] if earlier else [])])
        words = {_IMPRESSION: impression, AMENDMENTS: "\n".join([*earlier, entry])}
        amended = _signed(before, signed_id, "amended", act, words)
        amended = with_human_words(amended, act.words, is_critical_denied=act.is_critical_denied)
        return insert_version(database.conn, amended)


def _opened(clinic: "ClinicLike | None") -> "Clinic":
    from pedaxr.clinic import opened

    return opened(clinic)


def _stored(connection: "Connection", report_id: str) -> Report:
    report = find_report(connection, report_id)
    patient_ids = _patients_of(connection, report) if report else []
    if report is None and is_withdrawn(connection, report_id):
        raise ReportNotFound(
            f"The report {quoted(report_id)} was made while its film stood under the wrong patient, and was "
            "withdrawn when the film was moved. Report on the film again; pedaxr reports withdrawn lists it."
        )
    if report is None or any(is_hidden(connection, patient_id) for patient_id in patient_ids):
        raise ReportNotFound(
            f"No report has the id {quoted(report_id)}. Take a report_id from generate_report."
        )
    note(
        patient_ids=patient_ids,
        study_id=report.study_id,
        report_id=report.report_id,
        image_sha256=report.image_sha256,
    )
    return report


def _patients_of(connection: "Connection", report: Report) -> list[str]:
    """The one whose film it is."""
    rows = connection.execute("SELECT patient_id FROM studies WHERE study_id = ?", [report.study_id])
    return [str(row[0]) for row in rows]


def human_name(by: str) -> str:
    """The name as it is stored. Raises InvalidRequest where it is none, or one under which programs act."""
    name = printable(by, _LONGEST_NAME)
    if not names_somebody(name):
        raise InvalidRequest("A report is signed by a person: give the name of the human who read the film.")
    return name


def _human(by: str, home: Path) -> str:
    name = human_name(by)
    check_signer(name, home)
    return name


def _check_may_be_final(
    connection: "Connection", draft: Report, signed: Report, told: str, although_newer: bool
) -> None:
    assert draft.study_id is not None, "only reports of studies are stored"
    if draft.status != "preliminary":
        raise InvalidRequest("This version is signed already. Amend it instead.")
    if final := final_of(connection, draft.study_id):
        raise InvalidRequest(f"The study has a final report already, {final.report_id}. Amend that instead.")
    newer = newest_draft_after(draft, reports_of_study(connection, draft.study_id))
    if newer and not although_newer:
        raise InvalidRequest(_not_newest(draft, newer))
    if signed.critical and not told:
        who = "draft" if draft.critical else "signer"
        raise InvalidRequest(
            f"The {who} names a critical finding. Say who was told of it, or why nobody was, to make it "
            "final."
        )


def _not_newest(draft: Report, newer: Report) -> str:
    """What whoever signs must know of the newer draft; nothing of what was read is repeated."""
    named = " It names a critical finding." if newer.critical and not draft.critical else ""
    return (
        f"{draft.report_id} is not the newest draft of this film; {newer.report_id} is, version "
        f"{newer.version}.{named} Show it to whoever signs and ask which of the two to sign. The older one "
        "is signed only at a terminal, with --although-newer."
    )


def _check_may_be_amended(connection: "Connection", before: Report) -> None:
    if before.status == "preliminary":
        raise InvalidRequest("A draft is not amended. Finalise it first, with the impression in your words.")
    if later := successor_of(connection, before.report_id):
        raise InvalidRequest(f"A later version amends this one already: {later.report_id}. Amend that.")


def _signed(before: Report, report_id: str, status: str, act: _Act, words: Mapping[str, str]) -> Report:
    """The next version: the same findings, the human's words in the sections they were given for."""
    written = {section: text for section, text in words.items() if text}
    kept = _history(before) if _IMPRESSION in written else {}
    of_humans = [name for name in kept if name == SIGNED_IMPRESSION]
    return before.model_copy(
        update={
            "report_id": report_id,
            "status": status,
            "signed_by": act.name,
            "confirmed": act.confirmed,
            "signed_at": _now(),
            "supersedes": before.report_id,
            "sections": {**before.sections, **kept, **written},
            "human_sections": list(dict.fromkeys([*before.human_sections, *of_humans, *written])),
        }
    )


def _history(before: Report) -> dict[str, str]:
    """The impression that a human's words are about to replace, under the name of whose it was."""
    name = SIGNED_IMPRESSION if _IMPRESSION in before.human_sections else DRAFT_IMPRESSION
    if AMENDMENTS in before.human_sections or not before.sections.get(_IMPRESSION):
        return {}  # amendments have a record of their own
    return {name: before.sections[_IMPRESSION]}


def _signed_id(before: Report, *act: str | None) -> str:
    """The same act on the same version has the same id: the idempotency key of storing it."""
    return "R" + hashlib.sha256(json.dumps([before.report_id, *act]).encode()).hexdigest()[:20]


def _line(text: str) -> str:
    return printable(text, _LONGEST_TEXT)


def _now() -> datetime:
    return datetime.now(UTC)
