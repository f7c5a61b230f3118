"""What whoever reads a film should know about its picture: a sentence, and what kind of thing it is about."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pedaxr.errors import StorageError
from pedaxr.text import ForeignText
from pedaxr_models.labels import URGENCY, Finding, sign_within

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic
    from pedaxr.clinic.annotate import HumanDecision
    from pedaxr.reading.read_film import Reading

_HIGH, _MODERATE = 0.9, 0.7  # as the page has them
# What a human decided of the outlines: it stands beside the network's and is no signature.
BY_HAND = "By hand"
_ELSEWHERE = "drawn otherwise than the network outlines it: areas, sides and grades here are the network's"
_DECIDED = {  # by the decision, and whether the network outlines it
    ("accepted", True): "accepted as the network outlines it",
    ("corrected", True): _ELSEWHERE,
    ("added", True): _ELSEWHERE,
    ("rejected", True): "rejected, which the network outlines. Look",
    ("rejected", False): "rejected; the network does not outline it either",
}
_DRAWN_ALONE = "drawn, which the network does not outline. Look"
_STAYS_CRITICAL = (
    "rejected, which the network outlines: it stays critical until a signed report says otherwise. Look"
)


class NoteKind(StrEnum):
    """What a note is about; code asks for the kind, and never compares sentences."""

    FILE = "file"  # how the file was stored, and what its header says
    IDENTITY = "identity"  # whose film it is
    TEXT = "text"  # letters in the picture
    EXPOSURE = "exposure"
    SPACING = "spacing"
    FRAMING = "framing"  # what is cut off or was not recognised
    ORIENTATION = "orientation"  # askew, turned, mirrored
    SMALL = "small"  # an outline that is not a finding, and where it lies
    DOUBT = "doubt"  # whether this is a frontal abdominal film at all


@dataclass(frozen=True)
class Note:
    """One sentence for the human who reads the film."""

    kind: NoteKind
    text: str


def of_file(said: Iterable[str]) -> list[Note]:
    """Notes of what the reader of the file said of it: under Technique, or to be heard by who reads it."""
    from pedaxr.radiograph import raster  # Pillow, with the first film

    kinds = {
        raster.OTHER_PART: NoteKind.IDENTITY,
        raster.OTHER_SPECIES: NoteKind.DOUBT,
        raster.UNPROCESSED: NoteKind.EXPOSURE,
        raster.PHOTOGRAPH: NoteKind.EXPOSURE,
    }
    return [Note(kinds.get(text, NoteKind.FILE), text) for text in said]


def no_finding_because(doubts: Sequence[str]) -> str:
    """The one sentence of a film that gives no finding: why, and what to do. `doubts` are sentences."""
    reasons = "; ".join(f"{doubt[:1].lower()}{doubt[1:].rstrip('.')}" for doubt in doubts)
    return (
        f"No finding is given, because {reasons}: check that the right picture was sent and how it was "
        "exported, and have a qualified person read it."
    )


def texts(notes: Iterable[Note], *kinds: NoteKind) -> list[str]:
    """The sentences, in order; of those kinds only where any is named."""
    return [note.text for note in notes if not kinds or note.kind in kinds]


def how_outlined(confidence: float) -> str:
    """How surely, for whoever reads a film: a figure would be read as the chance of a disease."""
    return "firmly" if confidence >= _HIGH else "fairly firmly" if confidence >= _MODERATE else "faintly"


def same_picture_flags(reading: "Reading") -> list[str]:
    """What to check of a registered film whose very picture other films have, the gravest first.

    A film that an earlier version registered is known by its picture from its first reading on.
    """
    from pedaxr.radiograph.read import picture_digest  # loads NumPy, which a search has no use for

    study, clinic = reading.source.study, reading.source.clinic
    if study is None or clinic is None:
        return []
    with suppress(StorageError):  # a clinic that cannot be written is read all the same
        clinic.registry.know_picture(study.image_sha256, lambda: picture_digest(reading.radiograph))
    return clinic.registry.picture_flags(study)


def decided_by_hand(reading: "Reading") -> "list[HumanDecision]":
    """What humans decided of the film in the viewer; empty of a film that is not registered."""
    if reading.source.study is None or reading.source.clinic is None:
        return []
    return _decisions(reading.source.study.study_id, reading.source.clinic)


def _decisions(study_id: str, clinic: "Clinic") -> "list[HumanDecision]":
    from pedaxr.clinic.annotate import decisions_on

    return decisions_on(study_id, clinic)


def by_hand_flags(decided: "Iterable[HumanDecision]", outlined: Collection[str]) -> list[str]:
    """What to know of a film whose outlines humans have looked at, the most urgent finding first.

    Args:
        decided: by whom, and what.
        outlined: findings that the network outlines.
    """
    order = (*URGENCY, None)
    ordered = sorted(decided, key=lambda one: order.index(one.finding))
    return [_by_hand(one, one.finding in outlined) for one in ordered]


def _by_hand(one: "HumanDecision", is_outlined: bool) -> str:
    whose = f"{BY_HAND} ({ForeignText(one.author, 100)}, {one.at:%Y-%m-%d})"
    if one.finding is None:
        return f"{whose}: the film was marked unsuitable. Look."
    told = _DECIDED.get((one.decision, is_outlined), _DRAWN_ALONE if one.is_drawn else "called uncertain")
    if one.finding is Finding.PNEUMOPERITONEUM and is_outlined and one.decision == "rejected":
        told = _STAYS_CRITICAL
    return f"{whose}: {sign_within(one.finding)} {told}."
