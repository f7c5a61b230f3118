"""Import, rename, merge, move, read, report, finalise, delete in any order: never another child's films."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import InvalidRequest, PatientNotFound, ReportNotFound, StudyNotFound
from pedaxr.patient_search.name_forms import name_forms
from pedaxr.patient_search.name_matching import likeness
from pedaxr.registry import NewStudy, Patient, Registry, film_moves, patient_writes
from pedaxr.reports import sign_off as reports
from pedaxr.reports.sign_off import finalise
from pedaxr.types import PatientMatch

from ..small_clinic import a_report

# Namesakes, other spellings of the same name, twins, a baby under a parent's name.
NAMES = st.sampled_from(
    [
        "김민준",
        "Kim Minjun",
        "Minjun Kim",
        "김민준서",
        "김민진",
        "박지우",
        "박지호",
        "Pak Chiu",
        "최유나",
        "최유나 아기",
        "Emma Wilson",
    ]
)

DAYS = st.sampled_from([date(2020, 1, 1), date(2020, 1, 2), None])
LATER = date(2024, 5, 5)
SIGNERS = st.sampled_from(["Dr A Reader", "Dr B Reader"])


class RegistryMachine(RuleBasedStateMachine):
    """A registry beside a plain dictionary of what it must hold."""

    patients = Bundle("patients")
    steps = 0  # of all runs so far

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(ignore_cleanup_errors=True)  # a thread may still write down
        home = Path(self.folder.name)
        self.registry = Registry.create(home / "registry.sqlite3")
        self.clinic = Clinic(home, self.registry)
        self.known: dict[str, Patient] = {}
        self.films: dict[str, str] = {}
        self.merged: dict[str, str] = {}
        self.reported: dict[str, str] = {}
        self.signed: dict[str, str] = {}  # who made a study's report final
        self.number = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(target=patients, name=NAMES, born=DAYS)
    def register(self, name: str, born: date | None) -> str:
        self.number += 1
        patient = Patient(f"P-{self.number}", name, born, "F")
        film = NewStudy(
            f"S-{self.number}", patient.patient_id, Path(f"{self.number}.png"), f"{self.number:064x}", LATER
        )
        self.registry.add([patient], [film])
        self.known[patient.patient_id] = patient
        self.films[film.study_id] = patient.patient_id
        return patient.patient_id

    @rule(patient_id=patients)
    def import_another_film(self, patient_id: str) -> None:
        self.number += 1
        film = NewStudy(
            f"S-{self.number}", patient_id, Path(f"{self.number}.png"), f"{self.number:064x}", LATER
        )
        if patient_id in self.known:
            self.registry.add([], [film])
            self.films[film.study_id] = patient_id
        else:
            with pytest.raises(InvalidRequest):
                self.registry.add([], [film])

    @rule(patient_id=patients, name=NAMES)
    def rename(self, patient_id: str, name: str) -> None:
        if patient_id not in self.known:
            with pytest.raises(PatientNotFound):
                self.registry.rename(patient_id, name)
            return
        self.registry.rename(patient_id, name)
        before = self.known[patient_id]
        self.known[patient_id] = Patient(patient_id, name, before.patient_birth_date, before.patient_sex)

    @rule(duplicate=consumes(patients), kept=patients)
    def merge(self, duplicate: str, kept: str) -> None:
        if duplicate == kept or duplicate not in self.known or kept not in self.known:
            with pytest.raises((InvalidRequest, PatientNotFound)):
                self.registry.merge(duplicate, into=kept)
            return
        self.registry.merge(duplicate, into=kept)
        del self.known[duplicate]
        self.merged = {old: kept if new == duplicate else new for old, new in self.merged.items()} | {
            duplicate: kept
        }
        self.films = {film: kept if owner == duplicate else owner for film, owner in self.films.items()}

    @rule(data=st.data(), to=patients)
    def move_film(self, data: st.DataObject, to: str) -> None:
        if not self.films:
            return
        study_id = data.draw(st.sampled_from(sorted(self.films)))
        if to not in self.known or self.films[study_id] == to:
            with pytest.raises((InvalidRequest, PatientNotFound)):
                self.registry.move_film(study_id, to=to)
            return
        made = len(self.registry.reports(study_id))
        moved = self.registry.move_film(study_id, to=to)
        assert (moved.wrong.patient_id, moved.reports) == (self.films.pop(study_id), made)
        assert moved.new_study_id not in self.films
        self.films[moved.new_study_id] = to
        assert self.registry.reports(moved.new_study_id) == []

    @rule(patient_id=consumes(patients))
    def delete(self, patient_id: str) -> None:
        if patient_id not in self.known:
            with pytest.raises(PatientNotFound):
                self.registry.delete(patient_id)
            return
        self.registry.delete(patient_id)
        del self.known[patient_id]
        self.films = {film: owner for film, owner in self.films.items() if owner != patient_id}
        self.merged = {old: new for old, new in self.merged.items() if new != patient_id}

    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        if self.films:
            study_id = data.draw(st.sampled_from(sorted(self.films)))
            self.registry.save_report(a_report(f"R-{study_id}", study_id))
            self.reported[f"R-{study_id}"] = study_id

    @rule(data=st.data(), by=SIGNERS)
    def finalise(self, data: st.DataObject, by: str) -> None:
        if not self.reported:
            return
        report_id = data.draw(st.sampled_from(sorted(self.reported)))
        study_id = self.reported[report_id]
        if study_id not in self.films:
            with pytest.raises(ReportNotFound):
                finalise(report_id, by=by, clinic=self.clinic)
        elif self.signed.get(study_id, by) != by:
            with pytest.raises(InvalidRequest):
                finalise(report_id, by=by, clinic=self.clinic)
        else:
            final = finalise(report_id, by=by, clinic=self.clinic)
            assert (final.study_id, final.supersedes, final.signed_by) == (study_id, report_id, by)
            self.signed[study_id] = by

    @rule(query=NAMES, born=DAYS)
    def search(self, query: str, born: date | None) -> None:
        found = find_patient(query, patient_birth_date=born, limit=20, clinic=self.clinic)
        self.check_shown(found.matches + found.nearest)
        fits = {
            i for i, p in self.known.items() if born in (None, p.patient_birth_date) and is_like(query, p)
        }
        for match in found.matches:
            assert born in (None, match.patient_birth_date)
        if found.total <= 20 and not (found.status == "no_match" and len(found.nearest) == 1):
            assert fits <= {match.patient_id for match in found.matches}
        if found.status == "one_match":
            assert len(fits | {found.matches[0].patient_id}) == 1

    @rule(patient_id=patients)
    def search_by_id(self, patient_id: str) -> None:
        found = find_patient(patient_id, clinic=self.clinic)
        now = patient_id if patient_id in self.known else self.merged.get(patient_id)
        assert [match.patient_id for match in found.matches] == ([now] if now else [])
        self.check_shown(found.matches)

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        if not self.number:
            return
        numbered = [f"S-{number}" for number in range(1, self.number + 1)]
        study_id = data.draw(st.sampled_from(sorted({*numbered, *self.films})))
        if study_id not in self.films:
            with pytest.raises(StudyNotFound):
                self.registry.study(study_id)
            return
        study = self.registry.study(study_id)
        owner = self.known[self.films[study_id]]
        assert (study.patient_id, study.patient_name) == (owner.patient_id, owner.patient_name)
        reports = self.registry.reports(study_id)
        assert {r.study_id for r in reports} <= {study_id}
        assert [r.signed_by for r in reports if r.status == "final"] == (
            [self.signed[study_id]] if study_id in self.signed else []
        )
        assert {s.patient_id for s in self.registry.earlier_studies(study_id)} <= {owner.patient_id}

    def check_shown(self, matches: list[PatientMatch]) -> None:
        for match in matches:
            owner = self.known[match.patient_id]
            assert (match.patient_name, match.patient_birth_date) == (
                owner.patient_name,
                owner.patient_birth_date,
            )
            shown = {study.study_id for study in match.studies}
            assert shown == {
                film for film, patient_id in self.films.items() if patient_id == match.patient_id
            }

    @invariant()
    def counts_agree(self) -> None:
        RegistryMachine.steps += 1
        counts = self.registry.counts()
        assert (counts["patients"], counts["studies"]) == (len(self.known), len(self.films))
        versions = [*self.reported.values(), *self.signed]
        assert counts["reports"] == sum(study in self.films for study in versions)


def is_like(query: str, patient: Patient) -> bool:
    return likeness(name_forms(query), name_forms(patient.patient_name)) is not None


def run_steps(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        RegistryMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_search_shows_another_patient() -> None:
    run_steps(examples=6, steps=20)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_search_shows_another_patient_in_10_000_steps() -> None:
    before = RegistryMachine.steps
    run_steps(examples=320, steps=50)
    assert RegistryMachine.steps - before >= 10_000


def test_the_machine_would_see_a_merge_that_loses_the_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative control, by hand: a search at random needs luck to come upon it."""
    monkeypatch.setattr(Registry, "merge", lambda registry, duplicate_id, into: registry.delete(duplicate_id))
    with driven() as machine:
        duplicate, kept = machine.register("김민준", None), machine.register("Kim Minjun", None)
        machine.merge(duplicate, kept)
        with pytest.raises(AssertionError):
            machine.counts_agree()


