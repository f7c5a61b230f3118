"""The sections of a report, from what both witnesses left standing."""

from collections.abc import Mapping, Sequence

from pedaxr.radiograph.raster import Spacing
from pedaxr.reading.measurements import LEVELS, STOOL_PARTS
from pedaxr.reading.notes import NoteKind, texts
from pedaxr.reading.read_film import Reading
from pedaxr.reports.film_limits import FilmLimits
from pedaxr.reports.flags import view_name
from pedaxr.reports.human_words import COMMUNICATION, TELL_NOW
from pedaxr.reports.recommendations import recommend
from pedaxr.text import printable
from pedaxr.types import Sentence, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import URGENCY, Finding, sign, sign_within

NOT_ASSESSED = "not assessed by this model"
# Key in the measures, and how a sentence calls it.
_CALIBRES = {
    "widest_loop": "Widest small-bowel loop",
    "stomach": "Stomach",
    "widest_colon": "Widest colon",
    "rectum": "Rectum",
}
UNTRAINED = ("Calcification and foreign bodies", "Lines and tubes", "Organs", "Lung bases", "Bones")
# What a vertical beam, or a view that nobody states, leaves open.
_UNSEEN = {
    Finding.AIR_FLUID_LEVEL: "Air-fluid levels not assessed",
    Finding.PNEUMOPERITONEUM: "Free intraperitoneal air not excluded",
}
NOTHING_OUTLINED = "Nothing this model looks for is outlined."
# What a sign may mean; a film makes none of these diagnoses.
_MEANING = {
    Finding.PNEUMOPERITONEUM: " (pneumoperitoneum)",
    Finding.PYLORIC_STENOSIS: "; consider outlet obstruction such as pyloric stenosis",
    Finding.CONSTIPATION: "; a description of the film only",
}
NOT_COMPARED = "Not compared: this film gives no finding."
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
    reading: Reading,
    sentences: Sequence[Sentence],
    findings: Sequence[StructuredFinding],
    limits: FilmLimits,
    *,
    comparison: str,
    is_withheld: bool,
) -> dict[str, str]:
    """Section name to text, in the order a radiologist reads them; all from the settled findings."""
    indication = reading.metadata.indication
    steps = recommend(present_findings(findings), limits)
    sections = {
        "Technique": _technique(reading),
        "Indication": printable(indication) if indication else "not supplied",
        "Comparison": comparison,
        "Findings": WITHHELD if is_withheld else _findings(sentences, reading),
        **dict.fromkeys(UNTRAINED, NOT_ASSESSED),
        "Impression": _impression(findings, limits, is_withheld),
        "Recommendation": " ".join(map(str, steps)),
    }
    if any(f.finding == Finding.PNEUMOPERITONEUM and f.certainty for f in findings):
        sections[COMMUNICATION] = TELL_NOW
    return sections


def sections_in_doubt(reading: Reading, in_doubt: str) -> dict[str, str]:
    """Of a film that gives no finding: what it is, why nothing is said of it, and what to do."""
    return {
        "Technique": _technique(reading),
        "Indication": printable(indication)
        if (indication := reading.metadata.indication)
        else "not supplied",
        "Comparison": NOT_COMPARED,
        "Findings": NO_FINDING_GIVEN,
        **dict.fromkeys(UNTRAINED, NOT_ASSESSED),
        "Impression": in_doubt,
        "Recommendation": NO_RECOMMENDATION,
    }


def _findings(sentences: Sequence[Sentence], reading: Reading) -> str:
    return " ".join(filter(None, [standing_text(sentences), measures_text(reading.measures)]))


def _technique(reading: Reading) -> str:
    size = f"{reading.radiograph.width} x {reading.radiograph.height} pixels"
    spacing = _spacing(reading.spacing) if reading.spacing else "no pixel spacing: sizes in pixels only"
    view = view_name(reading.metadata.view)
    told_elsewhere = (NoteKind.SPACING, NoteKind.SMALL)  # by `spacing`, and among the flags
    notes = [note for note in reading.notes if note.kind not in told_elsewhere]
    return " ".join([f"Abdominal radiograph, {view}; {size}, {spacing}.", *texts(notes)])


def _spacing(spacing: Spacing) -> str:
    """`spacing 0.14 mm (detector)`, both sides where they differ."""
    sides = dict.fromkeys(f"{side:.3g}" for side in spacing[:2])
    return f"spacing {' x '.join(sides)} mm ({spacing.origin})"


def _impression(findings: Sequence[StructuredFinding], limits: FilmLimits, is_withheld: bool) -> str:
    """Critical first, hedged as it must be; what the film cannot exclude is said whatever else was found."""
    by_name = {Finding(f.finding): f for f in findings}
    told = [by_name[name] for name in URGENCY if name in by_name and _is_named(by_name[name])]
    lines = [_impression_line(finding) for finding in told] or [NOTHING_OUTLINED]
    lines += [WITHHELD] if is_withheld else []
    named = {Finding(f.finding) for f in told}
    if not limits.is_horizontal_beam:
        unseen = [words for finding, words in _UNSEEN.items() if finding not in named]
        lines += [f"{' and '.join(unseen).replace('and Free', 'and free')} on this view."] if unseen else []
    elif not limits.are_domes_in_field and Finding.PNEUMOPERITONEUM not in named:
        lines.append("Free intraperitoneal air not assessed: the domes of the diaphragm are not included.")
    return " ".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _is_named(finding: StructuredFinding) -> bool:
    return finding.presence is Presence.PRESENT or finding.certainty == "suspected"


def _impression_line(finding: StructuredFinding) -> str:
    name = Finding(finding.finding)
    if finding.certainty == "suspected":
        return f"{sign(name)} is suspected; no region is outlined: look now."
    details = [finding.severity.value] if finding.severity else []
    details += [f"{finding.count} level{'s' if finding.count > 1 else ''}"] if finding.count else []
    details += [f"{finding.side.value} side{'s' if finding.side == 'both' else ''}"] if finding.side else []
    grade = f" ({', '.join(details)})" if details else ""
    if finding.agreed:
        return f"{sign(name)}{grade}{_MEANING.get(name, '')}."
    return f"Possible {sign_within(name)}{grade}; in doubt, see the flags."


def measures_text(measures: Mapping[str, float]) -> str:
    """The measures a reader of the film would name, in words; empty when nothing was measured."""
    sentences = [_calibre(name, words, measures) for name, words in _CALIBRES.items()]
    return " ".join(filter(None, [*sentences, _level_words(measures), _stool_words(measures)]))


def _calibre(name: str, words: str, measures: Mapping[str, float]) -> str:
    ratio, mm = measures.get(f"{name}_to_l2"), measures.get(f"{name}_mm")
    size = f" ({mm:.0f} mm)" if mm is not None else ""
    return f"{words} {ratio:.1f} x the width of L2{size}." if ratio is not None else ""


def _level_words(measures: Mapping[str, float]) -> str:
    count, longest = measures.get(LEVELS), measures.get("longest_level_to_l2")
    if not count:
        return ""  # said as a finding that is absent
    words = f"; the longest {longest:.1f} x the width of L2" if longest is not None else ""
    return f"Levels counted on the outlines: {count:.0f}{words}."


def _stool_words(measures: Mapping[str, float]) -> str:
    shares = [measures.get(f"stool_share_{part}") for part in STOOL_PARTS]
    if None in shares:
        return ""
    right, left, low = (f"{share:.0%}" for share in shares)
    return f"Stool fills {right} of the right colon, {left} of the left colon and {low} of the rectosigmoid."
