"""Short forms, other spellings and slips in one word of a longer name: offered to a human, never a match."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic, nearest, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.patient_matches import NEAREST_LISTED
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.name_forms import name_forms
from pedaxr.patient_search.other_words import other_words, words_of_name
from pedaxr.patient_search.search_index import SearchIndex
from pedaxr.registry import REGISTRY_FILE, Patient, Registry

NAMES = (
    "Robert Brown",
    "Elizabeth Taylor",
    "Alexander Ivanov",
    "Katarzyna Nowak-Kowalska",
    "García Márquez, Gabriel",
    "María José Fernández López",
    "Fatima Al-Sayed",
    "Mohammed El Masri",
    "Mary-Kate McDonald",
    "Anne Marie Le Blanc",
    "St. John, Oliver",
    "Smith John Jr",
    "Emma Wilson",
    "Nguyễn Thị Minh Khai",
    "Muhammad Ahmed",
    "Yousef Khalil",
    "김민준",
    "Kim Seoyeon",
)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home: Path = tmp_path_factory.mktemp("words")
    children = [Patient(f"P{at}", name, date(2019, 3, at)) for at, name in enumerate(NAMES, 1)]
    Registry.create(home / REGISTRY_FILE).add(children, [])
    return open_clinic(home)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        *((query, "Robert Brown") for query in ("Bob Brown", "Rob Brown", "Brown, Bobby")),
        *((query, "Elizabeth Taylor") for query in ("Liz Taylor", "Beth Taylor", "TAYLOR LIZ")),
        *(("Alex Ivanov", "Alexander Ivanov"), ("Kasia Nowak", "Katarzyna Nowak-Kowalska")),
        *((query, "Fatima Al-Sayed") for query in ("El-Sayed", "Elsayed", "Fatima El Sayed")),
        *((query, "Mohammed El Masri") for query in ("Muhammad al-Masri", "Almasri", "Mohamed Almasri")),
        *((query, "Mary-Kate McDonald") for query in ("MacDonald", "Mary MacDonald")),
        *(("LeBlanc", "Anne Marie Le Blanc"), ("Oliver Saint John", "St. John, Oliver")),
        *((query, "Smith John Jr") for query in ("John Smith, Junior", "John Smith the third")),
        *((query, "Emma Wilson") for query in ("Wislon", "Wilsn", "Emna")),
        *((query, "García Márquez, Gabriel") for query in ("Gabriel Marques", "Gabriel Garsia")),
        *(("Maria Fernandes", "María José Fernández López"), ("Minh Khay", "Nguyễn Thị Minh Khai")),
        *((query, "Muhammad Ahmed") for query in ("Mohammed Ahmad", "Ahmad Mohammed", "Muhammed Ahmad")),
        ("Youssef Khaleel", "Yousef Khalil"),
    ],
)
def test_who_may_be_meant_is_offered_and_no_match(clinic: Clinic, query: str, name: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match"
    assert found.nearest[0].patient_name == name
    assert "do not choose" in found.next_step


@pytest.mark.parametrize(
    "query",
    [
        *(
            "Bob Taylor",
            "Emma Watson",
            "Liz Brown",
            "El-Ahmed",
            "Mohammed Ali",
            "Khaled Yusuf",
            "Robin Browne",
        ),
        *("Leblond", "Wilder", "Gabriel", "Kim Bob", "Zxqv Wwyk", "Jr", "the third"),
    ],
)
def test_another_name_is_not_offered_for_it(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert not any("form or spelling" in one.reason for one in (*found.matches, *found.nearest))


def test_the_birth_date_still_counts(clinic: Clinic) -> None:
    for day, offered in (("2019-03-01", ["Robert Brown"]), ("2019-04-01", [])):
        found = find_patient("Bob Brown", patient_birth_date=day, clinic=clinic)
        assert found.status == "no_match" and [one.patient_name for one in found.nearest] == offered


def test_who_is_registered_by_the_short_form_is_the_match(tmp_path: Path) -> None:
    children = [Patient("P1", "Bob Brown", date(2019, 1, 1)), Patient("P2", "Robert Brown", date(2019, 1, 2))]
    Registry.create(tmp_path / REGISTRY_FILE).add(children, [])
    for query, patient_id in (("Bob Brown", "P1"), ("Robert Brown", "P2")):
        found = find_patient(query, clinic=open_clinic(tmp_path))
        assert found.status == "one_match" and found.matches[0].patient_id == patient_id


@pytest.mark.parametrize("query", ["Emma Wilsom", "Bob Brown", "Kim Seoyeom", "Muhamad Ahmet", "Garsia"])
def test_ways_that_can_add_nobody_are_not_asked_and_would_add_nobody(
    query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = ("Wilson Emma", "Emma Wilson", "Emma Wilton", "Emma Wilsona", "Ema Wilson", "Emma Wilsen", *NAMES)
    children = [Patient(f"P{at}", name, date(2019, 3, 1)) for at, name in enumerate(near, 1)]
    Registry.create(tmp_path / REGISTRY_FILE).add(children, [])
    asked = list[str]()
    words_for = SearchIndex.words_for
    monkeypatch.setattr(SearchIndex, "words_for", lambda *a: asked.append(a[1]) or words_for(*a))
    found = find_patient(query, clinic=open_clinic(tmp_path)).nearest
    is_full = len(found) == NEAREST_LISTED and found[-1].score >= names.ONE_LETTER
    assert not asked if is_full else asked
    monkeypatch.setattr(nearest, "_may_be_among", lambda found, score: True)
    assert find_patient(query, clinic=open_clinic(tmp_path)).nearest == found


def test_no_word_is_its_own_other_and_suffixes_may_be_left_out() -> None:
    words = words_of_name("Sam Smith Jr")
    assert "samuel" in other_words(words, 0) and "samantha" in other_words(words, 0)
    assert "sam" not in other_words(words, 0) and not [*other_words(words, 1)]
    assert [*other_words(words, 2)] == ["junior", ""] and [*other_words(["smith", "jr"], 1)] == ["junior"]
    assert words_of_name("a b c d e f") == [] and name_forms("Sam").words == {"sam"}
