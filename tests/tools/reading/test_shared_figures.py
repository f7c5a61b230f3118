"""What outlining a film measured serves its report, and no reading of another view, spacing or share."""

from dataclasses import replace

import pytest

from pedaxr.clinic import Clinic
from pedaxr.radiograph.raster import Spacing, SpacingOrigin
from pedaxr.reading import read_film as module
from pedaxr.reading.read_film import Reading, find_source, forget_films, read_film
from pedaxr_models.labels import FINDINGS, View

from ..conftest import PerfectSegmenter


def otherwise(reading: Reading, what: str) -> Reading:
    """The same film, read with something else known of it."""
    if what == "view":
        others = (View.LEFT_LATERAL_DECUBITUS, View.SUPINE)
        view = others[reading.metadata.view is others[0]]
        return replace(reading, metadata=replace(reading.metadata, view=view))
    if what == "spacing":
        return replace(reading, spacing=Spacing(0.9, 0.9, SpacingOrigin.CALIBRATED))
    least = dict.fromkeys(FINDINGS, 1.0)
    return replace(reading, points=replace(reading.points, least_share=least))


def figures(reading: Reading) -> tuple[object, ...]:
    kept = {name: int(mask.sum()) for name, mask in reading.counted.masks.items()}
    return reading.measures, reading.counted.regions, kept, reading.counted.notes, reading.faint_free_air


@pytest.mark.parametrize("what", ["view", "spacing", "least share"])
@pytest.mark.parametrize("name", ["levels", "free air", "pyloric"])
def test_figures_are_those_of_the_reading_and_of_no_other(
    name: str, what: str, film_clinic: Clinic, segmenter: PerfectSegmenter
) -> None:
    first = read_film(find_source(name, None, film_clinic))
    before = figures(first)
    after = figures(otherwise(read_film(find_source(name, None, film_clinic)), what))
    forget_films()
    fresh = figures(otherwise(read_film(find_source(name, None, film_clinic)), what))
    assert after == fresh
    assert after != before, "control: it matters"


def test_the_same_film_is_measured_once_for_outlines_and_report(
    film_clinic: Clinic, segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, measure = [], module.measure
    monkeypatch.setattr(module, "measure", lambda *args, **known: asked.append(1) or measure(*args, **known))
    readings = [read_film(find_source("levels", None, film_clinic)) for _ in range(2)]
    assert readings[0].measures == readings[1].measures
    readings[0].measures["of one reading alone"] = 1.0
    assert "of one reading alone" not in readings[1].measures
    assert len(asked) == 1
