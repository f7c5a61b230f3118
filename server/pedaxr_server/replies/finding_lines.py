"""Findings in words for a language model: what is critical and how surely, what is outlined, what is not
assessed, and the widths. By the sign that a film shows, never by a diagnosis; figures stay in the data.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from pedaxr.reading.notes import how_outlined
from pedaxr.reports.prose.measured import LEAST_CALIBRE
from pedaxr.text import ForeignText
from pedaxr.types import NotAssessed, Region, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, SIGNS, Finding, View, sign, sign_within
from pedaxr_models.plausibility import is_blind

TELL = "Tell the responsible doctor now."
# What no network here was trained for, where the answer itself does not list it.
UNTRAINED = (
    "rectal gas",
    "bowel wall gas",
    "lines and tubes",
    "foreign bodies",
    "calcification",
    "organs",
    "lung bases",
    "bones",
)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{1,39}")  # a field's or a structure's name in this program
LIKELY = 0.5  # of the report writer, where nothing is outlined: said as a doubt
_HOW_SURE: Mapping[str, str] = {
    "outlined": "{} is outlined",
    "in_doubt": "{} is in doubt: outlined, but faintly or against the report writer",
    "suspected": "{} is suspected, not outlined",
    "signed": "{}, in the words of the human who signed",
}
# As the overlay draws them; a test holds the words against the colours.
COLOURS: Mapping[str, str] = {
    Finding.PNEUMOPERITONEUM: "orange",
    Finding.PYLORIC_STENOSIS: "amber",
    Finding.AIR_FLUID_LEVEL: "sky blue",
    Finding.ABDOMINAL_DISTENSION: "green",
    Finding.CONSTIPATION: "pink",
}
WIDTHS = {
    "widest_loop": "small-bowel loop",
    "stomach": "stomach",
    "widest_colon": "colon",
    "rectum": "rectum",
}
_STOOL = {
    "stool_share_right_colon": "right colon",
    "stool_share_left_colon": "left colon",
    "stool_share_rectosigmoid": "rectosigmoid",
}


def named(finding: str) -> str:
    """A finding, or whatever else is listed as one, within a sentence."""
    if finding in SIGNS:
        return sign_within(finding)
    return finding.replace("_", " ") if _IDENTIFIER.fullmatch(finding) else str(ForeignText(finding, 60))


def critical_line(
    critical: Sequence[str],
    certainty: Mapping[str, str],
    *,
    beside_signed: Sequence[str] | None = None,
    said_by: str = "this draft",
) -> str:
    """What a doctor must hear now, and how surely it is there.

    Args:
        critical: findings.
        certainty: of each, as far as it is known.
        beside_signed: of a draft beside a signed report, what that one calls critical.
        said_by: what the line stands in.
    """
    if not critical:
        return ""
    told = "; ".join(_HOW_SURE.get(certainty.get(name, ""), "{}").format(named(name)) for name in critical)
    is_new = beside_signed is not None and not set(critical) <= set(beside_signed)
    where = f" in {said_by}, not in the signed report" if is_new else ""
    return f"CRITICAL{where}: {told}. {TELL}"


def region_line(region: Region) -> str:
    """Such as: Faecal loading, drawn pink: left lower quadrant, 27.3 cm², 6% of the body; firmly outlined."""
    size = f"{region.area_mm2 / 100:.1f} cm², " if region.area_mm2 is not None else ""
    place = joined(region.quadrants) or "place not certain"
    colour = COLOURS.get(region.name, "")
    drawn = f", drawn {colour}" if colour else ""
    return (
        f"{sign(region.name)}{drawn}: {place}, {size}{region.share_of_body:.0%} of the body's area; "
        f"{how_outlined(region.confidence)} outlined."
    )


def not_outlined_line(outlined: Iterable[str], not_assessed: Sequence[NotAssessed]) -> str:
    """What was looked for and not drawn: no proof of absence, and no figure of nought."""
    left_out = {*outlined, *(one.what for one in not_assessed)}
    rest = [sign_within(finding) for finding in FINDINGS if finding not in left_out]
    return f"Not outlined (no proof of absence, not nought): {', '.join(rest)}." if rest else ""


def not_assessed_line(not_assessed: Sequence[NotAssessed], *, sees_tube: bool = False) -> str:
    """By the reason: the view or the field first, which another film can mend.

    Args:
        not_assessed: as listed in the answer.
        sees_tube: a gastric tube is told, so that only other lines are left.
    """
    by_reason: dict[str, list[str]] = {"view": [], "field": [], "model": []}
    for one in not_assessed:
        by_reason[one.reason].append(named(one.what))
    trained = [name for name in UNTRAINED if not by_reason["model"]] or by_reason["model"]
    trained = [f"other {name}" if sees_tube and name == "lines and tubes" else name for name in trained]
    parts = [
        f"{', '.join(by_reason['view'])} (on this view; not the same as absent)" if by_reason["view"] else "",
        f"{', '.join(by_reason['field'])} (outside the film)" if by_reason["field"] else "",
        f"{', '.join(trained)} (no network)",
    ]
    return f"NOT ASSESSED: {'; '.join(filter(None, parts))}."


def doubt_lines(findings: Sequence[StructuredFinding], said: Iterable[str]) -> list[str]:
    """One line for each finding of `unsure`.

    That both networks carry one is not said: they learnt from the same films, and agreement reads like a
    second opinion.
    """
    return [_doubt_line(finding) for finding in unsure(findings, said)]


def unsure(findings: Sequence[StructuredFinding], said: Iterable[str]) -> list[StructuredFinding]:
    """Findings that the two networks do not both carry and that nothing else has named.

    Args:
        findings: of the report.
        said: findings whose doubt stands in another line.
    """
    seen = [f for f in findings if f.presence is Presence.PRESENT]
    doubtful = [f for f in seen if not f.agreed or f.certainty not in (None, "outlined")]
    told = set(said)
    return [f for f in findings if (f in doubtful or is_doubted(f)) and f.finding not in told]


def blind(findings: Iterable[str], view: View | None) -> list[NotAssessed]:
    """Which of the findings a film of that view cannot exclude."""
    return [NotAssessed(what=name, reason="view") for name in findings if is_blind(Finding(name), view)]


def is_doubted(finding: StructuredFinding) -> bool:
    """Whether something speaks for a finding that is not outlined."""
    likely = finding.probability is not None and finding.probability >= LIKELY
    return finding.presence is not Presence.PRESENT and (
        finding.certainty == "suspected" or not finding.agreed or likely
    )


def _doubt_line(finding: StructuredFinding) -> str:
    name = named(finding.finding)
    if finding.presence is Presence.PRESENT:
        return f"IN DOUBT: {name} is outlined, but faintly or against the report writer."
    return f"IN DOUBT: {name} is not outlined, but the report writer speaks for it. Look."


def measure_lines(measures: Mapping[str, float]) -> list[str]:
    """Widths, levels and stool on one film."""
    widths = [_width(key, words, measures) for key, words in WIDTHS.items()]
    known = ", ".join(filter(None, widths))
    unit = "mm, magnification not corrected (x L2's width)"
    if not any(f"{key}_mm" in measures for key in WIDTHS):
        unit = "x L2's width, as the film has no pixel spacing"
    shares = {words: measures[key] for key, words in _STOOL.items() if key in measures}
    stool = ", ".join(f"{words} {share:.0%}" for words, share in shares.items())
    count = measures.get("air_fluid_levels")
    return [
        f"Widths in {unit}: {known}. No normal range given." if known else "",
        f"Levels counted on the outlines: {count:.0f}." if count else "",
        f"Stool fills (how full, not how much): {stool}." if any(shares.values()) else "",
    ]


def _width(key: str, words: str, measures: Mapping[str, float]) -> str:
    ratio, mm = measures.get(f"{key}_to_l2"), measures.get(f"{key}_mm")
    if ratio is not None and ratio < LEAST_CALIBRE:
        return f"{words} under {LEAST_CALIBRE} x L2"  # a trace of gas: no figure would be a width
    if mm is not None:
        return f"{words} {mm:.0f} ({ratio:.1f})" if ratio is not None else f"{words} {mm:.0f}"
    return f"{words} {ratio:.1f}" if ratio is not None else ""


def joined(places: Sequence[str]) -> str:
    """Quadrants as a phrase."""
    if len(places) == 4:
        return "all four quadrants"
    return " and ".join([", ".join(places[:-1]), places[-1]]) if len(places) > 1 else "".join(places)
