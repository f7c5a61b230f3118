"""The hospital of these tests: an Orthanc with four children, and an empty clinic."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.pacs import search
from pedaxr.registry import REGISTRY_FILE, Registry

from .films import ARIN, HOMONYM, MINJUN, SEOYEON, film
from .orthanc import Orthanc, orthanc


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Read only: what a test stores, it stores in a PACS of its own."""
    with orthanc(tmp_path_factory.mktemp("orthanc")) as found:
        found.load(
            [
                film(SEOYEON, "A1"),
                film(HOMONYM, "A2"),
                film(ARIN, "A3", PatientName="Song^Arin=宋^雅璘=송^아린"),
                film(MINJUN, "A4"),
                film(MINJUN, "A5", BodyPartExamined="HAND"),
                film(MINJUN, "A6", BodyPartExamined=None, StudyDate="20240101"),
            ]
        )
        yield found


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """Nobody is registered."""
    home = tmp_path / "clinic"
    (home / "films").mkdir(parents=True)
    (home / "overlays").mkdir()
    return Clinic(home, Registry.create(home / REGISTRY_FILE))


@pytest.fixture(autouse=True)
def _no_pacs_is_known_to_be_away() -> None:
    search.forget_outages()
