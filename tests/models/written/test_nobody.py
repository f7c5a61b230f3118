"""Ids and names that stand for nobody are told from those of somebody."""

import pytest

from pedaxr_models.written.nobody import names_any_child, names_nobody

NOBODY = (
    *("", " ", "ANONYMOUS", "Anonymous^Patient", "anonymized", "ANON", "de-identified", "DEID", "No Name"),
    *("NOID", "NONAME", "unknown", "Unknown Patient", "UNK", "N/A", "none", "0", "00000000", "99999999"),
    *(
        "X",
        "xxxxx",
        "***",
        "?",
        "-",
        "--",
        ".",
        "^",
        "익명",
        "미상",
        "환자 미상",
        "ＡＮＯＮ",
        "REMOVED",
        "NAME^NONE",
    ),
    *("#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "#GETTING_DATA", "Err:502"),
    *("상동", "위와 같음", "ditto", "Same as above", "〃", "同上"),
)
SOMEBODY = (
    *(
        "H-7",
        "00123456",
        "10",
        "0001",
        "9999",
        "ANON-0012",
        "anon17",
        "X-ray Kim",
        "Xu",
        "김미상",
        "무명초",
        "Nan Li",
    ),
    *("#12", "#A7", "Err", "Ditto Kim", "상동혁"),
    *("Kim^Minjun", "홍길동", "Noname Park", "1", "Anonymous 3", "P0", "Xx1"),
)


@pytest.mark.parametrize("said", NOBODY)
def test_a_word_for_nobody_names_nobody(said: str) -> None:
    assert names_nobody(said) and names_any_child(said)


@pytest.mark.parametrize("said", SOMEBODY)
def test_an_id_or_name_names_somebody(said: str) -> None:
    assert not names_nobody(said) and not names_any_child(said)


@pytest.mark.parametrize("said", ["Baby", "BABY^BOY", "신생아", "newborn girl", "환아", "Baby of", "아기"])
def test_a_name_that_any_child_may_have_is_a_name_and_nobody_s_alone(said: str) -> None:
    assert names_any_child(said) and not names_nobody(said)


def test_a_baby_under_its_mother_s_name_is_one_child() -> None:
    assert not names_any_child("Baby of Kim Jieun") and not names_any_child("김지은 아기")
