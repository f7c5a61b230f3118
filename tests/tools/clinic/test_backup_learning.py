"""What a clinic has learned survives a backup: weights, which are in use, the way back, who is held out."""

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from pedaxr.clinic import Clinic
from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.backup_file import MANIFEST
from pedaxr.clinic.weights import list_weights, roll_back
from pedaxr.errors import StorageError
from pedaxr.learning.divide import divide
from pedaxr.storage.weights import Used, history, weights_in_use, write_history
from pedaxr_models.datasets.film import Film, FilmMetadata
from pedaxr_server.cli import main

from ..small_clinic import small_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """One that learned twice and uses the second weights."""
    clinic = small_clinic(tmp_path / "home")
    for name in ("learned-1", "학습-2"):
        for file in ("segmentation/manifest.json", "graphs/segmentation-0.graph", "learned.json"):
            path = clinic.home / "weights" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{name} {file}".encode())
    write_history(clinic.home, [Used("bundled", ""), Used("learned-1", "2026"), Used("학습-2", "2027")])
    return clinic


def content(home: Path, folder: str) -> dict[str, bytes]:
    below = home / folder
    return {p.relative_to(home).as_posix(): p.read_bytes() for p in below.rglob("*") if p.is_file()}


def films(first: int) -> list[Film]:
    known = frozenset({"constipation"})
    of = (FilmMetadata(patient_id=f"C{first + n}") for n in range(20))
    return [Film(Path(f"{one.patient_id}.png"), None, metadata=one, labelled_channels=known) for one in of]


def test_a_restored_clinic_reads_with_the_same_weights_and_knows_the_way_back(
    clinic: Clinic, tmp_path: Path
) -> None:
    copied = back_up(clinic, tmp_path / "b.zip")
    again = restore(tmp_path / "b.zip", tmp_path / "new")
    assert copied.weights_left_out == () and len(content(clinic.home, "weights")) == 7
    assert content(again.home, "weights") == content(clinic.home, "weights")
    assert weights_in_use(again.home) == again.home / "weights" / "학습-2"
    assert [one.name for one in list_weights(again) if one.in_use] == ["학습-2"]
    write_history(again.home, history(again.home)[:2])
    assert roll_back(clinic=again).name == "bundled"


def test_children_who_were_held_out_stay_so_in_the_restored_clinic(clinic: Clinic, tmp_path: Path) -> None:
    """Control: without the file the same draw with another seed holds out others."""
    file = "learning/children.json"
    held_out = {
        film.metadata.patient_id for film in divide(films(0), clinic.home / file, all_learn=False)["test"]
    }
    back_up(clinic, tmp_path / "b.zip")
    again = restore(tmp_path / "b.zip", tmp_path / "new")
    found = divide([*films(0), *films(20)], again.home / file, all_learn=False, seed=7)["test"]
    assert held_out <= {film.metadata.patient_id for film in found}
    control = divide([*films(0), *films(20)], tmp_path / "none.json", all_learn=False, seed=7)["test"]
    assert not held_out <= {film.metadata.patient_id for film in control}


def test_what_is_half_written_or_a_link_is_no_part_of_a_backup(clinic: Clinic, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "canary").write_text("CANARY")
    weights = clinic.home / "weights"
    (weights / ".learned-3").mkdir()
    (weights / ".learned-3" / "half").write_text("CANARY")
    (weights / "linked").symlink_to(secret)
    (weights / "learned-1" / "file").symlink_to(secret / "canary")
    (clinic.home / "learning" / "run-1").mkdir(parents=True)
    (clinic.home / "learning" / "run-1" / "state.pt").write_text("CANARY")
    write_history(clinic.home, [Used("linked", ""), Used(str(secret), ""), Used("learned-1", "")])
    copied = back_up(clinic, tmp_path / "b.zip")
    assert copied.weights_left_out == ("linked", str(secret))
    assert b"CANARY" not in (tmp_path / "b.zip").read_bytes()


def test_a_clinic_that_never_learned_is_backed_up_as_before(tmp_path: Path) -> None:
    """Older versions of pedaxr restore it."""
    back_up(small_clinic(tmp_path / "home"), tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert json.loads(archive.read(MANIFEST))["format"] == 1
    assert weights_in_use(restore(tmp_path / "b.zip", tmp_path / "new").home) is None


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "..", "./a"])
def test_a_choice_that_leads_out_of_the_folder_is_damaged(clinic: Clinic, name: str) -> None:
    """A backup is a file that comes from elsewhere."""
    write_history(clinic.home, [Used(name, "")])
    with pytest.raises(StorageError, match="damaged"):
        weights_in_use(clinic.home)


def test_the_commands_say_which_weights_were_left_out_and_are_missing(clinic: Clinic, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine"
    elsewhere.mkdir()
    write_history(clinic.home, [Used(str(elsewhere), "")])
    run = CliRunner().invoke
    packed = run(
        main, ["backup", str(tmp_path / "b.zip"), "--home", str(clinic.home)], catch_exceptions=False
    )
    assert f"copy them too: {elsewhere}" in packed.stderr
    elsewhere.rmdir()
    unpacked = run(main, ["restore", str(tmp_path / "b.zip"), "--into", str(tmp_path / "new")])
    assert unpacked.exit_code == 0 and "3 films" in unpacked.output and "weights mine" in unpacked.output
    assert f"copy them to {elsewhere}" in unpacked.stderr
