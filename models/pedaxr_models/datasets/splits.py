"""Train, validation and test: by patient, never by film, in equal shares of each class, and written down."""

import hashlib
import json
import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pedaxr_models.datasets.film import Film
from pedaxr_models.labels import NORMAL, URGENCY

SPLITS = ("train", "validation", "test")
FRACTIONS = (0.8, 0.1, 0.1)
_log = logging.getLogger(__name__)
_RANK = {label: rank for rank, label in enumerate([*(finding.value for finding in URGENCY), NORMAL])}


def patient_key(film: Film) -> str:
    """What tells this film's patient from others: the id, else the name, else the file itself.

    Without an id, films of one name are one patient: that may put two children on one side, which does no
    harm, but not one child on two.
    """
    meta = film.metadata
    if meta.patient_id:
        return f"id {meta.patient_id}"
    if meta.patient_name:
        return f"name {meta.patient_name.strip().casefold()}"
    return f"file {film.image_path.name}"


def assign_splits(
    films: Iterable[Film], *, fractions: tuple[float, float, float] = FRACTIONS, seed: int = 0
) -> list[Film]:
    """Give every film a split, whatever it had; the order of the films does not matter.

    Each class is dealt out in the wanted shares, and the remainder goes to the next class, so that a
    few films make a validation split as well.

    Args:
        films: of any number of patients.
        fractions: shares of patients in `SPLITS`, summing to one.
        seed: another seed shuffles the patients otherwise.

    Raises:
        ValueError: the fractions are not shares of one.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError("The fractions of the splits must not be negative and must sum to 1.")
    listed = list(films)
    split_of: dict[str, str] = {}
    dealt = np.zeros(len(SPLITS))
    for label, patients in sorted(_patients_by_label(listed).items()):
        for key in _shuffled(patients, label, seed):
            place = int(np.argmax(np.array(fractions) * (len(split_of) + 1) - dealt))  # the one most behind
            dealt[place] += 1
            split_of[key] = SPLITS[place]
    return [replace(film, split=split_of[patient_key(film)]) for film in listed]


def complete_splits(films: Iterable[Film], written: Path | None = None, *, seed: int = 0) -> list[Film]:
    """Films with a split each: their own, else their patient's, else one that is drawn.

    Args:
        films: some, all or none of them have a split.
        written: JSON that keeps who is where: read where it exists, so that a patient stays when films are
            added, and rewritten.
        seed: of the drawing.
    """
    listed = list(films)
    side_of = (_written_sides(written) if written and written.is_file() else {}) | _sides(listed)
    placed = [film if film.split else replace(film, split=side_of.get(patient_key(film))) for film in listed]
    drawn = assign_splits((film for film in placed if not film.split), seed=seed)
    side_of |= {patient_key(film): film.split or "" for film in drawn}
    placed = [film if film.split else replace(film, split=side_of[patient_key(film)]) for film in placed]
    if written:
        write_splits(written, placed, seed=seed, fractions=FRACTIONS)
    return placed


def _sides(films: Sequence[Film]) -> dict[str, str]:
    """Where the source puts each patient; one whom it puts on several sides counts as trained on."""
    found: dict[str, set[str]] = defaultdict(set)
    for film in films:
        if film.split:
            found[patient_key(film)].add(film.split)
    torn = [key for key, sides in found.items() if len(sides) > 1 and not key.startswith("file ")]
    if torn:
        _log.warning("The data set has films of %d patients on more than one side of its split.", len(torn))
    return {key: min(sides, key=SPLITS.index) for key, sides in found.items()}


def _written_sides(path: Path) -> dict[str, str]:
    """Raises ValueError: the file is not what `write_splits` wrote."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {key: name for name, keys in document["patients"].items() for key in keys}
    except (ValueError, LookupError, TypeError, AttributeError) as err:
        raise ValueError(
            f"{path.parent.name}/{path.name}, which says who was trained on, is damaged. Copy it again, or "
            "give another folder to train in."
        ) from err


def _patients_by_label(films: Sequence[Film]) -> dict[str, list[str]]:
    """Patients, sorted, under the most urgent label that any of their films has."""
    label_of: dict[str, str] = {}
    for film in films:
        key, label = patient_key(film), film.label or NORMAL
        label_of[key] = min(label, label_of.get(key, label), key=lambda name: _RANK[name])
    patients: dict[str, list[str]] = defaultdict(list)
    for key in sorted(label_of):
        patients[label_of[key]].append(key)
    return patients


def _shuffled(patients: list[str], label: str, seed: int) -> list[str]:
    """The patients of one label in the order they are dealt; the random stream belongs to the label alone."""
    stream = int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "little")
    return [patients[i] for i in np.random.default_rng([seed, stream]).permutation(len(patients))]


def write_splits(
    path: Path, films: Iterable[Film], *, seed: int, fractions: tuple[float, float, float]
) -> None:
    """Write who is where as JSON, with how it was drawn."""
    members: dict[str, set[str]] = {name: set() for name in SPLITS}
    for film in films:
        if film.split not in members:
            raise ValueError("Every film needs a split before the splits are written.")
        members[film.split].add(patient_key(film))
    document = {"seed": seed, "fractions": fractions, "patients": {k: sorted(v) for k, v in members.items()}}
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # several processes of one training write it
    part.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_splits(path: Path, films: Iterable[Film]) -> list[Film]:
    """Give films the splits that were written; a patient that is not there keeps none."""
    split_of = _written_sides(path)
    return [replace(film, split=split_of.get(patient_key(film))) for film in films]
