"""What the tests of training commands share."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from pedaxr_models.captioning import inputs
from pedaxr_server.cli.app import main


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen synthetic films, which others of the run use too, for one module of tests."""
    folder = tmp_path_factory.mktemp("films")
    asked = ["films", str(folder), "--count", "14", "--seed", "0", "--processes", "1"]
    assert CliRunner().invoke(main, asked, catch_exceptions=False).exit_code == 0
    return folder


@pytest.fixture
def few_pictures_that_are_no_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures that are no films instead of sixty-four: these tests are of commands, not of weights."""
    monkeypatch.setattr(inputs, "_OOD_IMAGES", 2)


@pytest.fixture
def quick_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled networks on small frames, and reports of a few words: these tests are of commands, too."""
    from pedaxr_models.captioning.reporter import Reporter
    from pedaxr_models.segmentation.segmenter import Segmenter

    load_segmenter, load_reporter = Segmenter.load, Reporter.load

    def small(folder: Path) -> Segmenter:
        segmenter = load_segmenter(folder)
        segmenter.size = 96
        return segmenter

    def brief(folder: Path, **options: object) -> Reporter:
        reporter = load_reporter(folder, **options)
        reporter.network.config = replace(reporter.network.config, longest_report=24)
        return reporter

    monkeypatch.setattr(Segmenter, "load", small)
    monkeypatch.setattr(Reporter, "load", brief)
