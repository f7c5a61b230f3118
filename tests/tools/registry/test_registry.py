"""The registry keeps what it acknowledged, and its messages give nothing away."""

import multiprocessing
import sqlite3
import threading
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedaxr.errors import InvalidRequest, PatientNotFound, StorageError, StudyNotFound
from pedaxr.patient_search.name_forms import name_forms
from pedaxr.registry import NewStudy, Patient, Registry
from pedaxr.registry import schema as registry_schema
from pedaxr.storage import sqlite as storage
from pedaxr.storage.sqlite import journal_mode
from pedaxr_models.labels import View
from pedaxr_models.written.plain import is_odd_id

from ..small_clinic import a_report

CHILD = Patient("P-1", "김민준", date(2020, 3, 1), "M")


def study(number: int, patient_id: str = "P-1", on: date | None = date(2024, 3, 1)) -> NewStudy:
    return NewStudy(
        study_id=f"S-{number}",
        patient_id=patient_id,
        image_path=Path(f"films/{number}.png"),
        image_sha256=f"{number:064x}",
        study_date=on,
        view_position=View.ERECT,
        pixel_spacing_mm=(0.4, 0.5),
    )


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = Registry.create(tmp_path / "registry.sqlite3")
    registry.add([CHILD], [study(1)])
    return registry


def test_a_study_comes_back_with_its_patient_and_calendar_age(registry: Registry, tmp_path: Path) -> None:
    found = Registry.open(registry.path).study("S-1")
    assert (found.patient_name, found.patient_sex, found.age_months) == ("김민준", "M", 48.0)
    assert (found.view_position, found.pixel_spacing_mm) == (View.ERECT, (0.4, 0.5))
    assert found.image_path == tmp_path / "films" / "1.png"


@pytest.mark.parametrize(
    "typed",
    ["s-1", " S-1 ", "S - 1", "\uff33\uff0d\uff11", "S\u20131", "s\u2011\uff11", "S-1\n", "\ufeffS-1"],
)
def test_an_id_is_read_in_any_case_width_and_spacing(registry: Registry, typed: str) -> None:
    assert registry.study(typed).study_id == "S-1"
    assert (
        registry.patient(typed.replace("S", "P").replace("s", "p").replace("\uff33", "\uff30")).patient_id
        == "P-1"
    )


def test_reports_are_found_by_an_id_in_any_case(registry: Registry) -> None:
    registry.save_report(a_report("R-1"))
    assert [report.report_id for report in registry.reports("s-1")] == ["R-1"]


@pytest.mark.parametrize("typed", ["S-11", "S1", "S-", "%", "S_1", "S-1;", "S-l", "1"])
def test_an_id_is_never_guessed(registry: Registry, typed: str) -> None:
    with pytest.raises(StudyNotFound, match="Do not guess"):
        registry.study(typed)


def test_ids_that_differ_in_case_alone_are_two(registry: Registry) -> None:
    registry.add([], [replace(study(2), study_id="s-X"), replace(study(3), study_id="S-x")])
    assert registry.study("s-X").study_id == "s-X"
    with pytest.raises(StudyNotFound):
        registry.study("S-X")


