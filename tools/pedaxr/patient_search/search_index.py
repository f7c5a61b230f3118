"""Look-ups in the search index of the registry: distinct names, their keys, and the patients who bear them.

A million patients share some hundred thousand names, so names are indexed and patients joined. Every look-up
goes through a key and is bounded. `index_writes` has the tables, and puts names in and takes them out.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from pedaxr.patient_search import index_keys as name_keys
from pedaxr.patient_search.hangul import by_sound, coarse, is_hangul_word
from pedaxr.patient_search.index_keys import AskedKeys
from pedaxr.patient_search.name_forms import NameForms, name_forms, newborn_of, part_readings
from pedaxr.patient_search.name_matching import PART, PREFIX, Likeness, as_same_child, closest, whole_likeness
from pedaxr.patient_search.other_scripts import asked_other_keys, closeness, is_other, stored_other_keys
from pedaxr.patient_search.patient_lookups import MOST_COUNTED, PatientLookups
from pedaxr.patient_search.registered_words import words_for
from pedaxr.records import is_stored_text, marks

_MOST_VERIFIED = 300  # names or parts compared in full
_MOST_SCANNED = 20_000  # names that have the rarest word of a query
_FEW_SCANNED = 500  # names that a rare word has at most
_MOST_SHARING = 150  # names that share near keys
_MOST_BY_CONSONANTS = 50  # names
_FAR_SKELETON = 0.4  # share of letters of two skeletons that may differ in similar names

_PART_SAID = Likeness(PART, "part of the name")
_PART_READ = Likeness(PART, "part of the name in the other script or spelling")
_BEGINNING = Likeness(PREFIX, "beginning of the name")


class FoundName(NamedTuple):
    """A registered name and how it answers the query."""

    patient_name: str
    likeness: Likeness


class SearchIndex(PatientLookups):
    """Look-ups of names, and of the patients who bear them."""

    def names_like(
        self,
        query: NameForms,
        *,
        born_on: date | None = None,
        as_written: bool = False,
        whole: bool = False,
    ) -> list[FoundName]:
        """Registered names that answer the query, best first: `names.likeness` for every name.

        Of each kind of likeness the first `MOST_COUNTED` names are given; with a day, all those of patients
        born then, and maybe others. `as_written` and `whole` as for `index_keys.asked_keys`: a third of the
        time.
        """
        asked = name_keys.asked_keys(query, as_written=as_written, whole=whole)
        sounding = [] if as_written or whole else self._parts_sounding(query)
        proofs = dict.fromkeys({f"@{part}" for part in sounding}, _PART_READ) | asked.proofs
        best, alike, is_complete = self._met(asked, proofs)
        if born_on is not None and not is_complete:
            best, alike = _judged(self._keys_of_day(born_on), asked, proofs)
        found = [
            FoundName(
                name,
                as_same_child(best[name_id], query.newborn, newborn_of(name))
                if is_marked or query.newborn
                else best[name_id],
            )
            for name_id, name, is_marked in self._names(best)
        ]
        unproven = [name_id for name_id in alike if name_id not in best or best[name_id].score <= PART]
        return _best_first([*found, *self._verified(query, unproven)])

    def names_written(self, wholes: Iterable[str]) -> list[str]:
        """Names that are one of these in some order of their words, without spaces."""
        having = self._having(sorted(f"={whole}" for whole in wholes))
        return sorted({name for _, name, _ in self._names(having)})

    def has_masked_names(self) -> bool:
        """Whether letters of any registered name are hidden."""
        return bool(self._starting("*", 1))

    def names_hidden(self, query: NameForms, wholes: Iterable[str] = ()) -> list[str]:
        """Masked names that may hide the query; of a masked query names that begin like it. To be checked.

        Args:
            query: a name.
            wholes: other spellings of it that may be hidden as well, without spaces.
        """
        if query.seen is None:
            found = self._having(name_keys.mask_keys({*query.wholes, *wholes}))
        else:
            found = [*self._having([f"*{query.seen}"])]
            found += self._starting(f"={query.seen}", MOST_COUNTED) if query.seen else []
        return [name for _, name, _ in self._names(found)]

    def names_in_other_scripts(self, query: NameForms) -> list[str]:
        """Names in another script than the query's that have its consonants, the most alike first."""
        if not is_other(query) and not self._starting("/", 1):
            return []  # as in most registries
        having = self._having(asked_other_keys(query))
        named = {name for _, name, _ in self._names(having)}
        alike = [(close, name) for name in named if (close := closeness(query, name_forms(name))) is not None]
        return [name for _, name in sorted(alike, key=lambda one: (-one[0], one[1]))]

    def names_of_consonants(self, query: NameForms) -> list[str]:
        """Some names with a Latin query's consonants, Muhammad Ahmed for Mohammed Ahmad. To be checked."""
        having = self._having(sorted(key for key in stored_other_keys(query) if key.startswith("$")))
        return [name for _, name, _ in self._names(having[:_MOST_BY_CONSONANTS])]

    def words_for(self, word: str, others: Iterable[str]) -> list[str]:
        """`registered_words.words_for` of this registry."""
        return words_for(self._connection, word, others)

    def names_near(self, query: NameForms) -> list[str]:
        """Names about one letter away, the closest first; names of the same given name too.

        Rough spellings are shared by many names and would crowd out those that share a key of their letters,
        so that these are looked for by themselves first.
        """
        letters = name_keys.asked_letter_keys(query)
        ids = self._sharing(letters) | self._sharing(name_keys.asked_near_keys(query))
        for start in name_keys.given_starts(query):
            ids.update(self._starting(start, _MOST_SHARING))
        listed = sorted(ids)
        named = f"SELECT patient_name, skeleton FROM patient_names WHERE name_id IN ({marks(listed)})"
        rows = self._connection.execute(named, listed) if listed else ()
        return closest(query, name_keys.skeletons(query), rows, farthest=1.0)

    def _sharing(self, keys: Iterable[int]) -> set[int]:
        """The names that share most of the near keys."""
        asked = sorted(keys)
        if not asked:
            return set()
        sharing = (
            f"SELECT name_id FROM near_keys WHERE near_key IN ({marks(asked)}) "
            "GROUP BY name_id ORDER BY count(*) DESC, name_id LIMIT ?"
        )
        return {row[0] for row in self._connection.execute(sharing, [*asked, _MOST_SHARING])}

    def names_near_of_day(self, query: NameForms, born_on: date) -> list[str]:
        """Names of patients born that day whose skeleton is not far from the query's."""
        rows = self._connection.execute(
            "SELECT patient_name, skeleton "
            "FROM patients CROSS JOIN patient_names USING (patient_name) WHERE patient_birth_date = ?",
            [born_on.isoformat()],
        )
        return closest(
            query, name_keys.skeletons(query), dict.fromkeys(map(tuple, rows)), farthest=_FAR_SKELETON
        )

    def _parts_sounding(self, query: NameForms) -> list[str]:
        """The registered parts of names that sound like the whole query."""
        sounds = sorted({coarse(reading) for reading in query.readings})[:_MOST_VERIFIED]
        if not sounds:
            return []
        alike = (
            f"SELECT DISTINCT part FROM name_sounds WHERE sound IN ({marks(sounds)}) LIMIT {_MOST_VERIFIED}"
        )
        parts = (part for (part,) in self._connection.execute(alike, sounds))
        return [part for part in parts if query.readings & part_readings(part)]

    def _met(
        self, asked: AskedKeys, proofs: dict[str, Likeness]
    ) -> tuple[dict[int, Likeness], list[int], bool]:
        """The names whose keys prove a likeness, those that only sound like the query, whether these are all.

        The best kinds come first; the weaker ones are not looked for when there are too many already.
        """
        best: dict[int, Likeness] = {}
        most = 0
        for like, keys in _by_score(proofs):
            having = self._having(keys)
            most = max(most, len(having))
            for name_id in having:
                best.setdefault(name_id, like)
        for name_id in self._having_all(asked.words):
            best.setdefault(name_id, _PART_SAID)
        for start in asked.starts:
            if len(best) > MOST_COUNTED:
                break
            for name_id in self._starting(start, MOST_COUNTED + 1):
                best.setdefault(name_id, _BEGINNING)
        alike = self._having(sorted(asked.sounds))
        return best, alike, max(most, len(best), len(alike)) <= min(MOST_COUNTED, _MOST_VERIFIED)

    def _keys_of_day(self, day: date) -> dict[int, set[str]]:
        """All keys of the names of patients born that day."""
        of_day = (  # a name's keys, which have no line breaks, in one row: a row each takes twice as long
            "SELECT name_id, group_concat(name_key, char(10)) FROM name_keys WHERE name_id IN ("
            "SELECT name_id FROM patients CROSS JOIN patient_names USING (patient_name) "
            "WHERE patient_birth_date = ?) GROUP BY name_id"
        )
        rows = self._connection.execute(of_day, [day.isoformat()])
        return {name_id: set(keys.split("\n")) for name_id, keys in rows}

    def _having(self, keys: Sequence[str]) -> list[int]:
        if not keys:
            return []
        having = f"SELECT name_id FROM name_keys WHERE name_key IN ({marks(keys)}) LIMIT ?"
        return [row[0] for row in self._connection.execute(having, [*keys, MOST_COUNTED + 1])]

    def _starting(self, start: str, limit: int) -> list[int]:
        # A range instead of LIKE: it uses the key and needs no escaping.
        starting = "SELECT name_id FROM name_keys WHERE name_key >= ? AND name_key < ? LIMIT ?"
        return [row[0] for row in self._connection.execute(starting, [start, start + "\U0010ffff", limit])]

    def _having_all(self, keys: Sequence[str]) -> list[int]:
        if not keys:
            return []
        rarest = self._rarest(keys)
        others = [key for key in keys if key != rarest]
        also = "AND EXISTS (SELECT 1 FROM name_keys a WHERE a.name_key = ? AND a.name_id = n.name_id) "
        having = (
            f"SELECT name_id FROM (SELECT name_id FROM name_keys WHERE name_key = ? LIMIT {_MOST_SCANNED}) n "
            f"WHERE 1 {also * len(others)} LIMIT {MOST_COUNTED + 1}"
        )
        return [row[0] for row in self._connection.execute(having, [rarest, *others])]

    def _rarest(self, keys: Sequence[str]) -> str:
        """The key that fewest names have: common ones are counted only as far as they may be the rarest."""
        count = "SELECT count(*) FROM (SELECT 1 FROM name_keys WHERE name_key = ? LIMIT ?)"
        rarest = keys[0]
        for at_most in (_FEW_SCANNED, _MOST_SCANNED):
            bearers = {key: self._connection.execute(count, [key, at_most]).fetchone()[0] for key in keys}
            rarest = min(keys, key=bearers.__getitem__)
            if bearers[rarest] < at_most:
                break
        return rarest

    def _names(self, name_ids: Iterable[int]) -> list[tuple[int, str, bool]]:
        listed = sorted(set(name_ids))
        if not listed:  # SQLite would look at every row to find it in no list
            return []
        named = f"SELECT name_id, patient_name, is_baby FROM patient_names WHERE name_id IN ({marks(listed)})"
        return [
            (name_id, name, bool(baby))
            for name_id, name, baby in self._connection.execute(named, listed)
            if is_stored_text(name)
        ]

    def _verified(self, query: NameForms, name_ids: Sequence[int]) -> list[FoundName]:
        """Names that sound like the query, compared in full: different names can share a coarse reading.

        Of which name the query is a part, other keys have told.
        """
        found: list[FoundName] = []
        known: dict[int, tuple[NameForms, Likeness | None]] = {}
        for _, name, _ in self._names(sorted(name_ids)[:_MOST_VERIFIED]):
            if _may_sound_like(query, name):
                forms = name_forms(name)  # one object for names that differ in capitals or commas alone
                if id(forms) not in known:
                    known[id(forms)] = forms, whole_likeness(query, forms)
                if like := known[id(forms)][1]:
                    found.append(FoundName(name, like))
        return found


