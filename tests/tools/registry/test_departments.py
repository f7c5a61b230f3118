"""What belongs to another department is, in every answer, what does not exist."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pedaxr.audit.callers import Caller, called_by
from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import InvalidRequest, PedaxrError, ReportNotFound, StudyNotFound
from pedaxr.reading.read_film import find_source
from pedaxr.registry import Patient, departments
from pedaxr.registry.kept_connections import kept_connections
from pedaxr.reports import sign_off as reports

from ..small_clinic import a_report, small_clinic

SURGEON = Caller("s", "chat", departments=frozenset({"surgery"}))
NOBODY = Caller("n", "chat", departments=frozenset())
BOTH = Caller("b", "chat", departments=frozenset({"surgery", "oncology"}))


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    clinic = small_clinic(tmp_path / "home")
    for number in (1, 2, 3):
        clinic.registry.save_report(a_report(f"R-{number}", f"S-{number}"))
    return clinic


ASKED: dict[str, Callable[[Clinic, str], object]] = {
    "patient": lambda clinic, n: clinic.registry.patient(f"P-{n}"),
    "study": lambda clinic, n: clinic.registry.study(f"S-{n}"),
    "studies": lambda clinic, n: clinic.registry.studies(f"P-{n}"),
    "earlier": lambda clinic, n: clinic.registry.earlier_studies(f"S-{n}"),
    "reports": lambda clinic, n: clinic.registry.reports(f"S-{n}"),
    "film": lambda clinic, n: find_source(f"S-{n}", None, clinic),
    "save": lambda clinic, n: clinic.registry.save_report(a_report(f"R-new-{n}", f"S-{n}")),
    "reports of study": lambda clinic, n: reports.list_reports(f"S-{n}", clinic=clinic),
    "reports of patient": lambda clinic, n: reports.list_reports(patient_id=f"P-{n}", clinic=clinic),
    "report": lambda clinic, n: reports.read_report(f"R-{n}", clinic=clinic),
    "search by id": lambda clinic, n: find_patient(f"P-{n}", clinic=clinic).model_dump(exclude={"query"}),
    "search by study": lambda clinic, n: find_patient(f"S-{n}", clinic=clinic).model_dump(exclude={"query"}),
}


def answer(clinic: Clinic, asked: str, number: str) -> str:
    """What the caller learns, with the id asked for taken out."""
    try:
        got = repr(ASKED[asked](clinic, number))
    except PedaxrError as err:
        got = f"{err.code}: {err}"
    return got.replace(f"-{number}", "-#")


@pytest.mark.parametrize("asked", ASKED)
def test_forbidden_and_absent_have_one_answer(clinic: Clinic, asked: str) -> None:
    seen_by_all = answer(clinic, asked, "2")
    assert seen_by_all != answer(clinic, asked, "4"), "control: who may see everybody sees a difference"
    with called_by(SURGEON):
        absent = answer(clinic, asked, "4")
        assert answer(clinic, asked, "2") == absent, "of another department"
        assert answer(clinic, asked, "3") == absent, "of none"
        assert answer(clinic, asked, "1") != absent, "control: their own"
    with called_by(NOBODY):
        assert answer(clinic, asked, "1") == absent


def test_forbidden_and_absent_cost_the_same_work(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock tells them apart: the registry is asked the same questions for both."""
    asked: list[str] = []

    class Traced(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            if threading.current_thread() is threading.main_thread():  # another one writes the access log
                asked.append(sql)
            return super().execute(sql, *parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Traced))

    def work(door: str, number: str) -> list[str]:
        asked.clear()
        with called_by(SURGEON):
            answer(clinic, door, number)
        return list(asked)

    for door in ASKED:
        work(door, "2")  # a connection that is kept for searches is opened by the first one
        assert work(door, "2") == work(door, "3") == work(door, "4") != [], door
    assert work("reports", "1") != work("reports", "4"), "control: for their own, the reports are asked for"


WRITES: dict[str, Callable[[Clinic, str], object]] = {
    "finalise": lambda clinic, n: reports.finalise(f"R-{n}", by="Dr. Han", clinic=clinic),
    "amend": lambda clinic, n: reports.amend(f"R-{n}", by="Dr. Han", text="More.", clinic=clinic),
    "rename": lambda clinic, n: clinic.registry.rename(f"P-{n}", "Other Name"),
    "assign": lambda clinic, n: clinic.registry.assign(f"P-{n}", "surgery"),
    "merge": lambda clinic, n: clinic.registry.merge("P-5", into=f"P-{n}"),
    "merge away": lambda clinic, n: clinic.registry.merge(f"P-{n}", into="P-5"),
    "delete": lambda clinic, n: clinic.registry.delete(f"P-{n}"),
}


