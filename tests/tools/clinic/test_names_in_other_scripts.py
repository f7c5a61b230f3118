"""A child registered in one script and asked for in another is offered, and never a sure hit."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic
from pedaxr.patient_search import other_scripts
from pedaxr.patient_search.han_forms import ONE_FORM
from pedaxr.patient_search.name_forms import name_forms
from pedaxr.registry import REGISTRY_FILE, Patient, Registry
from pedaxr.types import PatientSearch

OTHERS = ("Emma Wilson", "김민준", "Kim Seoyeon", "이서연")  # who are never meant here


def clinic_of(folder: Path, *names: str) -> Clinic:
    registry = Registry.create(folder / REGISTRY_FILE)
    listed = enumerate((*names, *OTHERS), 1)
    registry.add([Patient(f"P-{n}", name, date(2020, 3, n), "M") for n, name in listed], [])
    return Clinic(folder, registry)


def offered(search: PatientSearch) -> list[str]:
    assert search.status == "no_match" and search.matches == []
    return [one.patient_name for one in search.nearest]


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        *(("Иван Петров", asked) for asked in ("Ivan Petrov", "Petrov, Ivan", "Iwan Petrow", "Petroff")),
        *(
            ("محمد أحمد", asked)
            for asked in ("Mohammed Ahmad", "Muhammad Ahmed", "Mohamad Ahmad", "Ахмад Мухаммед")
        ),
        *(("Михаил Кузнецов", asked) for asked in ("Mikhail Kuznetsov", "Mihail Kuznetzov")),
        ("Ольга Сергеевна Ковальчук", "Olga Kovalchuk"),
        ("عبد الله حسن", "Abdullah Hassan"),
        ("فاطمة الزهراء", "Fatima al-Zahra"),
        ("Γιώργος Παπαδόπουλος", "Giorgos Papadopoulos"),
        ("דוד כהן", "David Cohen"),
        ("やまだ はなこ", "Yamada Hanako"),
        ("王小明", "Wang Xiaoming"),
    ],
)
def test_a_name_in_another_script_is_offered_both_ways(tmp_path: Path, registered: str, asked: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "back").mkdir()
    assert offered(find_patient(asked, clinic=clinic_of(tmp_path / "there", registered))) == [registered]
    if len(asked.split()) > 1:
        assert asked in offered(find_patient(registered, clinic=clinic_of(tmp_path / "back", asked)))


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        *(("Хрущёв Илья", "Ilja Chruschtschow"), ("Щукин Юрий", "Juri Schtschukin"), ("Яна Ким", "Jana Kim")),
        *(
            ("Алексей Соловьёв", "Alexej Solowjow"),
            ("Жанна Йоффе", "Zhanna Joffe"),
            ("Юлия Эйхе", "Julia Eiche"),
        ),
        ("Євген Шевченко", "Yevhen Shevchenko"),
    ],
)
def test_a_german_or_ukrainian_spelling_is_offered(tmp_path: Path, registered: str, asked: str) -> None:
    clinic = clinic_of(tmp_path, registered)
    assert offered(find_patient(asked, clinic=clinic)) == [registered]
    for other in ("Hana Kim", "John Chekhov", "Jan Schneider"):
        assert registered not in offered(find_patient(other, clinic=clinic))


def test_a_family_name_alone_in_another_script_is_offered(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path, "Sergei Ivanov", "Иван Петров")
    assert offered(find_patient("Иванов", clinic=clinic)) == ["Sergei Ivanov"]
    assert offered(find_patient("Petrov", clinic=clinic)) == ["Иван Петров"]


@pytest.mark.parametrize("asked", ["Ivan Petrov", "Иван Петров"])
def test_a_namesake_in_another_script_makes_a_sure_hit_a_question(tmp_path: Path, asked: str) -> None:
    clinic = clinic_of(tmp_path, "Ivan Petrov", "Иван Петров")
    found = find_patient(asked, clinic=clinic)
    assert found.status == "several_matches" and found.total == 2
    assert found.matches[0].patient_name == asked and found.matches[0].score > found.matches[1].score
    born = find_patient(asked, patient_birth_date=found.matches[0].patient_birth_date, clinic=clinic)
    assert [one.patient_name for one in born.matches] == [asked], "the birth date tells them apart"


@pytest.mark.parametrize(
    "asked",
    ["Igor Sidorov", "Ivanna Petrenko", "Mohammed Ali", "Маша Медведева", "خالد يوسف", "Mia Moreau"],
)
def test_another_name_is_not_offered(tmp_path: Path, asked: str) -> None:
    clinic = clinic_of(tmp_path, "Иван Петров", "محمد أحمد", "عمر عبد الله", "Anna Petersen")
    assert offered(find_patient(asked, clinic=clinic)) == []


def test_a_birth_date_beside_the_name_still_counts(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path, "Иван Петров")
    assert offered(find_patient("Ivan Petrov 2020-03-01", clinic=clinic)) == ["Иван Петров"]
    assert offered(find_patient("Ivan Petrov 2019-03-01", clinic=clinic)) == []


def test_names_of_one_script_are_left_to_the_spellings_of_that_script() -> None:
    for one, other in (("Ivan Petrov", "Iwan Petrow"), ("Иван Петров", "Іван Петрів"), ("김민준", "김민준")):
        assert other_scripts.closeness(name_forms(one), name_forms(other)) is None
    assert other_scripts.closeness(name_forms("Ivan Petrov"), name_forms("Иван Петров")) == 1.0, "control"
    assert not other_scripts.stored_other_keys(name_forms("김민준"))


def test_a_registry_of_one_script_is_asked_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unasked(forms: object) -> list[str]:
        raise AssertionError

    clinic = clinic_of(tmp_path, "Ivan Petrov")
    monkeypatch.setattr("pedaxr.patient_search.search_index.asked_other_keys", unasked)
    assert find_patient("Ivan Petrov", clinic=clinic).status == "one_match"
    with pytest.raises(AssertionError):
        find_patient("Иван Петров", clinic=clinic)


def test_the_index_is_whole_after_such_a_name_came_and_went(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path, "Иван Петров", "محمد أحمد")
    clinic.registry.rename("P-1", "Ivan Petrov")
    clinic.registry.delete("P-2")
    assert all(check.is_good for check in check_clinic(clinic))
    assert find_patient("Ivan Petrov", clinic=clinic).status == "one_match"


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("Wang Xiaoming", ("Wang Xiaoming", "王小明")),
        ("王小明", ("王小明", "Wang Xiaoming")),
        ("Anna Ivanova", ("Ivanova Anna Petrovna", "Анна Иванова")),
    ],
    ids=["written without spaces", "asked without spaces", "beside a longer name"],
)
def test_a_whole_namesake_is_listed_however_its_words_are_spaced(
    tmp_path: Path, asked: str, there: tuple[str, ...]
) -> None:
    found = find_patient(asked, clinic=clinic_of(tmp_path, *there))
    assert found.status == "several_matches" and {one.patient_name for one in found.matches} == {*there}


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("髙橋 健", "高橋健"),
        ("渡邉 直美", "渡辺直美"),
        ("齋藤 蓮", "斎藤 蓮"),
        ("張偉", "张伟"),
        ("陈晓东", "陳曉東"),
    ],
)
def test_forms_of_one_character_are_one_name(tmp_path: Path, registered: str, asked: str) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "both").mkdir()
    assert find_patient(asked, clinic=clinic_of(tmp_path / "alone", registered)).status == "one_match"
    both = find_patient(asked, clinic=clinic_of(tmp_path / "both", registered, asked))
    assert both.status == "several_matches" and both.total == 2, "neither is picked"
    assert find_patient("王晓明", clinic=clinic_of(tmp_path, "王小明")).total == 0, (
        "control: another character"
    )


def test_no_character_stands_for_two_others() -> None:
    assert not set(ONE_FORM.values()) & set(ONE_FORM), "each form leads to one that leads nowhere"
    assert len(ONE_FORM) > 300, "control"


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("दीपा शर्मा", "दिपू शर्मा"),
        ("सीता राम", "सेता राम"),
        ("วันดี ใจงาม", "วินดี ใจงาม"),
        ("กุล ใจงาม", "กิล ใจงาม"),
        ("মিতা রায়", "মাতা রায়"),
        ("மீனா குமார்", "மானா குமார்"),
        ("かな さとう", "がな さとう"),
    ],
)
def test_names_that_differ_in_a_vowel_sign_are_two_names(tmp_path: Path, registered: str, asked: str) -> None:
    clinic = clinic_of(tmp_path, registered)
    assert find_patient(asked, clinic=clinic).matches == [], "it opened the other child's films"
    assert [one.patient_name for one in find_patient(registered, clinic=clinic).matches] == [registered]


@pytest.mark.parametrize(
    ("registered", "asked"), [("مُحَمَّد علي", "محمد علي"), ("דָּוִד כהן", "דוד כהן"), ("Алексей", "Алексеи")]
)
def test_points_that_are_left_out_at_will_tell_no_names_apart(
    tmp_path: Path, registered: str, asked: str
) -> None:
    assert find_patient(asked, clinic=clinic_of(tmp_path, registered)).total == 1


@pytest.mark.parametrize(
    ("bare", "titled"),
    [
        *(("佐藤太郎", "佐藤太郎くん"), ("佐藤 太郎", "佐藤 太郎 様"), ("王小明", "王小明小朋友")),
        *(("สมชาย ใจดี", "เด็กชายสมชาย ใจดี"), ("สมชาย ใจดี", "ด.ช. สมชาย ใจดี"), ("आरव शर्मा", "श्री आरव शर्मा")),
    ],
)
def test_titles_of_other_scripts_are_no_part_of_a_name(tmp_path: Path, bare: str, titled: str) -> None:
    for number, (registered, asked) in enumerate(((bare, titled), (titled, bare))):
        (tmp_path / str(number)).mkdir()
        found = find_patient(asked, clinic=clinic_of(tmp_path / str(number), registered))
        assert [one.patient_name for one in found.matches] == [registered]
