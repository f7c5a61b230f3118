"""The same name is recognised in another script, spelling or order; another name is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr.patient_search import hangul
from pedaxr.patient_search import index_keys as name_keys
from pedaxr.patient_search import name_forms as forms
from pedaxr.patient_search.name_forms import name_forms, romanised_name
from pedaxr.patient_search.name_matching import (
    BABY,
    ONE_LETTER,
    PART,
    PREFIX,
    READING,
    STANDARD,
    TYPO,
    likeness,
    similarity,
)
from pedaxr.patient_search.typing_slips import likely_slip

SYLLABLES = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
USUAL_SYLLABLES = st.sampled_from("민서지현우준하은수연아영호태성진재경혜윤동건도시예나라주채원유")
SURNAMES = st.sampled_from(sorted(hangul.SURNAMES))


def score(query: str, name: str) -> float | None:
    like = likeness(name_forms(query), name_forms(name))
    return like.score if like else None


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("Kim Minjun", "김민준"),
        ("KIM, Min-Joon", "김민준"),
        ("minjun kim", "김민준"),
        ("kimminjun", "김민준"),
        ("Gim Min Jun", "김민준"),
        ("Lee Seoyeon", "이서연"),
        ("Yi Sŏyŏn", "이서연"),
        ("Rhee Soyon", "이서연"),
        ("Park Jiwoo", "박지우"),
        ("Pak Chiu", "박지우"),
        ("Bak Ji-u", "박지우"),
        ("Choi Yoona", "최유나"),
        ("Choe Yuna", "최유나"),
        ("Jung Haeun", "정하은"),
        ("Jeong Ha-eun", "정하은"),
        ("Chung Haeun", "정하은"),
        ("Huh Young-min", "허영민"),
        ("Noh Kyung Hee", "노경희"),
        ("Namgung Min", "남궁민"),
        ("김 민준", "김민준"),
        ("민준 김", "김민준"),
        ("김민준님", "김민준"),
        ("김민준 환자", "김민준"),
        ("김민준", "KIM^MINJUN=金民俊=김민준"),
        ("김민준", "김민준 (Kim Minjun)"),
        ("EMMA WILSON", "Wilson, Emma"),
        ("Ms. Emma Wilson", "Emma Wilson"),
        ("José García", "Jose Garcia"),
        ("oconnor liam", "Liam O'Connor"),
        ("Liam Oʻconnor", "Liam O'Connor"),
        ("Anna Smith–Jones", "Anna Smith-Jones"),
        ("김민준 여", "김민준"),
        ("김민준, 남자", "김민준"),
        ("김민준/여/", "김민준"),
        ("Kim Minjun/F", "김민준"),
        ("Kim Minjun / M /", "김민준"),
        ("Kim Minjun, female", "김민준"),
        ("Kim Jieun's baby", "김지은 아기"),
    ],
)
def test_the_same_name_is_found_both_ways(query: str, name: str) -> None:
    for asked, stored in ((query, name), (name, query)):
        found = score(asked, stored)
        assert found is not None and found >= READING


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("김민준", "박서준"),
        ("Sooyeon Lee", "이서연"),
        ("Daehyun Kim", "김태현"),
        ("Kim Minji", "김민준"),
        ("Emma Wilson", "Emma Watson"),
        ("박지우", "김지우"),
        ("김민중", "김민준"),
        ("김 남성", "김"),
        ("여민준", "김민준 여"),
        ("Kim Male", "Kim"),
    ],
)
def test_another_name_is_no_match(query: str, name: str) -> None:
    assert score(query, name) is None


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("김민중", "김민준"),
        ("김밍준", "김민준"),
        ("Kim Minjn", "김민준"),
        ("Kim Mnijun", "김민준"),
        ("Ema Wilson", "Emma Wilson"),
    ],
)
def test_one_wrong_letter_is_similar_and_no_match(query: str, name: str) -> None:
    close = similarity(name_forms(query), name_forms(name))
    assert close is not None and ONE_LETTER <= close.score <= TYPO
    assert score(query, name) is None


@pytest.mark.parametrize(
    ("query", "name", "at_least"),
    [
        ("김", "김민준", PART),
        ("Kim", "김민준", PART),
        ("Lee", "이서연", PART),
        ("민준", "김민준", PART),
        ("Minjun", "김민준", PART),
        ("김민", "김민준", PREFIX),
        ("Jones", "Anna Smith-Jones", PART),
    ],
)
def test_a_part_of_a_name_matches_below_the_whole(query: str, name: str, at_least: float) -> None:
    found = score(query, name)
    assert found is not None and at_least <= found < STANDARD


@pytest.mark.parametrize(
    "baby", ["Baby of Kim Minji", "김민지 아기", "김민지아기", "Baby girl of Kim Minji", "BB of 김민지"]
)
def test_a_baby_is_not_its_mother(baby: str) -> None:
    assert score("김민지", baby) == BABY
    assert (score("Baby of Kim Minji", baby) or 0) >= READING


@given(SURNAMES, st.lists(USUAL_SYLLABLES, min_size=1, max_size=2))
def test_every_romanisation_we_write_is_read_back(surname: str, given: list[str]) -> None:
    name = surname + "".join(given)
    latin = romanised_name(name)
    assert latin is not None and latin.isascii()
    found = score(latin, name)
    assert found is not None and found >= READING


@given(st.text(SYLLABLES, min_size=1, max_size=4))
def test_syllables_survive_decomposition(text: str) -> None:
    assert "".join(hangul.compose(*hangul.decompose(char)) for char in text) == text


@given(st.text(SYLLABLES, min_size=1, max_size=3))
def test_the_rule_of_romanisation_is_one_of_the_readings(text: str) -> None:
    assert hangul.by_sound(text) in hangul.readings(hangul.romanise(text)) or len(hangul.romanise(text)) > 24


@given(st.text(max_size=40), st.text(max_size=40))
def test_comparing_any_two_texts_never_fails(a: str, b: str) -> None:
    forms = name_forms(a), name_forms(b)
    likeness(*forms)
    similarity(*forms)
    assert a == "" or likeness(forms[0], forms[0]) is not None


def test_of_names_one_letter_away_the_likely_slip_comes_first() -> None:
    query = name_forms("김민즌")  # ㅡ lies beside ㅜ, far from ㅣ
    close, far = (similarity(query, name_forms(name)) for name in ("김민준", "김민진"))
    assert close is not None and far is not None and close.score > far.score


@pytest.mark.parametrize(
    ("typed", "likely", "unlikely"),
    [
        ("김미준", "김민준", "김미주"),  # a key missed, against one too many
        ("emma wison", "emma wilson", "emma wiso"),
        ("kimm minjun", "kim minjun", "kimq minjun"),  # struck twice, against another key
        ("kim minjnu", "kim minjun", "kim minjna"),  # swapped, against a key far away
    ],
)
def test_of_slips_the_one_with_fewest_others_like_it_comes_first(
    typed: str, likely: str, unlikely: str
) -> None:
    assert likely_slip(hangul.jamo(typed), hangul.jamo(likely)) > likely_slip(
        hangul.jamo(typed), hangul.jamo(unlikely)
    )


@given(
    st.text(
        st.one_of(SYLLABLES, st.sampled_from("김이박쌍아기둥신생남여딸들환자님씨군양의번호첫째")), max_size=7
    )
)
def test_the_quick_way_with_hangul_names_gives_what_the_long_one_gives(name: str) -> None:
    assert name_forms(name) == forms._any_forms(name)


def test_most_names_go_the_quick_way_and_titles_and_newborns_do_not() -> None:
    is_plain = forms._is_plain_hangul_name
    assert all(map(is_plain, ("김민준", "이서연", "남궁민수", "김민")))
    assert not any(
        map(is_plain, ("김민준님", "최유나아기", "김쌍둥이", "학생", "김 민준", "Kim", "김", "김민준1"))
    )


def test_of_names_that_may_be_read_so_the_usual_spelling_comes_first() -> None:
    assert (score("Kim Chunho", "김준호") or 0) > (score("Kim Chunho", "김전호") or 0) >= READING


def test_names_without_any_letter_are_compared_as_written() -> None:
    assert similarity(name_forms("!?"), name_forms("")) is None


@pytest.mark.parametrize("latin", ["yo" * 12, "a" * 24, "nga" * 8, "ououououououououououou", "x" * 500])
def test_hostile_latin_names_cost_little(latin: str) -> None:
    assert len(hangul.readings(latin)) <= 4096
    forms = name_forms(f"{latin} {latin}")
    assert len(name_keys.stored_keys(forms)) < 3000 and len(name_keys.stored_near_keys(forms)) < 3000
    assert len(name_keys.asked_keys(forms).proofs) < 3000 and len(name_keys.asked_near_keys(forms)) < 3000
