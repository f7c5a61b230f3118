"""Who of the corrected films is learned from, who validates, who is held out: by child, and for ever.

A child who was once held out is never learned from, and the other way round: the file remembers children
whose films are gone. Films with a class alone say that a finding is there and not where: they set operating
points and are measured on.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.storage.files import disk_errors, replace_durably
from pedaxr.text import counted
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.splits import SPLITS, assign_splits, patient_key

_log = logging.getLogger(__name__)
SHARES = (0.55, 0.15, 0.3)
SHARES_WITH_HELD_OUT = (0.8, 0.2, 0.0)
SHARES_OF_CLASSES = (0.0, 0.33, 0.67)  # children of whom only classes are known
CLASSES_WITH_HELD_OUT = (0.0, 1.0, 0.0)


def divide(films: Sequence[Film], file: Path, *, all_learn: bool, seed: int = 0) -> dict[str, list[Film]]:
    """The films by split; children that are new are drawn, in equal shares of each label.

    Args:
        films: corrected, or with a class alone.
        file: who is where, read and written.
        all_learn: whether other films are held out, so that none of these is.
        seed: of the drawing.

    Raises:
        InvalidRequest: too few children to learn from one and validate on another.
        StorageError: the file is damaged or cannot be written.
    """
    sides = _read(file)
    known = [film for film in films if patient_key(film) in sides]
    new = [film for film in films if patient_key(film) not in sides]
    drawn = _drawn(new, all_learn=all_learn, seed=seed)
    placed = [*(replace(film, split=sides[patient_key(film)]) for film in known), *drawn]
    by_split = {name: [film for film in placed if film.split == name] for name in SPLITS}
    by_split["train"] = [film for film in by_split["train"] if film.labelled_channels]
    if not by_split["train"] or not by_split["validation"]:
        children = counted(len(set(map(patient_key, films))), "child")
        raise InvalidRequest(
            "Too few to learn from some and choose thresholds on others: "
            f"{counted(len(films), 'corrected film')} of {children}. Correct films of more children."
        )
    _write(file, sides | {patient_key(film): film.split or "train" for film in drawn})
    return by_split


def _drawn(new: Sequence[Film], *, all_learn: bool, seed: int) -> list[Film]:
    taught = {patient_key(film) for film in new if film.labelled_channels}
    teaching = [film for film in new if patient_key(film) in taught]
    others = [film for film in new if patient_key(film) not in taught]
    shares = SHARES_WITH_HELD_OUT if all_learn else SHARES
    of_classes = CLASSES_WITH_HELD_OUT if all_learn else SHARES_OF_CLASSES
    return [
        *assign_splits(teaching, fractions=shares, seed=seed),
        *assign_splits(others, fractions=of_classes, seed=seed),
    ]


def check_apart(held_out: Sequence[Film], learned: Sequence[Film]) -> None:
    """Raises InvalidRequest: films to measure on are of children, or are pictures, that teach."""
    children = {key for film in learned if not (key := patient_key(film)).startswith("file ")}
    pictures = {_digest(film) for film in learned}
    both = [film for film in held_out if patient_key(film) in children or _digest(film) in pictures]
    if both:
        raise InvalidRequest(
            f"Of {counted(len(held_out), 'film')} to measure on, {len(both)} would prove nothing: of "
            "children who are learned from, or the very pictures. Leave them out of --held-out, or tell "
            "namesakes apart by the column PatientID."
        )


def not_yet_there(more: Sequence[Film], films: Sequence[Film]) -> list[Film]:
    """Those of `more` whose very picture is neither among the films nor earlier among themselves.

    A picture under two names would be learned from under one and measured on under the other.
    """
    seen = {_digest(film) for film in films}
    new = []
    for film in more:
        if (digest := _digest(film)) not in seen:
            seen.add(digest)
            new.append(film)
    if twice := len(more) - len(new):
        _log.warning(
            "%d films of --data were left out: they are among the corrected films, or there twice", twice
        )
    return new


def _digest(film: Film) -> str:
    return hashlib.sha256(film.image_path.read_bytes()).hexdigest()


def _read(file: Path) -> dict[str, str]:
    try:
        sides = json.loads(file.read_bytes())["children"]
        return {str(key): str(side) for side, keys in sides.items() for key in keys}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise StorageError(
            f"{file.name} in the clinic's folder is damaged: it says which children are held out. Restore it "
            "from a backup; without it a child who was learned from may be measured on."
        ) from err


def _write(file: Path, sides: dict[str, str]) -> None:
    by_side = {side: sorted(key for key, of in sides.items() if of == side) for side in SPLITS}
    with disk_errors():
        file.parent.mkdir(parents=True, exist_ok=True)
        document = json.dumps({"children": by_side}, ensure_ascii=False, indent=1)
        replace_durably(file, (document + "\n").encode())
