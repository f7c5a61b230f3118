"""Do two versions of this program read films alike? Outlines, measures and reports of the same films.

    python benchmarks/reading_parity.py --data data/films --write before.pkl       # in a checkout of the one
    python benchmarks/reading_parity.py --data data/films --compare before.pkl     # in the other

Ends with code 1 where the Dice of any channel on any film is under 0.998, or fewer than 99.5 % of the reports
are identical in every field that both versions have, but for when they were made and for the id, which is a
digest of the operating points as well. Numbers are the same within one in 10,000: a graph that computes in
another order differs in the last bits.
"""

import math
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
from measuring import arguments, publish

from pedaxr.errors import PedaxrError
from pedaxr.reading.read_film import find_source, forget_films, read_film
from pedaxr.reports.generate_report import generate_report
from pedaxr_models.datasets import read_films

LEAST_DICE, LEAST_EQUAL = 0.998, 0.995
_SAME = 1e-4
Read = tuple[dict[str, np.ndarray] | None, dict[str, Any]]


def read_one(path: Path) -> Read:
    """Masks by channel, in bits, and the report; of a refused film its refusal."""
    forget_films()
    try:
        report = generate_report(file=path).model_dump(mode="json", exclude={"created_at", "report_id"})
    except PedaxrError as err:
        return None, {"refused": f"{err} [{err.code}]"}
    masks = read_film(find_source(None, path, None)).outlines.masks
    return {name: np.packbits(mask) for name, mask in masks.items()}, report


def least_dice(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Of all channels."""
    scores = [1.0]
    for name, packed in one.items():
        mask, second = np.unpackbits(packed), np.unpackbits(other[name])
        total = int(mask.sum()) + int(second.sum())
        scores += [2 * int((mask & second).sum()) / total] if total else []
    return min(scores)


def is_equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """In every field that both have; a refusal equals the same refusal alone."""
    shared = one.keys() & other.keys()
    return bool(shared) and all(is_same(one[name], other[name]) for name in shared)


def is_same(one: object, other: object) -> bool:
    """Of two values from JSON; see above for numbers."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_SAME, abs_tol=_SAME)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return one == other


def main() -> None:
    """Write, or compare and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/films"))
    parser.add_argument("--films", type=int, default=60)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--write", type=Path, metavar="FILE")
    which.add_argument("--compare", type=Path, metavar="FILE", help="a file that --write made, of your own")
    given = parser.parse_args()
    films = read_films(given.data)
    paths = [film.image_path for film in films[:: max(1, len(films) // given.films)]][: given.films]
    found = {path.name: read_one(path) for path in paths}
    if given.write:
        given.write.write_bytes(pickle.dumps(found))
        return
    before: dict[str, Read] = pickle.loads(given.compare.read_bytes())
    pairs = [(before[name], found[name]) for name in found if name in before]
    scores = [least_dice(a[0], b[0]) if a[0] and b[0] else float(a[0] is b[0]) for a, b in pairs]
    equal = float(np.mean([is_equal(a[1], b[1]) for a, b in pairs]))
    row = {"films": len(pairs), "least Dice of any channel": min(scores), "identical reports": equal}
    publish("versions", {}, {"Two versions of the program": [row]}, given)
    sys.exit(int(min(scores) < LEAST_DICE or equal < LEAST_EQUAL))


if __name__ == "__main__":
    main()
