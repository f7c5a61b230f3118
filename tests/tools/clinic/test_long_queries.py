"""Long, repetitive and strange queries: none takes long, since one would stop an agent that waits for it."""

import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import InvalidRequest
from pedaxr.patient_search.initials import fitting, with_initials_for_words
from pedaxr.registry import REGISTRY_FILE, Patient, Registry

_MOST_S = 3  # of the processor, on a slow machine; a usual query takes a few thousandths
UNITS = (
    *(
        "김",
        "민",
        "규준",
        "김 ",
        "김-",
        "김민준 ",
        "김,",
        "ㄱ",
        "ㅏ",
        "고",
        "뷁",
        "金",
        "田中",
        "さ",
        "ン",
        "王 ",
    ),
    *(
        "a",
        "A",
        "o.",
        "O. ",
        "Kim ",
        "kim-",
        "MJ ",
        "ng",
        "ngu",
        "Bob ",
        "El-",
        "de la ",
        "Mc",
        "van ",
        "jr ",
    ),
    *("Ива", "щ", "Ж. ", "محمد ", "أ", "दि", "ά", "é", "e\u0301", "ø", "İ", "ß", "K*", "*", "김*", "●"),
    *(
        "-",
        ",",
        "'",
        "’s ",
        "0",
        "2019-",
        "3 years ",
        "3개월 ",
        "#1 ",
        "baby ",
        "아기 ",
        "(",
        "&",
        "/",
        "\u200b",
    ),
)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home: Path = tmp_path_factory.mktemp("long")
    names = [
        "김민준",
        "남궁민수",
        "Kim Minjun",
        "Oliver James Brown",
        "Smith, J. R.",
        "Иван Петров",
        "王小明",
        "김O준",
    ]
    names += ["김" * 30, "규" * 40, "Anna-" * 12 + "Maria", "A. " * 20 + "Brown", "López " * 12]
    children = [Patient(f"P{at}", name, date(2019, 3, at)) for at, name in enumerate(names, 1)]
    Registry.create(home / REGISTRY_FILE).add(children, [])
    return open_clinic(home)


def seconds_for(clinic: Clinic, query: str) -> float:
    """Of the processor; a query that is refused counts as well."""
    began = time.process_time()
    with suppress(InvalidRequest):
        find_patient(query, clinic=clinic)
    return time.process_time() - began


@pytest.mark.parametrize("unit", UNITS)
def test_a_query_that_repeats_one_thing_is_answered_soon(clinic: Clinic, unit: str) -> None:
    lengths = (6, 15, 40, 60, 190)
    took = {length: seconds_for(clinic, (unit * length)[:length]) for length in lengths}
    assert max(took.values()) < _MOST_S, took


@settings(max_examples=40)
@given(st.lists(st.sampled_from(UNITS), min_size=4, max_size=40).map("".join))
def test_a_query_of_all_sorts_is_answered_soon(clinic: Clinic, query: str) -> None:
    assert seconds_for(clinic, query[:200]) < _MOST_S


def test_a_korean_name_longer_than_any_is_not_spelled_in_all_ways() -> None:
    """The spellings of a name double with each syllable: sixty syllables never came to an end."""
    assert {"kimkm", "kimgm"} <= with_initials_for_words("김규민")
    assert not with_initials_for_words("김" + "규" * 59)
    assert not fitting(["k"], ["kim"], "김" + "규" * 59)
