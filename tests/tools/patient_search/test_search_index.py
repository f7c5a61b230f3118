"""The index answers as if every name had been compared, and follows every change of a patient."""

import re
import sqlite3
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import InvalidRequest, PatientNotFound
from pedaxr.evaluation.population import synthetic_patients
from pedaxr.patient_search import index_writes, patient_lookups, search_index
from pedaxr.patient_search.index_writes import build_index
from pedaxr.patient_search.name_forms import name_forms
from pedaxr.patient_search.name_matching import PART, Likeness, likeness
from pedaxr.patient_search.search_index import SearchIndex
from pedaxr.records import UNNAMED, counting_damaged
from pedaxr.registry import NewStudy, Patient, Registry
from pedaxr.registry import schema as registry_schema

NAMES = [
    *(
        "김민준",
        "김민준서",
        "이서연",
        "Lee Seoyeon",
        "Yi So-yon",
        "박지우",
        "Pak Chiu",
        "남궁민",
        "Namgung Min",
        "권뷁",
    ),
    *(
        "Emma Wilson",
        "Wilson, Emma",
        "Anna Smith-Jones",
        "Baby of Kim Minjun",
        "김민지 아기",
        "이",
        "민준",
        "José García",
    ),
    *("KIM^MINJUN=金民俊=김민준", "Yu Mina", "유미나", "류미나", "Kim Min Jun", "Minjun", "준", "😀👶", ""),
]
QUERIES = [
    *NAMES,
    *(
        "Kim",
        "김",
        "Lee",
        "Yu",
        "Park Jiwoo",
        "lee seo",
        "seoyeonlee",
        "seoyeonl",
        "서연",
        "Seoyeon",
        "Minjun Kim",
    ),
    *(
        "Gwon Bwelk",
        "gwonbwe",
        "par",
        "wilson",
        "jones",
        "kimm",
        "김민",
        "민준 김",
        "Kim Minjun Lee",
        "kim minjoon",
    ),
    *("Emma", "emm", "garcia jose", "baby kim", "아기", "最", "namgung"),
]
BORN = date(2020, 1, 31)


def registry_of(folder: Path, names: list[str], born: date | None = None) -> Registry:
    registry = Registry.create(folder / "registry.sqlite3")
    registry.add([Patient(f"P{at:03d}", name, born) for at, name in enumerate(names)], [])
    return registry


def searched(registry: Registry, query: str, born: date | None = None) -> dict[str, Likeness]:
    with registry.searching() as index:
        return {one.patient_name: one.likeness for one in index.names_like(name_forms(query), born_on=born)}


def compared(registry: Registry, query: str) -> dict[str, Likeness]:
    forms = name_forms(query)
    names = {row["patient_name"] for row in registry._rows("SELECT patient_name FROM patients")}
    return {name: like for name in names if (like := likeness(forms, name_forms(name)))}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    made_up = [patient.patient_name for patient in synthetic_patients(80, seed=3)]
    return registry_of(tmp_path_factory.mktemp("index"), [*NAMES, *made_up], BORN)


@pytest.mark.parametrize("query", QUERIES)
def test_the_index_finds_what_comparing_every_name_finds(registry: Registry, query: str) -> None:
    expected = {name: like.score for name, like in compared(registry, query).items()}
    assert {name: like.score for name, like in searched(registry, query).items()} == expected
    assert {name: like.score for name, like in searched(registry, query, BORN).items()} == expected


@pytest.mark.parametrize("query", QUERIES)
def test_with_more_names_than_are_counted_a_birth_date_still_finds_every_one(
    registry: Registry, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {name: like.score for name, like in compared(registry, query).items()}
    monkeypatch.setattr(search_index, "MOST_COUNTED", 0)
    assert {name: like.score for name, like in searched(registry, query, BORN).items()} == expected
    assert searched(registry, query, date(2019, 1, 1)) == {}


def test_made_up_names_are_found_as_by_comparing_every_name(registry: Registry) -> None:
    for patient in synthetic_patients(30, seed=4):
        found, expected = searched(registry, patient.patient_name), compared(registry, patient.patient_name)
        assert {n: like.score for n, like in found.items()} == {n: like.score for n, like in expected.items()}


@settings(max_examples=30)
@given(
    st.lists(st.text("김이민준아기kimlej -,", max_size=9), min_size=1, max_size=5),
    st.text("김이민준kimlej ", max_size=8),
)
def test_any_names_are_found_as_by_comparing_every_name(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], query: str
) -> None:
    registry = registry_of(tmp_path_factory.mktemp("any"), names)
    expected = {name: like.score for name, like in compared(registry, query).items()}
    assert {name: like.score for name, like in searched(registry, query).items()} == expected


