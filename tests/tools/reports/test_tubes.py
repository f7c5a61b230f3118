"""The gastric tube that is seen on a film: told once, with a place, never as lying well, and never denied."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pedaxr import segment_xray
from pedaxr.clinic import Clinic
from pedaxr.reading import networks as models
from pedaxr.reports.consistency import contradictions
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.prose.slots import slots_of, slots_of_outlines
from pedaxr.reports.prose.tubes import FOLLOWED
from pedaxr.reports.rendering import report_text
from pedaxr.types import Report
from pedaxr_models.facts import UNREADABLE
from pedaxr_models.labels import FINDINGS, Structure
from pedaxr_models.tubes.follow import SeenTube

from ..conftest import PerfectSegmenter, phantom
from .witnesses import Witness, truth, witness_of


class Finder:
    """Sees a tube that ends at `tip`, x, y of the frame; None: sees none."""

    name, weights_sha256 = "told-finder", "ef" * 32

    def __init__(self, tip: tuple[float, float] | None) -> None:
        self.tip = tip
        self.data = {"made": {"name": "phantoms", "is_synthetic": True}}

    def find(self, frame: np.ndarray, letterbox: object) -> SeenTube | None:
        if self.tip is None:
            return None
        course = np.linspace((256.0, 2.0), self.tip, 30).astype(np.float32)
        return SeenTube(course, 40.0, 0.8)


def stomach(name: str) -> tuple[float, float]:
    """Left of the spine, between the diaphragm and L3-L4."""
    masks = phantom(name).masks
    spine = np.nonzero(masks[Structure.SPINE])
    row = float(np.nonzero(masks[Structure.L2_BODY])[0].mean()) - 20
    return float(spine[1].mean()) + 60, row


@pytest.fixture
def report_with(report_of, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    def draft(name: str, tip: tuple[float, float] | None, **request: object) -> Report:
        monkeypatch.setattr(models, "tube_finder", lambda: Finder(tip))
        witness = request.pop("witness", None)
        return report_of(name, witness, **request)

    return draft


@pytest.mark.parametrize("name", ["normal", "levels", "free air", "pyloric"])
def test_a_tube_is_told_in_its_own_section_once(report_with, name: str) -> None:
    report = report_with(name, stomach(name))
    told = report.sections["Lines and tubes"]
    assert told.startswith("A gastric tube is seen; it can be followed to the left upper quadrant.")
    assert "for a human to confirm" in told and "Other lines and tubes are not assessed" in told
    assert "tube" not in report.sections["Findings"] and "tube" not in report.sections["Impression"]
    assert report.narrative.count("gastric tube") == 1 and contradictions(report) == []
    assert "told-finder efefefefefef" in report.model
    korean = sections_in_korean(report)["Lines and tubes"]
    assert korean.startswith("위관이 보이며 좌상복부까지 추적됨.") and "gastric" not in korean
    assert "위관" not in sections_in_korean(report)["Findings"]


def test_no_tube_is_never_said(report_with) -> None:
    report = report_with("normal", None)
    assert report.sections["Lines and tubes"] == "not assessed by this model"
    assert "tube" not in report.narrative and "finder" not in report.model
    assert {"what": "lines_and_tubes", "reason": "model"} in [o.model_dump() for o in report.not_assessed]
    assert not [slot for slot in slots_of(report) if slot.what == "gastric tube"]


@pytest.mark.parametrize("tip", [None, "stomach"])
def test_the_draft_s_own_word_on_a_tube_never_stands(report_with, tip: str | None) -> None:
    said = witness_of(replace(truth("normal"), gastric_tube=True))
    report = report_with("normal", stomach("normal") if tip else None, witness=said)
    standing = [s for s in report.sentences if s.verdict != "struck" and "tube" in s.text.lower()]
    assert [s.reason for s in standing] == ([FOLLOWED] if tip else [])
    assert contradictions(report) == []


def test_the_place_is_that_of_the_tip(report_with) -> None:
    x, y = stomach("normal")
    spine = x - 60
    right = report_with("normal", (spine - 60, y))
    assert "right upper quadrant" in right.sections["Lines and tubes"]
    low = report_with("normal", (x, y + 130))
    assert "left lower quadrant" in low.sections["Lines and tubes"]
    high = report_with("normal", (spine + 5, 20.0))
    assert "cannot be followed below the diaphragm" in high.sections["Lines and tubes"]
    (slot,) = [slot for slot in slots_of(high) if slot.what == "gastric tube"]
    assert slot.value == "not followed below the diaphragm" and slot.quadrants is None


def test_a_tube_is_among_the_facts_behind_a_report(report_with) -> None:
    report = report_with("normal", stomach("normal"))
    (slot,) = [slot for slot in slots_of(report) if slot.what == "gastric tube"]
    assert slot.assessed and slot.quadrants == ["left upper quadrant"] and slot.side == "left"
    left, top, right, bottom = slot.bounding_box or (0, 0, 0, 0)
    assert 0 <= top < 30 and abs(right - stomach("normal")[0]) < 6 and bottom > top and left < right
    assert [s.what for s in slots_of(report) if "other lines" in s.what] == ["other lines and tubes"]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("NG tube position?", True),
        ("vomiting, check OG tube", True),
        ("위관 위치 확인", True),
        ("feeding tube in place?", True),
        ("UVC position?", False),
        ("NG tube and UVC position?", False),
        ("VP shunt tubing", False),
        ("gastrostomy tube", False),
    ],
)
def test_who_asks_for_the_tube_is_answered_and_who_asks_for_a_line_is_not(
    report_with, asked: str, answered: bool
) -> None:
    seen = report_with("normal", stomach("normal"), indication=asked)
    impression = seen.sections["Impression"]
    assert ("A gastric tube is seen" in impression) is answered
    assert ("Lines and tubes are not assessed" in impression) is not answered
    assert contradictions(seen) == []
    assert ("위관이 보이며" in sections_in_korean(seen)["Impression"]) is answered
    unseen = report_with("normal", None, indication=asked)
    assert "Lines and tubes are not assessed" in unseen.sections["Impression"]


def test_a_film_in_doubt_has_no_tube(report_with) -> None:
    refusing = Witness(UNREADABLE, dict.fromkeys(FINDINGS, 0.9))
    report = report_with("normal", stomach("normal"), witness=refusing)
    assert report.in_doubt and "tube is seen" not in report_text(report)
    assert not [slot for slot in slots_of(report) if slot.what == "gastric tube"]


def test_a_tube_that_is_drawn_is_told_with_the_outlines(
    film_clinic: Clinic, segmenter: PerfectSegmenter, report_with, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "tube_finder", lambda: Finder(stomach("normal")))
    drawn = segment_xray("normal", clinic=film_clinic)
    assert drawn.gastric_tube and drawn.gastric_tube[0][1] < 40
    slots = {slot.what: slot for slot in slots_of_outlines(drawn)}
    of_report = {slot.what: slot for slot in slots_of(report_with("normal", stomach("normal")))}
    assert slots["gastric tube"].bounding_box == of_report["gastric tube"].bounding_box, "to its tip"
    assert "other lines and tubes" in slots
    plain = segment_xray("normal", clinic=film_clinic, overlay=False)
    assert plain.gastric_tube is None and "lines and tubes" in {s.what for s in slots_of_outlines(plain)}
    monkeypatch.setattr(models, "tube_finder", lambda: Finder(None))
    assert segment_xray("levels", clinic=film_clinic).gastric_tube is None


def test_a_draft_that_is_withheld_tells_no_tube_and_leaves_all_lines_open(report_with) -> None:
    blind = replace(witness_of(truth("normal")), image_dependence=0.01)
    report = report_with("normal", stomach("normal"), witness=blind)
    assert report.sections["Lines and tubes"] == "not assessed by this model"
    assert "lines_and_tubes" in {one.what for one in report.not_assessed}
