"""What every segmenter does, whatever runs its network: one film in, probabilities out. Loads no torch."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.checkpoint import CheckpointError, Json
from pedaxr_models.labels import CHANNELS
from pedaxr_models.segmentation.landmarks import body_mask, tissue_of
from pedaxr_models.segmentation.transforms import FloatArray, Letterbox, frame_film, prepare_frame

_PROBE_TOLERANCE = 0.02


@dataclass(frozen=True)
class Segmentation:
    """What the network sees on a film.

    Attributes:
        probabilities: (len(CHANNELS), 512, 512) float32 in the letterboxed frame, each pixel and channel on
            its own, as structures overlap.
        letterbox: leads from the frame back to the film.
        frame: (512, 512) the film in the letterbox, kept because shrinking a large film again takes longer
            than most of what is done with it; None where nobody did.
        features: (F, s / 16, s / 16) float32 of the network's backbone, for a report writer that reads them;
            None where the network gives none.
        features_from: of `FilmSegmenter`; those of another backbone mean something else.
    """

    probabilities: FloatArray
    letterbox: Letterbox
    frame: FloatArray | None = None
    features: FloatArray | None = None
    features_from: str = ""

    def frame_of(self, pixels: FloatArray) -> FloatArray:
        """The frame of the film (H, W) that was segmented."""
        return self.letterbox.apply(pixels) if self.frame is None else self.frame

    def body_of(self, pixels: FloatArray, masks: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """See `landmarks.body_mask`, of the film (H, W) that was segmented."""
        tissue = None if self.frame is None else self.tissue
        return body_mask(self.frame_of(pixels), masks, self.letterbox.content, tissue)

    @cached_property
    def tissue(self) -> NDArray[np.bool_] | None:
        """See `landmarks.tissue_of`; None without a frame."""
        return None if self.frame is None else tissue_of(self.frame, self.letterbox.content)


class FilmSegmenter(ABC):
    """A trained network and the way its outputs are read. `predict` may be called from several threads.

    Attributes:
        size: side of the square that the network sees; its outputs are interpolated to 512.
        thresholds: probability from which a pixel belongs to the channel, chosen on the validation split.
        call_thresholds: probability that as many pixels of a region must reach as `min_area_px` says, for the
            region to be called; a channel that is not in it is called as it is outlined.
        core_thresholds: probability from which lengths of a channel are read, see `segmentation.cores`; a
            channel that is not in it is measured as outlined.
        min_area_px: per finding, pixels of the 512 frame that a connected region needs to be called.
        runtime: what runs the network, "torch" or "compiled".
        features_from: SHA-256 of the backbone's weights, which networks with heads of their own may share; of
            all weights where the checkpoint does not say.
        data: what it was trained on, as its checkpoint's data.json says; empty where it says nothing.
    """

    runtime = ""
    data: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        *,
        size: int,
        name: str = "pedaxr-segmentation",
        weights_sha256: str = "",
        thresholds: dict[str, float] | None = None,
        min_area_px: dict[str, int] | None = None,
        core_thresholds: dict[str, float] | None = None,
        call_thresholds: dict[str, float] | None = None,
        features_from: str = "",
    ) -> None:
        self.size = size
        self.name = name
        self.weights_sha256 = weights_sha256
        self.thresholds = dict.fromkeys(CHANNELS, 0.5) | (thresholds or {})
        self.min_area_px = min_area_px or {}
        self.core_thresholds = core_thresholds or {}
        self.call_thresholds = call_thresholds or {}
        self.features_from = features_from or weights_sha256
        self._ahead: dict[bytes, tuple[FloatArray, FloatArray | None]] = {}

    def take_thresholds_of(self, other: "FilmSegmenter") -> None:
        """From now on outline, call and measure from the probabilities that another does."""
        self.thresholds, self.min_area_px = dict(other.thresholds), dict(other.min_area_px)
        self.core_thresholds, self.call_thresholds = dict(other.core_thresholds), dict(other.call_thresholds)

    @abstractmethod
    def _probabilities(self, film: FloatArray) -> FloatArray:
        """Prepared films (B, size, size) to probabilities (B, C, 512, 512)."""

    def _look(self, film: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """As `_probabilities`, and features (B, F, size / 16, size / 16) where the backbone gives them."""
        return self._probabilities(film), None

    def predict(self, pixels: FloatArray, *, is_framed: bool = False) -> Segmentation:
        """Segment a film (H, W) float32 in [0, 1], bone bright.

        Args:
            pixels: of the film.
            is_framed: it is the exposed field already, which is found once, as in training.

        Raises:
            ValueError: not a two-dimensional film, or it holds a NaN or an infinity.
        """
        if pixels.ndim != 2 or min(pixels.shape) < 1 or not np.isfinite(pixels).all():
            raise ValueError("A film is a non-empty array (height, width) of finite numbers.")
        return self.predict_frame(*frame_film(np.asarray(pixels, np.float32), is_framed=is_framed))

    def look_ahead(self, films: Sequence[tuple[FloatArray, bool]]) -> None:
        """Look at films in one batch, each with its `is_framed`; `predict` of them takes what was seen.

        What was seen before and not asked for is dropped: 18 MB a film.
        """
        self._ahead = {}
        if not films:
            return
        framed = [frame_film(np.asarray(film, np.float32), is_framed=is_framed) for film, is_framed in films]
        inputs = np.stack([prepare_frame(*one, self.size) for one in framed])
        probabilities, features = self._look(inputs)
        self._ahead = {
            _fingerprint(one): (probabilities[at], None if features is None else features[at])
            for at, one in enumerate(inputs)
        }

    def _seen(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """Of one prepared film (size, size), as `_look`, without the axis of films."""
        if self._ahead and (seen := self._ahead.pop(_fingerprint(inputs), None)):
            return seen
        probabilities, features = self._look(inputs[None])
        return probabilities[0], None if features is None else features[0]

    def glance(self, pixels: FloatArray, channels: Sequence[str]) -> Segmentation:
        """As `predict`, of some channels; the planes of others may be zero, which saves making them."""
        return self.predict(pixels)

    def predict_frame(self, frame: FloatArray, letterbox: Letterbox) -> Segmentation:
        """Segment a film that is in the letterbox (512, 512) already."""
        probabilities, features = self._seen(prepare_frame(frame, letterbox, self.size))
        if features is None:
            return Segmentation(probabilities, letterbox, frame)
        return Segmentation(probabilities, letterbox, frame, features, self.features_from)

    def probe(self) -> dict[str, float]:
        """Mean probability of each channel on a fixed drawing: the fingerprint of the computation."""
        means = self.predict(_probe_film()).probabilities.mean(axis=(1, 2))
        return {channel: round(float(mean), 5) for channel, mean in zip(CHANNELS, means, strict=True)}

    def _check_probe(self, expected: dict[str, float], folder: Path) -> None:
        found = self.probe() if expected else {}
        if any(not abs(found[c] - expected[c]) <= _PROBE_TOLERANCE for c in expected):
            raise CheckpointError(
                f"The network in '{folder.name}' computes other values here than where it was trained. Check "
                "the installed torch version, or train again with `pedaxr train`."
            )


def core_thresholds(config: Json) -> dict[str, float]:
    """Of a checkpoint's config.json; those written before lengths were measured on cores have none."""
    return {str(k): float(v) for k, v in config.get("core_thresholds", {}).items()}


def call_thresholds(config: Json) -> dict[str, float]:
    """Of a checkpoint's config.json; those that call whatever is outlined have none."""
    return {str(k): float(v) for k, v in config.get("call_thresholds", {}).items()}


def not_a_segmenter(folder: Path) -> str:
    """The message for a checkpoint of something else."""
    return (
        f"'{folder.name}' does not hold a segmentation network of this version of pedaxr. Install the "
        "weights that came with it, or train new ones with `pedaxr train segmentation`."
    )


def _fingerprint(inputs: FloatArray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(inputs).data, digest_size=16).digest()


def _probe_film() -> NDArray[np.float32]:
    """A bright oval with a spine-like bar, a dark bubble and a gradient: near a film in contrast."""
    y, x = np.mgrid[0:320, 0:256].astype(np.float32)
    body = ((x - 128) / 100) ** 2 + ((y - 160) / 150) ** 2 < 1
    film = np.where(body, 0.45 + 0.001 * (y - 160), 0.02)
    film = np.where(body & (np.abs(x - 128) < 12) & (y % 24 < 18), 0.85, film)
    film = np.where((x - 175) ** 2 + (y - 110) ** 2 < 30**2, 0.2, film)
    return film.astype(np.float32)
