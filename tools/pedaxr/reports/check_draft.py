"""A draft held against the outlines: what stands, what is critical and how sure, and what to look at."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pedaxr.reading.notes import NoteKind, no_finding_because, texts
from pedaxr.reading.operating_points import OperatingPoints
from pedaxr.reading.read_film import Reading
from pedaxr.reports.context_sentences import settle_context
from pedaxr.reports.film_limits import FilmLimits, limits_of
from pedaxr.reports.flags import flags_of, least_sure, suspicion_of_free_air
from pedaxr.reports.grounding import NO_DOMES, check_sentences, structure_findings
from pedaxr.reports.prose.tubes import seen_tube
from pedaxr.types import Certainty, NotAssessed, Sentence, StructuredFinding, Supplied
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, Finding, View, sign
from pedaxr_models.plausibility import is_blind

if TYPE_CHECKING:
    from pedaxr.clinic.annotate import HumanDecision
    from pedaxr_models.captioning.film_reporter import Narrative

# Below this no word of the report depends on the film: whatever it says was not read off it.
LEAST_DEPENDENCE = 0.05
HIGH_CONFIDENCE, MODERATE_CONFIDENCE = 0.9, 0.75
WRITER_CANNOT_READ = "The report writer says that it cannot read this film."
WITHHELD_FLAG = (
    "The draft hardly changes when the film is replaced by a blank one: its sentences were withheld."
)
_DOMES = "domes of the diaphragm"
NO_DOMES_FLAG = f"The {_DOMES} are not fully included: free intraperitoneal air cannot be assessed."
_AIR = Finding.PNEUMOPERITONEUM
_FREE_AIR = re.compile(r"\b([Ff])ree (?:intraperitoneal )?(?:gas|air)\b(?![- ]fluid)")
LINES, OTHER_LINES = "lines_and_tubes", "other_lines_and_tubes"  # the latter where a gastric tube is seen
# What a report on such a film speaks of, and no network here was trained for or measured on.
UNTRAINED_PARTS = (
    "rectal_gas",
    "bowel_wall_gas",
    "calcification",
    "foreign_bodies",
    LINES,
    "organs",
    "lung_bases",
    "bones",
)
_LIMITING = (NoteKind.IDENTITY, NoteKind.EXPOSURE, NoteKind.FRAMING, NoteKind.ORIENTATION)


@dataclass(frozen=True)
class CheckedDraft:
    """What both witnesses leave of a draft.

    Attributes:
        in_doubt: why the film gives no finding at all, and what to do; None where it was read.
        is_withheld: the report writer does not look at the film: none of its sentences is shown.
        critical: how sure each finding is that a human must hear of now.
        confidence: calibrated, that the report names exactly the findings that the film shows.
        limits: what the film lets be said.
    """

    is_withheld: bool
    sentences: list[Sentence]
    findings: list[StructuredFinding]
    critical: dict[str, Certainty]
    flags: list[str]
    confidence: float
    limits: FilmLimits
    in_doubt: str | None = None
    not_assessed: list[NotAssessed] = field(default_factory=list)


def check_draft(
    reading: Reading,
    told: "Narrative",
    points: OperatingPoints,
    diagnoses: Sequence[Supplied] = (),
    decided: "Sequence[HumanDecision]" = (),
) -> CheckedDraft:
    """Hold what the report writer tells of a film against what is outlined on it.

    Args:
        reading: of the film.
        told: by the report writer.
        points: in use.
        diagnoses: supplied working diagnoses, to be answered in the flags.
        decided: by humans on the outlines. Free air that one has drawn is suspected at least; what one has
            rejected stays until it is signed: whoever draws need not have read the film.
    """
    if reasons := [*reading.doubts, *([WRITER_CANNOT_READ] if told.is_refusal else [])]:
        return _nothing_because(reasons, reading)
    is_withheld = told.image_dependence < LEAST_DEPENDENCE
    drafted = [] if is_withheld else [_in_house_terms(text) for text in told.sentences]
    is_drawn = any(one.finding is _AIR and one.is_drawn for one in decided)
    suspicion = suspicion_of_free_air(drafted, reading, told.probabilities, points, is_drawn_by_hand=is_drawn)
    limits = limits_of(reading, is_air_suspected=bool(suspicion))
    outlined, view, support = reading.findings, reading.metadata.view, points.least_support
    findings = structure_findings(
        drafted, outlined, told.probabilities, view, least_support=support, limits=limits
    )
    sentences = check_sentences(
        drafted, outlined, view, least_support=support, probabilities=told.probabilities, limits=limits
    )
    sentences = settle_context(sentences, findings, limits)
    flags = flags_of(sentences, findings, reading, told.probabilities, points, diagnoses)
    return CheckedDraft(
        is_withheld,
        _opened(sentences, limits),
        findings,
        critical_findings(findings),
        [
            *([WITHHELD_FLAG] if is_withheld else []),
            *suspicion,
            *_limiting(reading, limits),
            *flags,
            *texts(reading.notes, NoteKind.SMALL),
        ],
        points.confidence(least_sure(told.probabilities, outlined, view)[0]),
        limits,
        not_assessed=not_assessed(findings, view, sees_tube=seen_tube(sentences) is not None),
    )


def _in_house_terms(text: str) -> str:
    """One term for one thing, whatever the report writer learnt to call it."""
    return _FREE_AIR.sub(lambda found: f"{found[1]}ree intraperitoneal air", text)


def _limiting(reading: Reading, limits: FilmLimits) -> list[str]:
    """What limits the film, one flag for each thing; nothing that takes back a free air that is named."""
    notes = texts(reading.notes, *_LIMITING)
    if limits.is_air_suspected or any(region.name == _AIR for region in reading.findings):
        return [note for note in notes if _DOMES not in note]
    if limits.are_domes_in_field or not limits.is_horizontal_beam:
        return notes
    return notes if any(_DOMES in note for note in notes) else [*notes, NO_DOMES_FLAG]


def in_a_word(confidence: float) -> Literal["high", "moderate", "low"]:
    """A calibrated confidence for a clinician: of such reports nine in ten, or three in four, are right."""
    if confidence >= HIGH_CONFIDENCE:
        return "high"
    return "moderate" if confidence >= MODERATE_CONFIDENCE else "low"


def critical_findings(findings: Sequence[StructuredFinding]) -> dict[str, Certainty]:
    """What a human must hear of now: free air, outlined, in doubt or only suspected."""
    air = next(f for f in findings if f.finding == _AIR)
    return {air.finding: air.certainty} if air.certainty else {}


def not_assessed(
    findings: Sequence[StructuredFinding], view: View | None, *, sees_tube: bool = False
) -> list[NotAssessed]:
    """Findings that this film cannot show or exclude, then what no network here was trained for."""
    left = [f for f in findings if f.presence is Presence.NOT_ASSESSED and f.certainty is None]
    return [
        *(
            NotAssessed(what=f.finding, reason="view" if is_blind(Finding(f.finding), view) else "field")
            for f in left
        ),
        *untrained_parts(sees_tube=sees_tube),
    ]


def untrained_parts(*, sees_tube: bool) -> list[NotAssessed]:
    """What no network here was trained for; of lines the others, where a gastric tube is told."""
    parts = [OTHER_LINES if sees_tube and part == LINES else part for part in UNTRAINED_PARTS]
    return [NotAssessed(what=part, reason="model") for part in parts]


def _opened(sentences: Sequence[Sentence], limits: FilmLimits) -> list[Sentence]:
    """What is critical comes first, also where only a suspicion speaks for it; a denial is replaced."""
    if limits.is_air_suspected:
        text = f"{sign(_AIR)} is suspected; no region is outlined."
        return [
            Sentence(text=text, finding=_AIR, verdict="hedged", reason="no region is outlined"),
            *sentences,
        ]
    if any(s.finding == _AIR and s.reason == NO_DOMES for s in sentences):
        text = f"{sign(_AIR)} cannot be assessed: {NO_DOMES}."
        return [*sentences, Sentence(text=text, finding=_AIR, verdict="not_checked", reason=NO_DOMES)]
    return list(sentences)


def _nothing_because(reasons: list[str], reading: Reading) -> CheckedDraft:
    """Of a film in doubt no finding is present or absent, and none is critical."""
    findings = [
        StructuredFinding(finding=finding, presence=Presence.NOT_ASSESSED, agreed=True)
        for finding in FINDINGS
    ]
    parts = [*FINDINGS, *UNTRAINED_PARTS]
    return CheckedDraft(
        True,
        [],
        findings,
        {},
        reasons,
        0.0,
        FilmLimits(reading.metadata.view),
        no_finding_because(reasons),
        [NotAssessed(what=part, reason="model") for part in parts],
    )
