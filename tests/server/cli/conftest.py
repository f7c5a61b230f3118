"""What the tests of training commands share."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pedaxr_models.captioning import inputs
from pedaxr_server.cli.app import main


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen synthetic films, for one module of tests."""
    folder = tmp_path_factory.mktemp("films")
    asked = ["films", str(folder), "--count", "14", "--seed", "1", "--processes", "1"]
    assert CliRunner().invoke(main, asked, catch_exceptions=False).exit_code == 0
    return folder


@pytest.fixture
def few_pictures_that_are_no_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures that are no films instead of sixty-four: these tests are of commands, not of weights."""
    monkeypatch.setattr(inputs, "_OOD_IMAGES", 2)
