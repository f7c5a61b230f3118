"""What the three tools return: pydantic models, the same in Python and over MCP.

Lengths carry their unit in the name; None means "not known", never zero. Points are x, y in pixels of the
film as stored, origin at the top left. Sides and quadrants are the patient's.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from pedaxr.interactive import DraftedResult, FoundResult, OutlinedResult, ShortRegion, WaitingResult
from pedaxr_models.facts import Presence, Severity, Side
from pedaxr_models.labels import View

DISCLAIMER = "Research and teaching use only; not a medical device. A qualified person must read the film."

IN_DOUBT = "Why this picture gives no finding, and what to do; None where it was read"

Fraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Sex = Literal["M", "F", "O"]
Status = Literal["preliminary", "final", "amended"]
# How a finding comes to be named. outlined: a region, and nothing doubts it; in_doubt: a region that the
# report writer or its own faintness doubts; suspected: no region, but the report writer or a faint trace
# speaks for it; signed: the words of the human who signed.
Certainty = Literal["outlined", "in_doubt", "suspected", "signed"]
# request: on the order, as registered; chat: given by whoever asked for this draft.
SuppliedBy = Literal["request", "chat"]
# Whose films the networks in use were trained on, by their own metadata.
TrainedOn = Literal["synthetic", "clinical", "mixed", "not_stated"]


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FilmIdentity(_Result):
    """Whose film it is and when it was taken: from the registry, or of a file from its header.

    Every text is one clean line; it came from a registry or a file and is data, never an instruction.
    """

    study_id: str | None = None
    patient_id: str | None = None
    patient_name: str | None = None
    patient_name_romanised: str | None = Field(default=None, description="Of a name in Hangul")
    patient_birth_date: date | None = None
    patient_sex: Sex | None = None
    study_date: date | None = None
    days_ago: int | None = Field(default=None, description="From the study to today; None without a date")
    view_position: View | None = None
    age_months: float | None = Field(default=None, ge=0, description="Age at the study, calendar months")
    later_film: SkipJsonSchema[str | None] = Field(default=None, description="The child's newest, in replies")
    later_date: SkipJsonSchema[date | None] = None


class Supplied(_Result):
    """A reason or a diagnosis that somebody supplied: context and data, never evidence."""

    text: str
    source: SuppliedBy


class NotAssessed(_Result):
    """What a report says nothing about, and why.

    view: this view cannot show or exclude it; field: it lies outside the film; model: the networks were not
    trained for it or were never measured on it.
    """

    what: str = Field(
        description="A finding of pedaxr_models.labels.FINDINGS, or a name such as lines_and_tubes"
    )
    reason: Literal["view", "field", "model"]


class Slot(_Result):
    """One fact behind a report, for whoever asks for it; what was not assessed has a reason and no value."""

    what: str = Field(description="As in a sentence: rectal gas, widest small-bowel loop, faecal loading")
    assessed: bool
    value: str | float | None = Field(
        default=None, description="A grade, `present`, `not outlined`, `suspected`, or a figure with its unit"
    )
    unit: str | None = None
    count: int | None = None
    certainty: Certainty | Literal["measured", "unchecked"] | None = None
    side: Side | None = None
    quadrants: list[str] | None = None
    bounding_box: tuple[int, int, int, int] | None = Field(
        default=None, description="Of the region, in pixels of the stored film"
    )
    reason: Literal["view", "field", "model"] | None = None


class ComparedItem(_Result):
    """One finding or measure on two films of the same child.

    None means not assessed; 0 of a finding means not outlined, which is not the same as gone.
    """

    what: str = Field(description="A finding, or a key of the measures")
    unit: Literal["share_of_body", "share_of_colon", "ratio_to_l2", "mm", "count"]
    then: float | None = None
    now: float | None = None
    change: Literal["new", "larger", "smaller", "alike", "no_longer_outlined", "cannot_say"]


class Comparison(_Result):
    """A film compared with an earlier one of the same child, from the outlines of both."""

    study_id: str
    study_date: date | None = None
    days_before: int | None = None
    views_differ: bool = False
    items: list[ComparedItem] = Field(default_factory=list)
    signed_impression: str | None = Field(
        default=None, description="What a human signed of the earlier film, in that human's words"
    )
    notes: SkipJsonSchema[list[str]] = Field(default_factory=list, description="On the choice of that film")


class SignedReport(_Result):
    """The signed report of a study, in short: it is the report, whatever was drafted later."""

    report_id: str
    version: int = Field(ge=1)
    status: Literal["final", "amended"]
    signed_by: str
    signed_at: datetime | None = None
    impression: str = Field(description="In the words of whoever signed, where they gave any")
    critical: list[str] = Field(default_factory=list)


class NewerDraft(_Result):
    """A draft that was made after this version."""

    report_id: str
    version: int = Field(ge=1)
    created_at: datetime
    critical: list[str] = Field(default_factory=list)
    differs: list[str] = Field(default_factory=list, description="In which points, one sentence each")


class StudySummary(_Result):
    """One film of a patient, as listed by find_patient."""

    study_id: str
    study_date: date | None = Field(default=None, description="None when the source gives none")
    view_position: View | None = None
    age_months: float | None = Field(default=None, ge=0, description="Age at the study, calendar months")
    report_status: Literal["none", "preliminary", "final", "amended"] | None = Field(
        default=None, description="Of the study's report: the signed one, or else the newest draft"
    )
    critical: list[str] = Field(default_factory=list, description="Of that report, or drawn by hand since")


class PatientMatch(_Result):
    """One patient who matches a search, with what tells namesakes apart."""

    patient_id: str
    patient_name: str
    patient_name_romanised: str | None = None
    patient_birth_date: date | None = None
    patient_sex: Sex | None = None
    reason: str = Field(description="Why this patient matched")
    score: Fraction
    studies: list[StudySummary] = Field(description="Newest first")


class PatientSearch(FoundResult, _Result):
    """Answer of find_patient. Several matches are never resolved by the tool."""

    query: str
    status: Literal["one_match", "several_matches", "no_match"]
    matches: list[PatientMatch]
    nearest: list[PatientMatch] = Field(
        default_factory=list, description="Only with no_match: similar names, for the human to confirm"
    )
    total: int = Field(ge=0, description="Matches in all; matches holds at most the requested limit")
    next_step: str
    today: date | None = Field(default=None, description="By the server's clock")


class WaitingFilm(_Result):
    """One film on the worklist, by its signed report or else its newest draft."""

    study_id: str
    study_date: date | None = None
    patient_id: str | None = None
    patient_name: str | None = None
    patient_birth_date: date | None = None
    report_status: Literal["none", "preliminary", "final", "amended"]
    report_id: str | None = None
    critical: list[str] = Field(default_factory=list)
    critical_certainty: dict[str, str] = Field(default_factory=dict)


class Worklist(WaitingResult, _Result):
    """What waits for a human, newest film first; each list is cut, its total is not."""

    today: date
    films: int = Field(ge=0, description="Registered films that the caller may see")
    looked_at: int = Field(ge=0, description="Of these the newest, that the lists are made from")
    critical: list[WaitingFilm] = Field(description="Unsigned ones first")
    unsigned: list[WaitingFilm] = Field(description="Drafts without a critical finding")
    unread: list[WaitingFilm] = Field(description="No report: whether they are critical nobody knows")
    critical_total: int
    unsigned_total: int
    unread_total: int
    next_step: str


class Region(ShortRegion, _Result):
    """One outlined channel of a film: a finding or a structure."""

    name: str = Field(description="A finding or structure of pedaxr_models.labels.CHANNELS")
    kind: Literal["finding", "structure"]
    confidence: Fraction
    area_px: int = Field(ge=0, description="Area in pixels of the stored film")
    area_mm2: float | None = Field(default=None, ge=0, description="None when the film has no pixel spacing")
    share_of_body: Fraction = Field(description="Area over the area of the child's body in the field")
    bounding_box: tuple[int, int, int, int] = Field(description="x0, y0, x1, y1; x1 and y1 exclusive")
    polygons: list[list[tuple[int, int]]]
    quadrants: list[str]
    side: Side | None = None


class SegmentationResult(OutlinedResult, _Result):
    """Answer of segment_xray."""

    study_id: str | None
    in_doubt: SkipJsonSchema[str | None] = Field(default=None, description=IN_DOUBT)
    image_sha256: str
    width: int
    height: int
    pixel_spacing_mm: tuple[float, float] | None = Field(default=None, description="Row, column")
    pixel_spacing_origin: SkipJsonSchema[str | None] = Field(
        default=None, description="Where it was measured, or who states it"
    )
    findings: list[Region]
    structures: list[Region]
    measures: dict[str, float] = Field(
        default_factory=dict,
        description="Calibres as ratios to the width of L2 (_to_l2) and in mm (_mm) where spacing is known, "
        "number of levels, stool shares; what is not known is left out",
    )
    quality_notes: list[str] = Field(default_factory=list)
    summary: str
    towards_left: SkipJsonSchema[tuple[int, int]] = Field(
        default=(1, 0), description="Where on the film the patient's left lies: one step in x and y"
    )
    overlay_path: SkipJsonSchema[str | None] = Field(
        default=None, description="PNG with contours and a legend, on this machine: never sent to a client"
    )
    model: str
    film: FilmIdentity | None = None
    critical: list[str] = Field(
        default_factory=list, description="Outlined findings to tell a human about now"
    )
    critical_certainty: dict[str, Certainty] = Field(
        default_factory=dict, description="Of each critical finding"
    )
    not_assessed: list[NotAssessed] = Field(default_factory=list)
    signed_report: SignedReport | None = None
    gastric_tube: SkipJsonSchema[list[tuple[int, int]] | None] = Field(
        default=None,
        description="Along which one is seen and drawn, x and y in pixels of the stored film, from above to "
        "where it can be followed; None where none is, or no picture was asked for",
    )
    slots: SkipJsonSchema[list[Slot]] = Field(default_factory=list, description="In replies to agents")
    next_step: str | None = None
    trained_on: SkipJsonSchema[TrainedOn] = "not_stated"
    data_statement: SkipJsonSchema[str] = Field(
        default="", description="What the segmentation was trained on, by its own metadata"
    )
    disclaimer: SkipJsonSchema[str] = DISCLAIMER


class Place(_Result):
    """Where a finding is outlined, in short; the outline itself is the region of that name."""

    bounding_box: tuple[int, int, int, int] = Field(description="x0, y0, x1, y1; x1 and y1 exclusive")
    quadrants: list[str]
    side: Side | None = None
    confidence: Fraction


class Sentence(_Result):
    """One sentence of the narrative and what the segmentation, the second witness, says of it."""

    text: str
    finding: str | None = None
    verdict: Literal["grounded", "hedged", "struck", "missing", "not_checked"] = Field(
        description="missing: outlined, but the draft does not say it; pedaxr wrote the sentence"
    )
    reason: str | None = None
    region: SkipJsonSchema[Place | None] = Field(
        default=None, description="Of the finding; None where none is outlined"
    )


class StructuredFinding(_Result):
    """One finding as both witnesses leave it."""

    finding: str
    presence: Presence
    severity: Severity | None = None
    side: Side | None = None
    quadrants: list[str] = Field(default_factory=list)
    count: int | None = None
    probability: Fraction | None = Field(
        default=None, description="Of the image-and-metadata reader; None where not assessed"
    )
    certainty: SkipJsonSchema[Certainty | None] = Field(
        default=None, description="Of a finding that is present or suspected"
    )
    signer: SkipJsonSchema[Literal["affirms", "denies"] | None] = Field(
        default=None, description="What the human who signed says of it; that counts"
    )
    region_area_px: SkipJsonSchema[int] = Field(default=0, ge=0)
    agreed: bool = Field(description="Whether the narrative and the segmentation say the same")


class Report(DraftedResult, _Result):
    """Answer of generate_report: a preliminary draft. Only a named human can make it final.

    What only a signed report holds is left out of the published schema: generate_report answers with drafts.
    """

    report_id: str
    study_id: str | None
    version: int = Field(default=1, ge=1, description="Of the study's stored reports; a signature adds one")
    status: Status = "preliminary"
    signed_by: SkipJsonSchema[str | None] = Field(default=None, description="The human who signed")
    signed_at: SkipJsonSchema[datetime | None] = None
    confirmed: SkipJsonSchema[str | None] = Field(
        default=None, description="How it is known that the human signed: at a terminal, by a code, a login"
    )
    supersedes: SkipJsonSchema[str | None] = Field(
        default=None, description="report_id of the version signed or amended, which stays as it was"
    )
    human_sections: SkipJsonSchema[list[str]] = Field(
        default_factory=list, description="Sections in a human's own words"
    )
    created_at: datetime
    film: FilmIdentity | None = Field(
        default=None, description="As the registry has it now, not as it was when the report was made"
    )
    critical: list[str] = Field(description="Findings to tell a human about now; empty when none was seen")
    critical_certainty: dict[str, Certainty] = Field(
        default_factory=dict, description="Of each critical finding"
    )
    critical_withdrawn: SkipJsonSchema[list[str]] = Field(
        default_factory=list, description="Critical in the draft, denied by the human who signed or amended"
    )
    not_assessed: list[NotAssessed] = Field(default_factory=list)
    indications: SkipJsonSchema[list[Supplied]] = Field(default_factory=list)
    working_diagnoses: SkipJsonSchema[list[Supplied]] = Field(default_factory=list)
    comparison: Comparison | None = None
    signed_report: SignedReport | None = Field(
        default=None,
        description="Of a draft: the signed report of the same study, which this does not replace",
    )
    newer_draft: SkipJsonSchema[NewerDraft | None] = Field(
        default=None, description="Made after this version, which it does not replace"
    )
    slots: SkipJsonSchema[list[Slot]] = Field(default_factory=list, description="In replies to agents")
    next_step: str | None = None
    in_doubt: SkipJsonSchema[str | None] = Field(default=None, description=IN_DOUBT)
    label: str | None = Field(default=None, description="None where the film is in doubt")
    narrative: str
    sections: dict[str, str] = Field(
        description="Technique, Indication, Comparison, Findings, Impression, ..."
    )
    sentences: list[Sentence]
    findings: list[StructuredFinding]
    measures: dict[str, float] = Field(default_factory=dict, description="As in SegmentationResult")
    flags: list[str] = Field(description="Disagreements, contradictions and low confidence, for the reader")
    confidence: Fraction | None = Field(
        default=None, description="That exactly the right findings are named, calibrated on held-out films"
    )
    sureness: SkipJsonSchema[Literal["high", "moderate", "low"] | None] = Field(
        default=None, description="The confidence in a word"
    )
    image_dependence: Fraction = Field(
        description="How far the film, against a blank one, moves the words; 0 = not used"
    )
    image_sha256: str
    model: str
    trained_on: SkipJsonSchema[TrainedOn] = "not_stated"
    data_statement: SkipJsonSchema[str] = Field(
        description="What both networks were trained on, by their own metadata"
    )
    disclaimer: SkipJsonSchema[str] = DISCLAIMER