def test_a_moved_clinic_finds_its_films(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    registry = Registry.create(tmp_path / "a" / "registry.sqlite3")
    registry.add([CHILD], [replace(study(1), image_path=tmp_path / "a" / "films" / "1.png")])
    (tmp_path / "a").rename(tmp_path / "b")
    assert (
        Registry.open(tmp_path / "b" / "registry.sqlite3").study("S-1").image_path
        == tmp_path / "b/films/1.png"
    )


def test_the_stated_age_serves_only_where_a_date_is_missing(registry: Registry) -> None:
    registry.add(
        [], [replace(study(2, on=None), stated_age_months=7.5), replace(study(3), stated_age_months=7.5)]
    )
    assert registry.study("S-2").age_months == 7.5
    assert registry.study("S-3").age_months == 48.0
    assert registry.study("S-3").stated_age_months == 7.5


def test_earlier_studies_are_older_and_newest_first(registry: Registry) -> None:
    days = {2: date(2023, 1, 1), 3: date(2024, 3, 1), 4: date(2025, 1, 1), 5: None, 6: date(2022, 1, 1)}
    registry.add([], [study(number, on=on) for number, on in days.items()])
    assert [s.study_id for s in registry.earlier_studies("S-1")] == ["S-2", "S-6"]
    assert [s.study_id for s in registry.studies("P-1")] == ["S-4", "S-3", "S-1", "S-2", "S-6", "S-5"]
    assert registry.earlier_studies("S-5") == []


def test_of_earlier_films_of_one_day_those_of_the_same_view_come_first(registry: Registry) -> None:
    views = {2: View.SUPINE, 3: View.ERECT, 4: None}
    registry.add(
        [], [replace(study(n, on=date(2022, 1, 1)), view_position=view) for n, view in views.items()]
    )
    registry.add([], [replace(study(5, on=date(2022, 5, 1)), view_position=View.ERECT)])
    assert [s.study_id for s in registry.earlier_studies("S-5")] == ["S-3", "S-4", "S-2"]


def test_unknown_ids_are_errors_that_say_what_to_do(registry: Registry) -> None:
    with pytest.raises(StudyNotFound, match=r'"S-9".*find_patient'):
        registry.study("S-9")
    with pytest.raises(PatientNotFound, match="find_patient"):
        registry.patient("P-9")
    with pytest.raises(StudyNotFound):
        registry.earlier_studies("' OR 1=1 --")
    with pytest.raises(StudyNotFound) as caught:
        registry.study("x\u202e\n" * 500)
    assert len(str(caught.value)) < 200 and "\u202e" not in str(caught.value)


def test_no_error_repeats_what_was_stored(registry: Registry) -> None:
    registry.add([Patient("P-2", "비밀이름", date(2019, 1, 1), "F")], [])
    for act in (
        lambda: registry.add([Patient("P-2", "다른이름", date(2019, 1, 1), "F")], []),
        lambda: registry.add([], [replace(study(1), patient_id="P-2")]),
        lambda: registry.add([], [replace(study(7), patient_id="P-2", study_date=date(2018, 1, 1))]),
    ):
        with pytest.raises(InvalidRequest) as caught:
            act()
        assert "비밀" not in str(caught.value) and "2019" not in str(caught.value)


def test_adding_is_all_or_nothing(registry: Registry) -> None:
    with pytest.raises(InvalidRequest):
        registry.add([Patient("P-2", "이서연")], [study(2, "P-2"), study(1, "P-2")])
    assert registry.counts() == {"patients": 1, "studies": 1, "reports": 0}
    with registry.searching() as index:
        assert index.names_like(name_forms("이서연")) == []


def test_the_same_film_is_not_registered_twice(registry: Registry) -> None:
    with pytest.raises(InvalidRequest, match="already"):
        registry.add([], [replace(study(2), image_sha256=study(1).image_sha256)])


def test_reports_are_numbered_and_a_repeated_one_returns_the_first(registry: Registry) -> None:
    first = registry.save_report(a_report("r-1"))
    assert registry.save_report(a_report("r-1", narrative="Other words.")) == first
    registry.save_report(a_report("r-2", narrative="Second."))
    assert [r.report_id for r in registry.reports("S-1")] == ["r-1", "r-2"]
    assert registry.reports("S-1")[0].narrative == "Normal."


def test_a_report_without_a_registered_study_is_refused(registry: Registry) -> None:
    with pytest.raises(InvalidRequest):
        registry.save_report(a_report("r-1", study_id=None))
    with pytest.raises(StudyNotFound):
        registry.save_report(a_report("r-1", study_id="S-9"))
    assert registry.counts()["reports"] == 0


def test_invisible_characters_are_dropped_on_the_way_in(registry: Registry) -> None:
    registry.add(
        [Patient("P-3", "Ann\u202e\u200b\x00 Lee\n")], [replace(study(3, "P-3"), indication="pain\u2066\x07")]
    )
    assert registry.patient("P-3").patient_name == "Ann Lee"
    assert registry.study("S-3").indication == "pain"


def test_a_missing_or_broken_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="pedaxr demo"):
        Registry.open(tmp_path / "none.sqlite3")
    assert not (tmp_path / "none.sqlite3").exists()
    (tmp_path / "bad.sqlite3").write_bytes(b"not a database at all, but long enough to be looked at" * 9)
    with pytest.raises(StorageError, match="damaged"):
        Registry.open(tmp_path / "bad.sqlite3")


