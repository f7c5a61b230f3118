"""A speck, or a lucency where its finding cannot lie, is a note that says where to look, and nothing more."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pedaxr import generate_report, segment_xray
from pedaxr.clinic import Clinic
from pedaxr.reading import networks as models
from pedaxr.reading.notes import NoteKind
from pedaxr.reading.operating_points import operating_points, using
from pedaxr.reading.placement import small_note
from pedaxr.reports.korean import in_korean, korean_text
from pedaxr.types import Report
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, Structure, View
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.segmentation.segmenter import Segmentation

from ..conftest import PerfectSegmenter, phantom
from ..reports.witnesses import Witness, truth

AIR = Finding.PNEUMOPERITONEUM
Place = Callable[[dict[str, np.ndarray]], np.ndarray]


def speck(row: float, column: float, radius: float = 7) -> np.ndarray:
    y, x = np.mgrid[0:512, 0:512]
    return (y - row) ** 2 + (x - column) ** 2 < radius**2


def within(mask: np.ndarray, radius: float = 7) -> np.ndarray:
    """A disc about the middle of a structure, its mask's pixel that lies nearest."""
    rows, columns = np.nonzero(mask)
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return speck(rows[nearest], columns[nearest], radius)


@pytest.fixture
def outline(monkeypatch: pytest.MonkeyPatch, segmenter: PerfectSegmenter) -> Callable[..., None]:
    """Has the network outline something besides what is truly there, on every film."""
    true = segmenter.predict

    def besides(finding: Finding, place: Place) -> None:
        def predict(pixels: np.ndarray, *, is_framed: bool = False) -> Segmentation:
            seen = true(pixels)
            masks = {name: seen.probabilities[n] > 0.5 for n, name in enumerate(CHANNELS)}
            seen.probabilities[CHANNELS.index(finding)][place(masks)] = 0.95
            return seen

        monkeypatch.setattr(segmenter, "predict", predict)

    return besides


def report_of(
    study: str, clinic: Clinic, monkeypatch: pytest.MonkeyPatch, suspected: float = 0.02, **request: object
) -> Report:
    """By a report writer that sees nothing, and gives free air that probability."""
    silent = Witness(narrate(truth("normal")), {**dict.fromkeys(FINDINGS, 0.02), AIR: suspected})
    monkeypatch.setattr(models, "reporter", lambda: silent)
    return generate_report(study, clinic=clinic, **request)  # type: ignore[arg-type]


def below_the_right_dome(masks: dict[str, np.ndarray], radius: float = 7) -> np.ndarray:
    rows, columns = np.nonzero(masks[Structure.DIAPHRAGM])
    is_right = columns < np.nonzero(masks[Structure.SPINE])[1].mean()
    top = np.argmin(np.where(is_right, rows, 999))
    return speck(rows[top] + radius + 6, columns[top], radius)


PLACES: dict[str, Place] = {
    "in a lung": lambda masks: within(masks[Structure.LUNGS], 14) & masks[Structure.LUNGS],
    "beside the child": lambda masks: speck(30, 90, 12),
    "above the domes": lambda masks: speck(
        np.nonzero(masks[Structure.DIAPHRAGM])[0].min() - 12,
        np.nonzero(masks[Structure.DIAPHRAGM])[1].mean(),
        9,
    ),
    "over the pelvis, erect": lambda masks: within(masks[Structure.PELVIS], 14),
}


@pytest.mark.parametrize("place", PLACES)
def test_free_air_where_it_cannot_lie_is_no_finding(
    film_clinic: Clinic,
    monkeypatch: pytest.MonkeyPatch,
    outline: Callable[..., None],
    place: str,
) -> None:
    outline(AIR, PLACES[place])
    result = segment_xray("normal", clinic=film_clinic)
    assert result.findings == [] and any("Look again: a lucency" in note for note in result.quality_notes)
    report = report_of("normal", film_clinic, monkeypatch)
    assert (report.label, report.critical) == ("normal", [])
    assert "free gas" not in report.sections["Impression"].lower().replace("free gas not excluded", "")
    assert any("lies where none is counted" in flag for flag in report.flags)


