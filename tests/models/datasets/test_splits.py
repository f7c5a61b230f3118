"""No patient is on two sides."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedaxr_models.datasets.film import Film, FilmMetadata
from pedaxr_models.datasets.splits import (
    SPLITS,
    assign_splits,
    complete_splits,
    patient_key,
    read_splits,
    write_splits,
)
from pedaxr_models.labels import LABELS

FRACTIONS = (0.8, 0.1, 0.1)


def films(count: int, patients: int) -> list[Film]:
    return [
        Film(Path(f"{i}.png"), LABELS[i % patients % 6], metadata=FilmMetadata(patient_id=f"P{i % patients}"))
        for i in range(count)
    ]


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from([*LABELS, None])), max_size=80), st.integers(0, 99)
)
def test_a_patient_is_on_one_side_whatever_the_order(rows: list[tuple[int, str | None]], seed: int) -> None:
    listed = [
        Film(Path(f"{i}.png"), label, metadata=FilmMetadata(patient_id=f"P{patient}"))
        for i, (patient, label) in enumerate(rows)
    ]
    divided = assign_splits(listed, seed=seed)
    sides = {(patient_key(film), film.split) for film in divided}
    assert len(sides) == len({key for key, _ in sides})
    again = assign_splits(reversed(listed), seed=seed)
    assert {film.image_path: film.split for film in again} == {
        film.image_path: film.split for film in divided
    }


def test_each_class_has_its_share_on_each_side() -> None:
    divided = assign_splits(films(1200, 600))
    counts = Counter((film.label, film.split) for film in divided)
    for label in LABELS:
        assert [counts[label, side] for side in SPLITS] == [160, 20, 20]


def test_another_seed_divides_otherwise() -> None:
    one, other = (assign_splits(films(300, 300), seed=seed) for seed in (0, 1))
    assert [film.split for film in one] != [film.split for film in other]


def test_films_of_one_name_stay_together_without_an_id() -> None:
    listed = [
        Film(Path(f"{i}.png"), "normal", metadata=FilmMetadata(patient_name="김민준 ")) for i in range(20)
    ]
    assert len({film.split for film in assign_splits(listed)}) == 1


def test_splits_are_written_and_read_back(tmp_path: Path) -> None:
    divided = assign_splits(films(60, 40), seed=3)
    write_splits(tmp_path / "splits.json", divided, seed=3, fractions=FRACTIONS)
    assert json.loads((tmp_path / "splits.json").read_text())["seed"] == 3
    assert read_splits(tmp_path / "splits.json", films(60, 40)) == divided
    with pytest.raises(ValueError, match="needs a split"):
        write_splits(tmp_path / "x.json", films(1, 1), seed=0, fractions=FRACTIONS)


def test_fractions_must_be_shares_of_one() -> None:
    for fractions in ((0.5, 0.1, 0.1), (1.2, -0.1, -0.1)):
        with pytest.raises(ValueError, match="sum to 1"):
            assign_splits([], fractions=fractions)


def test_a_few_patients_of_many_classes_make_every_split() -> None:
    assert {film.split for film in assign_splits(films(12, 12))} == set(SPLITS)


def test_a_split_of_the_source_stands_and_its_patients_follow_it() -> None:
    listed = films(40, 20)
    listed[0], listed[1] = replace(listed[0], split="test"), replace(listed[1], split="validation")
    placed = complete_splits(listed)
    assert [film.split for film in placed[:2]] == ["test", "validation"]
    assert [film.split for film in placed[20:22]] == ["test", "validation"], "of the same patients"
    assert all(len({f.split for f in placed if patient_key(f) == patient_key(film)}) == 1 for film in placed)


def test_patients_stay_where_they_were_when_films_are_added(tmp_path: Path) -> None:
    written = tmp_path / "splits.json"
    before = {patient_key(film): film.split for film in complete_splits(films(60, 60), written)}
    after = {patient_key(film): film.split for film in complete_splits(films(200, 200), written)}
    assert before.items() <= after.items()
    moved = {patient_key(film): film.split for film in complete_splits(films(200, 200))}
    assert not before.items() <= moved.items(), "without the file they would have been dealt out again"
    assert json.loads(written.read_text())["patients"].keys() == set(SPLITS)
    assert [path.name for path in tmp_path.iterdir()] == ["splits.json"]


def test_a_patient_whom_the_source_tears_apart_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    torn = [replace(film, split=split) for film, split in zip(films(2, 1), ("train", "test"), strict=True)]
    assert [film.split for film in complete_splits([*torn, films(1, 1)[0]])] == ["train", "test", "train"]
    assert "1 patients on more than one side" in caplog.text
