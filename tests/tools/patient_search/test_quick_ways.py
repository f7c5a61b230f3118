"""What is worked out in a quick way is what the long way gives."""

from functools import cache
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from pedaxr.patient_search import hangul
from pedaxr.patient_search import index_keys as name_keys
from pedaxr.patient_search import name_forms as forms
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.name_forms import name_forms, newborn_of, shares_part_reading, shares_reading
from pedaxr.patient_search.name_matching import _ROUGHLY, closest

WORDS = (
    *("Kim", "Min-Jun", "A", "O", "B", "S", "Song", "Park", "Jo", "Nam", "Ii", "Son", "Chae", "No"),
    *(
        "Baby",
        "babykim",
        "mbaby",
        "Boy",
        "Girl",
        "Of",
        "Twin",
        "Nb",
        "inf",
        "child",
        "Ms",
        "Dr",
        "Female",
        "M",
    ),
)
NAMES = st.lists(
    st.tuples(st.sampled_from([" ", ", ", "-", ",", "  "]), st.sampled_from(WORDS)), min_size=1, max_size=5
).map(lambda parts: "".join(part for pair in parts for part in pair).strip())


@given(NAMES)
def test_plain_latin_names_give_what_the_long_way_gives(name: str) -> None:
    assert name_forms(name) == forms._any_forms(name)


def test_most_latin_names_go_the_quick_way_and_titles_and_newborns_do_not() -> None:
    quick = ("Kim Minjun", "KIM, Min-Jun", "A Chan Song", "Emma Rose Wilson", "O-Hyun Sonu")
    slow = (
        "Ms Emma Wilson",
        "Baby Kim",
        "Kim Minjun F M",
        "B O Kim",
        "Kim2",
        "José",
        "김민준",
        "Twin Kim",
        "",
    )
    assert all(map(forms._plain_latin_words, quick)) and not any(map(forms._plain_latin_words, slow))


def test_capitals_and_commas_make_no_other_forms() -> None:
    one = name_forms("KIM, MIN-JUN")
    assert one is name_forms("Kim Min-Jun") and one == forms._any_forms("KIM, MIN-JUN")
    assert one is not name_forms("Kim Minjun")


@cache
def spelled() -> list[tuple[str, str]]:
    """Every spelling of a syllable with the syllable."""
    tables = (hangul._ONSET_SPELLINGS, hangul._NUCLEUS_SPELLINGS, hangul._CODA_SPELLINGS)
    return [
        ("".join(spelling), hangul.compose(*symbols))
        for symbols in product(*tables)
        for spelling in product(*(table[symbol] for table, symbol in zip(tables, symbols, strict=True)))
    ]


@pytest.mark.parametrize("latin", ["minjun", "seoyeon", "gimchi", "hwang", "tchss", "ngng", "x", ""])
def test_a_word_is_read_as_every_row_of_syllables_that_spells_it(latin: str) -> None:
    ways: list[set[str]] = [{""}]
    for end in range(1, len(latin) + 1):
        fits = ((ways[end - len(spelling)], s) for spelling, s in spelled() if latin[:end].endswith(spelling))
        ways.append({before + syllable for befores, syllable in fits for before in befores})
    assert hangul.readings(latin) == (ways[-1] if latin else {""})


@given(st.text("aeiounghkjmsyw", max_size=8), st.text("aeiounghkjmsyw", min_size=1, max_size=8))
@example("minjun", "minjoon")
def test_of_readings_those_wanted_are_found_alone(one: str, other: str) -> None:
    ends = {reading[at:] for reading in hangul.readings(one) for at in range(len(reading))}
    wanted = {end[1:]: {other[0] for other in ends if other[1:] == end[1:]} for end in ends}
    assert hangul.readings_among(other, wanted) == hangul.readings(other) & ends


@given(NAMES, st.one_of(NAMES, st.sampled_from(["김민준", "조남", "박채송", "송 민준", "이오"])))
@example("Kim Minjun", "김민준")
@example("Songminjun", "송 민준")
@example("Jo", "Cho")
def test_a_reading_in_common_is_found_without_listing_all_of_them(one: str, other: str) -> None:
    query, name = name_forms(one), name_forms(other)
    if max(map(len, (query.readings, name.readings))) >= forms._MOST_READINGS:
        return  # the list ends there
    assert shares_reading(query, name) == any(len(r) > 1 for r in query.readings & name.readings)
    of_parts = frozenset[str]().union(*map(forms.part_readings, name.parts))
    assert shares_part_reading(query, name) == bool(query.readings & of_parts)
    assert newborn_of(other) == name.newborn


@given(
    NAMES,
    st.lists(st.one_of(NAMES, st.text("김민준이서연 ", max_size=5)), max_size=8, unique=True),
    st.sampled_from([0.4, 1.0]),
)
@example("오은현", ["CHOE YONGGYONG", "이동현"], 0.4)
def test_the_closest_names_are_those_of_comparing_each(query: str, names: list[str], farthest: float) -> None:
    asked = name_forms(query)
    rows = [(name, name_keys.name_skeleton(name_forms(name))) for name in names]
    apart = []
    for name, skeleton in rows:
        roughly = name_keys.skeletons(asked) or {asked.text}
        rough = min(OSA.normalized_distance(one, skeleton) for one in roughly)
        written = OSA.normalized_distance(asked.written, hangul.jamo(name.lower()))
        if min(rough, written) <= farthest:
            apart.append((min(rough + _ROUGHLY, written), name))
    found = closest(asked, name_keys.skeletons(asked), rows, farthest=farthest)
    assert found == [name for _, name in sorted(apart)]


PLAIN = ("Mohammed Ahmad", "Ahmed, Muhammad", "Kim Minjun", "Kim Min-Jun", "Emma Wilson", "Ma Emily Wilsen")


@given(
    st.sampled_from(PLAIN), st.text("abeimnoruw", max_size=3), st.integers(0, 12), st.permutations(range(3))
)
def test_no_name_of_nearly_the_same_letters_is_left_out(
    name: str, typed: str, at: int, order: list[int]
) -> None:
    words = (name[:at] + typed + name[at + len(typed) :]).replace(",", "").split()
    other = " ".join(words[place] for place in order if place < len(words))
    like = names.similarity(name_forms(name), name_forms(other))
    kept = names.of_like_letters(name_forms(name), [other, "Zzz Qqq"])
    assert like is None or like.score < 0.75 * names.ONE_LETTER or other in kept
    assert "Zzz Qqq" not in kept
    assert names.of_like_letters(name_forms(name), [f"Master {name}"]), "a title may stand beside it"
