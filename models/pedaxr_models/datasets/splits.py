"""Train, validation and test: by patient, never by film, in equal shares of each class, and written down."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pedaxr_models.datasets.film import Film
from pedaxr_models.labels import NORMAL, URGENCY

SPLITS = ("train", "validation", "test")
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
    films: Iterable[Film], *, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0
) -> list[Film]:
    """Give every film a split, whatever it had; the order of the films does not matter.

    Args:
        films: of any number of patients.
        fractions: shares of patients in `SPLITS`, summing to one.
        seed: another seed shuffles the patients otherwise.

    Raises:
        ValueError: the fractions are no shares of one.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError("The fractions of the splits must not be negative and must sum to 1.")
    listed = list(films)
    split_of: dict[str, str] = {}
    for label, patients in _patients_by_label(listed).items():
        split_of |= _divided(patients, label, fractions, seed)
    return [replace(film, split=split_of[patient_key(film)]) for film in listed]


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


def _divided(
    patients: list[str], label: str, fractions: tuple[float, float, float], seed: int
) -> dict[str, str]:
    """The patients of one label shuffled and cut; the random stream belongs to the label alone."""
    stream = int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "little")
    order = np.random.default_rng([seed, stream]).permutation(len(patients))
    edges = np.round(np.cumsum(fractions) * len(patients)).astype(int)
    places = np.searchsorted(edges, np.arange(len(patients)), side="right")
    return {patients[i]: SPLITS[min(place, 2)] for i, place in zip(order, places, strict=True)}


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
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_splits(path: Path, films: Iterable[Film]) -> list[Film]:
    """Give films the splits that were written; a patient that is not there keeps none."""
    document = json.loads(path.read_text(encoding="utf-8"))
    split_of = {key: name for name, keys in document["patients"].items() for key in keys}
    return [replace(film, split=split_of.get(patient_key(film))) for film in films]
