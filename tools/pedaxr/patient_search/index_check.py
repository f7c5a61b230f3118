"""Is every child found by name, and nobody by a name that is theirs no more? The index against the rows."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator

from pedaxr.patient_search import index_keys as name_keys
from pedaxr.patient_search.name_forms import NameForms, name_forms
from pedaxr.records import is_stored_text

_Entry = tuple[str, bool, frozenset[object], frozenset[object]]  # skeleton, a baby's, keys, near keys


def index_faults(connection: sqlite3.Connection) -> tuple[int, list[str]]:
    """How many names the index should hold, and what is wrong with it, by patient id; no name is repeated."""
    bearers = _bearers(connection)
    stored, sounds = _stored(connection), set[tuple[str, str]]()
    faults = []
    for name, patient_id in bearers.items():
        forms = name_forms(name)
        sounds |= name_keys.stored_sounds(forms)
        if (entry := stored.pop(name, None)) is None:
            faults.append(f"patient {patient_id!r} is not in the search index")
        elif entry != _expected(forms):
            faults.append(f"patient {patient_id!r} is in the search index with other keys")
    if stored:
        faults.append(f"Names in the search index that are nobody's: {len(stored)}")
    if sounds != set(connection.execute("SELECT sound, part FROM name_sounds")):
        faults.append("the sounds in the search index are not those of the names")
    return len(bearers), faults


def _bearers(connection: sqlite3.Connection) -> dict[str, str]:
    """Each name with the first id of those who bear it; of damaged cells another check tells."""
    rows = connection.execute("SELECT patient_name, min(patient_id) FROM patients GROUP BY patient_name")
    return {name: str(patient_id) for name, patient_id in rows if is_stored_text(name)}


def _expected(forms: NameForms) -> _Entry:
    return (
        name_keys.name_skeleton(forms),
        forms.newborn is not None,
        frozenset(name_keys.stored_keys(forms)),
        frozenset(name_keys.stored_near_keys(forms)),
    )


def _stored(connection: sqlite3.Connection) -> dict[str, _Entry]:
    keys = _by_name(connection.execute("SELECT name_id, name_key FROM name_keys"))
    near = _by_name(connection.execute("SELECT name_id, near_key FROM near_keys"))
    rows = connection.execute("SELECT name_id, patient_name, skeleton, is_baby FROM patient_names")
    found = {
        str(name): (str(skeleton), bool(is_baby), frozenset(keys.pop(at, ())), frozenset(near.pop(at, ())))
        for at, name, skeleton, is_baby in rows
    }
    return found | dict(_orphans(keys, near))


def _orphans(*tables: dict[int, set[object]]) -> Iterator[tuple[str, _Entry]]:
    """Keys that lead to no name, under names that nobody can have."""
    for at in set().union(*tables):
        yield f"\0{at}", ("", False, frozenset(), frozenset())


def _by_name(rows: Iterable[tuple[int, object]]) -> dict[int, set[object]]:
    found: dict[int, set[object]] = defaultdict(set)
    for at, key in rows:
        found[at].add(key)
    return found
