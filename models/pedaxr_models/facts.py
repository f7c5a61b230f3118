"""What one film says, as data: the slots every sentence is made from, parsed back into and scored by.

Sides and quadrants are the patient's, not the viewer's. A fact that the view cannot show is `NOT_ASSESSED`:
on a supine film air-fluid levels are neither present nor excluded, and free air can be seen but not excluded.
"""

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from pedaxr_models.labels import FINDINGS, HORIZONTAL_BEAM_VIEWS, NORMAL, URGENCY, Finding, View

# The whole report on an input that is not a film: blank, noise. The report writer is trained to say it.
UNREADABLE = "This film cannot be read."


class Presence(StrEnum):
    """Whether a finding was seen. `NOT_ASSESSED` is not a weak `ABSENT`: nothing was looked at."""

    PRESENT = "present"
    ABSENT = "absent"
    NOT_ASSESSED = "not_assessed"


class Severity(StrEnum):
    """Grade of a finding that is present."""

    MILD = "mild"
    MODERATE = "moderate"
    MARKED = "marked"


class Side(StrEnum):
    """The patient's side on which a finding lies. `BOTH` also covers the midline."""

    RIGHT = "right"
    LEFT = "left"
    BOTH = "both"


class Quadrant(StrEnum):
    """Abdominal quadrant, patient's side, divided at the midline of the spine and the level of L3-L4."""

    RUQ = "right upper quadrant"
    LUQ = "left upper quadrant"
    RLQ = "right lower quadrant"
    LLQ = "left lower quadrant"


class DistalGas(StrEnum):
    """Amount of gas beyond the stomach."""

    ABSENT = "absent"
    SCANT = "scant"
    NORMAL = "normal"


@dataclass(frozen=True)
class FindingFact:
    """One finding on one film.

    Attributes:
        side, quadrants: where its region lies; quadrants hold at least 20 % of the region each.
        severity: set only when present.
        count: number of air-fluid levels of at least the finding's minimum width; None for other findings.
        is_hedged: said to be possible only. Measured facts never are; a text's may be.
    """

    finding: Finding
    presence: Presence
    severity: Severity | None = None
    side: Side | None = None
    quadrants: tuple[Quadrant, ...] = ()
    count: int | None = None
    is_hedged: bool = False

    @property
    def is_present(self) -> bool:
        """Whether the finding is there without a doubt being uttered."""
        return self.presence is Presence.PRESENT and not self.is_hedged


@dataclass(frozen=True)
class FilmFacts:
    """All that is said of a film.

    Attributes:
        findings: one per member of `FINDINGS`, in that order.
        distal_gas: None when not assessed.
        stool_burden: right colon, left colon, rectosigmoid, each 0 (none) to 3 (packed); None: not assessed.
        gastric_tube: a nasogastric or orogastric tube is visible inside the collimated field.
    """

    view: View
    findings: tuple[FindingFact, ...]
    distal_gas: DistalGas | None = None
    stool_burden: tuple[int, int, int] | None = None
    gastric_tube: bool = False

    def __getitem__(self, finding: Finding) -> FindingFact:
        return self.findings[FINDINGS.index(finding)]

    @property
    def present(self) -> tuple[Finding, ...]:
        """Findings seen, most urgent first; those only said to be possible are not among them."""
        return tuple(f for f in URGENCY if self[f].is_present)

    @property
    def label(self) -> str:
        """The film's one label: its most urgent finding, or normal."""
        return self.present[0].value if self.present else NORMAL

    def as_view_allows(self) -> "FilmFacts":
        """The same facts, with what the view cannot show `NOT_ASSESSED`.

        A vertical beam neither shows nor excludes air-fluid levels, and shows free gas but never excludes it.
        """
        if self.view in HORIZONTAL_BEAM_VIEWS:
            return self
        return replace(self, findings=tuple(map(_by_vertical_beam, self.findings)))

    def to_json(self) -> dict[str, Any]:
        """Plain dict of strings, numbers and lists, the inverse of `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FilmFacts":
        """Rebuild from `to_json` output after a trip through JSON."""
        burden = data.get("stool_burden")
        gas = data.get("distal_gas")
        return cls(
            view=View(data["view"]),
            findings=tuple(_finding_from_json(d) for d in data["findings"]),
            distal_gas=DistalGas(gas) if gas else None,
            stool_burden=(burden[0], burden[1], burden[2]) if burden is not None else None,
            gastric_tube=data.get("gastric_tube", False),
        )


def _by_vertical_beam(fact: FindingFact) -> FindingFact:
    is_air = fact.finding is Finding.PNEUMOPERITONEUM
    if fact.finding is Finding.AIR_FLUID_LEVEL or (is_air and fact.presence is Presence.ABSENT):
        return FindingFact(fact.finding, Presence.NOT_ASSESSED)
    return fact


def _finding_from_json(data: dict[str, Any]) -> FindingFact:
    return FindingFact(
        finding=Finding(data["finding"]),
        presence=Presence(data["presence"]),
        severity=Severity(data["severity"]) if data.get("severity") else None,
        side=Side(data["side"]) if data.get("side") else None,
        quadrants=tuple(Quadrant(q) for q in data.get("quadrants", ())),
        count=data.get("count"),
        is_hedged=data.get("is_hedged", False),
    )
