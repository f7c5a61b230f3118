"""Run the report writer on one film."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedaxr_models.captioning.beam import write_with_beams
from pedaxr_models.captioning.constrained.allowed import Choices, allowed_sentences
from pedaxr_models.captioning.constrained.evidence import Evidence
from pedaxr_models.captioning.constrained.write import write_allowed
from pedaxr_models.captioning.film_reporter import (
    TOKENIZER_FILE,
    FilmReporter,
    Narrative,
    features_read,
    not_a_reporter,
)
from pedaxr_models.captioning.inputs import ReaderFilms, Seen, blank_like, both, noise_like, see
from pedaxr_models.captioning.metadata_text import metadata_text
from pedaxr_models.captioning.network import ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.tokenizer import PAD, START, WordPieces
from pedaxr_models.checkpoint import CheckpointError, Json, load_checkpoint
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import FINDINGS
from pedaxr_models.segmentation.film_segmenter import Segmentation
from pedaxr_models.segmentation.transforms import FloatArray

__all__ = ["TOKENIZER_FILE", "Narrative", "Reporter"]

_BATCH = 16


class Reporter(FilmReporter):
    """A reader that torch runs, where it lies."""

    runtime = "torch"
    is_constrained = False  # write nothing that both witnesses exclude, see `captioning.constrained`

    def __init__(
        self,
        network: ReportNetwork,
        pieces: WordPieces,
        *,
        name: str = "pedaxr-captioner",
        weights_sha256: str = "",
        num_beams: int = 1,
        features_from: str = "",
    ) -> None:
        """`num_beams` above 1 writes by beam search, see `captioning.beam`; 1 is greedy search."""
        super().__init__(pieces, name=name, weights_sha256=weights_sha256)
        self._network, self.features, self.features_from = network, network.config.features, features_from
        self.num_beams = num_beams

    @classmethod
    def load(cls, folder: Path, *, num_beams: int = 1, constrained: bool = False) -> "Reporter":
        """Load a checkpoint folder; `constrained` sets `is_constrained`, and is greedy.

        Raises:
            CheckpointError: the folder is missing, damaged or not of a report writer of this version.
        """
        checkpoint = load_checkpoint(folder)
        try:
            network = ReportNetwork(ReportNetworkConfig.from_json(checkpoint.config["network"]))
            network.load_state_dict(checkpoint.tensors)
            pieces = WordPieces.from_json(checkpoint.files[TOKENIZER_FILE].decode())
            name = str(checkpoint.config["name"])
            features_from = features_read(checkpoint.config)
        except (KeyError, TypeError, ValueError, RuntimeError) as err:
            raise CheckpointError(not_a_reporter(folder)) from err
        weights = checkpoint.weights_sha256
        reporter = cls(
            network,
            pieces,
            name=name,
            weights_sha256=weights,
            num_beams=num_beams,
            features_from=features_from,
        )
        reporter.data, reporter.is_constrained = checkpoint.data, constrained
        return reporter

    @property
    def network(self) -> ReportNetwork:
        """The trained network, in evaluation mode."""
        return self._network

    def to_config(self) -> Json:
        """What `load` needs, for config.json."""
        return {"name": self.name, "network": self._network.config.to_json(), "tokenizer": TOKENIZER_FILE}

    @torch.inference_mode()
    def describe(self, pixels: FloatArray, segmentation: Segmentation, metadata: FilmMetadata) -> Narrative:
        """Write the narrative of a segmented film (H, W) float32 in [0, 1], bone bright."""
        network = self._network.eval()
        size = network.config.image_size
        seen = see(pixels, segmentation.probabilities, size)
        if self.features:
            seen = replace(seen, features=torch.from_numpy(self.features_of(segmentation)))
        memory, mask, findings = self._encode(both(seen, blank_like(seen)), [metadata, metadata])
        ids, given = self._write(memory[:1], mask[:1], evidence_of(seen, findings[:1], [metadata]))
        text = self._pieces.decode(ids[0].tolist())
        return Narrative.of(
            text,
            dict(zip(FINDINGS, findings[0].float().sigmoid().tolist(), strict=True)),
            confidence=float(given.clamp_min(1e-9).log().mean().exp()),
            image_dependence=self._dependence(memory, mask, ids[0]),
        )

    @torch.inference_mode()
    def describe_cached(
        self,
        films: ReaderFilms,
        indices: Sequence[int],
        *,
        diagnoses: Sequence[str | None] | None = None,
        change: str | None = None,
        without_metadata: bool = False,
    ) -> list[str]:
        """Narratives of cached films, for evaluation: by default without a working diagnosis.

        Args:
            films: the cached films.
            indices: which of them.
            diagnoses: working diagnosis to supply with each film.
            change: "blank", "noise" or "swapped" replaces each film by that; "bare" takes its outlines away.
            without_metadata: give the reader the film alone.
        """
        self._network.eval()
        texts: list[str] = []
        for begin in range(0, len(indices), _BATCH):
            part = list(indices[begin : begin + _BATCH])
            seen = _changed(films.seen(part), change)
            given = diagnoses[begin : begin + _BATCH] if diagnoses else [None] * len(part)
            known = [
                FilmMetadata() if without_metadata else replace(films.metadata[i], working_diagnosis=d)
                for i, d in zip(part, given, strict=True)
            ]
            memory, mask, findings = self._encode(seen, known)
            written = self._write(memory, mask, evidence_of(seen, findings, known))[0]
            texts += [self._pieces.decode(row) for row in written.tolist()]
        return texts

    @torch.inference_mode()
    def encode_cached(self, films: ReaderFilms, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """`ReportNetwork.encode` of cached films, without a working diagnosis."""
        self._network.eval()
        return self._encode(
            films.seen(indices), [replace(films.metadata[i], working_diagnosis=None) for i in indices]
        )

    def probabilities_cached(self, films: ReaderFilms) -> NDArray[np.float64]:
        """(N, 5) probability of each of `FINDINGS`, without a working diagnosis."""
        parts = (range(b, min(len(films), b + _BATCH)) for b in range(0, len(films), _BATCH))
        logits = [self.encode_cached(films, part)[2].float().sigmoid().cpu().numpy() for part in parts]
        return np.concatenate(logits).astype(np.float64)

    @property
    def _device(self) -> torch.device:
        return self._network.finding_queries.device

    def _encode(self, seen: Seen, metadata: Sequence[FilmMetadata]) -> tuple[Tensor, Tensor, Tensor]:
        longest = self._network.config.longest_text
        ids, mask = self._pieces.encode([metadata_text(m) for m in metadata], longest=longest)
        return self._network.encode(seen.to(self._device), ids.to(self._device), mask.to(self._device))

    def _write(self, memory: Tensor, mask: Tensor, evidence: Sequence[Evidence]) -> tuple[Tensor, Tensor]:
        if self.is_constrained:
            choices = [Choices.of(allowed_sentences(one), self._pieces) for one in evidence]
            return write_allowed(self._network, memory, mask, choices)
        return write_with_beams(self._network, memory, mask, num_beams=self.num_beams)

    def _dependence(self, memory: Tensor, mask: Tensor, ids: Tensor) -> float:
        """See `Narrative.image_dependence`; row 0 of the memory is the film's, row 1 the blank one's."""
        report = torch.cat([ids.new_tensor([START]), ids])[:-1].expand(2, -1)
        out = self._network.decoder(
            input_ids=report,
            attention_mask=(report != PAD).long(),
            encoder_hidden_states=memory,
            encoder_attention_mask=mask,
        )
        film, blank = out.logits.float().softmax(-1)
        return min(1.0, float((film - blank).abs().sum(-1).max()) / 2)


def evidence_of(seen: Seen, findings: Tensor, metadata: Sequence[FilmMetadata]) -> list[Evidence]:
    """What the finding head's logits (B, 5) and the segmentation leave open of each film of a batch."""
    chances = findings.float().sigmoid().tolist()
    return [
        Evidence(regions, dict(zip(FINDINGS, chance, strict=True)), known.view)
        for regions, chance, known in zip(seen.regions.cpu().numpy(), chances, metadata, strict=True)
    ]


def _changed(seen: Seen, change: str | None) -> Seen:
    if change == "swapped":
        features = None if seen.features is None else seen.features.roll(1, 0)
        return Seen(seen.pixels.roll(1, 0), seen.regions.roll(1, 0), features)
    if change == "noise":
        return noise_like(seen, torch.Generator().manual_seed(0))
    if change == "bare":
        seen.lose_outlines(torch.ones(len(seen), dtype=torch.bool))
    return blank_like(seen) if change == "blank" else seen
