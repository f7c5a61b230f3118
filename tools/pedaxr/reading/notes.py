"""What whoever reads a film should know about its picture: a sentence, and what kind of thing it is about."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """What a note is about; code asks for the kind, and never compares sentences."""

    FILE = "file"  # how the file was stored, and what its header says
    IDENTITY = "identity"  # whose film it is
    TEXT = "text"  # letters in the picture
    EXPOSURE = "exposure"
    SPACING = "spacing"
    FRAMING = "framing"  # what is cut off or was not recognised
    ORIENTATION = "orientation"  # askew, turned, mirrored
    DOUBT = "doubt"  # whether this is a frontal abdominal film at all


@dataclass(frozen=True)
class Note:
    """One sentence for the human who reads the film."""

    kind: NoteKind
    text: str


def texts(notes: Iterable[Note], *kinds: NoteKind) -> list[str]:
    """The sentences, in order; of those kinds only where any is named."""
    return [note.text for note in notes if not kinds or note.kind in kinds]