@pytest.mark.parametrize("act", WRITES)
def test_what_is_hidden_cannot_be_changed_or_signed(clinic: Clinic, act: str) -> None:
    """Writers work on the tables themselves, where no view stands before another department's."""
    clinic.registry.add([Patient("P-5", "Own Patient", department="surgery")], [])
    before = _rows(clinic)

    def told(number: str) -> str:
        with called_by(SURGEON), pytest.raises(PedaxrError) as refused:
            WRITES[act](clinic, number)
        return f"{refused.value.code}: {refused.value}".replace(f"-{number}", "-#")

    assert told("2") == told("3") == told("4"), "of another department, of none, and not there"
    assert _rows(clinic) == before
    if act == "amend":
        with called_by(SURGEON), pytest.raises(InvalidRequest, match="Finalise it first"):
            WRITES[act](clinic, "1")  # control: their own is looked at
        return
    with called_by(SURGEON):
        WRITES[act](clinic, "1")
    assert _rows(clinic) != before, "control: their own"


def _rows(clinic: Clinic) -> list[object]:
    with closing(sqlite3.connect(clinic.registry.path)) as connection:
        tables = ("patients", "studies", "reports", "merged_patients", "audit")
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]


def test_names_and_counts_show_only_ones_own(clinic: Clinic) -> None:
    assert find_patient("김민", clinic=clinic).total == 2
    with called_by(SURGEON):
        for query in ("김민", "김민지", "Kim", "minji", "2020-03-01", "김"):
            found = find_patient(query, clinic=clinic)
            assert {m.patient_id for m in (*found.matches, *found.nearest)} <= {"P-1"}
            assert found.total <= 1
        assert find_patient("Emma", clinic=clinic).status == "no_match"
        assert clinic.registry.counts() == {"patients": 1, "studies": 1, "reports": 1}
    with called_by(BOTH):
        assert find_patient("김민", clinic=clinic).total == 2
    with called_by(NOBODY):
        assert find_patient("김민", clinic=clinic).status == "no_match"


def test_an_id_merged_into_a_hidden_patient_leads_nowhere(clinic: Clinic) -> None:
    clinic.registry.merge("P-3", into="P-2")
    assert find_patient("P-3", clinic=clinic).total == 1
    with called_by(SURGEON):
        assert find_patient("P-3", clinic=clinic).status == "no_match"


def test_a_patient_who_moves_is_seen_there_and_no_longer_here(clinic: Clinic) -> None:
    clinic.registry.assign("P-1", "oncology")
    clinic.registry.assign("P-3", "surgery")
    with called_by(SURGEON):
        assert find_patient("김민준", clinic=clinic).status == "no_match"
        assert find_patient("Emma Wilson", clinic=clinic).total == 1
    clinic.registry.assign("P-3", None)
    with called_by(SURGEON):
        assert find_patient("Emma Wilson", clinic=clinic).status == "no_match"


def test_departments_are_values_and_never_sql(clinic: Clinic) -> None:
    for name in ("' OR 1=1 --", "surgery'); DROP TABLE patients; --", "*", "%", ""):
        with called_by(Caller("x", "y", departments=frozenset({name}))):
            assert find_patient("김민", clinic=clinic).status == "no_match"
    assert clinic.registry.counts()["patients"] == 3


def test_every_table_that_holds_patients_is_covered(clinic: Clinic) -> None:
    """A table that is added later must be thought of: parts of names and digests of pixels show nobody."""
    with sqlite3.connect(clinic.registry.path) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {row[0] for row in rows if not row[0].startswith("sqlite_")}
    connection.close()
    assert tables - set(departments._VIEWS) == {"schema_versions", "name_sounds", "audit", "pictures"}


def test_without_the_views_the_hidden_would_be_seen(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    with called_by(SURGEON):
        with pytest.raises(StudyNotFound):
            clinic.registry.study("S-2")
        monkeypatch.setattr(departments, "show_only", lambda *_: None)
        kept_connections.close()  # which has the views
        assert clinic.registry.study("S-2").study_id == "S-2"
    kept_connections.close()  # which has none


def test_without_the_check_of_writers_the_hidden_would_be_signed(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with called_by(SURGEON):
        with pytest.raises(ReportNotFound):
            reports.finalise("R-2", by="Dr. Han", clinic=clinic)
        monkeypatch.setattr(reports, "is_hidden", lambda *_: False)
        assert reports.finalise("R-2", by="Dr. Han", clinic=clinic).status == "final"
