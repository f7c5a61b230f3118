"""Two witnesses compared: each sentence of the narrative against the outlined regions, and the reverse.

A positive sentence needs a region of its finding, on its side and in its quadrants. A sentence that speaks of
several findings is checked for each, and the worst verdict is the sentence's. What fails is hedged or struck,
and a region that no standing sentence speaks of gets one, marked as missing from the draft. Of a finding that
stands, side, quadrants, count and grade are those of the outlines: where the draft has others, the sentence
is rewritten. Nothing is dropped: struck sentences stay in the report, marked as such.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pedaxr.reports.film_limits import LITTLE_STOOL, MUCH_STOOL, FilmLimits
from pedaxr.reports.prose.places import where_text
from pedaxr.text import counted
from pedaxr.types import Certainty, Place, Region, Sentence, StructuredFinding
from pedaxr_models.facts import FindingFact, Presence, Quadrant, Severity, Side
from pedaxr_models.labels import FINDINGS, Finding, View, sign, sign_within
from pedaxr_models.plausibility import cannot_show, is_blind

if TYPE_CHECKING:
    from pedaxr_models.report_text.parser import SentenceFacts

Verdict = Literal["grounded", "hedged", "struck", "not_checked"]

# A region below this mean probability is too faint for an unhedged sentence, whatever the reader says.
FAINT = 0.6
LIKELY = 0.5  # from here on the report writer speaks for a finding, in numbers if not in words
# Free air edge on, below a dome or along a flank, is like nothing else; face on, other gas is like it. All
# three false outlines of validation films are supine; the true ones of a horizontal beam have .974 or more.
EDGE_ON = 0.95
_SUREST = 0.999  # no witness is taken to be surer: one alone could outweigh any doubt of the other
_OPPOSITE = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}
# Why a sentence was reworded although its finding stands.
DRAFT_SAYS = "the draft says"
PLACED_BY_OUTLINE = "its quadrants are those of the outline"
GRADED_BY_OUTLINE = "its grade is measured on the outlines"
# Why free air is not denied.
SUSPECTED = "free air is suspected"
NO_DOMES = "the domes of the diaphragm are not included"
_GRAVITY: tuple[Verdict, ...] = ("not_checked", "grounded", "hedged", "struck")


@dataclass(frozen=True)
class _Judgement:
    """One statement of a sentence, and what the outlines say of it."""

    said: "SentenceFacts"
    verdict: Verdict
    reason: str | None = None

    @property
    def is_positive(self) -> bool:
        return self.said.presence is Presence.PRESENT


@dataclass(frozen=True)
class _Evidence:
    """What sentences are held against.

    Attributes:
        visible: outlined findings by name, without those that a film of that view cannot show.
        probabilities: of the reader's finding head; a finding that is not in it rests on its outline alone.
    """

    visible: Mapping[str, Region]
    limits: FilmLimits
    least_support: Mapping[str, float]
    probabilities: Mapping[Finding, float]

    @property
    def view(self) -> View | None:
        """Of the film."""
        return self.limits.view

    def fact(self, finding: Finding, severity: Severity | None) -> FindingFact:
        """What is said of an outlined finding: the draft's grade where none is measured."""
        region = self.visible[finding]
        return FindingFact(
            finding,
            Presence.PRESENT,
            _grade(finding, severity, self.limits),
            region.side,
            tuple(quadrant for quadrant in Quadrant if quadrant.value in region.quadrants),
            self.limits.level_count if finding is Finding.AIR_FLUID_LEVEL else None,
        )


def _grade(finding: Finding, severity: Severity | None, limits: FilmLimits) -> Severity | None:
    """As measured, or else the draft's; None where the shares of stool contradict the draft's loading.

    A measured grade says how much stool there is, the shares how full what is outlined of the colon is: a
    colon with little gas is full of little stool, and both hold.
    """
    if finding in limits.grades:
        return limits.grades[finding]
    shares = limits.stool_shares
    if finding is not Finding.CONSTIPATION or severity is None or shares is None:
        return severity
    is_low, is_high = severity is Severity.MILD, severity is Severity.MARKED
    is_wrong = (is_low and max(shares) > MUCH_STOOL) or (is_high and max(shares) < LITTLE_STOOL)
    return None if is_wrong else severity


