"""A film in doubt gives no finding, whoever asks: segment_xray, the overlay, an archive's row."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr import generate_report, segment_xray
from pedaxr.archive.rows import read_row
from pedaxr.clinic import Clinic
from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.reading import networks as models
from pedaxr.reading.notes import no_finding_because
from pedaxr.reading.operating_points import operating_points, parse_points, using
from pedaxr.types import Report
from pedaxr_models.facts import Presence
from pedaxr_models.phantom.out_of_distribution.dataset import KINDS

from ..conftest import PerfectSegmenter

DOUBTING = {"largest_oddness": -1.0}


def test_outlines_of_a_film_in_doubt_are_no_findings(
    film_clinic: Clinic, segmenter: PerfectSegmenter
) -> None:
    assert segment_xray("free air", clinic=film_clinic).in_doubt is None
    with using(replace(operating_points(), **DOUBTING)):
        result = segment_xray("free air", clinic=film_clinic)
    assert (result.findings, result.measures) == ([], {})
    assert result.in_doubt and result.summary.startswith(result.in_doubt)
    assert "have a qualified person read it" in result.in_doubt
    assert not any(word in result.summary for word in ("threshold", "Outlined", "free"))


def test_the_overlay_of_a_film_in_doubt_draws_no_finding(
    film_clinic: Clinic, segmenter: PerfectSegmenter
) -> None:
    def picture() -> np.ndarray:
        path = segment_xray("free air", clinic=film_clinic).overlay_path
        assert path is not None
        return np.asarray(Image.open(path))

    def orange(drawn: np.ndarray) -> int:
        return int((np.abs(drawn.astype(int) - (213, 94, 0)).max(2) < 30).sum())

    sure = picture()
    with using(replace(operating_points(), **DOUBTING)):
        doubted = picture()
    assert orange(sure) > 200 and orange(doubted) == 0


def test_an_archive_tells_films_in_doubt_from_those_that_were_read(
    film_clinic: Clinic, segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ..reports.witnesses import truth, witness_of

    monkeypatch.setattr(models, "reporter", lambda: witness_of(truth("free air")))
    film = film_clinic.registry.study("free air").image_path
    sure = read_row(film.parent, film.name)
    assert sure["status"] == "read" and sure["critical"] == ["pneumoperitoneum"]
    with using(replace(operating_points(), **DOUBTING)):
        row = read_row(film.parent, film.name)
    assert (row["status"], row["label"], row["critical"], row["findings"]) == ("in_doubt", None, [], [])
    assert row["message"].startswith("No finding is given, because")


def test_several_doubts_are_one_sentence() -> None:
    told = no_finding_because(["The spine lies askew.", "Colon fills the body."])
    assert told.count(".") == 1
    assert "because the spine lies askew; colon fills the body: check" in told


@pytest.mark.parametrize("kind", ["chest", "lateral_abdomen", "pelvis_crop", "inverted_film", "hand"])
def test_a_picture_of_something_else_gives_no_finding(tmp_path: Path, kind: str) -> None:
    """With the bundled weights and points; seeds that nothing was chosen on."""
    bundled = Path(models.__file__).parents[1] / "operating_points.json"
    with using(parse_points(bundled.read_text(encoding="utf-8"))):
        kept = [report for seed in range(3) if (report := _report(tmp_path, kind, seed))]
    spoken = [report for report in kept if report.in_doubt is None]
    assert len(spoken) <= 1, "at least two of three are refused or in doubt"
    for report in (one for one in kept if one.in_doubt):
        assert (report.label, report.critical) == (None, [])
        assert {finding.presence for finding in report.findings} == {Presence.NOT_ASSESSED}


def _report(folder: Path, kind: str, seed: int) -> Report | None:
    pixels = KINDS[kind](np.random.default_rng((9_000, seed)))
    Image.fromarray(pixels).save(folder / f"{seed}.png")
    try:
        return generate_report(file=folder / f"{seed}.png")
    except NotAnAbdominalFilm:
        return None
