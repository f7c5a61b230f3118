"""The words that registered names consist of, and which of them a word asked for may be."""

import sqlite3
from collections.abc import Iterable, Iterator
from string import ascii_lowercase

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pedaxr.patient_search.typing_slips import likely_slip

_SHORTEST = 4  # letters; of shorter words too many are one key apart
_BEGUN = 3  # letters; words that begin with as many are few enough to be looked through
_MOST_WORDS = 20_000  # that begin alike
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
    begun = _beginning_with(connection, word[:_BEGUN])
    near = {other for other, *_ in process.extract_iter(word, begun, scorer=OSA.distance, score_cutoff=1)}
    near |= _registered_among(connection, _slips_at_the_start(word))
    return sorted(near, key=lambda other: (-likely_slip(word, other), other))[:_MOST_NEAR]


def _beginning_with(connection: sqlite3.Connection, start: str) -> list[str]:
    between = (f"@{start}", f"@{start[:-1]}{chr(ord(start[-1]) + 1)}")
    return [key[1:] for (key,) in connection.execute(_WORDS_FROM, [*between, _MOST_WORDS])]


def _slips_at_the_start(word: str) -> Iterator[str]:
    """What one key makes of a word that then begins otherwise, though with the same first letter.

    Words with one first letter alone are thousands: to look for each of these takes a fraction of the time.
    """
    for at in range(1, _BEGUN):
        before, letter, after = word[:at], word[at], word[at + 1 :]
        yield before + after
        yield before + after[:1] + letter + after[1:]
        yield from (f"{before}{other}{after}" for other in ascii_lowercase)
        yield from (f"{before}{other}{letter}{after}" for other in ascii_lowercase)


def _registered_among(connection: sqlite3.Connection, words: Iterable[str]) -> set[str]:
    listed = [f"@{word}" for word in words]
    asked = f"WITH asked (word) AS (VALUES {', '.join(['(?)'] * len(listed))})"
    known = f"{asked} SELECT word FROM asked WHERE EXISTS (SELECT 1 FROM name_keys WHERE name_key = word)"
    return {word[1:] for (word,) in connection.execute(known, listed)}