def support(outline: float, reader: float | None) -> float:
    """How surely a finding is carried, 0 to 1: the mean of both witnesses' log-odds, as a probability.

    Args:
        outline: mean probability of the region.
        reader: probability of the reader's finding head; None where only the outline speaks.
    """
    odds = [
        math.log(p / (1 - p)) for p in (_clipped(outline), _clipped(outline if reader is None else reader))
    ]
    return 1 / (1 + math.exp(-sum(odds) / 2))


def _clipped(probability: float) -> float:
    return min(_SUREST, max(1 - _SUREST, probability))


def check_sentences(
    sentences: Sequence[str],
    regions: Sequence[Region],
    view: View | None,
    *,
    least_support: Mapping[str, float] | None = None,
    probabilities: Mapping[Finding, float] | None = None,
    limits: FilmLimits | None = None,
) -> list[Sentence]:
    """Every sentence with its verdict, then one more for each region that no standing sentence speaks of.

    Args:
        sentences: of the draft.
        regions: outlined findings.
        view: of the film.
        least_support: by finding, the `support` that an unhedged sentence needs, 0 where none is given; its
            region's mean probability must reach `FAINT` as well.
        probabilities: of the reader's finding head.
        limits: of the film; by default only its view is known.
    """
    outlines = _evidence(regions, limits or FilmLimits(view), least_support, probabilities)
    checked: list[Sentence] = []
    drafted: set[Finding | None] = set()
    standing: set[Finding | None] = set()
    for text in sentences:
        judged = _judge(text, outlines)
        checked.append(_sentence(text, judged, outlines))
        spoken = {j.said.finding for j in judged if j.is_positive}
        drafted |= spoken
        if checked[-1].verdict in ("grounded", "hedged"):
            standing |= spoken
    missing = [region for name, region in outlines.visible.items() if Finding(name) not in standing]
    return checked + [_added(region, is_drafted=Finding(region.name) in drafted) for region in missing]


def _evidence(
    regions: Sequence[Region],
    limits: FilmLimits,
    least_support: Mapping[str, float] | None,
    probabilities: Mapping[Finding, float] | None,
) -> _Evidence:
    visible = {r.name: r for r in regions if not cannot_show(Finding(r.name), limits.view)}
    return _Evidence(visible, limits, least_support or {}, probabilities or {})


def _judge(text: str, outlines: _Evidence) -> list[_Judgement]:
    """One judgement for each finding that the sentence speaks of."""
    from pedaxr_models.report_text.parser import parse_findings

    return [_judge_one(said, outlines) for said in parse_findings(text)]


def _judge_one(said: "SentenceFacts", outlines: _Evidence) -> _Judgement:
    assert said.finding is not None
    if said.presence is Presence.NOT_ASSESSED:
        return _Judgement(said, "not_checked")
    if said.presence is Presence.PRESENT:
        return _judge_positive(said, outlines)
    if said.finding in outlines.visible:
        return _Judgement(said, "struck", "the segmentation outlines this finding")
    if is_blind(said.finding, outlines.view):
        return _Judgement(said, "struck", "this view cannot exclude it")
    if not outlines.limits.excludes(said.finding):
        is_suspected = outlines.limits.is_air_suspected
        return _Judgement(said, "struck", SUSPECTED if is_suspected else NO_DOMES)
    return _Judgement(said, "grounded", "nothing is outlined")


def _judge_positive(said: "SentenceFacts", outlines: _Evidence) -> _Judgement:
    assert said.finding is not None
    if cannot_show(said.finding, outlines.view):
        return _Judgement(said, "struck", "this view cannot show it")
    region = outlines.visible.get(said.finding)
    if region is None:
        return _Judgement(said, "struck", "no region of this finding is outlined")
    if doubt := _misplaced(said, region) or _unsure(said, region, outlines):
        return _Judgement(said, "hedged", doubt)
    return _Judgement(said, "grounded")


