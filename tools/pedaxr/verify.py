"""Two witnesses compared: each sentence of the narrative against the outlined regions, and the reverse.

A positive sentence needs a region of its finding, on its side and in its quadrants. What fails is hedged or
struck, and a region that no sentence speaks of gets one. Nothing is dropped: struck sentences stay in the
report, marked as such.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pedaxr.types import Region, Sentence, StructuredFinding
from pedaxr_models.captioning.facts import Presence, Side
from pedaxr_models.labels import FINDINGS, HORIZONTAL_BEAM_VIEWS, TERMS, Finding, View

if TYPE_CHECKING:
    from pedaxr_models.captioning.parser import SentenceFacts

# A region below this mean probability is too faint to carry an unhedged sentence.
FAINT = 0.6
_OPPOSITE = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}


def is_blind(finding: Finding, view: View | None) -> bool:
    """Whether a film of that view cannot exclude the finding; an unknown view is taken as supine."""
    hides = finding in (Finding.AIR_FLUID_LEVEL, Finding.PNEUMOPERITONEUM)
    return hides and view not in HORIZONTAL_BEAM_VIEWS


def cannot_show(finding: Finding, view: View | None) -> bool:
    """Whether a film of that view cannot show the finding at all: levels lie across a vertical beam."""
    return finding is Finding.AIR_FLUID_LEVEL and view is not None and view not in HORIZONTAL_BEAM_VIEWS


def check_sentences(sentences: Sequence[str], regions: Sequence[Region], view: View | None) -> list[Sentence]:
    """Every sentence with its verdict, then one more for each region that no standing sentence speaks of."""
    from pedaxr_models.captioning.parser import parse_sentence

    by_name = {region.name: region for region in regions if not cannot_show(Finding(region.name), view)}
    checked, spoken = [], set()
    for text in sentences:
        said = parse_sentence(text)
        sentence = _check(text, said, by_name, view)
        checked.append(sentence)
        if said.presence is Presence.PRESENT and sentence.verdict in ("grounded", "hedged"):
            spoken.add(said.finding)
    missing = [region for name, region in by_name.items() if Finding(name) not in spoken]
    return checked + [_added(region) for region in missing]


def _check(text: str, said: "SentenceFacts", regions: Mapping[str, Region], view: View | None) -> Sentence:
    if said.finding is None or said.presence in (None, Presence.NOT_ASSESSED):
        return Sentence(text=text, finding=said.finding, verdict="not_checked")
    region = regions.get(said.finding)
    if said.presence is Presence.PRESENT:
        return _check_positive(text, said, region, view)
    if region is not None:
        return _struck(text, said.finding, "the segmentation outlines this finding")
    if is_blind(said.finding, view):
        return _struck(text, said.finding, "this view cannot exclude it")
    return Sentence(text=text, finding=said.finding, verdict="grounded", reason="nothing is outlined")


def _check_positive(text: str, said: "SentenceFacts", region: Region | None, view: View | None) -> Sentence:
    assert said.finding is not None
    if cannot_show(said.finding, view):
        return _struck(text, said.finding, "this view cannot show it")
    if region is None:
        return _struck(text, said.finding, "no region of this finding is outlined")
    if doubt := _doubt(said, region):
        name = TERMS[said.finding].english
        hedged = f"Possible {name[0].lower()}{name[1:]}{_where(region)}: {doubt}."
        return Sentence(text=hedged, finding=said.finding, verdict="hedged", reason=doubt)
    return Sentence(text=text, finding=said.finding, verdict="grounded")


def _doubt(said: "SentenceFacts", region: Region) -> str | None:
    """Why a region does not fully carry its sentence."""
    if said.side in _OPPOSITE and region.side is _OPPOSITE[said.side]:
        return f"the draft placed it on the {said.side}, the outline lies on the {region.side}"
    if said.quadrants and not {q.value for q in said.quadrants} & set(region.quadrants):
        return "the draft placed it in other quadrants than the outline"
    if region.confidence < FAINT:
        return "its outline is faint"
    return "the draft itself is unsure" if said.is_hedged else None


def _struck(text: str, finding: Finding, reason: str) -> Sentence:
    return Sentence(text=text, finding=finding, verdict="struck", reason=reason)


def _added(region: Region) -> Sentence:
    text = f"{TERMS[region.name].english} is outlined{_where(region)}, which the draft does not mention."
    return Sentence(text=text, finding=region.name, verdict="hedged", reason="missing from the narrative")


def _where(region: Region) -> str:
    return f" in the {' and '.join(region.quadrants)}" if region.quadrants else ""


def structure_findings(
    sentences: Sequence[Sentence],
    drafted: Sequence[str],
    regions: Sequence[Region],
    probabilities: Mapping[Finding, float],
    view: View | None,
) -> list[StructuredFinding]:
    """One entry per finding. Present means outlined; what the narrative alone says is a disagreement.

    Args:
        sentences: as `check_sentences` left them.
        drafted: the narrative's own sentences, for grade and count.
        regions: outlined findings.
        probabilities: of the reader's finding head.
        view: of the film.
    """
    from pedaxr_models.captioning.parser import parse_sentence

    own = {said.finding: said for said in map(parse_sentence, drafted) if said.finding}
    outlined = {r.name: r for r in regions if not cannot_show(Finding(r.name), view)}
    return [
        _structured(f, own.get(f), outlined.get(f), probabilities.get(f, 0.0), sentences, view)
        for f in FINDINGS
    ]


def _structured(
    finding: Finding,
    said: "SentenceFacts | None",
    region: Region | None,
    probability: float,
    sentences: Sequence[Sentence],
    view: View | None,
) -> StructuredFinding:
    says_present = said is not None and said.presence is Presence.PRESENT
    if region is None:
        presence = Presence.NOT_ASSESSED if is_blind(finding, view) else Presence.ABSENT
        return StructuredFinding(
            finding=finding, presence=presence, probability=probability, agreed=not says_present
        )
    verdicts = {s.verdict for s in sentences if s.finding == finding}
    return StructuredFinding(
        finding=finding,
        presence=Presence.PRESENT,
        severity=said.severity if said and says_present else None,
        side=region.side,
        quadrants=region.quadrants,
        count=said.count if said and says_present else None,
        probability=probability,
        region_area_px=region.area_px,
        agreed="grounded" in verdicts and says_present,
    )
