"""Misspelt and romanised names lead to the patient, in a synthetic registry with many namesakes."""

import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.evaluation.population import latin_spelling, synthetic_patients
from pedaxr.evaluation.search_queries import MOST_BEARERS, SearchCase, compose_jamo, search_cases
from pedaxr.patient_search import hangul
from pedaxr.patient_search.name_forms import name_forms
from pedaxr.registry import Patient, Registry

PATIENTS = list(synthetic_patients(3000, seed=1))
FIRST = 5


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home = tmp_path_factory.mktemp("recall")
    registry = Registry.create(home / "registry.sqlite3")
    registry.add(PATIENTS, [])
    return Clinic(home, registry)


def is_listed(clinic: Clinic, case: SearchCase, *, with_date: bool) -> bool:
    born = case.birth_date if with_date else None
    found = find_patient(case.query, patient_birth_date=born, clinic=clinic)
    return case.patient_id in [match.patient_id for match in (*found.matches, *found.nearest)][:FIRST]


def test_95_of_100_misspelt_or_romanised_names_lead_to_the_patient(clinic: Clinic) -> None:
    """Of names with five bearers at most; the others are asked with the birth date, as the tool says."""
    found = defaultdict[str, list[bool]](list)
    for case in search_cases(PATIENTS, per_kind=25, seed=2):
        if case.kind.startswith(("typo", "cross")):
            found[case.kind].append(is_listed(clinic, case, with_date=case.bearers > MOST_BEARERS))
    assert len(found) == 5
    for kind, hits in found.items():
        assert sum(hits) / len(hits) >= 0.95, kind


def test_nobody_is_found_under_a_name_that_nobody_has(clinic: Clinic) -> None:
    """The negative control: the cases above are not found whatever is asked."""
    for case in search_cases(PATIENTS, per_kind=10, seed=3):
        if case.kind == "nobody":
            assert not is_listed(clinic, case, with_date=False)


def test_the_synthetic_registry_is_the_same_each_time_and_has_namesakes() -> None:
    assert list(synthetic_patients(50, seed=1)) == PATIENTS[:50]
    assert search_cases(PATIENTS, 5, seed=2) == search_cases(PATIENTS, 5, seed=2)
    bearers = Counter(patient.patient_name for patient in PATIENTS)
    assert bearers.most_common(1)[0][1] >= 10
    assert sum(count == 1 for count in bearers.values()) > 1000


@pytest.mark.parametrize(
    ("name", "system", "latin"),
    [
        ("박지우", "mccune", "Pak Chiu"),
        ("정도균", "mccune", "Chong Togyun"),
        ("김보라", "mccune", "Kim Pora"),
        ("박지우", "revised", "Bak Jiu"),
        ("최영준", "revised", "Choe Yeongjun"),
    ],
)
def test_names_are_romanised_as_the_systems_ask(name: str, system: str, latin: str) -> None:
    assert latin_spelling(name, random.Random(0), system) == latin


@pytest.mark.parametrize(
    ("keys", "text"), [("ㄱㅣㅁㅁㅣㄴ", "김민"), ("ㅇㅏㄱㅏ", "아가"), ("ㄱㄱㅏ", None), ("ㅏ", None)]
)
def test_jamo_are_composed_as_a_keyboard_does(keys: str, text: str | None) -> None:
    assert compose_jamo(keys) == text


def test_a_weak_match_does_not_hide_a_slip_of_the_keyboard(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("weak")
    registry = Registry.create(home / "registry.sqlite3")
    registry.add([Patient("sounds", "김석현"), Patient("meant", "Soohyun Kim")], [])
    found = find_patient("sokhyun kim", clinic=Clinic(home, registry))
    assert found.status == "several_matches"
    assert {match.patient_id for match in found.matches} == {"sounds", "meant"}


def test_a_name_of_many_does_not_take_all_places_of_the_nearest(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Both names are one key missed away; who is alone with a name can be found by it."""
    home = tmp_path_factory.mktemp("many")
    registry = Registry.create(home / "registry.sqlite3")
    registry.add([Patient(f"many-{at}", "김민준") for at in range(7)] + [Patient("alone", "김밍준")], [])
    found = find_patient("김미준", clinic=Clinic(home, registry))
    listed = [match.patient_id for match in found.nearest]
    assert len(listed) == FIRST and "alone" in listed and "many-0" in listed


def test_names_that_sound_alike_do_not_crowd_out_one_that_is_a_letter_away(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("crowd")
    registry = Registry.create(home / "registry.sqlite3")
    crowd = [
        "김" + hangul.compose("ㅁ", first, "ㄴ") + hangul.compose(onset, second, "ㅁ")
        for first in "ㅟㅢ"
        for onset in "ㅈㅉㅊ"
        for second in "ㅗㅓㅜㅡㅕㅛㅠㅝㅚㅙ"
    ]
    registry.add([Patient(f"P-{at}", name) for at, name in enumerate([*crowd, "김민준"])], [])
    with registry.searching() as index:
        assert "김민준" in index.names_near(name_forms("김민줌"))


def first_listed(home: Path, query: str, names: list[str]) -> list[str]:
    registry = Registry.create(home / "registry.sqlite3")
    registry.add([Patient(f"P-{at}", name) for at, name in enumerate(names)], [])
    found = find_patient(query, clinic=Clinic(home, registry))
    return [match.patient_name for match in (*found.matches, *found.nearest)][:FIRST]


@pytest.mark.parametrize(
    ("query", "meant", "crowd"),
    [
        ("Ji Junha", "지준하", "전하지"),  # Jun Haji, whose words end elsewhere
        ("Chung Lee Yoo", "정리유", "이유정"),
        ("Koh Ye On", "고예온", "고연"),
        ("Won Iji", "원이지", "Ji-Won I"),
        ("저아리", "정아리", "전아리"),  # a key to be struck twice is missed more easily
        ("광기하", "황기하", "강기하"),  # ㅘ is two keys, and ㅗ far from ㅏ
    ],
)
def test_who_is_likelier_meant_comes_before_many_who_are_less_likely(
    tmp_path: Path, query: str, meant: str, crowd: str
) -> None:
    listed = first_listed(tmp_path, query, [crowd] * 6 + [meant])
    assert listed[0] == meant and crowd in listed


@pytest.mark.parametrize(
    ("query", "few", "many"),
    [
        ("Sin Seona", "신선아", "신서나"),
        ("Chon Chijong", "천지정", "전지정"),
        ("Jun, Haso", "전하소", "준하소"),
    ],
)
def test_of_names_that_fit_as_well_those_of_few_children_come_first(
    tmp_path: Path, query: str, few: str, many: str
) -> None:
    assert first_listed(tmp_path, query, [many] * 6 + [few])[0] == few


def test_a_name_written_as_it_was_asked_for_comes_first(tmp_path: Path) -> None:
    names = ["BAK YOO-NA", "BAK YOONA", "Bak Yoon A", "Bak, Yoon A", "Bak, Yoon A", "Bak, Yoona"]
    assert first_listed(tmp_path, "bak, yoona", names)[0] == "Bak, Yoona"
