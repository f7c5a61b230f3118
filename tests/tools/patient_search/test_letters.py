"""A name in letters that some keyboards lack is the same name in plain ones, at every door."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.identity import patient_named, same_name
from pedaxr.patient_search.name_forms import fold, name_forms
from pedaxr.patient_search.name_matching import READING, likeness, similarity
from pedaxr.registry import REGISTRY_FILE, Patient, Registry
from pedaxr.registry import schema as registry_schema
from pedaxr_models.datasets.film import FilmMetadata

BORN = date(2020, 5, 6)
PAIRS = [
    ("Søren Østergård", "Soren Ostergard"),
    ("ŁUKASZ WIŚNIEWSKI", "Lukasz Wisniewski"),
    ("Đorđe Petrović", "Dorde Petrovic"),
    ("Ægir Bœuf", "Aegir Boeuf"),
    ("Jürgen Groß", "Jurgen Gross"),
    ("Işıl Yıldız", "ISIL YILDIZ"),
    ("İsmail Əliyev", "Ismail Eliyev"),
    ("Þór Guðmundsson", "Thor Gudmundsson"),
    ("Ħamrun Ŋuŋi", "Hamrun Nuni"),
    ("Ɓala Ɗan", "Bala Dan"),
    ("Ǿystein Ǽgir", "Oystein Aegir"),
    ("やまだ たろう", "ﾔﾏﾀﾞ ﾀﾛｳ"),
]


@pytest.mark.parametrize(("written", "plain"), PAIRS)
def test_a_letter_of_its_own_is_the_plain_one_both_ways(written: str, plain: str) -> None:
    for asked, stored in ((written, plain), (plain, written)):
        found = likeness(name_forms(asked), name_forms(stored))
        assert found is not None and found.score >= READING


@pytest.mark.parametrize("is_plain_stored", [True, False])
def test_a_search_finds_either_spelling_whole_in_part_and_misspelt(
    tmp_path: Path, is_plain_stored: bool
) -> None:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient(f"P{at}", pair[is_plain_stored], BORN) for at, pair in enumerate(PAIRS)], [])
    clinic = Clinic(tmp_path, registry)
    for at, pair in enumerate(PAIRS):
        asked = pair[not is_plain_stored]
        for query in (asked, f"{asked} 2020-05-06", asked.split()[1]):
            found = find_patient(query, clinic=clinic)
            assert f"P{at}" in [match.patient_id for match in found.matches]
    misspelt = find_patient("Lukasz Wisniewsky", clinic=clinic)
    assert [match.patient_id for match in misspelt.nearest] == ["P1"]


def test_other_letters_stay_other_names() -> None:
    assert likeness(name_forms("Soren Berg"), name_forms("Saren Berg")) is None
    assert similarity(name_forms("Søren Berg"), name_forms("Saren Berg")) is not None
    assert fold("Ёлкин Łódź Ωmega") == "елкин lodz ωmega"


def test_rows_of_one_child_in_both_spellings_are_one_patient_s() -> None:
    assert same_name("Søren Groß", "SOREN GROSS") and not same_name("Søren Groß", "Saren Gross")
    ids = {
        patient_named(FilmMetadata(patient_name=name, patient_birth_date="2020-05-06"), "0").patient_id
        for name in ("Søren Groß", "Soren Gross", "SØREN GROSS")
    }
    assert len(ids) == 1


def test_a_registry_of_an_older_program_is_keyed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = registry_schema.MIGRATIONS
    monkeypatch.setattr(registry_schema, "MIGRATIONS", steps[:11])
    old = Registry.create(tmp_path / REGISTRY_FILE)
    old.add([Patient("P1", "Søren Groß", BORN)], [])
    with closing(sqlite3.connect(old.path)) as connection, connection:
        as_before = "UPDATE name_keys SET name_key = replace(name_key, 'soren', 'søren')"
        assert connection.execute(as_before).rowcount > 0
    assert find_patient("Soren Gross", clinic=Clinic(tmp_path, old)).total == 0
    monkeypatch.setattr(registry_schema, "MIGRATIONS", steps)
    clinic = Clinic(tmp_path, Registry.open(old.path))
    assert find_patient("Soren Gross", clinic=clinic).total == 1