def test_a_speck_of_free_air_below_a_dome_is_a_note_and_a_larger_one_critical(
    film_clinic: Clinic, monkeypatch: pytest.MonkeyPatch, outline: Callable[..., None]
) -> None:
    outline(AIR, below_the_right_dome)
    with using(replace(operating_points(), least_share={AIR: 0.005})):
        report = report_of("normal", film_clinic, monkeypatch)
        assert (report.label, report.critical) == ("normal", [])
        assert any("is too small" in flag and "right upper quadrant" in flag for flag in report.flags)
        told = korean_text(report)
        assert "다시 볼 것" in told and "우상복부" in told
    assert report_of("normal", film_clinic, monkeypatch).critical == [AIR], "without a least share"


def test_a_faint_speck_is_not_told_by_the_back_door(
    film_clinic: Clinic, monkeypatch: pytest.MonkeyPatch, outline: Callable[..., None]
) -> None:
    """Free air that comes near to its threshold is critical, too: but not from a speck."""
    outline(AIR, below_the_right_dome)
    wary = replace(operating_points(), faint_free_air=0.3)
    with using(wary):
        assert report_of("normal", film_clinic, monkeypatch).critical == [AIR]
    with using(replace(wary, least_share={AIR: 0.005})):
        assert report_of("normal", film_clinic, monkeypatch).critical == []


def test_a_speck_that_the_report_writer_only_suspects_is_not_critical(
    film_clinic: Clinic, monkeypatch: pytest.MonkeyPatch, outline: Callable[..., None]
) -> None:
    outline(AIR, PLACES["in a lung"])
    assert operating_points().free_air_suspicion < 0.3
    assert report_of("normal", film_clinic, monkeypatch, suspected=0.3).critical == []
    affirmed = report_of("normal", film_clinic, monkeypatch, suspected=0.7, indication="another request")
    assert affirmed.critical == [AIR]


def test_true_free_air_stays_whole_and_a_speck_beside_it_goes(
    film_clinic: Clinic, segmenter: PerfectSegmenter, outline: Callable[..., None]
) -> None:
    (whole,) = [r for r in segment_xray("free air", clinic=film_clinic).findings if r.name == AIR]
    assert whole.area_px == pytest.approx(phantom("free air").masks[AIR].sum(), rel=0.02)
    from pedaxr.reading.read_film import forget_films

    forget_films()
    outline(AIR, lambda masks: within(masks[Structure.PELVIS], 10))
    (kept,) = [r for r in segment_xray("free air", clinic=film_clinic).findings if r.name == AIR]
    assert kept.area_px == pytest.approx(whole.area_px, rel=0.01)
    assert kept.quadrants == whole.quadrants and kept.bounding_box == whole.bounding_box


def test_the_view_decides_where_free_air_can_lie(
    film_clinic: Clinic, monkeypatch: pytest.MonkeyPatch, outline: Callable[..., None]
) -> None:
    """A pool in front of the spine is free air on a supine film only."""
    outline(AIR, lambda masks: within(masks[Structure.SPINE], 25) & ~masks[Structure.LUNGS])
    lying = report_of("normal", film_clinic, monkeypatch, view=View.SUPINE)
    on_the_side = report_of("normal", film_clinic, monkeypatch, view=View.LEFT_LATERAL_DECUBITUS)
    assert (lying.critical, on_the_side.critical) == ([AIR], [])


def test_no_length_is_read_off_what_is_not_a_finding(
    film_clinic: Clinic, segmenter: PerfectSegmenter
) -> None:
    counted = segment_xray("levels", clinic=film_clinic).measures["air_fluid_levels"]
    with using(replace(operating_points(), least_share={Finding.AIR_FLUID_LEVEL: 0.9})):
        result = segment_xray("levels", clinic=film_clinic)
    assert counted >= 1 and result.measures["air_fluid_levels"] == 0
    assert Finding.AIR_FLUID_LEVEL not in {region.name for region in result.findings}


@pytest.mark.parametrize("finding", FINDINGS)
@pytest.mark.parametrize("quadrants", [[], ["right upper quadrant"], ["a"] * 4], ids=["none", "one", "all"])
def test_every_such_note_is_told_in_korean(finding: Finding, quadrants: list[str]) -> None:
    for is_small in (True, False):
        note = small_note(finding, quadrants, is_small=is_small)
        assert note.kind is NoteKind.SMALL
        told = in_korean(note.text)
        assert told.startswith("다시 볼 것") and not any(
            letter.isascii() and letter.isalpha() for letter in told
        )
