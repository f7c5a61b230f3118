"""The sections of a report, from what both witnesses left standing."""

from collections.abc import Mapping, Sequence

from pedaxr.reading.measurements import LEVELS, STOOL_PARTS
from pedaxr.reading.notes import NoteKind, texts
from pedaxr.reading.read_film import Reading
from pedaxr.reports.flags import view_name
from pedaxr.reports.recommendations import recommend
from pedaxr.text import printable
from pedaxr.types import Sentence, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import URGENCY, Finding
from pedaxr_models.plausibility import is_blind

NOT_ASSESSED = "not assessed by this model"
# Key in the measures, and how a sentence calls it.
_CALIBRES = {
    "widest_loop": "Widest small-bowel loop",
    "stomach": "Stomach",
    "widest_colon": "Widest colon",
    "rectum": "Rectum",
}
UNTRAINED = ("Calcification and foreign bodies", "Organs", "Lung bases", "Bones")
NOT_COMPARED = "Not compared: this film gives no finding."
NO_FINDING_GIVEN = "No finding is given: see the impression."
NO_RECOMMENDATION = "None from this draft: a qualified person must read the film."
WITHHELD = "No narrative: the draft did not depend on this film, so it was withheld. Read the film yourself."


def present_findings(findings: Sequence[StructuredFinding]) -> list[Finding]:
    """Findings present, most urgent first."""
    seen = {f.finding for f in findings if f.presence is Presence.PRESENT}
    return [finding for finding in URGENCY if finding in seen]


def critical_findings(findings: Sequence[StructuredFinding], *, is_suspected: bool) -> list[str]:
    """What a human must hear of now: free air, outlined or only suspected."""
    is_told = is_suspected or Finding.PNEUMOPERITONEUM in present_findings(findings)
    return [Finding.PNEUMOPERITONEUM.value] if is_told else []


def standing_text(sentences: Sequence[Sentence]) -> str:
    """The narrative without what was struck."""
    return " ".join(s.text for s in sentences if s.verdict != "struck")


def compose_sections(
    reading: Reading,
    sentences: Sequence[Sentence],
    findings: Sequence[StructuredFinding],
    *,
    indication: str | None,
    comparison: str,
    critical: Sequence[str],
    is_withheld: bool,
) -> dict[str, str]:
    """Section name to text, in the order a radiologist reads them."""
    present = present_findings(findings)
    is_blind_view = is_blind(Finding.PNEUMOPERITONEUM, reading.metadata.view)
    steps = recommend(present, is_blind_view=is_blind_view)
    sections = {
        "Technique": _technique(reading),
        "Indication": printable(indication) if indication else "not supplied",
        "Comparison": comparison,
        "Findings": WITHHELD if is_withheld else _findings(sentences, reading),
        **dict.fromkeys(UNTRAINED, NOT_ASSESSED),
        "Impression": WITHHELD if is_withheld else _impression(findings, is_blind_view=is_blind_view),
        "Recommendation": " ".join(map(str, steps)),
    }
    if critical:
        sections["Communication"] = (
            "Critical finding: tell the responsible doctor now and record whom and when. Not yet recorded."
        )
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
    spacing = "spacing known" if reading.pixel_spacing_mm else "no pixel spacing: sizes in pixels only"
    view = view_name(reading.metadata.view)
    told_elsewhere = (NoteKind.SPACING, NoteKind.SMALL)  # by `spacing`, and among the flags
    notes = [note for note in reading.notes if note.kind not in told_elsewhere]
    return " ".join([f"Abdominal radiograph, {view}; {size}, {spacing}.", *texts(notes)])


def _impression(findings: Sequence[StructuredFinding], *, is_blind_view: bool) -> str:
    """Critical first; what the view cannot exclude is said even when something else was found."""
    lines = [_impression_line(f) for name in URGENCY for f in findings if f.finding == name and _is_seen(f)]
    if not lines:
        lines.append("No finding that this model looks for is outlined.")
    if is_blind_view and not any(f.finding == Finding.PNEUMOPERITONEUM and _is_seen(f) for f in findings):
        lines.append("Air-fluid levels not assessed and free air not excluded on this view.")
    return " ".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _is_seen(finding: StructuredFinding) -> bool:
    return finding.presence is Presence.PRESENT


def _impression_line(finding: StructuredFinding) -> str:
    words = {
        Finding.PNEUMOPERITONEUM: "Free intraperitoneal gas (pneumoperitoneum)",
        Finding.PYLORIC_STENOSIS: "Gastric distension; consider outlet obstruction such as pyloric stenosis",
        Finding.AIR_FLUID_LEVEL: "Air-fluid levels",
        Finding.ABDOMINAL_DISTENSION: "Diffuse gaseous distension",
        Finding.CONSTIPATION: "Faecal loading of the colon (a description, not a diagnosis)",
    }
    details = [finding.severity.value] if finding.severity else []
    details += [f"{finding.count} levels"] if finding.count else []
    details += [f"{finding.side.value} side{'s' if finding.side == 'both' else ''}"] if finding.side else []
    doubt = "" if finding.agreed else "; in doubt, see the flags"
    grade = f" ({', '.join(details)})" if details else ""
    return f"{words[Finding(finding.finding)]}{grade}{doubt}."


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
