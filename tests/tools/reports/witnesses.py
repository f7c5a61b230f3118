"""A report writer under control: one that is never wrong, or one that says what it is given."""

from dataclasses import dataclass, field, replace

import numpy as np

from pedaxr_models.captioning.reporter import Narrative
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import FilmFacts, Presence, Severity, Side
from pedaxr_models.labels import FINDINGS, Finding
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.report_text.parser import parse, split_sentences
from pedaxr_models.segmentation.segmenter import Segmentation

from ..conftest import phantom


@dataclass
class Witness:
    """A reader that writes `text` whatever the film."""

    text: str
    probabilities: dict[Finding, float]
    image_dependence: float = 0.9
    confidence: float = 0.95
    name: str = "told-witness"
    weights_sha256: str = "cd" * 32
    data: dict[str, object] = field(
        default_factory=lambda: {"made": {"name": "phantoms", "is_synthetic": True}}
    )

    def describe(self, pixels: np.ndarray, segmentation: Segmentation, metadata: FilmMetadata) -> Narrative:
        return Narrative(
            self.text,
            split_sentences(self.text),
            parse(self.text),
            self.probabilities,
            self.confidence,
            self.image_dependence,
        )


def truth(name: str) -> FilmFacts:
    return phantom(name).facts


def witness_of(facts: FilmFacts) -> Witness:
    return Witness(narrate(facts), {f: 0.97 if f in facts.present else 0.02 for f in FINDINGS})


def with_finding(facts: FilmFacts, finding: Finding, **changes: object) -> FilmFacts:
    return replace(
        facts, findings=tuple(replace(f, **changes) if f.finding is finding else f for f in facts.findings)
    )


def inventing_stool() -> Witness:
    """Tells of a normal film and of a loaded colon that it does not show."""
    said = {"presence": Presence.PRESENT, "severity": Severity.MARKED, "side": Side.LEFT}
    return witness_of(with_finding(truth("normal"), Finding.CONSTIPATION, **said))
