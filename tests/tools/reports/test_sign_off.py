"""Versions of reports: earlier ones stay as they were, and only a named human makes one final."""

import sqlite3
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.errors import InvalidRequest, PatientNotFound, ReportNotFound, StorageError, StudyNotFound
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr.registry.schema import MIGRATIONS, connected
from pedaxr.reports import sign_off as reports
from pedaxr.reports.korean import korean_text
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS

from ..small_clinic import a_report


def draft(report_id: str, study_id: str = "S-1", **changes: object) -> Report:
    sections = {
        "Findings": "Normal.",
        "Impression": "1. No finding that this model looks for is outlined.",
    }
    findings = [
        StructuredFinding(finding=f, presence=Presence.ABSENT, probability=0.1, agreed=True) for f in FINDINGS
    ]
    changes = {"sections": sections, "findings": findings} | changes
    return a_report(report_id, study_id).model_copy(update=changes)


def critical(report_id: str) -> Report:
    sections = {"Impression": "1. Free gas.", "Communication": "Not yet recorded."}
    return draft(report_id, critical=["pneumoperitoneum"], sections=sections)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """One child with two films; the first film has one draft."""
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    films = [NewStudy(f"S-{n}", "P-1", Path(f"{n}.png"), f"{n:064x}") for n in (1, 2)]
    registry.add([Patient("P-1", "Demo One")], films)
    registry.save_report(draft("R-1"))
    return Clinic(tmp_path, registry)


def versions(clinic: Clinic) -> list[tuple[int, str]]:
    return [(r.version, r.status) for r in clinic.registry.reports("S-1")]


def test_a_final_report_is_a_new_version_beside_the_draft(clinic: Clinic) -> None:
    before = reports.read_report("R-1", clinic=clinic)
    final = reports.finalise("R-1", by="Dr. Han", clinic=clinic)
    assert (final.status, final.signed_by, final.supersedes, final.version) == ("final", "Dr. Han", "R-1", 2)
    assert final.sections == before.sections and final.signed_at is not None
    assert reports.read_report("R-1", clinic=clinic) == before
    assert reports.read_report(final.report_id, clinic=clinic) == final


def test_the_humans_impression_stands_in_place_of_the_drafts(clinic: Clinic) -> None:
    final = reports.finalise("R-1", by="Dr. Han", impression="Faecal loading.", clinic=clinic)
    assert final.sections["Impression"] == "Faecal loading." and final.human_sections == ["Impression"]
    assert "No finding" in reports.read_report("R-1", clinic=clinic).sections["Impression"]


def test_the_same_act_again_is_one_act_and_another_is_refused(clinic: Clinic) -> None:
    final = reports.finalise("R-1", by="Dr. Han", clinic=clinic)
    assert reports.finalise("R-1", by="Dr. Han", clinic=clinic) == final
    with pytest.raises(InvalidRequest, match=final.report_id):
        reports.finalise("R-1", by="Dr. Oh", clinic=clinic)
    with pytest.raises(InvalidRequest, match="Amend it"):
        reports.finalise(final.report_id, by="Dr. Oh", clinic=clinic)
    assert versions(clinic) == [(1, "preliminary"), (2, "final")]


def test_a_later_draft_stands_beside_the_final_report_and_cannot_replace_it(clinic: Clinic) -> None:
    final = reports.finalise("R-1", by="Dr. Han", clinic=clinic)
    clinic.registry.save_report(draft("R-2"))
    assert clinic.registry.save_report(draft("R-1", narrative="Other.")).narrative == "Normal."
    assert versions(clinic) == [(1, "preliminary"), (2, "final"), (3, "preliminary")]
    assert reports.read_report(final.report_id, clinic=clinic) == final
    with pytest.raises(InvalidRequest, match="final report already"):
        reports.finalise("R-2", by="Dr. Han", clinic=clinic)


def test_an_amendment_adds_to_the_final_report_and_changes_nothing_before(clinic: Clinic) -> None:
    final = reports.finalise("R-1", by="Dr. Han", clinic=clinic)
    one = reports.amend(final.report_id, by="Dr. Oh", text="Left\nside.", clinic=clinic)
    two = reports.amend(one.report_id, by="Dr. Han", text="Seen.", clinic=clinic)
    assert reports.amend(one.report_id, by="Dr. Han", text="Seen.", clinic=clinic) == two
    assert [r.status for r in (final, one, two)] == ["final", "amended", "amended"]
    first, second = two.sections["Amendments"].splitlines()
    assert first.startswith("1. Left side. (Dr. Oh, ") and second.startswith("2. Seen. (Dr. Han, ")
    assert reports.read_report(final.report_id, clinic=clinic) == final
    assert reports.read_report(one.report_id, clinic=clinic) == one


