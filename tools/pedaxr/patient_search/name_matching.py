"""Compare patients' names across scripts, spellings, order and titles.

`likeness` compares the forms of two names and says why they are alike, `similarity` how many letters apart.
`pedaxr.patient_search.index_keys` turns the same forms into keys of an index.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA, LCSseq

from pedaxr.patient_search import hangul
from pedaxr.patient_search.name_forms import (
    LONGEST_COMPARED,
    NameForms,
    name_forms,
    shares_part_reading,
    shares_reading,
)
from pedaxr.patient_search.newborns import Newborn, is_same_child
from pedaxr.patient_search.typing_slips import likely_slip
from pedaxr.records import is_stored_text

_FARTHEST = 0.35  # share of letters that may differ in a similar name
_OTHER_LETTERS, _SHORT_TITLE = 0.3, 2  # share of letters, whatever their order; letters of Mr and Dr
_FAR = 2.0  # of what was not compared to the end
_ROUGHLY = 0.15  # how much nearer a name is by its letters than by its rough spelling: about one letter
_MOST_NEAR = 50  # names whose letters are compared in every spelling

SAME, REORDERED, STANDARD, READING, PART, PREFIX, BABY, TYPO = 1.0, 0.99, 0.97, 0.9, 0.8, 0.7, 0.65, 0.6
ONE_LETTER = 0.55  # the least score of one different letter, where it is an unlikely slip in another script


@dataclass(frozen=True)
class Likeness:
    """How alike two names are.

    Attributes:
        score: 1 for the same name; from `PREFIX` up the same or a part, below only a similar one.
    """

    score: float
    reason: str


def likeness(query: NameForms, name: NameForms) -> Likeness | None:
    """How the name answers the query, or None when it is neither the same name nor a part of it."""
    found = _whole_likeness(query, name) or _part_likeness(query, name)
    return found and as_same_child(found, query.newborn, name.newborn)


def whole_likeness(query: NameForms, name: NameForms) -> Likeness | None:
    """`likeness` where the query is not only a part of the name or its beginning; None otherwise."""
    found = _whole_likeness(query, name)
    return found and as_same_child(found, query.newborn, name.newborn)


def as_same_child(found: Likeness, query: Newborn | None, name: Newborn | None) -> Likeness:
    """The likeness of two names, unless one of them is a parent's, or another twin's."""
    if is_same_child(query, name):
        return found
    if (query is not None and query.is_baby) == (name is not None and name.is_baby):
        return Likeness(BABY, "the name fits, but the number, letter or sex next to it tells children apart")
    return Likeness(BABY, "the name fits, but only one of the two is a baby under a parent's name")


def _whole_likeness(query: NameForms, name: NameForms) -> Likeness | None:
    if query.text == name.text:
        return Likeness(SAME, "same name")
    if query.wholes & name.wholes:
        return Likeness(REORDERED, "same name apart from word order, spacing or title")
    if query.wholes & name.romanised or query.romanised & name.wholes:
        return Likeness(STANDARD, "same name in the other script")
    if shares_reading(query, name):
        closeness = round(0.05 * (1 - _spelled_apart(query, name)), 3)
        return Likeness(READING + closeness, "may be another spelling of the same name")
    return None


def _spelled_apart(query: NameForms, name: NameForms) -> float:
    """From 0 to 1, how many letters of the nearest spellings differ: the usual spelling comes first."""
    spelled = (pair for several in _spelled(query, name) for pair in product(*several))
    pairs = (pair for pair in spelled if max(map(len, pair)) <= LONGEST_COMPARED)
    return min((OSA.normalized_distance(a, b) for a, b in pairs), default=1.0)


def _part_likeness(query: NameForms, name: NameForms) -> Likeness | None:
    if query.wholes & name.parts or (query.words and query.words <= name.parts):
        return Likeness(PART, "part of the name")
    if shares_part_reading(query, name):
        return Likeness(PART, "part of the name in the other script or spelling")
    start = prefix_of(query)
    if start and any(text.startswith(start) for text in name.wholes | name.romanised | name.parts):
        return Likeness(PREFIX, "beginning of the name")
    return None


def prefix_of(query: NameForms) -> str | None:
    """The query as the beginning of a name: two Hangul syllables or three other letters at least."""
    return query.text if len(query.text) >= (2 if hangul.is_hangul_word(query.text) else 3) else None


def similarity(query: NameForms, name: NameForms) -> Likeness | None:
    """How close two names are in letters or jamo; `TYPO` for one wrong, missing, extra or swapped letter.

    The distance is the optimal string alignment: insert, delete, replace, or swap two neighbours.
    """
    nearest, share, slip = _nearest_spelling(query, name)
    if not nearest:
        return None
    if nearest == 1:
        unlikely = 0.03 * (1 - slip) + 0.02 * written_apart(query, name)
        return Likeness(round(TYPO - unlikely, 3), "one letter differs")
    return Likeness(round(ONE_LETTER * (1 - share), 3), f"{nearest} letters differ")


def _nearest_spelling(query: NameForms, name: NameForms) -> tuple[int, float, float]:
    """Fewest letters apart, 0 where more than `_FARTHEST` or none; their share; how likely a slip one is."""
    nearest, share, slip = 0, _FARTHEST, 0.0
    for ones, others in _spelled(query, name):
        for a in ones:
            long = len(a)
            for b in others:
                other = len(b)
                longest, shortest = (long, other) if long > other else (other, long)
                at_most = int(share * longest)
                if longest - shortest > at_most or longest > LONGEST_COMPARED:
                    continue
                distance = OSA.distance(a, b, score_cutoff=at_most)
                if 0 < distance <= at_most and (not nearest or distance / longest <= share):
                    one = likely_slip(a, b) if distance == 1 else 0.0
                    slip = max(slip if distance == nearest else 0.0, one)
                    nearest, share = distance, distance / longest
    return nearest, share, slip


def written_apart(query: NameForms, name: NameForms) -> float:
    """From 0 to 1, how differently two names are written, word order, spacing and script included."""
    if min(map(len, (query.written, name.written))) == 0:
        return 1.0
    return OSA.normalized_distance(query.written, name.written)


def of_like_letters(query: NameForms, names: Iterable[str]) -> list[str]:
    """Of Latin names those whose letters, in any order, are nearly the query's; quick.

    Each edit changes one letter of the two bags at most, so no name is left out of which fewer than
    `_OTHER_LETTERS` differ, unless a title of a letter or two stands beside it.
    """
    listed = list(names)
    bags = ["".join(sorted(filter(str.isalpha, name.lower()))) for name in listed]
    longest = max(map(len, query.wholes), default=0) + _SHORT_TITLE
    alike = {at for at, bag in enumerate(bags) if len(bag) > longest}  # a title may stand beside it
    for asked in {"".join(sorted(whole)) for whole in query.wholes}:
        like = process.extract_iter(
            asked, bags, scorer=LCSseq.normalized_distance, score_cutoff=_OTHER_LETTERS
        )
        alike.update(at for *_, at in like)
    return [listed[at] for at in sorted(alike)]


def _spelled(query: NameForms, name: NameForms) -> Iterator[tuple[Collection[str], Collection[str]]]:
    """Spellings of both that are compared, each of the one with each of the other; in one order always."""
    yield query.jamo_wholes, name.jamo_wholes
    if name.romanised and query.has_latin:
        yield sorted(query.wholes), sorted(name.romanised)
    if query.romanised and name.has_latin:
        yield sorted(query.romanised), sorted(name.wholes)


def closest(
    query: NameForms, skeletons: Collection[str], rows: Iterable[Sequence[str]], *, farthest: float
) -> list[str]:
    """Of rows of name and skeleton, the names nearest to the query in skeleton or as written, in letters."""
    stored = [(name, rough) for name, rough in rows if isinstance(name, str) and isinstance(rough, str)]
    if not is_stored_text("".join(name for name, _ in stored)):
        stored = [one for one in stored if is_stored_text(one[0])]
    letters = [hangul.jamo(name.lower()) for name, _ in stored]
    written = _apart([query.written], letters, farthest + _ROUGHLY)
    # Who is farther than this by the rough spelling is not among the nearest: so many are nearer by letters.
    nearest = sorted(written.values())[:_MOST_NEAR]
    enough = nearest[-1] - _ROUGHLY + 1e-9 if len(nearest) == _MOST_NEAR else farthest
    theirs = [skeleton for _, skeleton in stored]
    rough = _apart(skeletons or {query.text}, theirs, min(farthest, enough))
    apart = [
        (min(rough.get(at, _FAR) + _ROUGHLY, written.get(at, _FAR)), stored[at][0])
        for at in rough.keys() | written.keys()
        if min(rough.get(at, _FAR), written.get(at, _FAR)) <= farthest
    ]
    return [name for _, name in sorted(apart)[:_MOST_NEAR]]


def _apart(asked: Iterable[str], texts: Sequence[str], farthest: float) -> dict[int, float]:
    """By place, the share of letters in which a text differs from the nearest of those asked for."""
    apart: dict[int, float] = {}
    for one in asked:
        for _, share, at in process.extract_iter(
            one, texts, scorer=OSA.normalized_distance, score_cutoff=max(0.0, min(farthest, 1.0))
        ):
            apart[at] = min(share, apart.get(at, _FAR))
    return apart


class Rated(NamedTuple):
    """A name that is similar to the query, in the order in which such names are listed."""

    far: float
    written_apart: float
    name: str
    like: Likeness


def likeliest(query: NameForms, near: Iterable[str]) -> dict[str, Likeness]:
    """The names that are similar enough, best first; of equal ones those written like the query."""
    return best_first(rated(query, near))


def best_first(rated: list[Rated]) -> dict[str, Likeness]:
    """Rated names in the order of `likeliest`."""
    return {one.name: one.like for one in sorted(rated, key=lambda one: one[:3])}


def rated(query: NameForms, near: Iterable[str]) -> list[Rated]:
    """The names that are similar enough; those that differ in capitals or commas alone are compared once."""
    known: dict[int, tuple[NameForms, Likeness | None, float]] = {}
    found = list[Rated]()
    for name in near:
        forms = name_forms(name)  # one object for all such names
        if id(forms) not in known:
            known[id(forms)] = forms, similarity(query, forms), written_apart(query, forms)
        _, like, apart = known[id(forms)]
        if like:
            found.append(Rated(-like.score, apart, name, like))
    return found