def _misplaced(said: "SentenceFacts", region: Region) -> str | None:
    """Why a region lies elsewhere than its sentence says."""
    if said.side in _OPPOSITE and region.side is _OPPOSITE[said.side]:
        return f"the draft placed it on the {said.side}, the outline lies on the {region.side}"
    if said.quadrants and not {q.value for q in said.quadrants} & set(region.quadrants):
        return "the draft placed it in other quadrants than the outline"
    return None


def _unsure(said: "SentenceFacts", region: Region, outlines: _Evidence) -> str | None:
    """Which witness is not sure enough of a finding for an unhedged sentence."""
    assert said.finding is not None
    if said.is_hedged:
        return "the draft itself is unsure"
    reader = outlines.probabilities.get(said.finding)
    is_carried = support(region.confidence, reader) >= _needed(said.finding, outlines)
    if is_carried and region.confidence >= FAINT:
        return None
    is_readers = reader is not None and reader < region.confidence
    return "the report writer leaves doubt" if is_readers else "its outline leaves doubt"


def _needed(finding: Finding, outlines: _Evidence) -> float:
    """The support that an unhedged sentence needs."""
    needed = outlines.least_support.get(finding, 0.0)
    is_edge_on = finding is Finding.PNEUMOPERITONEUM and outlines.limits.is_horizontal_beam
    return min(needed, EDGE_ON) if is_edge_on else needed


def _sentence(text: str, judged: Sequence[_Judgement], outlines: _Evidence) -> Sentence:
    """The sentence under the worst of its verdicts; of equals the most urgent finding names it."""
    if not judged:
        return Sentence(text=text, verdict="not_checked")
    worst = max(judged, key=lambda judgement: _GRAVITY.index(judgement.verdict))
    reason = worst.reason
    others = [j for j in judged if _is_other(j, outlines)] if worst.verdict == "grounded" else []
    if worst.verdict == "hedged" or others:
        text = " ".join(_told_alone(judgement, outlines) for judgement in judged)
    if others:
        worst, reason = others[0], _otherwise(others[0], outlines)
    place = _place(outlines.visible.get(str(worst.said.finding)))
    return Sentence(text=text, finding=worst.said.finding, verdict=worst.verdict, reason=reason, region=place)


def _is_other(judgement: _Judgement, outlines: _Evidence) -> bool:
    """Whether a finding that stands has another side, place, count or grade than its outline."""
    if not judgement.is_positive:
        return False
    said, fact = judgement.said, _fact_of(judgement, outlines)
    return (
        said.side not in (None, fact.side)
        or (bool(said.quadrants) and set(said.quadrants) != set(fact.quadrants))
        or said.count not in (None, fact.count)
        or said.severity is not fact.severity
    )


def _otherwise(judgement: _Judgement, outlines: _Evidence) -> str:
    """What the draft says and what the outlines show, of the points that matter to a clinician."""
    said, fact = judgement.said, _fact_of(judgement, outlines)
    drafted, shown = [], []
    if said.count not in (None, fact.count):
        drafted.append(counted(said.count, "level"))
        shown.append("none that can be counted" if fact.count is None else f"{fact.count}")
    if said.side not in (None, fact.side):
        drafted.append(_side(said.side))
        shown.append(_side(fact.side))
    if said.severity is not fact.severity and fact.severity is None:
        drafted.append(f"{said.severity} loading")
        shown.append("stool shares that do not fit it")
    if not drafted:
        return GRADED_BY_OUTLINE if said.severity is not fact.severity else PLACED_BY_OUTLINE
    return f"{DRAFT_SAYS} {', '.join(drafted)}; the outlines show {', '.join(shown)}"


def _side(side: Side | None) -> str:
    if side is None:
        return "no certain side"
    return "both sides" if side is Side.BOTH else f"the {side} side"


def _fact_of(judgement: _Judgement, outlines: _Evidence) -> FindingFact:
    assert judgement.said.finding is not None
    return outlines.fact(judgement.said.finding, judgement.said.severity)