def test_only_the_newest_signed_version_is_amended(clinic: Clinic) -> None:
    with pytest.raises(InvalidRequest, match="Finalise it first"):
        reports.amend("R-1", by="Dr. Han", text="x y", clinic=clinic)
    final = reports.finalise("R-1", by="Dr. Han", clinic=clinic)
    later = reports.amend(final.report_id, by="Dr. Han", text="one", clinic=clinic)
    with pytest.raises(InvalidRequest, match=later.report_id):
        reports.amend(final.report_id, by="Dr. Han", text="two", clinic=clinic)
    with pytest.raises(InvalidRequest, match="text"):
        reports.amend(later.report_id, by="Dr. Han", text=" \u200b\n", clinic=clinic)


@pytest.mark.parametrize("name", ["", " ", "\u202e", "7", "Agent", "pedaxr", "AI"])
def test_nobody_signs_under_no_name_or_a_programs(clinic: Clinic, name: str) -> None:
    with pytest.raises(InvalidRequest, match="person"):
        reports.finalise("R-1", by=name, clinic=clinic)
    assert versions(clinic) == [(1, "preliminary")]


def test_a_critical_report_is_final_only_when_somebody_was_told(clinic: Clinic) -> None:
    clinic.registry.save_report(critical("R-2"))
    with pytest.raises(InvalidRequest, match="who was told"):
        reports.finalise("R-2", by="Dr. Han", clinic=clinic)
    final = reports.finalise("R-2", by="Dr. Han", told="Dr. Oh, 14:05", clinic=clinic)
    assert final.sections["Communication"] == "Told: Dr. Oh, 14:05."
    assert final.critical == ["pneumoperitoneum"]


@pytest.mark.parametrize(
    "claim",
    [
        {"status": "final"},
        {"signed_by": "Dr. Han"},
        {"supersedes": "R-1"},
        {"status": "amended", "signed_by": "Dr. Han", "supersedes": "R-1"},
    ],
)
def test_a_signed_report_cannot_be_stored_as_a_draft(clinic: Clinic, claim: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="unsigned"):
        clinic.registry.save_report(draft("R-9", **claim))
    assert versions(clinic) == [(1, "preliminary")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reports SET status = 'final'",
        "UPDATE reports SET document = '{}'",
        "INSERT INTO reports SELECT 'R-8', study_id, 9, 'final', created_at, image_sha256, model, document,"
        " NULL, NULL FROM reports",
        "INSERT INTO reports SELECT 'R-8', study_id, 9, 'final', created_at, image_sha256, model, document,"
        " 'Dr. Han', NULL FROM reports",
    ],
    ids=["status", "document", "no signature", "signs nothing"],
)
def test_the_tables_themselves_keep_reports_as_they_are(clinic: Clinic, statement: str) -> None:
    with pytest.raises(StorageError), connected(clinic.registry.path) as connection:
        connection.execute(statement)
    assert versions(clinic) == [(1, "preliminary")]


def test_reports_are_listed_by_study_and_by_patient(clinic: Clinic) -> None:
    clinic.registry.save_report(draft("R-2", "S-2"))
    reports.finalise("R-1", by="Dr. Han", clinic=clinic)
    assert [r.version for r in reports.list_reports("S-1", clinic=clinic)] == [1, 2]
    listed = reports.list_reports(patient_id="P-1", clinic=clinic)
    assert [(r.study_id, r.version) for r in listed] == [("S-2", 1), ("S-1", 1), ("S-1", 2)]


def test_what_is_not_there_is_said_so(clinic: Clinic) -> None:
    with pytest.raises(ReportNotFound, match="generate_report"):
        reports.read_report("R-404", clinic=clinic)
    with pytest.raises(ReportNotFound):
        reports.finalise("R-404", by="Dr. Han", clinic=clinic)
    with pytest.raises(StudyNotFound):
        reports.list_reports("S-404", clinic=clinic)
    with pytest.raises(PatientNotFound):
        reports.list_reports(patient_id="P-404", clinic=clinic)
    with pytest.raises(InvalidRequest, match="not both"):
        reports.list_reports(clinic=clinic)


def test_a_patient_with_signed_reports_can_be_deleted(clinic: Clinic) -> None:
    final = reports.finalise("R-1", by="Dr. Han", clinic=clinic)
    reports.amend(final.report_id, by="Dr. Han", text="one", clinic=clinic)
    clinic.registry.delete("P-1")
    assert clinic.registry.counts() == {"patients": 0, "studies": 0, "reports": 0}