def test_a_newer_registry_is_refused(registry: Registry) -> None:
    with sqlite3.connect(registry.path) as connection:
        connection.execute("INSERT INTO schema_versions VALUES (99, 'later')")
    connection.close()
    with pytest.raises(StorageError, match="newer"):
        Registry.open(registry.path)


def test_a_failing_migration_leaves_the_old_version(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = registry_schema.MIGRATIONS
    broken = (*steps, ("CREATE TABLE extra (a)", "CREATE TABLE extra (a)"))
    monkeypatch.setattr(registry_schema, "MIGRATIONS", broken)
    with pytest.raises(StorageError):
        Registry.open(registry.path)
    monkeypatch.setattr(registry_schema, "MIGRATIONS", (*steps, ("CREATE TABLE extra (a)",)))
    assert Registry.open(registry.path).study("S-1").patient_id == "P-1"
    with pytest.raises(StorageError, match="newer"):
        monkeypatch.setattr(registry_schema, "MIGRATIONS", steps)
        Registry.open(registry.path)


def test_a_locked_registry_says_busy_and_reads_go_on(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_schema, "BUSY_TIMEOUT_S", 0.05)
    blocker = sqlite3.connect(registry.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match=r"busy.*retry"):
        registry.save_report(a_report("r-1"))
    assert registry.study("S-1").study_id == "S-1"
    blocker.execute("ROLLBACK")
    blocker.close()
    assert registry.save_report(a_report("r-1")).report_id == "r-1"


@pytest.mark.usefixtures("every_write_is_on_the_disk")
def test_writes_are_synchronous_and_journalled(registry: Registry) -> None:
    with registry_schema.connected(registry.path) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == journal_mode()
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "delete"),
        ((3, 44, 5), "delete"),
        ((3, 44, 6), "wal"),
        ((3, 45, 3), "delete"),
        ((3, 50, 6), "delete"),
        ((3, 50, 7), "wal"),
        ((3, 51, 2), "delete"),
        ((3, 51, 3), "wal"),
        ((4, 0, 0), "wal"),
    ],
    ids=str,
)
def test_only_a_sqlite_without_the_wal_reset_bug_writes_ahead(
    version: tuple[int, int, int], mode: str
) -> None:
    assert journal_mode(version) == mode


def test_a_registry_from_another_machine_gets_the_journal_that_is_safe_here(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wanted in ("wal", "delete", "wal"):
        monkeypatch.setattr(storage, "journal_mode", partial(str, wanted))
        Registry.open(registry.path)
        with registry_schema.connected(registry.path) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone()[0] == wanted


def test_many_writers_store_everything_once(registry: Registry) -> None:
    def write(worker: int) -> None:
        for number in range(10):
            registry.save_report(a_report(f"r-{worker}-{number}"))
            registry.save_report(a_report(f"r-{worker}-{number}"))

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({r.report_id for r in registry.reports("S-1")}) == registry.counts()["reports"] == 40


def _save_until_killed(path: Path, acknowledged: Path) -> None:
    registry = Registry.open(path)
    with acknowledged.open("a") as log:
        for number in range(10_000):
            registry.save_report(a_report(f"r-{number}"))
            log.write(f"r-{number}\n")
            log.flush()


def test_a_killed_writer_loses_no_acknowledged_report(registry: Registry, tmp_path: Path) -> None:
    log = tmp_path / "acknowledged"
    writer = multiprocessing.get_context("fork").Process(target=_save_until_killed, args=(registry.path, log))
    writer.start()
    while not log.exists() or log.read_text().count("\n") < 15:
        writer.join(0.01)
    writer.kill()
    writer.join()
    stored = {r.report_id for r in registry.reports("S-1")}
    assert set(log.read_text().split()) <= stored
    with sqlite3.connect(registry.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()


@settings(max_examples=60)
@given(st.text(max_size=60), st.text(min_size=1, max_size=20))
def test_any_name_and_id_can_be_stored_and_read(
    tmp_path_factory: pytest.TempPathFactory, name: str, an_id: str
) -> None:
    registry = Registry.create(tmp_path_factory.mktemp("r") / "registry.sqlite3")
    an_id = an_id.encode("utf-8", "ignore").decode()
    if not an_id.strip() or is_odd_id(an_id):
        with pytest.raises(InvalidRequest, match="patient id"):
            registry.add([Patient(an_id, name)], [])
        return
    registry.add([Patient(an_id, name)], [])
    assert registry.patient(an_id).patient_id == an_id
