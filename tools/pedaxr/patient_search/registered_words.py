"""The words that registered names consist of, and which of them a word asked for may be."""

import sqlite3
from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pedaxr.patient_search.typing_slips import likely_slip

_SHORTEST = 4  # letters; of shorter words too many are one key apart
_MOST_WORDS = 20_000  # with one first letter
_MOST_NEAR = 6
# From word to word by one step in the index each, not through all the names that have it.
_WORDS_FROM = """
WITH RECURSIVE word(name_key) AS (
    SELECT (SELECT name_key FROM name_keys WHERE name_key >= ?1 AND name_key < ?2 ORDER BY name_key LIMIT 1)
    UNION ALL
    SELECT (SELECT name_key FROM name_keys WHERE name_key > word.name_key AND name_key < ?2
            ORDER BY name_key LIMIT 1)
    FROM word WHERE word.name_key IS NOT NULL)
SELECT name_key FROM word WHERE name_key IS NOT NULL LIMIT ?3
"""


def words_for(connection: sqlite3.Connection, word: str, others: Iterable[str]) -> list[str]:
    """Of other words those that registered names have, and if none has the word what it may be a slip of."""
    known = [other for other in others if _are_registered(connection, other)]
    return known if _are_registered(connection, word) else [*known, *_near(connection, word)]


def _are_registered(connection: sqlite3.Connection, words: str) -> bool:
    """Whether each of these words, separated by spaces, is in some registered name."""
    asked = "SELECT 1 FROM name_keys WHERE name_key = ? LIMIT 1"
    return all(connection.execute(asked, [f"@{word}"]).fetchone() for word in words.split())


def _near(connection: sqlite3.Connection, word: str) -> list[str]:
    """Words of registered names that one key makes of a Latin word, the likeliest slip first.

    The first letter is taken to be right.
    """
    if len(word) < _SHORTEST or not word.isascii() or not word.isalpha():
        return []
    between = (f"@{word[0]}", f"@{chr(ord(word[0]) + 1)}")
    keys = [key[1:] for (key,) in connection.execute(_WORDS_FROM, [*between, _MOST_WORDS])]
    near = process.extract_iter(word, keys, scorer=OSA.distance, score_cutoff=1)
    return sorted((other for other, *_ in near), key=lambda other: -likely_slip(word, other))[:_MOST_NEAR]
