"""The sections of a report, from what both witnesses left standing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pedaxr.reading.notes import NoteKind, texts
from pedaxr.reports.film_limits import FilmLimits
from pedaxr.reports.flags import impossible_on, view_name
from pedaxr.reports.human_words import COMMUNICATION, TELL_NOW
from pedaxr.reports.prose.findings import dispute, disputed, findings_text, is_named, stated
from pedaxr.reports.prose.places import ONE_SIDED
from pedaxr.reports.prose.question import NOT_ON_THIS_FILM, answers, is_asked
from pedaxr.reports.prose.tubes import CONFIRM, OTHERS, seen_tube
from pedaxr.reports.recommendations import recommend
from pedaxr.text import request_text
from pedaxr.types import Sentence, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import URGENCY, Finding, sign

if TYPE_CHECKING:  # load NumPy and OpenCV, which a search has no use for
    from pedaxr.radiograph.raster import Spacing
    from pedaxr.reading.read_film import Reading

NOT_ASSESSED = "not assessed by this model"
LINES = "Lines and tubes"
UNTRAINED = ("Calcification and foreign bodies", LINES, "Organs", "Lung bases", "Bones")
# What a vertical beam, or a view that nobody states, leaves open.
_UNSEEN = {
    Finding.AIR_FLUID_LEVEL: "Air-fluid levels not assessed",
    Finding.PNEUMOPERITONEUM: "Free intraperitoneal air not excluded",
}
NOTHING_OUTLINED = "Nothing this model looks for is outlined."
OTHER_VIEW_FIRST = "What is outlined does not fit the stated view: check the view first."
# What a sign may mean; a film makes none of these diagnoses.
_PYLORIC = " such as pyloric stenosis"
_MEANING = {
    Finding.PNEUMOPERITONEUM: " (pneumoperitoneum)",
    Finding.PYLORIC_STENOSIS: f"; consider outlet obstruction{_PYLORIC}",
    Finding.CONSTIPATION: "; a description of the film only",
}
NOT_COMPARED = "Not compared: this film gives no finding."
OF_SIBLING = "The request asks for the film of another child: children are never compared with each other."
NO_FINDING_GIVEN = "No finding is given: see the impression."
NO_RECOMMENDATION = "None from this draft: a qualified person must read the film."
WITHHELD = "The draft did not depend on this film, so its sentences are withheld: read the film yourself."


def present_findings(findings: Sequence[StructuredFinding]) -> list[Finding]:
    """Findings present, most urgent first."""
    seen = {f.finding for f in findings if f.presence is Presence.PRESENT}
    return [finding for finding in URGENCY if finding in seen]


def standing_text(sentences: Sequence[Sentence]) -> str:
    """The narrative without what was struck."""
    return " ".join(s.text for s in sentences if s.verdict != "struck")


def compose_sections(
    reading: "Reading",
    sentences: Sequence[Sentence],
    findings: Sequence[StructuredFinding],
    limits: FilmLimits,
    *,
    comparison: str,
    is_withheld: bool,
    requests: Sequence[str] = (),
) -> dict[str, str]:
    """Section name to text, in the order a radiologist reads them; all from the settled findings."""
    indication = reading.metadata.indication
    steps = recommend(present_findings(findings), limits)
    sections = {
        "Technique": _technique(reading),
        "Indication": request_text(indication) if indication else "not supplied",
        "Comparison": comparison,
        "Findings": WITHHELD if is_withheld else findings_text(sentences, findings, limits, reading.measures),
        **_untrained(sentences),
        "Impression": _impression(
            findings,
            limits,
            is_withheld=is_withheld,
            is_other_view=bool(impossible_on(limits.view, reading.findings)),
            requests=requests,
            tube=seen_tube(sentences),
        ),
        "Recommendation": " ".join(map(str, steps)),
    }
    if any(f.finding == Finding.PNEUMOPERITONEUM and f.certainty for f in findings):
        sections[COMMUNICATION] = TELL_NOW
    return sections


def _untrained(sentences: Sequence[Sentence]) -> dict[str, str]:
    """What no network here was trained for, but for a gastric tube that is seen."""
    told = dict.fromkeys(UNTRAINED, NOT_ASSESSED)
    tube = seen_tube(sentences)
    return told if tube is None else told | {LINES: f"{tube.text} {OTHERS}"}


def sections_in_doubt(reading: "Reading", in_doubt: str, requests: Sequence[str] = ()) -> dict[str, str]:
    """Of a film that gives no finding: what it is, why nothing is said of it, and what to do."""
    return {
        "Technique": _technique(reading),
        "Indication": request_text(indication)
        if (indication := reading.metadata.indication)
        else "not supplied",
        "Comparison": NOT_COMPARED,
        "Findings": NO_FINDING_GIVEN,
        **dict.fromkeys(UNTRAINED, NOT_ASSESSED),
        "Impression": f"{in_doubt} {NOT_ON_THIS_FILM['en']}" if is_asked(requests) else in_doubt,
        "Recommendation": NO_RECOMMENDATION,
    }


def _technique(reading: "Reading") -> str:
    size = f"{reading.radiograph.width} x {reading.radiograph.height} pixels"
    spacing = _spacing(reading.spacing) if reading.spacing else "no pixel spacing: sizes in pixels only"
    view = view_name(reading.metadata.view)
    told_elsewhere = (NoteKind.SPACING, NoteKind.SMALL)  # by `spacing`, and among the flags
    notes = [note for note in reading.notes if note.kind not in told_elsewhere]
    return " ".join([f"Abdominal radiograph, {view}; {size}, {spacing}.", *texts(notes)])


def _spacing(spacing: "Spacing") -> str:
    """`spacing 0.14 mm (detector)`, both sides where they differ."""
    sides = dict.fromkeys(f"{side:.3g}" for side in spacing[:2])
    return f"spacing {' x '.join(sides)} mm ({spacing.origin})"


def _impression(
    findings: Sequence[StructuredFinding],
    limits: FilmLimits,
    *,
    is_withheld: bool,
    is_other_view: bool,
    requests: Sequence[str],
    tube: Sentence | None,
) -> str:
    """Critical first, hedged as it must be; what the film cannot exclude is said whatever else was found."""
    by_name = {Finding(f.finding): f for f in findings}
    told = [by_name[name] for name in URGENCY if name in by_name and is_named(by_name[name])]
    lines = [_impression_line(finding, limits) for finding in told]
    lines += [OTHER_VIEW_FIRST] if is_other_view else []
    lines = lines or [NOTHING_OUTLINED]
    lines += [f"{dispute(finding)}." for finding in disputed(findings)]
    lines += [WITHHELD] if is_withheld else []
    named = {Finding(f.finding) for f in told}
    if not limits.is_horizontal_beam:
        unseen = [words for finding, words in _UNSEEN.items() if finding not in named]
        lines += [f"{' and '.join(unseen).replace('and Free', 'and free')} on this view."] if unseen else []
    elif not limits.are_domes_in_field and Finding.PNEUMOPERITONEUM not in named:
        lines.append("Free intraperitoneal air not assessed: the domes of the diaphragm are not included.")
    lines += answers(requests, findings, tube=f"{tube.text} {CONFIRM}" if tube else None)
    return " ".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _impression_line(finding: StructuredFinding, limits: FilmLimits) -> str:
    name = Finding(finding.finding)
    if finding.certainty == "suspected":
        return f"{sign(name)} is suspected; no region is outlined: look now."
    side = finding.side if finding.side in ONE_SIDED else None
    told = stated(finding.model_copy(update={"quadrants": [], "side": side}))
    if finding.agreed:
        meaning = _MEANING.get(name, "")
        meaning = meaning.removesuffix(_PYLORIC) if limits.is_past_pyloric_age else meaning
        return f"{told[:1].upper()}{told[1:]}{meaning}."
    return f"{told[:1].upper()}{told[1:]}; in doubt, see what to check."
