"""A film whose bone is dark gives no finding, also where the child fills it; nor does a header's dog."""

import numpy as np
import pytest

from pedaxr.radiograph.raster import OTHER_PART, OTHER_SPECIES, UNPROCESSED
from pedaxr.radiograph.read import Radiograph
from pedaxr.reading import read_film as module
from pedaxr.reading.notes import NoteKind, of_file, texts
from pedaxr.reading.quality import check_polarity
from pedaxr.reading.read_film import Source, forget_films, read_film
from pedaxr_models.labels import CHANNELS, Structure
from pedaxr_models.segmentation.transforms import Letterbox

from ..conftest import FILMS, PerfectSegmenter, letterboxed, phantom, unit_pixels


@pytest.mark.parametrize("name", FILMS)
def test_a_spine_that_is_darker_than_its_surroundings_is_a_doubt(name: str) -> None:
    pixels = unit_pixels(phantom(name))
    masks = {Structure.SPINE: letterboxed(name, 0)[CHANNELS.index(Structure.SPINE)]}
    letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
    assert check_polarity(pixels, letterbox, masks) == []
    (doubt,) = check_polarity(1 - pixels, letterbox, masks)
    assert doubt.kind is NoteKind.DOUBT and "darker" in doubt.text


def test_without_a_spine_nothing_is_said() -> None:
    nothing = {Structure.SPINE: np.zeros((512, 512), bool)}
    assert check_polarity(np.ones((512, 512), np.float32), Letterbox(512, 512), nothing) == []


def test_a_dark_spine_takes_the_findings_away(
    segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = Radiograph(unit_pixels(phantom("free air")), sha256="1" * 64)
    assert read_film(Source(film)).findings, "control"
    forget_films()
    monkeypatch.setattr(module, "check_polarity", lambda film, *rest: check_polarity(1 - film, *rest))
    reading = read_film(Source(film))
    assert any("spine is darker" in doubt for doubt in reading.doubts)
    assert reading.findings == [] and reading.in_doubt


def test_what_a_header_says_of_another_part_or_patient_is_heard() -> None:
    notes = of_file([OTHER_PART, OTHER_SPECIES, UNPROCESSED, "Stored with bone dark."])
    assert [note.kind for note in notes] == [
        NoteKind.IDENTITY,
        NoteKind.DOUBT,
        NoteKind.EXPOSURE,
        NoteKind.FILE,
    ]
    assert texts(notes, NoteKind.DOUBT) == [OTHER_SPECIES]