def test_reports_from_before_signatures_are_read_and_can_be_signed(tmp_path: Path) -> None:
    path = tmp_path / REGISTRY_FILE
    registry = Registry.create(path)
    registry.add([Patient("P-1", "Demo One")], [NewStudy("S-1", "P-1", Path("1.png"), "1" * 64)])
    old = draft("R-1").model_dump_json(
        exclude={"version", "signed_by", "signed_at", "supersedes", "measures"}
    )
    with sqlite3.connect(path) as connection:
        for name in ("one_final_report", "one_successor"):
            connection.execute(f"DROP INDEX {name}")
        connection.execute("DROP TRIGGER reports_stay_as_they_are")
        connection.execute("DROP TABLE reports")
        connection.execute(next(step for step in MIGRATIONS[0] if "TABLE reports" in str(step)))
        connection.execute("DROP TABLE audit")
        for table in ("annotations", "sent", "moved_films", "withdrawn", "pictures"):
            connection.execute(f"DROP TABLE {table}")
        for name in ("sop_instance", "study_instance"):
            connection.execute(f"DROP INDEX studies_by_{name}")
        for column in ("pixel_spacing_origin", *(f"{of}_instance_uid" for of in ("study", "series", "sop"))):
            connection.execute(f"ALTER TABLE studies DROP COLUMN {column}")
        for name in ("patients_by_name_and_department", "patients_by_day"):
            connection.execute(f"DROP INDEX {name}")
        connection.execute("CREATE INDEX patients_by_birth_date ON patients (patient_birth_date)")
        connection.execute("ALTER TABLE patients DROP COLUMN department")
        connection.execute("DELETE FROM schema_versions WHERE version >= 3")
        connection.execute(
            "INSERT INTO reports VALUES ('R-1', 'S-1', 4, 'preliminary', '2026', '0', 'm', ?)", [old]
        )
    clinic = Clinic(tmp_path, Registry.open(path))
    assert reports.read_report("R-1", clinic=clinic).version == 4
    assert reports.finalise("R-1", by="Dr. Han", clinic=clinic).version == 5


def test_the_korean_rendering_says_who_signed_and_keeps_the_humans_words(clinic: Clinic) -> None:
    final = reports.finalise("R-1", by="Dr. Han", impression="Faecal loading.", clinic=clinic)
    told = korean_text(reports.amend(final.report_id, by="Dr. Oh", text="Seen.", clinic=clinic))
    assert "예비" not in told and "Dr. Oh" in told.splitlines()[0]
    assert '"Seen."' in told and '"1. Seen.' in told and '"Faecal loading."' in told
    assert "예비" in korean_text(reports.read_report("R-1", clinic=clinic))


@pytest.mark.parametrize(
    "name",
    [
        *("nobody", "anonymous", "익명", "me", "user1", "Dr.", "doctor", "KI-Assistent"),
        *("관리자", "시스템", "의사", "AI 판독", "인공지능", "KI"),
    ],
)
def test_a_word_for_anybody_or_a_program_signs_nothing(clinic: Clinic, name: str) -> None:
    with pytest.raises(InvalidRequest, match="signed by a person"):
        reports.finalise("R-1", by=name, clinic=clinic)
    assert versions(clinic) == [(1, "preliminary")]


@pytest.mark.parametrize(
    "name", ["Dr Na", "Claude Monet", "김의사", "Mel Drew", "Ki Sung", "O’Neil", "Dr. Ärztin Yu"]
)
def test_names_that_are_like_such_words_sign(clinic: Clinic, name: str) -> None:
    assert reports.finalise("R-1", by=name, clinic=clinic).signed_by == name


@pytest.mark.parametrize(
    ("words", "is_critical"),
    [
        *(
            (words, True)
            for words in ("Freie Luft unter dem Zwerchfell.", "Freie intraabdominelle Luft rechts.")
        ),
        *(
            (words, True)
            for words in ("Pneumopéritoine, chirurgien prévenu.", "Neumoperitoneo.", "Aria libera.")
        ),
        *((words, False) for words in ("Keine freie Luft.", "Freie Luft nicht sicher.", "Freie Luft?")),
        *((words, False) for words in ("Pas de pneumopéritoine.", "Sin neumoperitoneo.", "Koprostase.")),
    ],
)
def test_free_air_in_a_signer_s_own_language_is_critical(
    clinic: Clinic, words: str, is_critical: bool
) -> None:
    final = reports.finalise("R-1", by="Dr. Han", impression=words, told="Dr. Oh", clinic=clinic)
    assert (final.critical == ["pneumoperitoneum"]) is is_critical


def test_whoever_names_free_air_first_is_asked_who_was_told(clinic: Clinic) -> None:
    with pytest.raises(InvalidRequest, match="The signer names a critical finding"):
        reports.finalise("R-1", by="Dr. Han", impression="Freie Luft.", clinic=clinic)


@pytest.mark.parametrize(
    ("words", "is_withdrawn"),
    [
        *(
            (words, True)
            for words in ("Keine freie Luft.", "Kein Hinweis auf freie Luft.", "Kein Pneumoperitoneum.")
        ),
        *((words, True) for words in ("Pas de pneumopéritoine.", "Sin neumoperitoneo.")),
        *(
            (words, False)
            for words in ("Keine neue freie Luft.", "Keine freie Luft mehr.", "Keine freie Luft links.")
        ),
        *((words, False) for words in ("Freie Luft nicht ausgeschlossen.", "Normalbefund.")),
    ],
)
def test_only_a_plain_denial_withdraws_what_is_critical(
    clinic: Clinic, words: str, is_withdrawn: bool
) -> None:
    clinic.registry.save_report(critical("R-2"))
    final = reports.finalise("R-2", by="Dr. Han", impression=words, told="Dr. Oh, 14:05", clinic=clinic)
    assert (final.critical == []) is is_withdrawn
