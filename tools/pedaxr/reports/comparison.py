"""A film beside the latest earlier one of the same child, computed from both segmentations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pedaxr.errors import PedaxrError
from pedaxr.reading.measurements import LEVELS, STOOL_PARTS
from pedaxr.reading.read_film import Reading, Source, read_film
from pedaxr.reports.sign_off import AMENDMENTS
from pedaxr_models.labels import URGENCY, Finding, View, sign
from pedaxr_models.plausibility import cannot_show, is_blind

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic
    from pedaxr.records import Study

NOT_ASSESSED = "not assessed"
NOT_OUTLINED = "not outlined"
# A change of an area or length below this share of the earlier one is within what two outlines differ by.
LEAST_CHANGE = 0.2
_RATIOS = {
    "widest_loop_to_l2": "Widest small-bowel loop",
    "stomach_to_l2": "Stomach",
    "rectum_to_l2": "Rectum",
}
_STOOL = dict(zip(STOOL_PARTS, ("right colon", "left colon", "rectosigmoid"), strict=True))


@dataclass(frozen=True)
class ComparedFilm:
    """What of one film is compared.

    Attributes:
        view: None when not known; it is then taken as supine.
        shares: outlined findings, as a share of the body.
        measures: as of `measuring.measure`.
    """

    view: View | None
    shares: Mapping[str, float]
    measures: Mapping[str, float]

    @classmethod
    def of(cls, reading: Reading) -> "ComparedFilm":
        """Of one film that was read."""
        shares = {region.name: region.share_of_body for region in reading.findings}
        return cls(reading.metadata.view, shares, reading.measures)

    def share(self, finding: Finding) -> float | None:
        """Share of the body; None where the view can neither show nor exclude the finding."""
        if cannot_show(finding, self.view):
            return None
        if finding in self.shares:
            return self.shares[finding]
        return None if is_blind(finding, self.view) else 0.0


def compare_with_earlier(reading: Reading) -> str:
    """The Comparison section: the latest earlier film of the same child, or why none is compared.

    What a human signed of that film, its final report as last amended, is quoted beside the outlines; drafts
    of it never are.
    """
    source = reading.source
    if source.study is None or source.clinic is None:
        return "No earlier film was supplied."
    earlier = source.clinic.registry.earlier_studies(source.study.study_id)
    if not earlier:
        return "No earlier film is registered."
    return " ".join(
        filter(None, [_by_outlines(reading, earlier[0]), _signed_words(earlier[0], source.clinic)])
    )


def _by_outlines(reading: Reading, earlier: "Study") -> str:
    when = f"Film of {earlier.study_date}"
    try:
        before = read_film(Source(earlier.image_path, earlier, reading.source.clinic))
    except PedaxrError:
        return f"{when} could not be read; not compared."
    if before.in_doubt:
        return f"{when} is in doubt itself; not compared."
    return f"{when}, from the outlines: {compare(ComparedFilm.of(reading), ComparedFilm.of(before))}"


def _signed_words(earlier: "Study", clinic: "Clinic") -> str:
    """What the newest signed version says; empty where there are drafts only."""
    signed = [
        report for report in clinic.registry.reports(earlier.study_id) if report.status != "preliminary"
    ]
    if not signed:
        return ""
    sections = signed[-1].sections
    words = " ".join(filter(None, [sections.get("Impression"), sections.get(AMENDMENTS)]))
    return f'Its final report: "{" ".join(words.split())}"'


def compare(now: ComparedFilm, before: ComparedFilm) -> str:
    """Findings and measures of two films in words and numbers.

    What either view could not show is "not assessed" there, never nought, and no change is claimed.
    """
    findings = [_finding_line(finding, now, before) for finding in URGENCY]
    lines = [line for line in findings if line] or ["No finding is outlined on either film."]
    lines += filter(None, [_levels_line(now, before), *_ratio_lines(now, before), *_stool_lines(now, before)])
    if now.view is not before.view:
        lines.append("The two films differ in view, which moves gas and fluid.")
    return " ".join(lines)


def _finding_line(finding: Finding, now: ComparedFilm, before: ComparedFilm) -> str:
    if finding not in now.shares and finding not in before.shares:
        return ""
    then, today = before.share(finding), now.share(finding)
    change = "" if then is None or not today else f", {_change(then, today)}"
    return f"{sign(finding)}: {_share_words(then)} then, {_share_words(today)} now{change}."


def _share_words(share: float | None) -> str:
    if share is None:
        return NOT_ASSESSED
    return f"{share:.0%} of the body" if share else NOT_OUTLINED


def _change(then: float, now: float) -> str:
    if not then:
        return "new"
    if abs(now - then) <= LEAST_CHANGE * then:
        return "about the same"
    return "larger" if now > then else "smaller"


def _levels_line(now: ComparedFilm, before: ComparedFilm) -> str:
    then, today = before.measures.get(LEVELS), now.measures.get(LEVELS)
    if not then and not today:
        return ""
    counts = [NOT_ASSESSED if count is None else f"{count:.0f}" for count in (then, today)]
    return f"Levels counted: {counts[0]} then, {counts[1]} now."


def _ratio_lines(now: ComparedFilm, before: ComparedFilm) -> list[str]:
    return [
        f"{words}: {then:.1f} x L2 then, {today:.1f} x L2 now, {_change(then, today)}."
        for key, words in _RATIOS.items()
        if (then := before.measures.get(key)) is not None and (today := now.measures.get(key)) is not None
    ]


def _stool_lines(now: ComparedFilm, before: ComparedFilm) -> list[str]:
    return [
        f"Stool share of the {words}: {then:.0%} then, {today:.0%} now."
        for part, words in _STOOL.items()
        if (then := before.measures.get(f"stool_share_{part}")) is not None
        and (today := now.measures.get(f"stool_share_{part}")) is not None
        and (then or today)
    ]
