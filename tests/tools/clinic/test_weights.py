"""A clinic's weights: used, rolled back, written down; never worse ones unasked."""

import json
import shutil
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.weights import LEARNED, list_weights, roll_back, use_weights
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.registry.schema import reading
from pedaxr.storage.weights import weights_in_use
from pedaxr_models.checkpoint import weights_folder

from ..small_clinic import small_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return small_clinic(tmp_path / "clinic")


def learned(clinic: Clinic, name: str, verdict: str = "better") -> Path:
    folder = clinic.home / "weights" / name
    shutil.copytree(weights_folder("segmentation"), folder / "segmentation")
    (folder / LEARNED).write_text(json.dumps({"verdict": verdict}))
    return folder


def in_use(clinic: Clinic) -> list[str]:
    return [one.name for one in list_weights(clinic) if one.in_use]


def test_the_bundled_weights_are_in_use_until_others_are(clinic: Clinic) -> None:
    assert weights_in_use(clinic.home) is None and in_use(clinic) == ["bundled"]
    folder = learned(clinic, "learned-1")
    assert in_use(clinic) == ["bundled"], "being there is not being in use"
    used = use_weights("learned-1", clinic=clinic)
    assert used.networks == ("segmentation",) and used.verdict == "better"
    assert weights_in_use(clinic.home) == folder and in_use(clinic) == ["learned-1"]


def test_the_way_back_is_walked_step_by_step(clinic: Clinic, tmp_path: Path) -> None:
    first = learned(clinic, "learned-1")
    elsewhere = tmp_path / "runs" / "mine"
    shutil.copytree(weights_folder("segmentation"), elsewhere / "checkpoint")
    for name in ("learned-1", str(elsewhere), str(elsewhere)):
        use_weights(name, clinic=clinic)
    assert weights_in_use(clinic.home) == elsewhere
    assert roll_back(clinic=clinic).name == "learned-1" and weights_in_use(clinic.home) == first
    assert roll_back(clinic=clinic).name == "bundled" and weights_in_use(clinic.home) is None
    with pytest.raises(InvalidRequest, match="no way back"):
        roll_back(clinic=clinic)
    with reading(clinic.registry.path) as connection:
        rows = connection.execute("SELECT action, detail FROM audit WHERE action LIKE 'weights%'").fetchall()
    assert [tuple(row) for row in rows] == [
        ("weights_use", "learned-1"),
        ("weights_use", "mine"),
        ("weights_use", "mine"),
        ("weights_rollback", "learned-1"),
        ("weights_rollback", "bundled"),
    ]


def test_worse_weights_are_used_only_when_that_is_said(clinic: Clinic) -> None:
    learned(clinic, "learned-1", "worse")
    with pytest.raises(InvalidRequest, match="worse"):
        use_weights("learned-1", clinic=clinic)
    assert in_use(clinic) == ["bundled"]
    use_weights("learned-1", clinic=clinic, although_worse=True)
    assert in_use(clinic) == ["learned-1"]


@pytest.mark.parametrize("name", ["nothing", "..", "/nowhere/at/all", "learned-2"])
def test_weights_that_are_not_there_or_hold_nothing_are_refused(clinic: Clinic, name: str) -> None:
    (clinic.home / "weights" / "learned-2").mkdir(parents=True)
    with pytest.raises(InvalidRequest, match="weights"):
        use_weights(name, clinic=clinic)
    assert in_use(clinic) == ["bundled"]


def test_damaged_weights_are_not_put_in_use(clinic: Clinic) -> None:
    (learned(clinic, "learned-1") / "segmentation" / "config.json").write_text("{}")
    with pytest.raises(InvalidRequest, match="SHA-256"):
        use_weights("learned-1", clinic=clinic)


def test_a_damaged_choice_stops_the_reading_instead_of_taking_other_weights(clinic: Clinic) -> None:
    (clinic.home / "weights").mkdir()
    (clinic.home / "weights" / "in_use.json").write_text("{")
    with pytest.raises(StorageError, match="damaged"):
        weights_in_use(clinic.home)
