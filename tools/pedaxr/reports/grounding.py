"""Two witnesses compared: each sentence of the narrative against the outlined regions, and the reverse.

A positive sentence needs a region of its finding, on its side and in its quadrants. A sentence that speaks of
several findings is checked for each, and the worst verdict is the sentence's. What fails is hedged or struck,
and a region that no standing sentence speaks of gets one, marked as missing from the draft. Nothing is
dropped: struck sentences stay in the report, marked as such.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pedaxr.types import Place, Region, Sentence, StructuredFinding
from pedaxr_models.facts import Presence, Side
from pedaxr_models.labels import FINDINGS, Finding, View, sign, sign_within
from pedaxr_models.plausibility import cannot_show, is_blind

if TYPE_CHECKING:
    from pedaxr_models.report_text.parser import SentenceFacts

Verdict = Literal["grounded", "hedged", "struck", "not_checked"]

# A region below this mean probability is too faint for an unhedged sentence, whatever the reader says.
FAINT = 0.6
_SUREST = 0.999  # no witness is taken to be surer: one alone could outweigh any doubt of the other
_OPPOSITE = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}
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
    view: View | None
    least_support: Mapping[str, float]
    probabilities: Mapping[Finding, float]


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
) -> list[Sentence]:
    """Every sentence with its verdict, then one more for each region that no standing sentence speaks of.

    Args:
        sentences: of the draft.
        regions: outlined findings.
        view: of the film.
        least_support: by finding, the `support` that an unhedged sentence needs, 0 where none is given; its
            region's mean probability must reach `FAINT` as well.
        probabilities: of the reader's finding head.
    """
    outlines = _evidence(regions, view, least_support, probabilities)
    checked: list[Sentence] = []
    drafted: set[Finding | None] = set()
    standing: set[Finding | None] = set()
    for text in sentences:
        judged = _judge(text, outlines)
        checked.append(_sentence(text, judged, outlines.visible))
        spoken = {j.said.finding for j in judged if j.is_positive}
        drafted |= spoken
        if checked[-1].verdict in ("grounded", "hedged"):
            standing |= spoken
    missing = [region for name, region in outlines.visible.items() if Finding(name) not in standing]
    return checked + [_added(region, is_drafted=Finding(region.name) in drafted) for region in missing]


def _evidence(
    regions: Sequence[Region],
    view: View | None,
    least_support: Mapping[str, float] | None,
    probabilities: Mapping[Finding, float] | None,
) -> _Evidence:
    visible = {region.name: region for region in regions if not cannot_show(Finding(region.name), view)}
    return _Evidence(visible, view, least_support or {}, probabilities or {})


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
    is_carried = support(region.confidence, reader) >= outlines.least_support.get(said.finding, 0.0)
    if is_carried and region.confidence >= FAINT:
        return None
    is_readers = reader is not None and reader < region.confidence
    return "the reader leaves doubt" if is_readers else "its outline leaves doubt"


def _sentence(text: str, judged: Sequence[_Judgement], regions: Mapping[str, Region]) -> Sentence:
    """The sentence under the worst of its verdicts; of equals the most urgent finding names it."""
    if not judged:
        return Sentence(text=text, verdict="not_checked")
    worst = max(judged, key=lambda judgement: _GRAVITY.index(judgement.verdict))
    if worst.verdict == "hedged":
        text = " ".join(_hedged(judgement, regions) for judgement in judged)
    place = _place(regions.get(str(worst.said.finding)))
    return Sentence(
        text=text, finding=worst.said.finding, verdict=worst.verdict, reason=worst.reason, region=place
    )


def _place(region: Region | None) -> Place | None:
    if region is None:
        return None
    return Place(
        bounding_box=region.bounding_box,
        quadrants=region.quadrants,
        side=region.side,
        confidence=region.confidence,
    )


def _hedged(judgement: _Judgement, regions: Mapping[str, Region]) -> str:
    """One statement of a hedged sentence, told alone so that the doubt falls on its own finding."""
    name = str(judgement.said.finding)
    if judgement.verdict == "hedged":
        return f"Possible {sign_within(name)}{_where(regions[name])}: {judgement.reason}."
    if judgement.is_positive:
        return f"{sign(name)}{_where(regions[name])}."
    if judgement.said.presence is Presence.ABSENT:
        return f"No {sign_within(name)}."
    return f"{sign(name)} cannot be assessed."


def _added(region: Region, *, is_drafted: bool) -> Sentence:
    why = "its sentence in the draft was struck" if is_drafted else "the draft is silent on it"
    reason = "the draft's sentence was struck" if is_drafted else "the draft is silent on it"
    text = f"{sign(region.name)} outlined{_where(region)}: {why}."
    return Sentence(text=text, finding=region.name, verdict="missing", reason=reason, region=_place(region))


def _where(region: Region) -> str:
    return f" in the {' and '.join(region.quadrants)}" if region.quadrants else ""


def structure_findings(
    drafted: Sequence[str],
    regions: Sequence[Region],
    probabilities: Mapping[Finding, float],
    view: View | None,
    *,
    least_support: Mapping[str, float] | None = None,
) -> list[StructuredFinding]:
    """One entry per finding. Present means outlined; what the narrative alone says is a disagreement.

    Args:
        drafted: the narrative's own sentences, for grade, count and agreement.
        regions: outlined findings.
        probabilities: of the reader's finding head.
        view: of the film.
        least_support: as in `check_sentences`.
    """
    outlines = _evidence(regions, view, least_support, probabilities)
    judged = [judgement for text in drafted for judgement in _judge(text, outlines)]
    return [
        _structured(
            finding,
            [judgement for judgement in judged if judgement.said.finding is finding],
            outlines.visible.get(finding),
            probabilities.get(finding, 0.0),
            view,
        )
        for finding in FINDINGS
    ]


def _structured(
    finding: Finding,
    judged: Sequence[_Judgement],
    region: Region | None,
    probability: float,
    view: View | None,
) -> StructuredFinding:
    positive = [judgement for judgement in judged if judgement.is_positive]
    if region is None:
        presence = Presence.NOT_ASSESSED if is_blind(finding, view) else Presence.ABSENT
        return StructuredFinding(
            finding=finding, presence=presence, probability=probability, agreed=not positive
        )
    said = positive[0].said if positive else None
    return StructuredFinding(
        finding=finding,
        presence=Presence.PRESENT,
        severity=said.severity if said else None,
        side=region.side,
        quadrants=region.quadrants,
        count=said.count if said else None,
        probability=probability,
        region_area_px=region.area_px,
        agreed=any(judgement.verdict == "grounded" for judgement in positive),
    )
