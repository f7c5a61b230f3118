"""Other accounts of the same machine cannot read a clinic, its backups or its exported trail."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from pedaxr.clinic import open_clinic
from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.import_films import import_films
from pedaxr_server.cli.audit import export

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights of files as POSIX has them")


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """New files are for everybody to read unless their maker says otherwise."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def others_may(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    Image.new("L", (64, 80), 90).save(source / "a.png")
    (source / "films.csv").write_text("ImagePath,Class,PatientName\na.png,Normal,Private Person")
    assert import_films(source, clinic_home=tmp_path / "home").imported == 1
    assert others_may(source) and others_may(source / "a.png"), "control: made without a thought"
    return tmp_path / "home"


def test_an_imported_clinic_is_for_its_owner(home: Path) -> None:
    clinic = open_clinic(home)
    find_patient("Private Person", clinic=clinic)
    for path in (home, clinic.films, clinic.overlays, clinic.registry.path, home / "access.pending"):
        assert not others_may(path), path.name


def test_a_home_that_somebody_made_keeps_its_rights(tmp_path: Path, home: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o750)
    import_films(tmp_path / "source", clinic_home=shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o750
    assert not others_may(shared / "registry.sqlite3")


def test_backups_restored_clinics_and_exports_are_for_their_owner(home: Path, tmp_path: Path) -> None:
    back_up(open_clinic(home), tmp_path / "b.zip")
    restore(tmp_path / "b.zip", tmp_path / "again")
    ran = CliRunner().invoke(export, [str(tmp_path / "trail.ndjson"), "--home", str(home)])
    assert ran.exit_code == 0 and "Private" not in (tmp_path / "trail.ndjson").read_text()
    for name in ("b.zip", "again", "trail.ndjson"):
        assert not others_may(tmp_path / name), name