def test_the_machine_would_see_a_move_that_takes_the_reports_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_moves, "_OF_FILM", ())
    monkeypatch.setattr(film_moves, "_new_id", lambda digest, study_id, patient_id: study_id)
    drawn: Any = SimpleNamespace(draw=lambda strategy: "S-1")
    with driven() as machine:
        machine.register("김민준", None)
        other = machine.register("박지우", None)
        machine.registry.save_report(a_report("R-S-1", "S-1"))
        with pytest.raises(AssertionError):
            machine.move_film(drawn, other)


def test_the_machine_would_see_a_name_left_in_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the search: a renamed patient who is not found by the new name."""
    with driven() as machine:
        patient_id = machine.register("김민준", None)
        monkeypatch.setattr(patient_writes, "index_name", lambda connection, name: None)
        machine.rename(patient_id, "Emma Wilson")
        with pytest.raises(AssertionError):
            machine.search("Emma Wilson", None)


def test_the_machine_would_see_a_signature_under_another_child_s_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_it_is = reports._signed
    monkeypatch.setattr(
        reports, "_signed", lambda *act: as_it_is(*act).model_copy(update={"study_id": "S-2"})
    )
    drawn: Any = SimpleNamespace(draw=lambda strategy: "R-S-1")
    with driven() as machine:
        machine.register("김민준", None)
        machine.register("김민준", None)
        machine.registry.save_report(a_report("R-S-1", "S-1"))
        machine.reported = {"R-S-1": "S-1"}
        with pytest.raises(AssertionError):
            machine.finalise(drawn, "Dr A Reader")


@contextmanager
def driven() -> Iterator[RegistryMachine]:
    """A machine whose steps a test takes itself."""
    machine = RegistryMachine()
    try:
        yield machine
    finally:
        machine.teardown()
