"""The demo clinic is whole or absent, the same for the same seed, and holds the cases that go wrong."""

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest

from pedaxr.clinic import Clinic, default_home, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo import clinic as demo_clinic
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.films import make_one
from pedaxr.demo.patients import DEMO_AMBIGUOUS_NAME, DEMO_UNAMBIGUOUS_NAME, FEWEST_PATIENTS, demo_films
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import LABELS, View
from pedaxr_models.phantom.spec import FilmSpec


@dataclass
class QuickFilm:
    """Stands in for a made film where the picture does not matter."""

    spec: FilmSpec
    pixel_spacing_mm: tuple[float, float] = (0.5, 0.5)

    @property
    def pixels(self) -> np.ndarray:
        rng = np.random.default_rng(self.spec.index)
        return rng.integers(0, 255, (32, 32), np.uint8)

    @property
    def label(self) -> str:
        return self.spec.label

    @property
    def metadata(self) -> FilmMetadata:
        return FilmMetadata(indication="vomiting")


@pytest.fixture
def quick_films(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pedaxr_models.phantom.make_film", QuickFilm)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pedaxr_models.phantom.make_film", QuickFilm)
        return create_demo_clinic(tmp_path_factory.mktemp("made") / "home", processes=1).home


@pytest.fixture
def clinic(made: Path, tmp_path: Path) -> Clinic:
    """A copy for one test."""
    return open_clinic(shutil.copytree(made, tmp_path / "home"))


def films(clinic: Clinic) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(clinic.films.iterdir())}


def test_the_clinic_has_sixty_children_and_every_label(clinic: Clinic) -> None:
    counts = clinic.registry.counts()
    assert counts["patients"] == 60 and counts["studies"] >= 65
    labels = Counter(film.spec.label for film in demo_films(60, 0))
    assert set(labels) == set(LABELS) and min(labels.values()) >= 5


def test_one_name_is_unambiguous_and_one_is_not(clinic: Clinic) -> None:
    for query in (DEMO_UNAMBIGUOUS_NAME, "Yoon Haram"):
        found = find_patient(query, clinic=clinic)
        assert (found.status, found.matches[0].patient_name) == ("one_match", DEMO_UNAMBIGUOUS_NAME)
        assert len(found.matches[0].studies) == 2
    found = find_patient(DEMO_AMBIGUOUS_NAME, clinic=clinic)
    assert found.status == "several_matches"
    assert len({match.patient_sex for match in found.matches}) == 1
    assert len({match.patient_birth_date for match in found.matches}) == found.total


def test_the_cast_holds_namesakes_twins_a_baby_and_earlier_films(clinic: Clinic) -> None:
    namesakes = [
        name
        for name in ("김민준", "이서연", "박지우", "Emma Wilson")
        if find_patient(name, clinic=clinic).total > 1
    ]
    assert len(namesakes) >= 3
    twins = find_patient("2021-09-14", clinic=clinic)
    assert twins.total == 2
    assert "born that day" in find_patient("정하윤", clinic=clinic).next_step
    assert find_patient("Choi Yuna", clinic=clinic).status == "no_match"
    assert find_patient("Baby of Choi Yuna", clinic=clinic).status == "one_match"
    studies = [
        clinic.registry.studies(m.patient_id)
        for q in ("강이든", "Omar Haddad", "송아린")
        for m in find_patient(q, clinic=clinic).matches
    ]
    assert all(len(clinic.registry.earlier_studies(listed[0].study_id)) == 2 for listed in studies)


def test_every_film_is_on_disk_with_the_registered_hash(clinic: Clinic) -> None:
    assert {path.suffix for path in clinic.films.iterdir()} == {".dcm"}
    for film in demo_films(60, 0):
        study = clinic.registry.study(film.study_id)
        assert read_radiograph(study.image_path).sha256 == study.image_sha256
        assert study.age_months == pytest.approx(film.spec.age_months)
        assert study.patient_birth_date is not None and study.study_date is not None


def test_making_it_again_returns_at_once_and_changes_nothing(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.stat().st_mtime_ns for path in clinic.home.rglob("*")}
    monkeypatch.setattr(demo_clinic, "_build_demo", None)
    assert create_demo_clinic(clinic.home, seed=5).registry.counts() == clinic.registry.counts()
    assert {path: path.stat().st_mtime_ns for path in clinic.home.rglob("*")} == before


def test_the_same_seed_gives_the_same_clinic_and_another_seed_another(
    tmp_path: Path, quick_films: None
) -> None:
    one, same, other = (
        create_demo_clinic(tmp_path / name, patients=20, seed=seed, processes=1)
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert films(one) == films(same)
    assert films(one).keys() != films(other).keys()


def test_a_failure_half_way_leaves_nothing_behind(tmp_path: Path, quick_films: None) -> None:
    def fail(done: int, _: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_demo_clinic(tmp_path / "home", processes=1, progress=fail)
    assert list(tmp_path.iterdir()) == []
    create_demo_clinic(tmp_path / "home", patients=FEWEST_PATIENTS, processes=1)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_progress_counts_every_film(tmp_path: Path, quick_films: None) -> None:
    seen: list[tuple[int, int]] = []
    create_demo_clinic(tmp_path / "home", patients=20, processes=1, progress=lambda *at: seen.append(at))
    assert seen == [(n + 1, len(seen)) for n in range(len(seen))]


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, quick_films: None) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(StorageError, match="something else"):
        create_demo_clinic(tmp_path, processes=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_is_used(tmp_path: Path, quick_films: None) -> None:
    (tmp_path / "home").mkdir()
    assert create_demo_clinic(tmp_path / "home", patients=20, processes=1).registry.counts()["patients"] == 20


def test_too_few_patients_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=str(FEWEST_PATIENTS)):
        create_demo_clinic(tmp_path / "home", patients=3)
    assert list(tmp_path.iterdir()) == []


def test_the_home_is_the_variable_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDAXR_HOME", str(tmp_path / "x"))
    assert default_home() == tmp_path / "x"
    with pytest.raises(StorageError, match="pedaxr demo"):
        open_clinic()
    monkeypatch.delenv("PEDAXR_HOME")
    assert default_home().name == "pedaxr"


def test_a_real_film_as_dicom_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    demo = demo_films(20, 0)[0]
    study = make_one(tmp_path, demo)
    header = pydicom.dcmread(tmp_path / study.image_path)
    assert (header.SyntheticData, header.Modality) == ("YES", "CR")
    assert header.PatientID == demo.patient.patient_id
    radiograph = read_radiograph(tmp_path / study.image_path)
    assert radiograph.pixels.shape == (512, 512)
    assert radiograph.pixel_spacing_mm == pytest.approx(study.pixel_spacing_mm, rel=1e-4)


def test_the_demo_child_s_newest_film_shows_free_air_erect(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    mine = [film for film in demo_films(20, 0) if film.patient.patient_name == DEMO_UNAMBIGUOUS_NAME]
    study = make_one(tmp_path, max(mine, key=lambda film: film.study_date))
    assert (study.source_label, study.view_position) == ("pneumoperitoneum", View.ERECT)
    assert study.image_path.suffix == ".dcm"


@pytest.mark.slow
def test_the_real_clinic_is_made_by_two_processes(tmp_path: Path) -> None:
    clinic = create_demo_clinic(tmp_path / "home")
    labels = Counter(row["source_label"] for row in clinic.registry._rows("SELECT source_label FROM studies"))
    assert set(labels) == set(LABELS) and sum(labels.values()) == len(demo_films(60, 0))
