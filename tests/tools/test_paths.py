"""Films come from inside the data set only: no way out of it by name, link, device or address."""

import csv
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr.clinic import open_clinic
from pedaxr.clinic.import_films import import_films
from pedaxr.radiograph import read as radiograph

SECRET = "secret.png"
TRICKS = [
    f"../{SECRET}",
    f"./../{SECRET}",
    f"images/../../{SECRET}",
    f"..\\{SECRET}",
    f"images\\..\\..\\{SECRET}",
    f"{{outside}}/{SECRET}",
    f"/{{outside}}/{SECRET}",
    f"file://{{outside}}/{SECRET}",
    f"http://127.0.0.1/{SECRET}",
    f"C:\\{SECRET}",
    f"\\\\host\\share\\{SECRET}",
    f"~/{SECRET}",
    f"$HOME/{SECRET}",
    f"%2e%2e/{SECRET}",
    f"..%2f{SECRET}",
    f"\u2025/{SECRET}",
    f"images/own.png\0/../../{SECRET}",
    "link.png",
    "link to a link.png",
    f"linked folder/{SECRET}",
    "link through proc.png",
    "endless link.png",
    "pipe.png",
    "socket.png",
    "device.png",
    "images",
    ".",
    "",
    "x" * 5000,
]


def picture(path: Path, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (80, 64), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def table(folder: Path, image_path: str) -> None:
    with (folder / "films.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["ImagePath", "Class", "PatientID"], [image_path, "Normal", "P-1"]])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set with one film of its own, another next to it, and everything that leads out."""
    outside, folder = tmp_path / "outside", tmp_path / "outside" / "data"
    (folder / "images").mkdir(parents=True)
    picture(outside / SECRET, 1)
    picture(folder / "images" / "own.png", 2)
    (folder / "link.png").symlink_to(outside / SECRET)
    (folder / "link to a link.png").symlink_to("link.png")
    (folder / "linked folder").symlink_to(outside, target_is_directory=True)
    (folder / "link through proc.png").symlink_to(f"/proc/self/root{outside / SECRET}")
    (folder / "endless link.png").symlink_to("endless link.png")
    (folder / "device.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.png")
    here = Path.cwd()
    os.chdir(folder)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.png")
    os.chdir(here)
    return folder


@pytest.mark.timeout(30)
@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: repr(trick)[:40])
def test_no_path_leads_out_of_the_data_set(
    data: Path, tmp_path: Path, trick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(data.parent))
    table(data, trick.replace("{outside}", str(data.parent)))
    summary = import_films(data, clinic_home=tmp_path / "home")
    assert (summary.imported, len(summary.rejected)) == (0, 1)
    assert list((tmp_path / "home" / "films").iterdir()) == []
    table(data, "images/own.png")
    assert import_films(data, clinic_home=tmp_path / "home").imported == 1, "control: a path inside"


def test_the_secret_itself_could_have_been_imported(data: Path, tmp_path: Path) -> None:
    """The control of the refusals: what they kept out is a readable film."""
    table(data.parent, SECRET)
    assert import_films(data.parent, clinic_home=tmp_path / "home").imported == 1
    assert open_clinic(tmp_path / "home").registry.counts()["studies"] == 1


def test_a_film_that_changes_while_it_is_read_is_not_imported(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at and what is stored are the same bytes, or nothing is stored."""
    real = radiograph.read_radiograph

    def read_and_exchange(path: Path) -> radiograph.Radiograph:
        film = real(path)
        picture(path, 3)
        return film

    table(data, "images/own.png")
    with monkeypatch.context() as patch:
        patch.setattr(radiograph, "read_radiograph", read_and_exchange)
        summary = import_films(data, clinic_home=tmp_path / "home")
    assert [row.reason for row in summary.rejected] == ["the file changed while it was read"]
    assert list((tmp_path / "home" / "films").iterdir()) == []
    assert import_films(data, clinic_home=tmp_path / "home").imported == 1, "control: it stays as it is"
