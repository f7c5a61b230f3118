"""Run the report writer as two compiled graphs. Loads no torch once they are in the cache."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pedaxr_models.captioning.film_planes import film_planes
from pedaxr_models.captioning.film_reporter import (
    TOKENIZER_FILE,
    FilmReporter,
    Narrative,
    features_read,
    not_a_reporter,
)
from pedaxr_models.captioning.metadata_text import metadata_text
from pedaxr_models.captioning.region_tokens import region_features, shrink
from pedaxr_models.captioning.tokenizer import END, PAD, START, WordPieces
from pedaxr_models.checkpoint import CheckpointError, load_checkpoint
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import FINDINGS
from pedaxr_models.runtime.compiled import AnyArray, Graph, open_graphs
from pedaxr_models.runtime.threads import begin
from pedaxr_models.segmentation.film_segmenter import Segmentation
from pedaxr_models.segmentation.transforms import FloatArray


@dataclass(frozen=True)
class Sizes:
    """What of the network's config the graphs do not say themselves; see `ReportNetworkConfig`."""

    image_size: int
    longest_text: int
    longest_report: int
    features: int = 0


@dataclass(frozen=True)
class Written:
    """Tokens after [CLS], the geometric mean of their probabilities, and `Narrative.image_dependence`."""

    ids: list[int]
    confidence: float
    image_dependence: float


class CompiledReporter(FilmReporter):
    """A reader as an encoder graph and one of a step of the decoder, whose cache goes from step to step.

    Attributes:
        encoder: from what was seen of a film to what the decoder needs, see `graphs.EncoderGraph`.
    """

    runtime = "compiled"

    def __init__(
        self,
        encoder: Graph,
        decoder: Graph,
        sizes: Sizes,
        pieces: WordPieces,
        *,
        name: str,
        weights_sha256: str,
    ) -> None:
        super().__init__(pieces, name=name, weights_sha256=weights_sha256)
        self.encoder, self._decoder, self._sizes = encoder, decoder, sizes
        self.features = sizes.features

    @classmethod
    def load(cls, folder: Path) -> "CompiledReporter":
        """Load a checkpoint folder.

        Raises:
            CheckpointError: the folder is missing, damaged or not of a report writer of this version.
            GraphError: no graphs can be made of it here.
        """
        checkpoint = load_checkpoint(folder, with_tensors=False)
        graphs = open_graphs("captioner", folder, checkpoint)
        try:
            network = checkpoint.config["network"]
            sizes = Sizes(
                int(network["image_size"]),
                int(network["longest_text"]),
                int(network["longest_report"]),
                int(network.get("features", 0)),
            )
            pieces = WordPieces.from_json(checkpoint.files[TOKENIZER_FILE].decode())
            name = str(checkpoint.config["name"])
        except (KeyError, TypeError, ValueError) as err:
            raise CheckpointError(not_a_reporter(folder)) from err
        reporter = cls(
            graphs["encoder"],
            graphs["decoder"],
            sizes,
            pieces,
            name=name,
            weights_sha256=checkpoint.weights_sha256,
        )
        reporter.data = checkpoint.data
        reporter.features_from = features_read(checkpoint.config)
        return reporter

    def describe(self, pixels: FloatArray, segmentation: Segmentation, metadata: FilmMetadata) -> Narrative:
        """Write the narrative of a segmented film (H, W) float32 in [0, 1], bone bright."""
        bias, findings, *crossed = self.encoder(*self.inputs(pixels, segmentation, metadata))
        written = self.write(bias, crossed)
        probabilities = 1 / (1 + np.exp(-findings.astype(np.float64)))
        return Narrative.of(
            self._pieces.decode(written.ids),
            dict(zip(FINDINGS, map(float, probabilities), strict=True)),
            confidence=written.confidence,
            image_dependence=written.image_dependence,
        )

    def inputs(
        self, pixels: FloatArray, segmentation: Segmentation, metadata: FilmMetadata
    ) -> tuple[AnyArray, ...]:
        """What the encoder graph takes of a film, in its order."""
        features = (self.features_of(segmentation),) if self.features else ()
        return *self._seen(pixels, segmentation), *self.words(metadata), *features

    def _seen(self, pixels: FloatArray, segmentation: Segmentation) -> tuple[FloatArray, ...]:
        """Film planes (1, P, S, S), probabilities (1, C, S/2, S/2) and regions (1, R, F)."""
        size, probabilities = self._sizes.image_size, segmentation.probabilities
        framed = segmentation.frame_of(pixels), segmentation.letterbox
        planes = begin(lambda: (film_planes(pixels, size, framed), shrink(probabilities, size // 2)))
        regions = region_features(probabilities)
        film, small = planes.result()
        return film[None], small[None], regions[None]

    def words(self, metadata: FilmMetadata) -> tuple[AnyArray, AnyArray]:
        """Tokens and mask (1, T) int64, always padded to the longest: the graph's length is fixed."""
        longest = self._sizes.longest_text
        row = self._pieces.rows([metadata_text(metadata)], longest=longest)[0]
        ids = np.full((1, longest), PAD, np.int64)
        ids[0, : len(row)] = row
        return ids, (ids != PAD).astype(np.int64)

    def write(self, bias: AnyArray, crossed: list[AnyArray]) -> Written:
        """Greedy: the likeliest token given the film, and how likely each was given the blank one."""
        past = [np.empty((*crossed[1].shape[:2], 0, crossed[1].shape[3]), np.float32) for _ in crossed]
        token: AnyArray = np.array([START], np.int64)
        ids: list[int] = []
        told: list[tuple[float, float]] = []  # probability, dependence
        while ids[-1:] != [END] and len(ids) < self._sizes.longest_report - 1:
            token, chance, dependence, *past = self._decoder(token, bias, *crossed, *past)
            ids.append(int(token[0]))
            told.append((chance[0], dependence[0]))
        chances, dependences = np.array(told, np.float64).T
        confidence = float(np.exp(np.log(chances.clip(1e-9)).mean()))
        return Written(ids, confidence, min(1.0, float(dependences.max())))