def _may_sound_like(query: NameForms, name: str) -> bool:
    """False where a short name in Hangul, which has one reading, is certainly another; quick."""
    is_one_reading = len(name) <= 3 and is_hangul_word(name)  # too short for a title
    return not is_one_reading or by_sound(name) in query.readings


def _by_score(proofs: dict[str, Likeness]) -> list[tuple[Likeness, list[str]]]:
    """The keys in groups of one likeness, best first, so that a bound on one kind cuts no better one."""
    groups: dict[Likeness, list[str]] = {}
    for key, like in proofs.items():
        groups.setdefault(like, []).append(key)
    return [(like, sorted(groups[like])) for like in sorted(groups, key=_sureness, reverse=True)]


def _sureness(like: Likeness) -> tuple[float, bool]:
    """Of a part that is both said and read, as Ha of Hah Haram, it is told that it is said."""
    return like.score, like != _PART_READ


def _judged(
    keys: dict[int, set[str]], asked: AskedKeys, proofs: dict[str, Likeness]
) -> tuple[dict[int, Likeness], list[int]]:
    """The same as `SearchIndex._met`, for names whose keys are all known."""
    best: dict[int, Likeness] = {}
    words = set(asked.words)
    for name_id, met in keys.items():
        proven = [proofs[key] for key in met & proofs.keys()]
        if proven:
            best[name_id] = max(proven, key=_sureness)
        elif words and words <= met:
            best[name_id] = _PART_SAID
        elif any(key.startswith(asked.starts) for key in met):
            best[name_id] = _BEGINNING
    return best, [name_id for name_id, met in keys.items() if met & asked.sounds]


def _best_first(found: list[FoundName]) -> list[FoundName]:
    best: dict[str, FoundName] = {}
    for one in sorted(found, key=lambda f: (-f.likeness.score, f.patient_name)):
        best.setdefault(one.patient_name, one)
    return list(best.values())