def _place(region: Region | None) -> Place | None:
    if region is None:
        return None
    return Place(
        bounding_box=region.bounding_box,
        quadrants=region.quadrants,
        side=region.side,
        confidence=region.confidence,
    )


def _told_alone(judgement: _Judgement, outlines: _Evidence) -> str:
    """One statement of a sentence, worded alone and from its outline, so that a doubt falls on it only."""
    from pedaxr_models.report_text.grammar import as_text, chooser, finding_sentence
    from pedaxr_models.report_text.wordings import wordings

    name = str(judgement.said.finding)
    if judgement.verdict == "hedged":
        return f"Possible {sign_within(name)}{_where(outlines.visible[name])}."
    if judgement.is_positive:
        return as_text([finding_sentence(_fact_of(judgement, outlines), chooser(None), wordings("en"))])
    if judgement.said.presence is Presence.ABSENT:
        return f"No {sign_within(name)}."
    return f"{sign(name)} cannot be assessed."


def _added(region: Region, *, is_drafted: bool) -> Sentence:
    why = "its sentence in the draft was struck" if is_drafted else "the draft is silent on it"
    reason = "the draft's sentence was struck" if is_drafted else "the draft is silent on it"
    text = f"Possible {sign_within(region.name)}, outlined{_where(region)}: {why}."
    return Sentence(text=text, finding=region.name, verdict="missing", reason=reason, region=_place(region))


def _where(region: Region) -> str:
    words = where_text(region.quadrants)
    return f" {words}" if words else ""


def structure_findings(
    drafted: Sequence[str],
    regions: Sequence[Region],
    probabilities: Mapping[Finding, float],
    view: View | None,
    *,
    least_support: Mapping[str, float] | None = None,
    limits: FilmLimits | None = None,
) -> list[StructuredFinding]:
    """One entry per finding. Present means outlined; what the narrative alone says is a disagreement.

    Args:
        drafted: the narrative's own sentences, for grade, count and agreement.
        regions: outlined findings.
        probabilities: of the reader's finding head.
        view: of the film.
        least_support: as in `check_sentences`.
        limits: as in `check_sentences`.
    """
    outlines = _evidence(regions, limits or FilmLimits(view), least_support, probabilities)
    judged = [judgement for text in drafted for judgement in _judge(text, outlines)]
    return [
        _structured(
            finding,
            [judgement for judgement in judged if judgement.said.finding is finding],
            outlines,
        )
        for finding in FINDINGS
    ]


def _structured(finding: Finding, judged: Sequence[_Judgement], outlines: _Evidence) -> StructuredFinding:
    positive = [judgement for judgement in judged if judgement.is_positive]
    region, probability = outlines.visible.get(finding), outlines.probabilities.get(finding, 0.0)
    if region is None:
        return _not_outlined(finding, bool(positive), probability, outlines)
    fact = outlines.fact(finding, positive[0].said.severity if positive else None)
    agreed = any(judgement.verdict == "grounded" for judgement in positive)
    return StructuredFinding(
        finding=finding,
        presence=Presence.PRESENT,
        severity=fact.severity,
        side=fact.side,
        quadrants=region.quadrants,
        count=fact.count,
        probability=probability,
        region_area_px=region.area_px,
        certainty="outlined" if agreed else "in_doubt",
        agreed=agreed,
    )


def _not_outlined(
    finding: Finding, is_drafted: bool, probability: float, outlines: _Evidence
) -> StructuredFinding:
    """Neither present nor, where the film cannot exclude it or something speaks for it, absent."""
    is_air = finding is Finding.PNEUMOPERITONEUM
    certainty: Certainty | None = "suspected" if is_air and outlines.limits.is_air_suspected else None
    presence = Presence.ABSENT if outlines.limits.excludes(finding) else Presence.NOT_ASSESSED
    is_open = presence is Presence.NOT_ASSESSED and certainty is None
    return StructuredFinding(
        finding=finding,
        presence=presence,
        probability=None if is_open else probability,
        certainty=certainty,
        agreed=not is_drafted and certainty is None and (is_open or probability < LIKELY),
    )