@pytest.mark.parametrize("query", QUERIES)
def test_only_whole_names_are_those_of_all_that_are_more_than_a_part(registry: Registry, query: str) -> None:
    with registry.searching() as index:
        every, whole = (index.names_like(name_forms(query), whole=is_whole) for is_whole in (False, True))
    is_more = [one for one in every if one.likeness.score > PART]
    assert [one for one in whole if one.likeness.score > PART] == is_more


@pytest.mark.parametrize("born", [None, BORN])
def test_a_part_that_is_said_is_not_called_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, born: date | None
) -> None:
    registry = registry_of(tmp_path, ["HAH HA RAM", "Ha Woo Jin", "Hah Dohyun"], BORN)
    monkeypatch.setattr(search_index, "MOST_COUNTED", 0 if born else 300)
    found = {name: like.reason for name, like in searched(registry, "Ha", born).items()}
    is_said = dict.fromkeys(["HAH HA RAM", "Ha Woo Jin"], "part of the name")
    assert found == is_said | {"Hah Dohyun": "part of the name in the other script or spelling"}


@pytest.mark.parametrize("most_scanned", [2, 20_000])
def test_a_name_with_every_word_is_found_however_common_the_words_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_scanned: int
) -> None:
    monkeypatch.setattr(search_index, "_FEW_SCANNED", most_scanned)
    registry = registry_of(tmp_path, [*(f"Ann Rose B{one}x" for one in "abcdef"), "Ann Tove Rose Bax"])
    assert searched(registry, "Tove Bax").keys() == {"Ann Tove Rose Bax"}


def film(number: int, patient_id: str, on: date | None = None) -> NewStudy:
    return NewStudy(f"S{number}", patient_id, Path(f"films/{number}.png"), f"{number:064x}", study_date=on)


