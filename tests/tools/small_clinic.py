"""A clinic of few rows, for tests of storage, audit and access, with films of a few bytes nobody reads."""

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

from pedaxr.clinic import Clinic
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr.reports import sign_off
from pedaxr.types import Report


def film_study(home: Path, number: int, patient_id: str) -> NewStudy:
    """A study whose film is on the disk."""
    path = home / "films" / f"{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"film {number}".encode())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return NewStudy(f"S-{number}", patient_id, Path(f"films/{number}.png"), digest, date(2024, 3, number))


def small_clinic(home: Path) -> Clinic:
    """Three children of two departments and of none, with a film each."""
    (home / "overlays").mkdir(parents=True)
    registry = Registry.create(home / REGISTRY_FILE)
    children = [
        Patient("P-1", "김민준", date(2020, 3, 1), "M", "surgery"),
        Patient("P-2", "김민지", date(2020, 3, 1), "F", "oncology"),
        Patient("P-3", "Emma Wilson", date(2021, 3, 1), "F"),
    ]
    registry.add(children, [film_study(home, n, f"P-{n}") for n in (1, 2, 3)])
    return Clinic(home, registry)


def a_report(report_id: str, study_id: str | None = "S-1", narrative: str = "Normal.") -> Report:
    """A draft."""
    return Report(
        report_id=report_id,
        study_id=study_id,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        critical=[],
        label="normal",
        narrative=narrative,
        sections={"Findings": narrative},
        sentences=[],
        findings=[],
        flags=[],
        image_dependence=0.5,
        image_sha256="0" * 64,
        model="reader 1",
        data_statement="synthetic",
    )


def change_everything(clinic: Clinic) -> None:
    """One change of every kind that the audit knows."""
    clinic.registry.save_report(a_report("R-1"))
    final = sign_off.finalise("R-1", by="Dr. Han", clinic=clinic)
    sign_off.amend(final.report_id, by="Dr. Han", text="More.", clinic=clinic)
    clinic.registry.rename("P-2", "김민서")
    clinic.registry.assign("P-2", "surgery")
    clinic.registry.move_film("S-3", to="P-2")
    clinic.registry.merge("P-2", into="P-1")
    clinic.registry.delete("P-3")
