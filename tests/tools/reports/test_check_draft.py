"""The draft's sentences against the outlines: left standing, hedged, struck, added or withheld."""

from dataclasses import replace

import numpy as np
import pytest

from pedaxr import segment_xray
from pedaxr.clinic import Clinic
from pedaxr.reading.operating_points import operating_points, using
from pedaxr.reports.context_sentences import GAS_BESIDE_LEVELS, MEASURED, NO_TUBES, UNMEASURED
from pedaxr.reports.film_limits import stool_shares
from pedaxr_models.facts import UNREADABLE, Presence, Side
from pedaxr_models.labels import FINDINGS, Finding
from pedaxr_models.segmentation.segmenter import Segmentation

from ..conftest import PerfectSegmenter, phantom
from .witnesses import Witness, inventing_stool, truth, with_finding, witness_of

AIR = Finding.PNEUMOPERITONEUM


@pytest.mark.parametrize("name", ["normal", "normal supine", "levels", "free air", "pyloric"])
def test_two_witnesses_who_agree_leave_every_sentence_standing(report_of, name: str) -> None:
    report = report_of(name)
    assert {s.verdict for s in report.sentences if s.finding} <= {"grounded", "not_checked"}
    others = {s.reason for s in report.sentences if not s.finding and s.verdict == "struck"}
    assert others <= {MEASURED, UNMEASURED, NO_TUBES, GAS_BESIDE_LEVELS}, "measured, or assessed by nobody"
    stool = [s.reason for s in report.sentences if s.text.startswith("Stool burden")]
    assert stool == [MEASURED if stool_shares(report.measures) else UNMEASURED] * len(stool)
    assert [f.finding for f in report.findings if f.presence is Presence.PRESENT] == [
        f for f in FINDINGS if f in truth(name).present
    ]
    assert report.label == truth(name).label
    assert all(f.agreed for f in report.findings)
    assert report.status == "preliminary" and "not a medical device" in report.disclaimer


def test_a_sentence_without_a_region_is_struck_and_flagged(report_of) -> None:
    report = report_of("normal", inventing_stool())
    struck = [s for s in report.sentences if s.verdict == "struck" and s.finding]
    assert [s.finding for s in struck] == ["constipation"]
    assert struck[0].text not in report.narrative
    assert "no region" in str(struck[0].reason)
    assert report.label == "normal"
    assert "Faecal loading: named by the draft, but nothing is outlined. Look." in report.flags


def test_a_sentence_on_the_wrong_side_is_hedged(report_of, segmenter: PerfectSegmenter) -> None:
    mask = phantom("free air").masks[AIR]
    spine = int(np.nonzero(phantom("free air").masks["spine"])[1].mean())
    left_only = mask & (np.arange(mask.shape[1]) > spine)
    assert left_only.sum() > 30
    wrong = with_finding(truth("free air"), AIR, side=Side.RIGHT, quadrants=())
    original = segmenter.predict

    def one_sided(pixels: np.ndarray, **how: bool) -> Segmentation:
        seen = original(pixels)
        seen.probabilities[FINDINGS.index(AIR)] = 0.95 * left_only
        return seen

    segmenter.predict = one_sided  # type: ignore[method-assign]
    report = report_of("free air", witness_of(wrong))
    air = next(s for s in report.sentences if s.finding == AIR)
    assert air.verdict == "hedged" and air.text.startswith("Possible free intraperitoneal air")
    assert "the outline lies on the left" in str(air.reason)
    right = report_of("free air", witness_of(with_finding(wrong, AIR, side=Side.LEFT)), indication="again")
    assert next(s for s in right.sentences if s.finding == AIR).verdict == "grounded"


def test_a_region_that_no_sentence_speaks_of_gets_one(report_of) -> None:
    silent = with_finding(
        truth("free air"), AIR, presence=Presence.ABSENT, severity=None, side=None, quadrants=()
    )
    report = report_of("free air", witness_of(silent))
    assert report.critical == ["pneumoperitoneum"]
    verdicts = {s.verdict: s for s in report.sentences if s.finding == AIR}
    assert set(verdicts) == {"struck", "missing"}
    added = verdicts["missing"]
    assert "the draft is silent on it" in added.text and added.text in report.narrative
    (flag,) = [flag for flag in report.flags if flag.startswith("Free intraperitoneal air")]
    assert "the draft said there is none, but it is outlined in the" in flag, "one flag for one disagreement"
    assert not report.findings[FINDINGS.index(AIR)].agreed


def test_every_sentence_on_an_outlined_finding_carries_its_region(report_of, film_clinic: Clinic) -> None:
    outlined = {region.name: region for region in segment_xray("levels", clinic=film_clinic).findings}
    sentences = report_of("levels").sentences
    assert {s.finding for s in sentences if s.region} == set(outlined)
    for sentence in sentences:
        region = outlined.get(str(sentence.finding))
        assert (sentence.region is None) is (region is None)
        if sentence.region and region:
            assert sentence.region.bounding_box == region.bounding_box
            assert (sentence.region.side, sentence.region.quadrants) == (region.side, region.quadrants)


def test_what_is_said_with_little_confidence_is_flagged(report_of) -> None:
    unsure = replace(witness_of(truth("normal")), probabilities=dict.fromkeys(FINDINGS, 0.02))
    unsure.probabilities[Finding.CONSTIPATION] = 0.55
    flags = [f for f in report_of("normal", unsure).flags if "Low confidence" in f]
    assert flags == ["Low confidence, least of all in faecal loading."]
    assert not any("Low confidence" in f for f in report_of("normal", indication="again").flags)
    faint = report_of("free air", indication="third")
    assert not any("Low confidence" in f for f in faint.flags)


def test_a_reader_who_gives_it_little_hedges_a_sure_outline(report_of) -> None:
    witness = witness_of(truth("free air"))
    doubtful = replace(witness, probabilities=witness.probabilities | {AIR: 0.4})
    with using(replace(operating_points(), least_support={AIR: 0.9})):
        (sure,) = [s for s in report_of("free air", witness).sentences if s.finding == AIR]
        again = report_of("free air", doubtful, indication="again")
    (air,) = [s for s in again.sentences if s.finding == AIR]
    assert sure.verdict == "grounded"
    assert (air.verdict, air.reason) == ("hedged", "the report writer leaves doubt")


def test_the_confidence_is_calibrated_and_stored(report_of) -> None:
    assert report_of("normal").confidence == 0.98, "no curve: as sure as the less sure witness"
    with using(replace(operating_points(), confidence_curve=((0.0, 0.1), (1.0, 0.6)))):
        assert report_of("normal").confidence == pytest.approx(0.1 + 0.98 * 0.5, abs=0.001)


def test_a_narrative_that_is_not_read_off_the_film_is_withheld(report_of) -> None:
    witness = replace(witness_of(truth("free air")), image_dependence=0.0)
    report = report_of("free air", witness)
    assert witness.text not in report.narrative
    assert "withheld" in report.sections["Findings"]
    assert report.critical == ["pneumoperitoneum"], "the outlines still speak"


def test_a_film_that_the_report_writer_cannot_read_gives_no_finding(report_of) -> None:
    refusing = Witness(UNREADABLE, dict.fromkeys(FINDINGS, 0.9))
    report = report_of("free air", refusing)
    assert (report.label, report.critical, report.sentences) == (None, [], [])
    assert report.in_doubt == (
        "No finding is given, because the report writer says that it cannot read this film: check that the "
        "right picture was sent and how it was exported, and have a qualified person read it."
    )
