"""Data sets on disk."""

import csv
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr_models.captioning.facts import FilmFacts
from pedaxr_models.datasets.film import read_masks, unpack_masks
from pedaxr_models.labels import LABELS
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.phantom.dataset import split_of, write_dataset
from pedaxr_models.phantom.metadata import birth_date_for, dicom_age, months_between, sample_metadata


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_data_set_can_be_interrupted_and_comes_out_the_same(tmp_path: Path) -> None:
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    table = write_dataset(whole, count=3, seed=4)
    seen: list[tuple[int, int]] = []
    write_dataset(resumed, count=2, seed=4)
    (resumed / "rows" / "000001.json").unlink()  # killed between mask and row
    write_dataset(resumed, count=3, seed=4, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 3), (3, 3)]
    assert contents(whole).keys() == contents(resumed).keys()
    for name, data in contents(whole).items():
        assert name.endswith(".npz") or data == contents(resumed)[name], name
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 3
    film = make_film(sample_spec(4, 1))
    assert FilmFacts.from_json(json.loads(rows[1]["Facts"])) == film.facts
    stored = unpack_masks(read_masks(whole / rows[1]["MaskPath"]))
    assert np.array_equal(stored, np.stack(list(film.masks.values())))
    assert "synthetic" in (whole / "DATA_CARD.md").read_text(encoding="utf-8")


def test_a_folder_of_another_seed_is_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path, count=0, seed=1)
    with pytest.raises(ValueError, match="another seed"):
        write_dataset(tmp_path, count=0, seed=2)


def test_patients_never_change_split() -> None:
    names = [split_of(f"SYN{i}") for i in range(2000)]
    assert 0.75 < names.count("train") / 2000 < 0.85
    assert split_of("SYN5") == split_of("SYN5")


@given(st.dates(date(2019, 1, 1), date(2025, 12, 31)), st.floats(0, 192))
def test_birth_dates_agree_with_ages(study: date, age_months: float) -> None:
    birth = birth_date_for(study, age_months)
    assert birth <= study
    assert abs(months_between(birth, study) - age_months) < 0.2
    assert len(dicom_age(age_months, birth, study)) == 4


def test_working_diagnoses_are_right_less_than_half_the_time() -> None:
    given_ = [sample_metadata(sample_spec(0, i), LABELS[i % 6]).working_diagnosis for i in range(1000)]
    right = np.mean([g == LABELS[i % 6] for i, g in enumerate(given_)])
    assert 0.40 < right < 0.50
    assert 0.30 < np.mean([g is None for g in given_]) < 0.40