def index_rows(registry: Registry) -> dict[str, int]:
    tables = ("patient_names", "name_keys", "near_keys", "name_sounds")
    return {table: registry._rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def test_a_renamed_patient_is_found_by_the_new_name_alone(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, ["김민준", "김민준", "이서연"])
    registry.rename("P000", "Park Jiwoo")
    clinic = Clinic(tmp_path, registry)
    assert [m.patient_id for m in find_patient("박지우", clinic=clinic).matches] == ["P000"]
    assert [m.patient_id for m in find_patient("김민준", clinic=clinic).matches] == ["P001"]
    with pytest.raises(PatientNotFound):
        registry.rename("P9", "x")


def test_the_last_bearer_takes_the_name_out_of_the_index(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, ["이서연"])
    before = index_rows(registry)
    registry.add([Patient("A", "김민준"), Patient("B", "김민준")], [film(1, "A")])
    assert registry.delete("A") == [tmp_path / "films/1.png"]
    assert index_rows(registry) != before
    registry.delete("B")
    assert index_rows(registry) == before
    assert "민준" not in "".join(map(str, registry._rows("SELECT part FROM name_sounds")))
    with pytest.raises(PatientNotFound):
        registry.delete("B")


def test_a_merged_patient_s_films_and_id_lead_to_the_one_kept(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, ["김민준", "Kim Minjun", "이서연"])
    registry.add([], [film(1, "P000"), film(2, "P001")])
    registry.merge("P001", into="P000")
    clinic = Clinic(tmp_path, registry)
    found = find_patient("p001", clinic=clinic)
    assert [(m.patient_id, m.reason) for m in found.matches] == [("P000", "id before a merge")]
    assert {study.study_id for study in found.matches[0].studies} == {"S1", "S2"}
    assert find_patient("Kim Minjun", clinic=clinic).total == 1
    with pytest.raises(InvalidRequest, match="merged"):
        registry.add([Patient("P001", "Kim Minjun")], [])
    registry.merge("P000", into="P002")
    assert [m.patient_id for m in find_patient("P001", clinic=clinic).matches] == ["P002"]
    registry.delete("P002")
    assert find_patient("P001", clinic=clinic).total == 0


def test_patients_who_cannot_be_one_are_not_merged(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, ["김민준"])
    registry.add([Patient("young", "김민준", date(2022, 1, 1))], [film(1, "P000", date(2021, 1, 1))])
    before = index_rows(registry)
    for duplicate, kept in (("P000", "young"), ("P000", "P000")):
        with pytest.raises(InvalidRequest):
            registry.merge(duplicate, into=kept)
    with pytest.raises(PatientNotFound):
        registry.merge("P000", into="nobody")
    assert index_rows(registry) == before and registry.study("S1").patient_id == "P000"


def test_an_older_registry_is_indexed_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = registry_schema.MIGRATIONS
    monkeypatch.setattr(registry_schema, "MIGRATIONS", steps[:1])
    old = Registry.create(tmp_path / "registry.sqlite3")
    with sqlite3.connect(old.path) as connection:
        rows = [(f"P{at}", name, BORN.isoformat(), None, "then") for at, name in enumerate(NAMES)]
        connection.executemany("INSERT INTO patients VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()
    monkeypatch.setattr(registry_schema, "MIGRATIONS", steps)
    clinic = Clinic(tmp_path, Registry.open(old.path))
    assert (
        find_patient("Lee Seoyeon", clinic=clinic).total == find_patient("이서연", clinic=clinic).total == 3
    )
    tables = {row["name"] for row in clinic.registry._rows("SELECT name FROM sqlite_master")}
    assert "name_terms" not in tables and "name_keys" in tables


def test_a_registry_several_versions_old_is_indexed_anew_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a million patients that takes minutes."""
    steps, rebuild = registry_schema.MIGRATIONS, (registry_schema._rebuild_index,)
    assert steps.count(rebuild) > 3
    monkeypatch.setattr(registry_schema, "MIGRATIONS", steps[: steps.index(rebuild)])
    old = registry_of(tmp_path, NAMES)
    before, built = index_rows(old), list[sqlite3.Connection]()

    def counted(connection: sqlite3.Connection) -> None:
        built.append(connection)
        build_index(connection)

    monkeypatch.setattr(registry_schema, "MIGRATIONS", steps)
    monkeypatch.setattr(index_writes, "build_index", counted)
    assert index_rows(Registry.open(old.path)) == before and len(built) == 1


def test_building_the_index_again_changes_nothing(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, NAMES)
    before = index_rows(registry)
    with registry_schema.writing(registry.path) as database:
        build_index(database.conn)
    assert index_rows(registry) == before


def test_every_look_up_goes_through_a_key(registry: Registry) -> None:
    """A scan of a table would be the slow search of a large registry."""
    plans: list[str] = []
    asked: list[str] = []
    with registry_schema.reading(registry.path) as connection:
        connection.set_trace_callback(asked.append)
        index = SearchIndex(connection)
        index.patients_with_id("P001")
        index.patients_born_on(BORN)
        index.patients_named(["김민준"], born_on=None, limit=5)
        index.names_like(name_forms("Kim Minjun"))
        index.names_like(name_forms("김민준"), born_on=BORN)
        index.names_near(name_forms("Kim Minjn"))
        index.names_near_of_day(name_forms("김민준"), BORN)
        for nothing in ("", "zzqx", "最"):
            index.names_like(name_forms(nothing))
            index.names_near(name_forms(nothing))
        index.count_named([])
        connection.set_trace_callback(None)
        for sql in asked:
            plans += [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert len(asked) > 10 and any(plan.startswith("SEARCH") for plan in plans)
    scanned = {plan for plan in plans if re.match(r"SCAN (?!\(|n\b|\d|CONSTANT)", plan)}
    assert scanned == set()


def test_names_put_in_together_are_indexed_as_one_by_one(tmp_path: Path) -> None:
    """Also one who was unnamed a moment ago: no key stays behind for a name that nobody has any more."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    people = [Patient(f"P{at}", name) for at, name in enumerate([*NAMES, *NAMES[:5], UNNAMED])]
    people.append(Patient(people[-1].patient_id, "홍길동"))
    together = Registry.create(tmp_path / "a" / "registry.sqlite3")
    together.add(people, [])
    apart = Registry.create(tmp_path / "b" / "registry.sqlite3")
    for patient in people:
        apart.add([patient], [])
    assert stored(together) == stored(apart)
    assert UNNAMED not in {row[0] for row in together._rows("SELECT patient_name FROM patient_names")}


def stored(registry: Registry) -> set[tuple[object, ...]]:
    rows = registry._rows(
        "SELECT patient_name, skeleton, is_baby, name_key, near_key FROM patient_names "
        "JOIN name_keys USING (name_id) JOIN near_keys USING (name_id)"
    )
    return {tuple(row) for row in rows} | {tuple(row) for row in registry._rows("SELECT * FROM name_sounds")}


def test_a_day_that_stands_for_any_is_searched_as_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = registry_of(tmp_path, ["김민준", "이서연", "김민준", "박지우", "김민준"], BORN)
    with registry.searching() as index:
        one_way = index.patients_named(["박지우", "김민준"], born_on=BORN, limit=3)
        monkeypatch.setattr(patient_lookups, "_MOST_BY_ID", 0)
        assert index.patients_named(["박지우", "김민준"], born_on=BORN, limit=3) == one_way
    assert [patient.patient_id for patient in one_way] == ["P003", "P000", "P002"]


def test_a_damaged_id_on_the_day_is_left_out_and_counted(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, ["김민준", "김민준"], BORN)
    with sqlite3.connect(registry.path) as connection:
        connection.execute("UPDATE patients SET patient_id = x'ff' WHERE patient_id = 'P000'")
    connection.close()
    with registry.searching() as index, counting_damaged() as damaged:
        born = index.patients_named(["김민준"], born_on=BORN, limit=5)
    assert [patient.patient_id for patient in born] == ["P001"] and len(damaged) == 1
