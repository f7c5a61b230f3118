"""Which words of registered names a word asked for may be a slip of."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from pedaxr.patient_search.index_writes import TABLES
from pedaxr.patient_search.registered_words import words_for

Words = Callable[[Iterable[str]], sqlite3.Connection]
NEAR = (
    "wilson",
    "wislon",
    "wlson",
    "wwilson",
    "wiilson",
    "wilsons",
    "wilsom",
    "walson",
    "wi1son",
    "woodward",
)


@pytest.fixture
def registered() -> Iterator[Words]:
    connection = sqlite3.connect(":memory:")
    connection.execute(next(table for table in TABLES if table.startswith("CREATE TABLE name_keys")))

    def having(words: Iterable[str]) -> sqlite3.Connection:
        connection.executemany("INSERT INTO name_keys VALUES (?, 1)", [(f"@{word}",) for word in set(words)])
        return connection

    yield having
    connection.close()


@given(
    st.sampled_from([word for word in NEAR if word.isalpha()]),
    st.sets(st.text("wilsona", min_size=1, max_size=8), max_size=40),
)
def test_whatever_is_one_key_away_is_found_and_nothing_else(asked: str, words: set[str]) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE name_keys (name_key TEXT, name_id INTEGER)")
    there = {word for word in (*words, *NEAR) if word != asked}
    connection.executemany("INSERT INTO name_keys VALUES (?, 1)", [(f"@{word}",) for word in sorted(there)])
    near = {
        word for word in there if word[0] == asked[0] and OSA.distance(word, asked) == 1 and word.isalpha()
    }
    found = words_for(connection, asked, ())
    assert set(found) <= near | {word for word in there if word[:3] == asked[:3]}
    assert len(found) == min(6, len(near | {word for word in found if not word.isalpha()}))
    connection.close()


def test_a_word_that_is_registered_is_no_slip(registered: Words) -> None:
    connection = registered(NEAR)
    assert words_for(connection, "wilson", ("walson", "nobody")) == ["walson"]
    assert words_for(connection, "wilsen", ()) == ["wilson"]


def test_thousands_of_words_with_the_same_first_letter_are_not_looked_through(registered: Words) -> None:
    connection = registered("w" + "".join(letters) for letters in product("abcdefgh", repeat=4))
    connection.execute("INSERT INTO name_keys VALUES ('@wilson', 1)")
    steps: list[None] = []
    connection.set_progress_handler(lambda: steps.append(None), 100)
    assert words_for(connection, "wislon", ()) == ["wilson"]
    assert len(steps) < 100, "of 100 instructions each"  # 4,096 words took 1,200
