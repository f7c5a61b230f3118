"""Each finding of a sentence is checked: none slips through beside another."""

import pytest

from pedaxr.reports.grounding import check_sentences, structure_findings
from pedaxr.types import Region, Sentence
from pedaxr_models.facts import Presence, Side
from pedaxr_models.labels import FINDINGS, HORIZONTAL_BEAM_VIEWS, SIGNS, Finding, View
from pedaxr_models.report_text.parser import parse_findings

AIR, LEVEL, STOOL = Finding.PNEUMOPERITONEUM, Finding.AIR_FLUID_LEVEL, Finding.CONSTIPATION


def region(name: str, *, side: Side | None = None, confidence: float = 0.9) -> Region:
    return Region(
        name=name,
        kind="finding",
        confidence=confidence,
        area_px=100,
        share_of_body=0.05,
        bounding_box=(0, 0, 10, 10),
        polygons=[],
        quadrants=["left upper quadrant"],
        side=side,
    )


def checked(text: str, *regions: Region, view: View = View.ERECT) -> list[Sentence]:
    return check_sentences([text], regions, view)


def test_a_sentence_is_struck_for_its_second_finding_too() -> None:
    first, added = checked("Free gas and multiple air-fluid levels.", region(AIR))
    assert (first.verdict, first.finding) == ("struck", LEVEL)
    assert (added.verdict, added.finding) == ("missing", AIR) and "was struck" in added.text
    (whole,) = checked("Free gas and multiple air-fluid levels.", region(AIR), region(LEVEL))
    assert whole.verdict == "grounded"


def test_a_denial_beside_a_grounded_finding_is_checked() -> None:
    text = "Gastric distension, no free gas."
    stomach = region(Finding.PYLORIC_STENOSIS)
    assert checked(text, stomach)[0].verdict == "grounded"
    assert (checked(text, stomach, region(AIR))[0].verdict) == "struck"
    assert checked(text, stomach, view=View.SUPINE)[0].verdict == "struck", "supine cannot exclude it"


def test_doubt_falls_on_its_own_finding_alone() -> None:
    sentence = checked("Free gas and multiple air-fluid levels.", region(AIR, confidence=0.5), region(LEVEL))[
        0
    ]
    assert sentence.verdict == "hedged" and sentence.finding == AIR
    said = {fact.finding: fact for part in sentence.text.split(". ") for fact in parse_findings(part)}
    assert said[AIR].is_hedged and said[LEVEL].is_present


def test_a_hedged_finding_is_no_plain_positive() -> None:
    sentence = checked("Possible free gas.", region(AIR))[0]
    assert sentence.verdict == "hedged" and "unsure" in str(sentence.reason)
    assert checked("Possible free gas.")[0].verdict == "struck"
    findings = structure_findings(["Possible free gas."], [region(AIR)], {}, View.ERECT)
    air = next(f for f in findings if f.finding == AIR)
    assert air.presence is Presence.PRESENT and not air.agreed


def test_agreement_is_judged_finding_by_finding() -> None:
    drafted = ["Free gas and multiple air-fluid levels."]
    agreed = {f.finding: f.agreed for f in structure_findings(drafted, [region(AIR)], {}, View.ERECT)}
    assert agreed[AIR] and not agreed[LEVEL] and agreed[STOOL]


@pytest.mark.parametrize("finding", FINDINGS)
def test_what_is_added_or_hedged_reads_back_as_its_finding_and_no_diagnosis(finding: Finding) -> None:
    added = checked("", region(finding))[-1].text
    drafted = f"{SIGNS[finding]} in the right lower quadrant."
    hedged = checked(drafted, region(finding))[0].text
    for text in (added, hedged):
        (fact,) = parse_findings(text)
        assert (fact.finding, fact.presence, fact.is_hedged) == (finding, Presence.PRESENT, True)
        assert "stenosis" not in text.lower() and "constipation" not in text.lower()


@pytest.mark.parametrize(
    ("view", "verdict"), [(v, "grounded") for v in sorted(HORIZONTAL_BEAM_VIEWS)] + [(View.SUPINE, "hedged")]
)
def test_free_air_seen_edge_on_is_affirmed_with_less_support_than_a_pool_face_on(
    view: View, verdict: str
) -> None:
    def judged(reader: float, finding: Finding = AIR) -> Sentence:
        return check_sentences(
            ["Free gas." if finding is AIR else "Faecal loading."],
            [region(finding, confidence=0.98)],
            view,
            least_support={AIR: 0.9955, STOOL: 0.9955},
            probabilities={finding: reader},
        )[0]

    assert judged(0.98).verdict == verdict
    assert judged(0.6).verdict == "hedged", "edge on, too, a reader must be sure"
    assert judged(0.98, STOOL).verdict == "hedged", "of free air alone"
