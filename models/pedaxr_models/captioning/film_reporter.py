"""What every report writer does, whatever runs its network. Loads no torch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pedaxr_models.captioning.tokenizer import WordPieces
from pedaxr_models.checkpoint import Json
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import UNREADABLE
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.parser import ParsedFacts, parse, split_sentences
from pedaxr_models.segmentation.film_segmenter import Segmentation
from pedaxr_models.segmentation.transforms import FloatArray

TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True)
class Narrative:
    """What the reader writes of a film.

    Attributes:
        facts: the narrative parsed back into slots.
        probabilities: of each finding, from the finding head; they need not sum to 1.
        confidence: geometric mean of the probabilities of the tokens, 0 to 1.
        image_dependence: total variation distance, 0 to 1, between the distributions of the next token given
            this film and given a blank one, other things equal, at the token where it is largest: most words
            follow from the words before them. About 0: the film was not used.
    """

    text: str
    sentences: tuple[str, ...]
    facts: ParsedFacts
    probabilities: dict[Finding, float]
    confidence: float
    image_dependence: float

    @classmethod
    def of(
        cls, text: str, probabilities: dict[Finding, float], *, confidence: float, image_dependence: float
    ) -> "Narrative":
        """The narrative of that text."""
        return cls(text, split_sentences(text), parse(text), probabilities, confidence, image_dependence)

    @property
    def is_refusal(self) -> bool:
        """Whether the reader says that it cannot read the film."""
        return UNREADABLE.rstrip(".").lower() in self.text.lower()


class FilmReporter(ABC):
    """A trained reader. `describe` may be called from several threads.

    Attributes:
        runtime: what runs the network, "torch" or "compiled".
        features: channels of the segmentation's features that it reads; 0: none.
        features_from: of the segmentation whose features it was trained on, see `FilmSegmenter`.
        data: what it was trained on, as its checkpoint's data.json says; empty where it says nothing.
    """

    runtime = ""
    data: Mapping[str, Any] = MappingProxyType({})

    features = 0
    features_from = ""

    def __init__(self, pieces: WordPieces, *, name: str, weights_sha256: str) -> None:
        self._pieces = pieces
        self.name = name
        self.weights_sha256 = weights_sha256

    @property
    def pieces(self) -> WordPieces:
        """Its tokens."""
        return self._pieces

    def features_of(self, segmentation: Segmentation) -> FloatArray:
        """What it reads of the segmentation's features, (1, F, h, w).

        Those of other weights than it was trained on mean something else to it: it then goes without, as it
        has learnt to, by film, outlines and measures.
        """
        known = segmentation.features
        if known is None or not self.features_from or segmentation.features_from != self.features_from:
            return np.zeros((1, self.features, 1, 1), np.float32)
        return known[None]

    @abstractmethod
    def describe(self, pixels: FloatArray, segmentation: Segmentation, metadata: FilmMetadata) -> Narrative:
        """Write the narrative of a segmented film (H, W) float32 in [0, 1], bone bright."""


def features_read(config: Json) -> str:
    """`FilmReporter.features_from`, of a checkpoint's config.json; empty for a writer that reads none."""
    return str(config.get("features_sha256", ""))


def not_a_reporter(folder: Path) -> str:
    """The message for a checkpoint of something else."""
    return (
        f"'{folder.name}' holds no report writer of this version of pedaxr. Install the weights "
        "that came with it, or train new ones with `pedaxr train captioner`."
    )
